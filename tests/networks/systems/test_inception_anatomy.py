"""Places and units of the systems on BN-Inception: they are there, lie as said, and reach as far as said."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from gst_analysis.networks.anatomy import Anatomy
from gst_analysis.networks.registry import anatomy_of, build_model
from gst_analysis.networks.systems import SYSTEMS, SystemSpec
from gst_analysis.networks.systems.catalogue_inception import RECORDS
from gst_analysis.networks.undrawn import shapes_alone
from tests.networks.systems.inception import draw_lively

NAMES = [record.name for record in RECORDS]
PLACES = {"trn-r50": 16, "gsf-r50": 16, "eco-full": 13, "eco-lite": 5}
GROUPS = {"tsn": ("spatial",), "trn": ("spatial",), "eco": ("spatial", "all")}


def listen(network: nn.Module, names: list[str], clips: Tensor) -> dict[str, Tensor]:
    """What the named modules give, in the order of the run."""
    found: dict[str, Tensor] = {}

    def keep(name: str) -> None:
        network.get_submodule(name).register_forward_hook(lambda _m, _x, y: found.__setitem__(name, y))

    for name in names:
        keep(name)
    network(clips)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_places_and_units_are_there_and_lie_as_said(name):
    record, spec = SYSTEMS[name], SystemSpec.from_name(name)
    anatomy = anatomy_of(spec)
    together = 5 if name.endswith("-flow") else 1  # fields of flow that are read as one picture
    assert len(anatomy.places) == PLACES.get(name, 10)
    gated = {"gates", "from-next", "from-previous"} if record.family in ("gsm", "gsf") else set()
    passing = {"unshifted"} if name == "gsf-r50" else set()  # a quarter of its channels has a gate
    told = set(GROUPS.get(record.family, ("spatial", "temporal")))
    assert set(anatomy.groups) == told | gated | passing
    assert {unit.group for unit in anatomy.scaled} == told
    assert anatomy.any_length == (record.family != "trn" and together == 1)
    with shapes_alone():
        network = build_model(spec).eval()
        clips = torch.empty(2, spec.num_frames, 3, 224, 224)
    layers = [unit.layer for unit in anatomy.units]
    found = listen(network, [*(place.name for place in anatomy.places), *layers], clips)
    check_shapes(anatomy, found, 2 * spec.num_frames // together)


def check_shapes(anatomy: Anatomy, found: dict[str, Tensor], folded: int) -> None:
    for place in anatomy.places:
        output = found[place.name]
        assert output.ndim == (4 if place.view.axes == "(NT)CHW" else 5)
        assert len(output) == (folded if place.view.axes == "(NT)CHW" else 2)
        assert output.shape[-1] == 224 // (place.stride or 0)
    for unit in anatomy.units:
        norm = found[unit.layer]
        assert norm.ndim == (4 if unit.view.axes == "(NT)CHW" else 5)
        assert unit.count <= norm.shape[1]
        assert (unit.group == "temporal") == (
            ".gsf" in unit.conv or "gsm_" in unit.conv or "gsf_" in unit.conv
        )


@pytest.mark.parametrize("name", ["tsn-bninception", "gsm-bninception", "gsf-bninception", "gsf-r50"])
def test_a_place_depends_on_as_many_frames_as_said(name):
    network = build_model(SystemSpec.from_name(name, num_classes=3))
    places = [place for place in anatomy_of(network.spec).places[:2] if place.half_width is not None]
    clips = torch.randn(1, 15, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    draw_lively(network, clips)
    clips.requires_grad_()
    found = listen(network, [place.name for place in places], clips)
    assert len(places) == 2
    for place in places:
        (grad,) = torch.autograd.grad(found[place.name][7].square().sum(), clips, retain_graph=True)
        seen = grad[0].abs().amax((1, 2, 3)).nonzero().flatten().tolist()
        reach = place.half_width
        assert reach is not None
        assert seen == list(range(7 - reach, 8 + reach))
