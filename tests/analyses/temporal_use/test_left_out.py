"""What reaches over frames by other means than plain convolutions: measured where it can be, else said."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import gst_analysis as gst
from gst_analysis.errors import NotDefinedError

FRAMES = 6


class Longer(nn.Module):
    """(N, 3, T, H, W) -> (N, K), by a transposed convolution of two groups, and whatever else is given."""

    def __init__(self, *others: nn.Module, stride: int = 1) -> None:
        super().__init__()
        self.space = nn.Conv3d(3, 4, (1, 3, 3), (1, 2, 2), (0, 1, 1))
        steps = (stride, 1, 1)
        self.turned = nn.ConvTranspose3d(4, 6, (3, 1, 1), steps, (1, 0, 0), groups=2, bias=False)
        self.others = nn.ModuleList(others)
        self.head = nn.Linear(6, 3)

    def forward(self, x: Tensor) -> Tensor:
        y = self.turned(self.space(x))
        for other in self.others:
            if isinstance(other, nn.GRU):
                y = other(y.mean((3, 4)).transpose(1, 2))[0].transpose(1, 2)[..., None, None]
            else:
                y = other(y)
        return self.head(y.mean((2, 3, 4)))


def take(module: nn.Module) -> gst.Network:
    clip = gst.ClipSpec(frames=FRAMES, crop=16, resize=16)
    return gst.adopt(module, clip_spec=clip, layout="NCTHW", labels=["a", "b", "c"])


def read_frame(turned: nn.ConvTranspose3d, ahead: int) -> None:
    """Weights by which every frame of the output is the input of so many frames later."""
    impulse = torch.zeros(1, 4, FRAMES, 1, 1)
    impulse[0, :, 3] = 1
    for tap in range(3):
        with torch.no_grad():
            turned.weight.zero_()[:, :, tap] = 1
            seen = int(turned(impulse)[0, 0, :, 0, 0].argmax())
        if 3 - seen == ahead:
            return
    raise AssertionError("no tap reads that frame")


@pytest.mark.parametrize("ahead", [-1, 0, 1])
def test_a_transposed_convolution_is_a_row_a_filter(ahead: int) -> None:
    """A shift of one reads the next frame, as is seen by running it, whichever way its taps are stored."""
    module = Longer()
    read_frame(module.turned, ahead)
    result = gst.temporal_use(take(module))
    assert len(result.table) == 6
    assert result.table["shift"].tolist() == [ahead] * 6
    assert result.table["off_frame"].tolist() == [abs(ahead)] * 6
    assert result.table["varying"].to_numpy() == pytest.approx(2 / 3)
    assert not any("left out" in note for note in result.notes)


def test_filters_of_groups_are_those_that_are_planted() -> None:
    """Of two groups of three filters each, by output channel: constant, difference, own frame; and turned."""
    module, taps = Longer(), torch.tensor([[1.0, 1, 1], [-1, 0, 1], [0, 1, 0]])
    with torch.no_grad():
        module.turned.weight.copy_(
            torch.cat([taps.expand(2, 3, 3), taps.flip(0).expand(2, 3, 3)])[..., None, None]
        )
    table = gst.temporal_use(take(module)).table
    expected = [0, 1, 2 / 3, 2 / 3, 1, 0]
    assert table["varying"].to_numpy() == pytest.approx(expected)
    assert table["ordered"].to_numpy() == pytest.approx([0, 1, 0, 0, 1, 0])


def test_what_has_no_kernel_is_named_in_a_line() -> None:
    weighed = nn.utils.parametrizations.weight_norm(nn.Conv3d(6, 6, (3, 1, 1), padding=(1, 0, 0)))
    others = (nn.MaxPool3d((3, 1, 1), 1, (1, 0, 0)), nn.AvgPool3d((1, 2, 2)), weighed)
    network = take(Longer(*others, nn.GRU(6, 6, batch_first=True)))
    (note,) = [note for note in gst.temporal_use(network).notes if "left out" in note]
    assert note.endswith(
        "left out, as they have no kernel that could be read: pooling over time (others.0); "
        "convolution whose weight is computed (others.2); recurrent (others.3)"
    )


def test_a_transposed_convolution_that_adds_frames_is_left_out() -> None:
    """Each frame that it makes reads some of its taps alone: of the others it would say what is not so."""
    with pytest.raises(NotDefinedError, match=r"others do: transposed with a stride in time \(turned\)"):
        gst.temporal_use(take(Longer(stride=2)))


def test_attention_is_said_to_need_clips() -> None:
    class Looking(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv3d(3, 8, (3, 8, 8), (1, 8, 8), (1, 0, 0))
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
            self.head = nn.Linear(8, 3)

        def forward(self, x: Tensor) -> Tensor:
            y = self.stem(x).mean((3, 4)).transpose(1, 2)
            return self.head(self.attention(y, y, y, need_weights=False)[0].mean(1))

    notes = gst.temporal_use(take(Looking())).notes
    assert sum("attention looks is decided by each clip: give clips" in note for note in notes) == 1
    assert not any("left out" in note for note in notes)
