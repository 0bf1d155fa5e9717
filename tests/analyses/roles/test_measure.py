"""Roles of whole networks: planted modules on rendered clips, frames alone, and what is refused."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch

import gst_analysis as gst
from gst_analysis.analyses.roles.responses import list_looks, show_scene
from gst_analysis.errors import BrokenCheckpoint, SpecError
from gst_analysis.planted.twins import TwinConfig, list_orders, render_twins
from tests.analyses.contract import fingerprint
from tests.analyses.labelled_clips import small_model
from tests.analyses.roles.planted import PlantedChannels, bring_planted
from tests.networks.brought import bring

FEW = {"scenes": 4, "looks": 2, "orders": 3, "device": "cpu"}


def test_planted_modules_are_recovered_from_pixels() -> None:
    network = bring_planted(partial(PlantedChannels, find_centres()))
    result = gst.channel_roles(network, scenes=6, device="cpu")
    assert result.summary.clips == 144
    rows = result.table.set_index("channel")
    found = dict(zip(PlantedChannels.NAMES, rows["role"], strict=True))
    assert found == {
        "mean colour": "static",
        "frame difference": "dynamic",
        "product": "joint",
        "noise": "neither",
    }
    assert rows["dynamic"][0] == rows["joint"][0] == 0, "what sees single frames sees no motion at all"
    assert rows["static"][0] > 0.9
    assert rows["dynamic"][1] > 0.9
    assert rows["joint"][2] > rows[["static", "dynamic"]].loc[2].max()


def find_centres() -> tuple[float, float]:
    """Means of colour and difference over the first scenes."""
    network, spec = bring_planted(), TwinConfig(6, 32)
    found = [
        show_scene(
            network.module,
            list_looks(network.anatomy),
            render_twins(spec, scene),
            list_orders(6, 4),
            network.clip_spec,
            batch=24,
            device=torch.device("cpu"),
        )[-1]
        for scene in range(6)
    ]
    colour, moves, *_ = np.stack(found).mean((0, 1, 2, 3))
    return float(colour), float(moves)


def test_frames_alone_are_never_dynamic_and_kernels_over_time_can_be() -> None:
    flat = gst.channel_roles(small_model("c2d-resnet26s"), frames=3, resize=36, crop=36, **FEW)
    clip = flat.provenance.settings["clip_spec"]
    assert (clip["frames"], clip["crop"]) == (3, 36), "what is said of clips is heard"
    assert set(flat.table["role"]) <= {"static", "neither"}
    for what in ("appearance", "motion"):
        assert any(f"4 scenes of 2 looks are too few to tell {what}" in note for note in flat.notes)
    assert (flat.table[["dynamic", "joint"]].fillna(0) == 0).all(axis=None)
    model = small_model()
    before = fingerprint(model)
    deep = gst.channel_roles(model, **FEW)
    assert fingerprint(model) == before
    assert (deep.table["dynamic"] > 0.001).any()
    assert {gap.stage for gap in deep.summary.gaps} == {0, 1, 2, 3, 4}
    units = deep.sums[deep.sums["kind"] == "unit"]
    assert set(units["group"]) == {"spatial", "temporal"}
    whole = deep.summary.find("unit", "temporal").dynamic.value
    assert whole == pytest.approx(units[units["group"] == "temporal"]["dynamic"].mean())


def test_a_group_is_read_behind_its_activation() -> None:
    """Derived again by an own hook: one clip's mean over what leaves the ReLU."""
    model = small_model()
    clips = render_twins(TwinConfig(4, 32), 0)
    look = next(one for one in list_looks(model.anatomy) if one.layer == "layer1.0.bn2")
    one = show_scene(
        model.module, [look], clips, [(3, 2, 1, 0)], model.clip_spec, batch=3, device=torch.device("cpu")
    )[0]
    seen = []
    layer = model.module.get_submodule("layer1.0.bn2")
    hook = layer.register_forward_hook(lambda _, __, out: seen.append(out.relu().mean((0, 2, 3))))
    pixels = torch.from_numpy(clips[1, 0, ::-1].copy()).permute(0, 3, 1, 2)[None].float() / 255
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (model.clip_spec.mean, model.clip_spec.std))
    with torch.no_grad():
        model.module((pixels - mean) / std)
    hook.remove()
    np.testing.assert_allclose(one[1, 0, 0], seen[0].numpy(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "name", ["three-d", *(pytest.param(one, marks=pytest.mark.slow) for one in ("tokens", "by-frame"))]
)
def test_networks_that_are_brought_have_roles(name: str) -> None:
    result = gst.channel_roles(bring(name), **FEW)
    assert result.table["static"].notna().any()
    assert {"place"} <= set(result.table["kind"])


def test_what_cannot_be_asked_is_refused_in_one_line() -> None:
    with pytest.raises(SpecError, match="two frames or more"):
        gst.channel_roles(small_model("c2d-resnet26s", frames=1), device="cpu")
    with pytest.raises(SpecError, match="a whole number from 2 to 6"):
        gst.channel_roles(small_model(), orders=7)
    with pytest.raises(SpecError, match="a share between 0 and 1"):
        gst.channel_roles(small_model(), least=1.0)
    broken = small_model()
    with torch.no_grad():
        broken.module.get_parameter("layer2.0.bn2.weight").fill_(1e38)
    with pytest.raises(BrokenCheckpoint, match="finite numbers behind layer2"):
        gst.channel_roles(broken, **FEW)
