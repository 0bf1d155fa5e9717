"""One operator at a time against its 3-D form, and what an operator may see."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.networks.backbones import Site
from gst_analysis.networks.families import runnable_families
from gst_analysis.networks.operators import build_operator, convolve_clips, convolve_over_time, shift_channels
from gst_analysis.networks.specs import ModelSpec
from tests.networks.agreement import draw_weights, relative
from tests.reference.names import INSIDE, INSIDE_DEPTHWISE
from tests.reference.operators import DEPTHWISE, OPERATORS, shift
from tests.untyped import gradient

TOLERANCE = 1e-5
FRAMES = pytest.mark.parametrize("frames", [1, 2, 8])
STRIDES = pytest.mark.parametrize("stride", [1, 2])


def build_small_operator(family: str, stride: int, *, depthwise: bool = False) -> nn.Module:
    """32 -> 48 channels, or 32 depthwise ones."""
    spec = ModelSpec(family, "mobilenetv2" if depthwise else "resnet18", width=32)
    site = Site("conv1", "bn1", 32, 32 if depthwise else 48, stride, depthwise=depthwise)
    operator = build_operator(spec, site)
    draw_weights(operator)
    return operator


def load_operator(reference: nn.Module, operator: nn.Module, names: dict[str, str]) -> None:
    state = {names[name]: tensor for name, tensor in operator.state_dict().items()}
    reference.load_state_dict({name: t.unsqueeze(2) if t.ndim == 4 else t for name, t in state.items()})


def fold(x: Tensor) -> Tensor:
    """(N, C, T, H, W) -> (N*T, C, H, W), channels_last."""
    return x.transpose(1, 2).flatten(0, 1).contiguous(memory_format=torch.channels_last)


def unfold(x: Tensor, frames: int) -> Tensor:
    return x.unflatten(0, (-1, frames)).transpose(1, 2)


def assert_same(operator: nn.Module, reference: nn.Module, names: dict[str, str], frames: int) -> None:
    """Outputs, the input's gradient and every weight's, in fp32."""
    load_operator(reference, operator, names)
    x = torch.randn(2, 32, frames, 9, 7, generator=torch.Generator().manual_seed(3))
    own_x, other_x = x.clone().requires_grad_(), x.clone().requires_grad_()
    own, other = unfold(operator(fold(own_x), frames), frames), reference(other_x)
    direction = torch.randn(other.shape, generator=torch.Generator().manual_seed(4))
    (own * direction).sum().backward()
    (other * direction).sum().backward()
    assert relative(own, other) < TOLERANCE
    assert relative(gradient(own_x), gradient(other_x)) < TOLERANCE
    gradients = {name: gradient(parameter) for name, parameter in reference.named_parameters()}
    for name, parameter in operator.named_parameters():
        truth = gradients.pop(names[name])
        assert relative(gradient(parameter), truth.reshape(parameter.shape)) < TOLERANCE, name
    assert not gradients


@FRAMES
@STRIDES
@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("family", runnable_families())
def test_operator_is_its_3d_form(family: str, train: bool, stride: int, frames: int) -> None:
    operator = build_small_operator(family, stride).train(train)
    reference = OPERATORS[family](32, 48, stride, Fraction(1, 4)).train(train)
    assert_same(operator, reference, INSIDE[family], frames)


@FRAMES
@STRIDES
@pytest.mark.parametrize("family", sorted(DEPTHWISE))
def test_depthwise_operator_is_its_3d_form(family: str, stride: int, frames: int) -> None:
    operator = build_small_operator(family, stride, depthwise=True)
    reference = DEPTHWISE[family](32, stride, Fraction(1, 4))
    assert_same(operator, reference, INSIDE_DEPTHWISE[family], frames)


@settings(max_examples=60, deadline=None)
@given(
    clips=st.integers(1, 3),
    frames=st.integers(1, 5),
    groups=st.integers(1, 3),
    inputs=st.integers(1, 3),
    filters=st.integers(1, 3),
    kernel=st.sampled_from([1, 3]),
    stride=st.integers(1, 2),
    height=st.integers(1, 6),
    width=st.integers(1, 6),
)
def test_convolution_over_time_is_conv3d(
    clips: int,
    frames: int,
    groups: int,
    inputs: int,
    filters: int,
    kernel: int,
    stride: int,
    height: int,
    width: int,
) -> None:
    x = torch.randn(clips, groups * inputs, frames, height, width, dtype=torch.double)
    weight = torch.randn(groups * filters, inputs, 3, kernel, kernel, dtype=torch.double)
    found, same = (
        form(fold(x), weight, frames, stride=stride, groups=groups)
        for form in (convolve_over_time, convolve_clips)
    )
    torch.testing.assert_close(found, same)
    padding = (1, kernel // 2, kernel // 2)
    truth = F.conv3d(x, weight, None, (1, stride, stride), padding, 1, groups)
    torch.testing.assert_close(unfold(found, frames), truth)


def test_convolution_over_time_takes_any_memory_layout() -> None:
    """A slice of channels and a plain contiguous tensor are both welcome."""
    x = torch.randn(6, 8, 5, 5)
    weight = torch.randn(4, 4, 3, 3, 3)
    truth = convolve_over_time(x[:, 4:].contiguous(memory_format=torch.channels_last), weight, 3)
    for layout in (torch.contiguous_format, torch.channels_last):
        sliced = x.contiguous(memory_format=layout)[:, 4:]
        torch.testing.assert_close(convolve_over_time(sliced, weight, 3), truth)


@pytest.mark.parametrize("share", [8, 4, 3])
@FRAMES
def test_shift_moves_what_the_reference_moves(frames: int, share: int) -> None:
    x = torch.randn(2, 24, frames, 3, 3)
    found = unfold(shift_channels(fold(x), frames, share), frames)
    if share == 8:
        torch.testing.assert_close(found, shift(x), rtol=0, atol=0)
    quiet = 2 * (24 // share)
    torch.testing.assert_close(found[:, quiet:], x[:, quiet:], rtol=0, atol=0)
    assert not found[:, : quiet // 2, -1].any()
    assert not found[:, quiet // 2 : quiet, 0].any()


def reach(operator: nn.Module, frame: int, channels: slice) -> list[int]:
    """The input frames, of nine, that some output channels of a frame depend on."""
    x = torch.randn(9, 32, 6, 6, requires_grad=True)
    operator(x, 9)[frame, channels].sum().backward()
    return torch.nonzero(gradient(x).abs().sum((1, 2, 3))).flatten().tolist()


TEMPORAL = sorted(set(runnable_families()) - {"c2d", "tsm"})


@pytest.mark.parametrize("family", TEMPORAL)
def test_one_operator_sees_one_frame_each_way(family: str) -> None:
    operator = build_small_operator(family, 1).eval()
    everything = slice(None)
    assert reach(operator, 4, everything) == [3, 4, 5]
    assert reach(operator, 0, everything) == [0, 1]
    assert reach(operator, 8, everything) == [7, 8]


@pytest.mark.parametrize("family", ["c2d", "tsm"])
def test_a_frame_by_itself_sees_itself(family: str) -> None:
    assert reach(build_small_operator(family, 1), 4, slice(None)) == [4]


@pytest.mark.parametrize("family", ["gst", "gst-large"])
def test_only_the_temporal_group_looks_around(family: str) -> None:
    """The claim of Figure 4: which channels are space and which are time."""
    spec = ModelSpec(family, "resnet18", width=32)
    operator = build_small_operator(family, 1)
    assert reach(operator, 4, spec.groups(48)["spatial"]) == [4]
    assert reach(operator, 4, spec.groups(48)["temporal"]) == [3, 4, 5]


def test_gst_paths_read_different_halves_and_large_reads_all() -> None:
    for family, expected in (("gst", [(0, 16), (16, 32)]), ("gst-large", [(0, 32), (0, 32)])):
        operator = build_small_operator(family, 1)
        read = []
        for channels in (slice(0, 36), slice(36, 48)):
            x = torch.randn(3, 32, 5, 5, requires_grad=True)
            operator(x, 3)[:, channels].sum().backward()
            seen = torch.nonzero(gradient(x).abs().sum((0, 2, 3))).flatten().tolist()
            assert seen == list(range(seen[0], seen[-1] + 1))
            read.append((seen[0], seen[-1] + 1))
        assert read == expected


def test_sth_filters_read_their_own_group_through_time() -> None:
    """Our reading: filter o looks through time at input group o mod G, and nowhere else."""
    operator = build_small_operator("sth", 1)
    for o in (0, 1, 6, 47):
        x = torch.randn(5, 32, 5, 5, requires_grad=True)
        operator(x, 5)[2, o].sum().backward()
        beyond = torch.nonzero(gradient(x)[[1, 3]].abs().sum((0, 2, 3))).flatten().tolist()
        assert beyond == list(range(o % 4 * 8, o % 4 * 8 + 8))
        assert gradient(x)[2].abs().sum((1, 2)).all()


@pytest.mark.parametrize("family", runnable_families())
def test_clips_of_a_batch_do_not_meet(family: str) -> None:
    operator = build_small_operator(family, 1).eval()
    x = torch.randn(3 * 4, 32, 5, 5)
    together = operator(x, 4).unflatten(0, (3, 4))
    for clip, alone in zip(together, x.unflatten(0, (3, 4)), strict=True):
        torch.testing.assert_close(clip, operator(alone, 4), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("family", runnable_families())
def test_gradients_are_the_slopes(family: str) -> None:
    """Against finite differences, in double: the in-place steps of the compute form keep autograd right."""
    torch.manual_seed(0)
    spec = ModelSpec(family, "resnet18", width=8)
    operator = build_operator(spec, Site("conv1", "bn1", 4, 4, 2)).double().eval()
    x = torch.randn(3, 4, 3, 3, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: operator(x, 3), (x,))


@pytest.mark.slow
def test_narrow_groups_train_on_processors_without_avx512() -> None:
    """There oneDNN broke the heap; it can be asked to do as if it were on one."""
    code = (
        "import torch\n"
        "from gst_analysis.networks.registry import build_model\n"
        "from gst_analysis.networks.specs import ModelSpec\n"
        "network = build_model(ModelSpec.from_name('sth-resnet18', width=16, num_classes=5)).eval()\n"
        "for _ in range(4):\n"
        "    network(torch.randn(2, 8, 3, 48, 48)).square().sum().backward()\n"
    )
    asked = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=asked, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
