"""What systems say of their own channels: a silent gate does what their papers say of a shut one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import pytest
import torch
from torch import Tensor, nn

from gst_analysis.networks.registry import anatomy_of, spec_from_name
from gst_analysis.networks.systems.action import NO_GROUPS, Action
from gst_analysis.networks.systems.gsm import GateShift
from gst_analysis.networks.systems.tanet import TemporalAdaptiveModule
from gst_analysis.networks.systems.tdn import MotionGates
from gst_analysis.networks.systems.tea import MotionExcitation
from gst_analysis.networks.time_modules import OwnUnit
from gst_analysis.probes.hooks import changed_output, zero_channels

FRAMES, WIDTH = 4, 32
MODULES: dict[str, Callable[[], nn.Module]] = {
    "gsm": lambda: GateShift(WIDTH),
    "tea": lambda: MotionExcitation(WIDTH),
    "tdn": lambda: MotionGates(WIDTH),
    "tanet": lambda: TemporalAdaptiveModule(WIDTH, FRAMES),
    "action": lambda: Action(nn.Conv2d(WIDTH, 8, 1)),
}


def build(name: str) -> nn.Module:
    """With weights that open its gates for what it sees."""
    torch.manual_seed(0)
    module = MODULES[name]()
    for part in module.parameters():
        nn.init.normal_(part, std=0.5)
    return module.eval()


def silence(module: nn.Module, x: Tensor) -> Tensor:
    """What leaves it when everything that is called a gate is 0."""
    own: tuple[OwnUnit, ...] = getattr(module, "own_units")  # noqa: B009 # each of these has some
    gates = [(part, channels, view) for part, group, channels, view in own if group == "gates"]
    assert gates
    with ExitStack() as stack, torch.no_grad():
        for part, channels, view in gates:
            stack.enter_context(changed_output(module, part, zero_channels(channels), view))
        y: Tensor = module(x, FRAMES)
    return y


@pytest.mark.parametrize("name", MODULES)
def test_at_zero_gates_let_nothing_of_other_frames_decide(name: str) -> None:
    module, x = build(name), torch.randn(2 * FRAMES, WIDTH, 6, 6)
    other = x.clone()
    other[3] = torch.randn(WIDTH, 6, 6)  # the first clip's last frame
    with torch.no_grad():
        assert not torch.allclose(module(x, FRAMES)[2], module(other, FRAMES)[2])  # it reaches over frames
    quiet, moved = silence(module, x), silence(module, other)
    if name in ("tea", "tdn"):
        torch.testing.assert_close(quiet, x)  # nothing is excited
    elif name == "gsm":
        torch.testing.assert_close(quiet[:3], moved[:3])  # nothing moves
    elif isinstance(module, TemporalAdaptiveModule):  # every channel of every frame has the same weight
        module.L = nn.Sequential(nn.Threshold(torch.inf, 0.5))
        with torch.no_grad():
            torch.testing.assert_close(quiet, module(x, FRAMES))
    else:  # a kernel of three frames is left
        torch.testing.assert_close(quiet[:2], moved[:2])


def test_each_half_of_a_gate_takes_from_the_frame_that_its_group_names() -> None:
    module, x = build("gsm"), torch.randn(FRAMES, WIDTH, 6, 6)
    assert isinstance(module, GateShift)
    nn.init.zeros_(module.conv3D.weight)  # gates that are open whatever they see
    nn.init.ones_(module.get_parameter("conv3D.bias"))
    other = x.clone()
    other[1] += 1
    with torch.no_grad():
        far = (module(x, FRAMES) - module(other, FRAMES)).abs().amax((2, 3)) > 1e-6  # (T, C)
    channels = {group: channels for part, group, channels, _ in module.own_units if not part}
    assert far[0, channels["from-next"]].all()
    assert not far[0, channels["from-previous"]].any()
    assert far[2, channels["from-previous"]].all()
    assert not far[2, channels["from-next"]].any()


@pytest.mark.parametrize(
    ("name", "groups", "scaled"),
    [
        pytest.param("tanet-r50", {"temporal", "gates", "spatial"}, {"spatial"}, marks=pytest.mark.slow),
        pytest.param("action-r50", {"gates", "all"}, {"all"}, marks=pytest.mark.slow),
        ("tdn-r50", {"temporal", "gates", "spatial"}, {"temporal", "spatial"}),
    ],
)
def test_groups_are_those_of_the_papers(name: str, groups: set[str], scaled: set[str]) -> None:
    anatomy = anatomy_of(spec_from_name(name))
    assert set(anatomy.groups) == groups
    assert {unit.group for unit in anatomy.scaled} == scaled
    assert (NO_GROUPS in anatomy.unknown) == (name == "action-r50")
    steps = [unit for unit in anatomy.units if unit.block.startswith(("conv1_5", "resnext"))]
    assert {(unit.group, unit.stage) for unit in steps} <= {("temporal", 1)}
