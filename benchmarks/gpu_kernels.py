"""A Triton kernel that sums taps after a convolution: a candidate of `forward_gpu`, no part of the product.

It takes channels_last tensors (N*T, C, H, W), so rows of C channels, one row a pixel of a frame, and writes
the operator's output whole: first the spatial filters' channels, then the temporal ones', with bias and ReLU.
`TRITON_INTERPRET=1` runs it on a CPU, slowly.
"""

from __future__ import annotations

import math

import torch
import triton
import triton.language as tl
from torch import Tensor


@triton.jit
def _finish_taps(
    taps,
    bias,
    out,
    rows,
    area,
    frames,
    SPATIAL: tl.constexpr,
    TEMPORAL: tl.constexpr,
    RELU: tl.constexpr,
    ROWS: tl.constexpr,
    COLS: tl.constexpr,
):
    """Rows of SPATIAL + 3 * TEMPORAL channels to rows of SPATIAL + TEMPORAL."""
    wide: tl.constexpr = SPATIAL + 3 * TEMPORAL
    narrow: tl.constexpr = SPATIAL + TEMPORAL
    blocks: tl.constexpr = narrow // COLS
    first = (tl.program_id(0) % blocks) * COLS
    row = (tl.program_id(0) // blocks).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    cols = first + tl.arange(0, COLS)
    inside = row[:, None] < rows
    here = taps + row[:, None] * wide
    if first < SPATIAL:
        value = tl.load(here + cols[None, :], mask=inside, other=0.0).to(tl.float32)
    else:
        frame = (row // area) % frames
        value = tl.load(here + cols[None, :] + TEMPORAL, mask=inside, other=0.0).to(tl.float32)
        before = taps + (row - area)[:, None] * wide + cols[None, :]
        after = taps + (row + area)[:, None] * wide + cols[None, :] + 2 * TEMPORAL
        value += tl.load(before, mask=inside & (frame > 0)[:, None], other=0.0).to(tl.float32)
        value += tl.load(after, mask=inside & (frame < frames - 1)[:, None], other=0.0).to(tl.float32)
    value += tl.load(bias + cols).to(tl.float32)[None, :]
    if RELU:
        value = tl.maximum(value, 0.0)
    place = out + row[:, None] * narrow + cols[None, :]
    tl.store(place, value.to(out.dtype.element_ty), mask=inside)


def finish_taps(taps: Tensor, bias: Tensor, frames: int, *, temporal: int, relu: bool) -> Tensor:
    """(N*T, S + 3*O, H, W), the taps last, to (N*T, S + O, H, W): taps moved and summed, bias, ReLU."""
    count, wide, height, width = taps.shape
    spatial = wide - 3 * temporal
    out = _empty(taps, count, spatial + temporal, height, width)
    rows, cols = count * height * width, _largest_power(math.gcd(spatial, temporal))
    per_program = max(16, 4096 // cols)
    grid = (triton.cdiv(rows, per_program) * ((spatial + temporal) // cols),)
    _finish_taps[grid](
        taps,
        bias,
        out,
        rows,
        height * width,
        frames,
        SPATIAL=spatial,
        TEMPORAL=temporal,
        RELU=relu,
        ROWS=per_program,
        COLS=cols,
    )
    return out


def _empty(like: Tensor, *shape: int) -> Tensor:
    return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=torch.channels_last)


def _largest_power(number: int) -> int:
    """The largest power of two that divides a number."""
    return number & -number
