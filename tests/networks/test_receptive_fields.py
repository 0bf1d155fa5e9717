"""How far blocks see, by arithmetic: worked out by hand, and found again in real networks."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from gst_analysis.errors import SpecError
from gst_analysis.networks.receptive_fields import list_reaches, mark_reachable
from gst_analysis.networks.registry import anatomy_of, build_model
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.probes.gradients import trace_gradients
from tests.conftest import build_small

FRAMES = 10

PER_BLOCK = {
    # By hand: a bottleneck has one operator, a basic block two; TSM shifts once a block.
    "c2d-resnet26s": 0,
    "gst-resnet26s": 1,
    "gst-large-resnet26s": 1,
    "c3d-resnet26s": 1,
    "c3d-g2-resnet26s": 1,
    "p3d-resnet26s": 1,
    "sth-resnet26s": 1,
    "tsm-resnet26s": 1,
    "gst-resnet18": 2,
    "p3d-resnet18": 2,
    "tsm-resnet18": 1,
    "c2d-resnet18": 0,
}


@pytest.mark.parametrize("name", PER_BLOCK)
def test_every_block_adds_what_its_operators_reach(name: str) -> None:
    reaches = list_reaches(ModelSpec.from_name(name))
    assert [reach.added for reach in reaches] == [PER_BLOCK[name]] * 8
    assert [reach.half_width for reach in reaches] == list(np.cumsum([PER_BLOCK[name]] * 8))
    assert [reach.block for reach in reaches][::2] == [f"layer{n}.0" for n in (1, 2, 3, 4)]


def test_the_papers_network_reaches_sixteen_frames() -> None:
    assert list_reaches(ModelSpec.from_name("gst-resnet50"))[-1].half_width == 16
    assert list_reaches(ModelSpec.from_name("tsm-resnet101"))[-1].half_width == 18  # every second block
    # MobileNetV2: ten of its seventeen blocks have a shortcut, and TSM shifts in those alone.
    assert list_reaches(ModelSpec.from_name("tsm-mobilenetv2"))[-1].half_width == 10
    assert list_reaches(ModelSpec.from_name("sth-mobilenetv2"))[-1].half_width == 17


def measure_half_widths(name: str) -> list[int]:
    """How far gradients of the middle frame really come from, block by block."""
    if "mobilenet" in name:
        torch.manual_seed(0)
        network = build_model(ModelSpec.from_name(name, num_classes=5)).eval()
    else:
        network = build_small(name)
    clip = torch.randn(1, FRAMES, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    _, profiles = trace_gradients(network, clip, 0, places=anatomy_of(network.spec).places)
    middle = FRAMES // 2
    return [int(abs(np.flatnonzero(profile) - middle).max()) for profile in profiles.values()]


@pytest.mark.parametrize("name", [*PER_BLOCK, "tsm-mobilenetv2"])
def test_real_blocks_reach_exactly_that_far(name: str) -> None:
    spec = ModelSpec.from_name(name, width=None if "mobilenet" in name else 16)
    expected = [min(reach.half_width, FRAMES // 2) for reach in list_reaches(spec)]
    assert measure_half_widths(name) == expected


def test_channels_too_few_to_shift_reach_nowhere() -> None:
    narrow = list_reaches(ModelSpec.from_name("tsm-resnet26s", width=4))
    assert narrow[0].added == 0  # an eighth of its four channels is none
    assert narrow[1].added == 1


def test_reachable_cells_are_a_band() -> None:
    assert mark_reachable(4, 1).astype(int).tolist() == [
        [1, 1, 0, 0],
        [1, 1, 1, 0],
        [0, 1, 1, 1],
        [0, 0, 1, 1],
    ]
    assert mark_reachable(3, 0).tolist() == np.eye(3, dtype=bool).tolist()
    assert mark_reachable(1, 5).tolist() == [[True]]


def test_a_family_that_cannot_be_built_is_refused() -> None:
    with pytest.raises(SpecError, match="non-local"):
        list_reaches(ModelSpec.from_name("nl-tsm-resnet50"))


def test_arithmetic_needs_no_torch() -> None:
    code = "import sys, gst_analysis.networks.receptive_fields; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
