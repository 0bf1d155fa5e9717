"""Fused networks say what the networks say, with and without a compiler."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from gst_analysis.checkpoints.loading import load_model
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.console.loudness import speak
from gst_analysis.errors import SpecError
from gst_analysis.inference.conditions import fusing_pays, running_conditions
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.networks import fused_parts, native
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.fused import FusedNetwork, fuse_network
from gst_analysis.networks.native import Channels, load_sums
from gst_analysis.networks.specs import model_names
from gst_analysis.networks.time_tiles import choose_span, enter_tiles, leave_tiles, transform_weight
from tests.conftest import build_small

FEW = ["gst-resnet26s", "c3d-g2-resnet26s", "sth-mobilenetv2"]
REST = [name for name in model_names() if name.endswith(("18", "26s", "50", "v2")) and name not in FEW]


def draw_clips(frames: int = 3) -> Tensor:
    return torch.randn(2, frames, 3, 40, 48, generator=torch.Generator().manual_seed(0))


def measure_change(network: nn.Module, fused: nn.Module | None, clips: Tensor) -> float:
    assert fused is not None
    with torch.no_grad():
        before, after = network(clips), fused(clips)
    return float((after - before).norm() / before.norm())


def assert_same(name: str) -> None:
    network = build_small(name).eval()
    fused = fuse_network(network)
    assert all(measure_change(network, fused, draw_clips(frames)) < 1e-5 for frames in (1, 3))


@pytest.mark.parametrize("name", FEW)
def test_fusing_changes_nothing(name: str) -> None:
    assert_same(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", REST)
def test_fusing_changes_no_family(name: str) -> None:
    assert_same(name)


@pytest.mark.parametrize("compiled", [True, False])
def test_half_precision_and_torch_alone(compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    network = build_small("gst-resnet26s").eval()
    if not compiled:
        monkeypatch.setattr(fused_parts, "load_sums", lambda kind: None)
        assert measure_change(network, fuse_network(network), draw_clips(4)) < 1e-5
    assert measure_change(network, fuse_network(network, torch.bfloat16), draw_clips(4)) < 0.05


@pytest.mark.parametrize(("frames", "span"), [(1, 2), (5, 2), (8, 4), (7, 4)])
def test_tiles_are_a_convolution_over_time(frames: int, span: int) -> None:
    """Against conv3d, in torch and in C."""
    x = torch.randn(2 * frames, 20, 3, 4).contiguous(memory_format=torch.channels_last)
    weight, bias = torch.randn(8, 20, 3, 1, 1), torch.randn(8)
    clips = x.unflatten(0, (2, frames)).transpose(1, 2)
    truth = nn.functional.conv3d(clips, weight, bias, padding=(1, 0, 0)).transpose(1, 2).flatten(0, 1)
    kernels = [kernel.float() for kernel in transform_weight(weight, span)]
    parts = [nn.functional.conv2d(*pair) for pair in zip(enter_tiles(x, frames, span), kernels, strict=True)]
    assert torch.allclose(leave_tiles(parts, frames, span, bias), truth, atol=1e-4)
    sums = load_sums(torch.float32)
    if sums is None:
        pytest.skip("no compiler")
    wide = torch.cat((torch.ones_like(x), x), 1).contiguous(memory_format=torch.channels_last)
    terms = sums.enter(Channels(wide, 20, 20), frames, span)
    assert torch.allclose(terms, enter_tiles(x, frames, span), atol=1e-5)
    y = torch.full((2 * frames, 10, 3, 4), 7.0).contiguous(memory_format=torch.channels_last)
    lasting = [part.contiguous(memory_format=torch.channels_last) for part in parts]
    sums.leave(lasting, Channels(y, 1, 8), frames, bias, (0.0, 1.0))
    assert torch.allclose(y[:, 1:9], truth.clamp(0, 1), atol=1e-4)
    assert (y[:, [0, 9]] == 7).all()


def test_what_is_no_number_stays_none() -> None:
    sums = load_sums(torch.float32)
    if sums is None:
        pytest.skip("no compiler")
    y = torch.zeros(2, 16, 1, 1).contiguous(memory_format=torch.channels_last)
    parts = [torch.full((1, 16, 1, 1), torch.nan) for _ in range(4)]
    sums.leave(parts, Channels(y, 0, 16), 2, torch.zeros(16), (0.0, 6.0))
    assert y.isnan().all()


LASTING = torch.zeros(4, 8, 2, 3).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ("tensor", "start", "count", "why"),
    [
        (torch.zeros(4, 8, 2, 3), 0, 8, "channels last"),
        (LASTING[:, :4], 0, 4, "channels last"),
        (LASTING[::2], 0, 8, "channels last"),
        (LASTING.double(), 0, 8, "float32 or bfloat16; found torch.float64"),
        (LASTING.to("meta"), 0, 8, "on the CPU; found one on meta"),
        (LASTING[0], 0, 8, r"frames \(N\*T, C, H, W\)"),
        (LASTING, 4, 5, "channels 4 to 9; found 8"),
        (LASTING, -1, 4, "channels -1 to 3"),
    ],
)
def test_what_lies_otherwise_is_not_handed_to_c(tensor: Tensor, start: int, count: int, why: str) -> None:
    with pytest.raises(SpecError, match=why):
        Channels(tensor, start, count)


def test_sums_are_of_their_own_numbers_and_of_what_fits() -> None:
    sums, half = (native.NativeSums(None, kind) for kind in (torch.float32, torch.bfloat16))  # type: ignore[arg-type] # without its library: nothing is called
    every, parts = Channels(LASTING, 0, 8), [LASTING[:2]] * 4
    refused: list[tuple[str, Callable[[], object]]] = [
        ("bfloat16; found torch.float32", lambda: half.enter(every, 4, 2)),
        ("clips of 3 frames", lambda: sums.enter(every, 3, 2)),
        ("tiles of 2 or 4", lambda: sums.enter(every, 4, 3)),
        ("8 channels to write", lambda: sums.copy(every, Channels(LASTING, 0, 4))),
        ("a tensor of", lambda: sums.copy(Channels(LASTING[:2], 0, 8), every)),
        ("a tensor of", lambda: sums.leave([LASTING] * 4, every, 4, torch.zeros(8), (0, 1))),
        ("channels last", lambda: sums.leave([parts[0].contiguous()] * 4, every, 4, torch.zeros(8), (0, 1))),
        ("8 biases", lambda: sums.leave(parts, every, 4, torch.zeros(7), (0, 1))),
        ("8 biases", lambda: sums.leave(parts, every, 4, torch.zeros(8).double(), (0, 1))),
    ]
    for why, call in refused:
        with pytest.raises(SpecError, match=why):
            call()


def test_tiles_are_chosen_by_what_they_cost() -> None:
    assert [choose_span(frames, exact=False) for frames in (1, 2, 3, 4, 5, 8)] == [2, 2, 4, 4, 2, 4]
    assert choose_span(8, exact=True) == 2


def test_only_what_can_be_fused_is() -> None:
    network = build_small("gst-resnet26s").eval()
    network.fc.register_forward_hook(lambda *_: None)
    assert fuse_network(network) is None
    assert fuse_network(nn.Conv2d(1, 1, 1)) is None


def test_a_fused_network_says_what_it_is_not() -> None:
    fused = fuse_network(build_small("gst-resnet26s").eval())
    assert isinstance(fused, FusedNetwork)
    with pytest.raises(SpecError, match="gradients"):
        fused(draw_clips().requires_grad_())
    with pytest.raises(SpecError, match=r"without \.fast\(\)"):
        fused.get_submodule("layer1.0.bn2")


def test_inference_and_users_get_the_fused_form(tmp_path: Path) -> None:
    network = build_small("gst-resnet26s")
    model = load_model(save_model(tmp_path / "net.pth", network, clip_spec=ClipSpec(frames=3, crop=32)))
    fast = model.fast()
    assert isinstance(fast.module, FusedNetwork)
    for asked, fuse in ((fast, False), (model, True)):
        with running_conditions(asked.module, InferenceSettings(), torch.device("cpu"), fuse=fuse) as ready:
            assert isinstance(ready, FusedNetwork)
            assert measure_change(model.module.eval(), ready, draw_clips()) < 1e-5
    with pytest.raises(SpecError, match="fp32 or bf16"):
        model.fast("fp8")


def test_a_few_clips_are_not_worth_it() -> None:
    assert not fusing_pays(ClipSpec(frames=8, crop=224), 5)
    assert fusing_pays(ClipSpec(frames=8, crop=224), 6)


def test_what_compiling_costs_is_said_once_and_on_stderr(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    load = load_sums.__wrapped__
    with speak("usual"):
        if load(torch.float32) is None:
            pytest.skip("no compiler")
        load(torch.float32)
    told = capsys.readouterr()
    assert told.out == ""
    assert re.fullmatch(
        r"compiled sums over frames for this processor in \d+\.\d s, once, into .+\n", told.err
    )


def test_code_of_others_is_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that others may write to, and a machine without a compiler."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    native.cache_folder().mkdir(parents=True)
    native.cache_folder().chmod(0o777)
    load = load_sums.__wrapped__
    assert load(torch.float32) is None
    native.cache_folder().chmod(0o700)

    def fail(*_: object, **__: object) -> None:
        raise subprocess.CalledProcessError(1, "cc")

    monkeypatch.setattr(subprocess, "run", fail)
    assert load(torch.float32) is None
    assert list(native.cache_folder().iterdir()) == []
