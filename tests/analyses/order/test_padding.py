"""Other frames beyond a clip's ends: against plain 3-D convolutions, and by what must hold anywhere."""

from __future__ import annotations

from typing import get_args

import pytest
import torch
from torch import Tensor, nn

from gst_analysis.analyses.order.padding import Padding, count_padding, replaced_padding
from tests.conftest import build_small
from tests.networks.agreement import build_pair
from tests.networks.brought import bring
from tests.untyped import design

FAMILIES = ("c3d-g2", "gst", "p3d", "tsm", "sth")
SIZE = 32


def draw_clips(frames: int = 5) -> Tensor:
    return torch.randn(1, frames, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def ask(network: nn.Module, clips: Tensor, padding: Padding) -> Tensor:
    with replaced_padding(network, padding):
        logits: Tensor = network(clips)
    return logits


@pytest.mark.parametrize("family", FAMILIES)
def test_with_its_ends_joined_a_clip_may_begin_anywhere(family: str) -> None:
    """Frames' logits move along with the frames; with zeros they do not."""
    network, clips = build_small(f"{family}-resnet26s"), draw_clips()
    here, rolled = ask(network, clips, "circular"), ask(network, clips.roll(2, 1), "circular")
    torch.testing.assert_close(rolled, here.roll(2, 1), rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        assert (network(clips.roll(2, 1)) - network(clips).roll(2, 1)).abs().max() > 1e-3


@pytest.mark.parametrize("family", FAMILIES)
def test_with_end_frames_beyond_its_ends_a_still_clip_has_no_ends(family: str) -> None:
    network = build_small(f"{family}-resnet26s")
    still = draw_clips(1).expand(-1, 4, -1, -1, -1)
    logits = ask(network, still, "replicate")
    torch.testing.assert_close(logits, logits[:, :1].expand_as(logits), rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        assert (network(still)[:, 0] - network(still)[:, 1]).abs().max() > 1e-4


@pytest.mark.parametrize("padding", get_args(Padding))
def test_networks_of_ours_and_plain_convolutions_agree(padding: Padding) -> None:
    """Derived again: the reference network's Conv3d are given longer clips, ours the missing taps."""
    product, reference = build_pair(design(build_small("gst-resnet18").spec))
    product.eval(), reference.eval()
    found, expected = (ask(network, draw_clips(), padding) for network in (product, reference))
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)
    with torch.no_grad():
        assert (found - product(draw_clips())).abs().max() > 1e-4


def test_a_narrow_block_without_a_first_convolution_can_be_filled_too() -> None:
    """MobileNetV2 under TSM: the shift stands before whatever comes first."""
    network = build_small("tsm-mobilenetv2")
    clips = draw_clips(4)
    here, rolled = ask(network, clips, "circular"), ask(network, clips.roll(1, 1), "circular")
    torch.testing.assert_close(rolled, here.roll(1, 1), rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize(
    ("size", "dilation", "padding"),
    [
        ((3, 3, 3), (1, 1, 1), "same"),
        ((3, 1, 3), (2, 1, 2), "same"),
        ((4, 3, 2), (1, 1, 1), "same"),  # one frame more after the clip than before it
        ((2, 1, 1), (1, 1, 1), "same"),
        ((5, 3, 3), (1, 1, 1), (2, 1, 1)),
        ((3, 3, 3), (2, 1, 1), (2, 1, 1)),
    ],
)
def test_kernels_of_any_length_lose_their_clock(
    size: tuple[int, ...], dilation: tuple[int, ...], padding: str | tuple[int, ...]
) -> None:
    """Inside the clip nothing changes; beyond its ends the zeros are gone, also where torch counts them."""
    torch.manual_seed(0)
    conv = nn.Conv3d(3, 4, size, dilation=dilation, padding=padding)  # type: ignore[arg-type] # torch takes words, too
    clips = torch.randn(1, 3, 9, 8, 8)
    assert count_padding(conv) == 1
    here, rolled = ask(conv, clips, "circular"), ask(conv, clips.roll(2, 2), "circular")
    torch.testing.assert_close(rolled, here.roll(2, 2), rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        plain = conv(clips)
    assert (conv.padding, here.shape) == (padding, plain.shape)
    torch.testing.assert_close(here[:, :, 3:6], plain[:, :, 3:6], rtol=1e-4, atol=1e-5)
    assert (here - plain).abs().max() > 1e-2


class Clock(nn.Module):
    """(N, T, 3, H, W) -> (N, 2): how far the ends of a clip answer otherwise than its middle does."""

    def __init__(self, padding: str) -> None:
        super().__init__()
        self.conv = nn.Conv3d(3, 1, (3, 1, 1), padding=padding, bias=False)
        nn.init.ones_(self.conv.weight)

    def forward(self, clips: Tensor) -> Tensor:
        seen = self.conv(clips.movedim(2, 1)).mean((1, 3, 4))  # (N, frames)
        ends = (seen[:, [0, -1]].mean(1) - seen[:, 1:-1].mean(1)) if seen.shape[1] > 2 else seen[:, 0]
        return torch.stack([ends, -ends], 1)


@pytest.mark.parametrize("padding", get_args(Padding))
def test_an_answer_that_reads_the_zeros_is_found_and_no_other(padding: Padding) -> None:
    """Clips of one brightness: all that tells their ends from their middles is what lies beyond them."""
    clips = torch.rand(4, 1, 3, 4, 4).expand(-1, 8, -1, -1, -1)
    clock = Clock("same")
    with torch.no_grad():
        assert clock(clips).abs().min() > 0.1
        assert ask(clock, clips, padding).abs().max() < 1e-5
        blind = Clock("valid")
        assert count_padding(blind) == 0
        assert torch.equal(ask(blind, clips, padding), blind(clips))


def test_everything_is_as_it_was_afterwards() -> None:
    for network in (build_small("gst-resnet26s"), bring("three-d").module):
        clips = draw_clips(6)
        with torch.no_grad():
            before = network(clips)
            assert (ask(network, clips, "circular") - before).abs().max() > 1e-6
            assert (network(clips) == before).all()
        assert not any(part._forward_hooks or part._forward_pre_hooks for part in network.modules())


def test_only_what_pads_time_is_counted() -> None:
    assert count_padding(build_small("c2d-resnet26s")) == 0
    assert count_padding(build_small("gst-resnet26s")) == 8
    assert count_padding(build_small("tsm-resnet26s")) == 8
    assert count_padding(bring("three-d").module) == 3
    assert count_padding(bring("by-frame").module) == 0
