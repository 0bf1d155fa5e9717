"""Fused blocks say what the folded ones say; cuDNN's own steps are stood in for where there is no GPU."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from gst_analysis.inference.fusing import FusedBottleneck, OneConvolution, fuse_blocks
from gst_analysis.networks.folding import fold_norms
from gst_analysis.networks.specs import model_names
from tests.conftest import build_small
from tests.pretend_cuda import pretend_cuda
from tests.untyped import gradient

BOTTLENECKS = [name for name in model_names() if name.endswith("resnet26s")]


def draw_clips(frames: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, frames, 3, 40, 48, generator=generator, dtype=torch.float64)


def measure_change(network: nn.Module, clips: Tensor, kind: torch.dtype) -> float:
    """In double precision, `kind` only says which forms are chosen."""
    network = network.double()
    with torch.no_grad():
        before, after = network(clips), fuse_blocks(fold_norms(network), kind).double()(clips)
    return float((after - before).abs().max() / before.abs().max())


def count(network: nn.Module, kind: type[nn.Module]) -> int:
    return sum(isinstance(module, kind) for module in network.modules())


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("name", BOTTLENECKS)
def test_fusing_changes_nothing(name: str, frames: int) -> None:
    assert measure_change(build_small(name), draw_clips(frames), torch.float64) < 1e-10


@pytest.mark.parametrize("alpha", ["1/2", "1/8"])
@pytest.mark.parametrize("name", ["gst-resnet26s", "gst-large-resnet26s"])
def test_fusing_changes_nothing_whatever_alpha(name: str, alpha: str) -> None:
    assert measure_change(build_small(name, alpha=alpha), draw_clips(), torch.float64) < 1e-10


@pytest.mark.parametrize("name", BOTTLENECKS)
def test_fp32_multiplies_nothing_by_zero(name: str) -> None:
    network = fuse_blocks(fold_norms(build_small(name)), torch.float32)
    assert (count(network, FusedBottleneck), count(network, OneConvolution)) == (8, 0)
    clips = draw_clips().float()
    with torch.no_grad():
        torch.testing.assert_close(network(clips), build_small(name)(clips), rtol=1e-3, atol=1e-4)


def test_bf16_computes_gst_by_one_convolution() -> None:
    network = build_small("gst-resnet26s")
    fused = fuse_blocks(fold_norms(network), torch.bfloat16)
    assert count(fused, OneConvolution) == 8
    assert all(p.dtype == torch.bfloat16 for p in fused.get_submodule("layer1").parameters())
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        after = fused(draw_clips().float()).float()
    before = network(draw_clips().float()).detach()
    assert float((after - before).norm() / before.norm()) < 0.05


def test_other_blocks_and_unfolded_ones_stay() -> None:
    assert count(fuse_blocks(fold_norms(build_small("gst-resnet18")), torch.float32), FusedBottleneck) == 0
    assert count(fuse_blocks(build_small("gst-resnet26s"), torch.float32), FusedBottleneck) == 0


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ["gst-resnet26s", "tsm-resnet26s"])
def test_gradients_pass_as_through_the_folded_network(name: str, kind: torch.dtype) -> None:
    """Traces ask what each frame did, on a GPU too, where cuDNN's fused steps have no gradient."""
    network, clips = build_small(name).double(), draw_clips()
    gradients = []
    with pretend_cuda():
        for fused in (False, True):
            x = clips.to("cuda").requires_grad_(True)
            folded = fold_norms(network).to("cuda")
            (fuse_blocks(folded, kind).double() if fused else folded)(x)[:, 1].sum().backward()
            gradients.append(gradient(x).cpu())
    torch.testing.assert_close(gradients[1], gradients[0])
