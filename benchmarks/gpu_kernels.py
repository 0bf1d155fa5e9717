"""Kernels in Triton for GST's operator on a GPU: candidates of `forward_gpu`, not part of the product.

Both take channels_last tensors (N*T, C, H, W), so rows of C channels, one row a pixel of a frame, and write
the operator's output whole: first the spatial filters' channels, then the temporal filters', with biases and
ReLU.
`TRITON_INTERPRET=1` runs them on a CPU, slowly.
"""

from __future__ import annotations

import math
from typing import NamedTuple

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


@triton.jit
def _convolve(
    x,
    weight,
    bias,
    out,
    rows,
    frames,
    height,
    width,
    high,
    wide,
    in_channels,
    out_channels,
    x_first,
    out_first,
    filters,
    CHANNELS: tl.constexpr,
    TIMES: tl.constexpr,
    STRIDE: tl.constexpr,
    RELU: tl.constexpr,
    ROWS: tl.constexpr,
    COLS: tl.constexpr,
    DEPTH: tl.constexpr,
):
    """A TIMESx3x3 convolution of CHANNELS channels from x_first on into `filters` from out_first on."""
    blocks = tl.cdiv(filters, COLS)
    cols = (tl.program_id(0) % blocks) * COLS + tl.arange(0, COLS)
    row = (tl.program_id(0) // blocks) * ROWS + tl.arange(0, ROWS)
    image, pixel = row // (high * wide), row % (high * wide)
    frame, top, left = image % frames, (pixel // wide) * STRIDE, (pixel % wide) * STRIDE
    inside, wanted = row < rows, cols < filters
    deep = tl.arange(0, DEPTH)
    origin = ((image * height + top) * width + left).to(tl.int64) * in_channels + x_first
    total = tl.zeros((ROWS, COLS), dtype=tl.float32)
    steps: tl.constexpr = CHANNELS // DEPTH
    for step in range(9 * TIMES * steps):
        tap, channel = step // steps, (step % steps) * DEPTH
        time = tap // 9 - TIMES // 2
        down, right = (tap % 9) // 3 - 1, tap % 3 - 1
        y, z = top + down, left + right
        there = inside & (y >= 0) & (y < height) & (z >= 0) & (z < width)
        there = there & (frame + time >= 0) & (frame + time < frames)
        moved = ((time * height + down) * width + right) * in_channels + channel
        ours = tl.load(x + origin[:, None] + moved + deep[None, :], mask=there[:, None], other=0.0)
        theirs = weight + (tap * CHANNELS + channel + deep)[:, None] * filters + cols[None, :]
        total = tl.dot(ours, tl.load(theirs, mask=wanted[None, :], other=0.0), total)
    total += tl.load(bias + cols, mask=wanted, other=0.0).to(tl.float32)[None, :]
    if RELU:
        total = tl.maximum(total, 0.0)
    place = out + row.to(tl.int64)[:, None] * out_channels + out_first + cols[None, :]
    tl.store(place, total.to(out.dtype.element_ty), mask=inside[:, None] & wanted[None, :])


def pack(weight: Tensor) -> Tensor:
    """(O, C, k, 3, 3) or (O, C, 3, 3) to the rows that the kernel reads: (k * 9 * C, O)."""
    five = weight if weight.ndim == 5 else weight.unsqueeze(2)
    return five.permute(2, 3, 4, 1, 0).flatten(0, 3).contiguous()


class Part(NamedTuple):
    """Some filters of an operator, packed, their bias, and the first channels that they read and write."""

    packed: Tensor
    bias: Tensor
    times: int
    reads: int
    writes: int


def convolve_into(out: Tensor, x: Tensor, part: Part, frames: int, stride: int, block: int) -> None:
    """Convolve some channels of x, over 1 or 3 frames, into some channels of out, with bias and ReLU."""
    count, in_channels, height, width = x.shape
    _, out_channels, high, wide = out.shape
    filters, channels = part.packed.shape[1], part.packed.shape[0] // (9 * part.times)
    rows, cols = count * high * wide, _choose_columns(filters)
    sizes = (rows, frames, height, width, high, wide, in_channels, out_channels, part.reads, part.writes)
    constants = {"CHANNELS": channels, "TIMES": part.times, "STRIDE": stride, "RELU": True}
    blocks = {"ROWS": block, "COLS": cols, "DEPTH": min(64, _largest_power(channels))}
    grid = (triton.cdiv(rows, block) * triton.cdiv(filters, cols),)
    warps = 8 if cols * block >= 2**14 else 4
    tensors = (x, part.packed, part.bias, out)
    _convolve[grid](*tensors, *sizes, filters, **constants, **blocks, num_warps=warps, num_stages=3)


def operate(
    x: Tensor, weights: tuple[Tensor, Tensor], bias: Tensor, frames: int, *, stride: int, block: int = 128
) -> Tensor:
    """GST's operator: packed spatial filters on the first half of the channels, temporal on the second."""
    spatial, temporal = weights
    count, channels, height, width = x.shape
    filters = spatial.shape[1]
    out = _empty(x, count, len(bias), *[-(-length // stride) for length in (height, width)])
    within = Part(spatial, bias[:filters], 1, 0, 0)
    across = Part(temporal, bias[filters:], 3, channels // 2, filters)
    for part in (within, across):
        convolve_into(out, x, part, frames, stride, block)
    return out


def _empty(like: Tensor, *shape: int) -> Tensor:
    return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=torch.channels_last)


def _largest_power(number: int) -> int:
    """The largest power of two that divides a number."""
    return number & -number


def _choose_columns(filters: int) -> int:
    """Of one program: few wide blocks, but little of them beyond the filters."""
    for cols in (128, 64):
        if filters % cols == 0:
            return cols
    return max(16, min(128, triton.next_power_of_2(filters)))
