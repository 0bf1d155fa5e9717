"""Weight gradients of 3-D convolutions in bf16, on clips of fewer frames than they have taps."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from gst_analysis.training.short_clips import keep_short_convolutions


def gradient(conv: nn.Conv3d, clip: Tensor, *, bf16: bool) -> Tensor:
    conv.zero_grad()
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        output = conv(clip)
    output.float().square().sum().backward()
    assert conv.weight.grad is not None
    return conv.weight.grad.clone()


@pytest.mark.parametrize(("taps", "frames"), [(3, 2), (5, 4), (5, 3), (3, 3), (3, 8)])
def test_gradients_of_weights_are_right_whatever_the_length(taps: int, frames: int) -> None:
    torch.manual_seed(0)
    conv = nn.Conv3d(8, 16, (taps, 3, 3), padding=(taps // 2, 1, 1))
    clip = torch.randn(2, 8, frames, 7, 7)
    right = gradient(conv, clip, bf16=False)
    assert keep_short_convolutions(nn.Sequential(conv)) == ["0"]
    off = (gradient(conv, clip, bf16=True) - right).norm() / right.norm()
    assert off < 0.02
    assert (off == 0) == (frames < taps)  # fp32 where the clip is short, bf16 elsewhere


def test_an_error_inside_leaves_autocast_as_it_was() -> None:
    conv = nn.Conv3d(8, 8, (3, 1, 1))
    keep_short_convolutions(conv)
    with torch.autocast("cpu", torch.bfloat16):
        with pytest.raises(RuntimeError, match="Kernel size"):
            conv(torch.randn(1, 8, 2, 4, 4))  # no padding: two frames are too few
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16


def test_convolutions_within_a_frame_are_left_alone() -> None:
    assert keep_short_convolutions(nn.Sequential(nn.Conv3d(4, 4, (1, 3, 3)), nn.Conv2d(4, 4, 3))) == []
