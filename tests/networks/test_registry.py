"""From specs to networks: what is built, what is refused, and how a ninth family comes in."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from torch.nn import functional as F

from gst_analysis.analyses.cost.counting import summarise_cost
from gst_analysis.errors import SpecError
from gst_analysis.networks.backbones import Site
from gst_analysis.networks.families import FAMILIES, ChannelGroups, Family, Kernel, split, two_groups
from gst_analysis.networks.operators import build_operator
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ModelSpec, model_names
from tests.conftest import mark_slow
from tests.networks.agreement import draw_clips, relative
from tests.untyped import untyped


@pytest.mark.parametrize("name", mark_slow(model_names()))
def test_every_named_model_builds_and_is_costed(name: str) -> None:
    spec = ModelSpec.from_name(name, num_classes=10)
    with torch.device("meta"):
        network = build_model(spec)
    assert summarise_cost(spec).params == sum(parameter.numel() for parameter in network.parameters())
    assert network.fc.out_features == 10
    assert network.training


@pytest.mark.parametrize("family", ["nl-tsm", "nl-c2d"])
def test_recognised_only_families_are_refused(family: str) -> None:
    with pytest.raises(SpecError, match="non-local blocks are recognised but not built yet"):
        build_model(ModelSpec(family, "resnet50"))


class SlowFirst(Family):
    """A ninth family: all filters read everything, a share alpha of them as 3x1x1."""

    name = "slow-first"
    title = "Slow first"
    default_alpha = Fraction(1, 4)
    depthwise = "it is only a test"

    @classmethod
    def kernels(cls, c_in: int, c_out: int, alpha: Fraction | None) -> tuple[Kernel, ...]:
        spatial, temporal = split(c_out, alpha)
        return (
            Kernel("spatial", "spatial", c_in, spatial, 1, 3),
            Kernel("temporal", "temporal", c_in, temporal, 3, 1),
        )

    @classmethod
    def groups(cls, width: int, alpha: Fraction | None, *, depthwise: bool = False) -> ChannelGroups:
        return two_groups(width, alpha)


@pytest.fixture
def _ninth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FAMILIES, "slow-first", SlowFirst)


@pytest.mark.usefixtures("_ninth")
def test_a_ninth_family_is_one_class_and_one_line() -> None:
    spec = ModelSpec.from_name("slow-first-resnet26s", width=16, num_classes=5)
    network = build_model(spec).eval()
    with torch.inference_mode():
        assert network(draw_clips(2, 3, 40)).shape == (2, 3, 5)
    cost = summarise_cost(spec)
    assert cost.params == sum(parameter.numel() for parameter in network.parameters())
    assert spec.groups(16)["temporal"] == slice(12, 16)
    assert "slow-first-resnet50" in model_names()


@pytest.mark.usefixtures("_ninth")
def test_a_ninth_family_computes_what_its_kernels_say() -> None:
    operator = untyped(
        build_operator(ModelSpec("slow-first", "resnet18", width=8), Site("conv1", "bn1", 8, 16, 2))
    )
    x = torch.randn(2 * 3, 8, 7, 7)
    volume = x.unflatten(0, (2, 3)).transpose(1, 2)  # (N, C, T, H, W)
    spatial = F.conv3d(volume, operator["spatial"].weight[:, :, None], None, (1, 2, 2), (0, 1, 1))
    temporal = F.conv3d(volume, operator["temporal"].weight, None, (1, 2, 2), (1, 0, 0))
    truth = torch.cat([spatial, temporal], 1).transpose(1, 2).flatten(0, 1)
    assert relative(operator(x, 3), truth) < 1e-6


@pytest.mark.usefixtures("_ninth")
def test_a_ninth_family_says_why_it_has_no_depthwise_form() -> None:
    with pytest.raises(SpecError, match="it is only a test"):
        ModelSpec("slow-first", "mobilenetv2")
