"""A kernel over time with fewer multiplications: minimal filtering (Winograd 1980) along frames.

Three taps over frames cost three convolutions a frame. Frames taken together in tiles cost fewer: of a tile
of 2 frames 4 convolutions instead of 6, of a tile of 4 frames 6 instead of 12. Before them frames are added
and subtracted, after them what they gave is, channel by channel. All of this is exact but for rounding.

    weights  (O, C, 3, k, k) -> span + 2 kernels (O, C, k, k)
    frames   (N*T, C, H, W)  -> span + 2 tensors (N*tiles, C, H, W)
    answers  span + 2 tensors (N*tiles, O, H, W) -> (N*T, O, H, W)

`native.py` does the second and third in one pass over memory each; what stands here in torch says the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_WEIGHTS = {
    2: ((1, 0, 0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0, 0, 1)),
    4: (
        (1 / 4, 0, 0),
        (-1 / 6, -1 / 6, -1 / 6),
        (-1 / 6, 1 / 6, -1 / 6),
        (1 / 24, 1 / 12, 1 / 6),
        (1 / 24, -1 / 12, 1 / 6),
        (0, 0, 1),
    ),
}
_FRAMES = {
    2: ((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1)),
    4: (
        (4, 0, -5, 0, 1, 0),
        (0, -4, -4, 1, 1, 0),
        (0, 4, -4, -1, 1, 0),
        (0, -2, -1, 2, 1, 0),
        (0, 2, -1, -2, 1, 0),
        (0, 4, 0, -5, 0, 1),
    ),
}
_ANSWERS = {
    2: ((1, 1, 1, 0), (0, 1, -1, -1)),
    4: ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1)),
}


def choose_span(frames: int, *, exact: bool) -> int:
    """How many frames a tile has: what needs fewer convolutions, and 2 where that is as many.

    Args:
        frames: of a clip.
        exact: tiles of 2 alone: their sums have no factors, which half precision would round too much.
    """
    costs = {span: -(-frames // span) * (span + 2) for span in ((2,) if exact else (2, 4))}
    return min(costs, key=lambda span: costs[span])


def transform_weight(weight: Tensor, span: int) -> list[Tensor]:
    """The kernels of a tile's terms: (O, C, 3, k, k) -> span + 2 of (O, C, k, k), in double precision."""
    matrix = torch.tensor(_WEIGHTS[span], dtype=torch.float64)
    return list(torch.einsum("pt,octhw->pochw", matrix, weight.detach().double().cpu()))


def enter_tiles(x: Tensor, frames: int, span: int) -> Tensor:
    """(N*T, C, H, W) -> (span + 2, N*tiles, C, H, W): what each kernel reads."""
    tiles = -(-frames // span)
    clips = torch.unflatten(x, 0, (-1, frames))
    padded = clips.new_zeros(clips.shape[0], tiles * span + 2, *clips.shape[2:])
    padded[:, 1 : frames + 1] = clips
    windows = padded.unfold(1, span + 2, span)  # (N, tiles, C, H, W, span + 2)
    matrix = torch.tensor(_FRAMES[span], dtype=torch.float32, device=x.device)
    terms = torch.einsum("nichwk,pk->pnichw", windows.float(), matrix).to(x.dtype)
    return terms.flatten(1, 2)


def leave_tiles(parts: Sequence[Tensor], frames: int, span: int, bias: Tensor) -> Tensor:
    """What the kernels gave, (N*tiles, O, H, W) each, -> (N*T, O, H, W) with the bias added."""
    tiles = -(-frames // span)
    matrix = torch.tensor(_ANSWERS[span], dtype=torch.float32, device=bias.device)
    sums = torch.einsum("pbohw,fp->bfohw", torch.stack(list(parts)).float(), matrix)
    sums = sums + bias.float()[:, None, None]
    clips = torch.unflatten(sums, 0, (-1, tiles)).flatten(1, 2)[:, :frames]
    return clips.flatten(0, 1).to(parts[0].dtype)
