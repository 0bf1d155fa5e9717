"""GST's operator as one Triton kernel for an NVIDIA GPU.

Tensors are channels_last (N*T, C, H, W): rows of C channels, one row a pixel of a frame. The operator's
output is written once, with bias and ReLU: first the spatial filters' channels, then the temporal ones'.

Each program computes some pixels of some filters: those of space read the nine neighbours within the frame,
those of time the nine in each of three frames.

`TRITON_INTERPRET=1` runs it on a CPU, slowly. Triton is imported here and in gpu_stem.py alone.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from gst_analysis.inference.gpu_plans import Plan


class Part(NamedTuple):
    """Packed filters, and the first channel that they read."""

    packed: Tensor
    first: int
    reads: int

    @property
    def filters(self) -> int:
        return self.packed.shape[0]


@triton.jit
def _find_neighbours(top, left, inside, height, width):
    """One bit for each of the nine neighbours of a pixel that lies within the frame."""
    valid = tl.zeros_like(top)
    for tap in tl.static_range(9):
        y, z = top + (tap // 3 - 1), left + (tap % 3 - 1)
        there = inside & (y >= 0) & (y < height) & (z >= 0) & (z < width)
        valid += there.to(tl.int32) << tap
    return valid


@triton.jit
def _sum_neighbours(
    x,
    at,
    valid,
    filters,
    wanted,
    jump,
    first,
    second,
    third,
    width,
    CHANNELS: tl.constexpr,
    READS: tl.constexpr,
    GROUPS: tl.constexpr,
    COLS: tl.constexpr,
    DEPTH: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Add nine neighbours times the weights of up to three groups of filters, `jump` weights apart."""
    deep = tl.arange(0, DEPTH)
    steps: tl.constexpr = READS // DEPTH
    theirs = filters[None, :] + deep[:, None]
    for step in range(9 * steps):
        tap, channel = step // steps, (step % steps) * DEPTH
        moved = ((tap // 3 - 1) * width + tap % 3 - 1) * CHANNELS + channel
        there = ((valid >> tap) & 1) != 0
        ours = tl.load(x + moved + (at[:, None] + deep[None, :]), mask=there[:, None], other=0.0)
        one = theirs + step * DEPTH
        first = tl.dot(
            ours, tl.load(one, mask=(wanted > 0)[None, :], other=0.0), first, input_precision=PRECISION
        )
        if GROUPS > 1:
            two = tl.load(one + jump, mask=(wanted > 1)[None, :], other=0.0)
            second = tl.dot(ours, two, second, input_precision=PRECISION)
        if GROUPS > 2:
            three = tl.load(one + 2 * jump, mask=(wanted > 2)[None, :], other=0.0)
            third = tl.dot(ours, three, third, input_precision=PRECISION)
    return first, second, third


@triton.jit
def _write(out, total, bias, at, inside, col, wanted):
    """Bias, ReLU, and away."""
    total += tl.load(bias + col, mask=wanted, other=0.0).to(tl.float32)[None, :]
    total = tl.maximum(total, 0.0, propagate_nan=tl.PropagateNan.ALL).to(out.dtype.element_ty)
    tl.store(out + (at[:, None] + col[None, :]), total, mask=inside[:, None] & wanted[None, :])


@triton.jit
def _locate(row, inside, image, area, wide, height, width, CHANNELS, FIRST, STRIDE):
    """Where pixels' own channels begin in the input, and which of their neighbours there are."""
    pixel = row % area
    top, left = (pixel // wide) * STRIDE, (pixel % wide) * STRIDE
    at = ((image * height + top) * width + left) * CHANNELS + FIRST
    return at, _find_neighbours(top, left, inside, height, width)


@triton.jit
def _convolve_time(
    program,
    x,
    weight,
    bias,
    out,
    images,
    frames,
    height,
    width,
    wide,
    area,
    CHANNELS: tl.constexpr,
    STRIDE: tl.constexpr,
    FIRST: tl.constexpr,
    READS: tl.constexpr,
    FILTERS: tl.constexpr,
    WRITES: tl.constexpr,
    ROWS: tl.constexpr,
    COLS: tl.constexpr,
    DEPTH: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Three frames' neighbours, for the filters that come last."""
    blocks: tl.constexpr = (FILTERS + COLS - 1) // COLS
    col = (program % blocks) * COLS + tl.arange(0, COLS)
    row = (program // blocks) * ROWS + tl.arange(0, ROWS)
    inside = row < images * area
    image = row // area
    at, valid = _locate(row, inside, image, area, wide, height, width, CHANNELS, FIRST, STRIDE)
    wanted = (col < FILTERS).to(tl.int32)
    filters, frame, skipped = weight + col * (27 * READS), image % frames, height * width * CHANNELS
    total = tl.zeros((ROWS, COLS), dtype=tl.float32)
    for tap in range(3):
        there = (frame + tap > 0) & (frame + tap <= frames)
        total, _, _ = _sum_neighbours(
            x + (tap - 1) * skipped, at, tl.where(there, valid, 0), filters + tap * (9 * READS), wanted, 0,
            total, total, total, width, CHANNELS, READS, 1, COLS, DEPTH, PRECISION,
        )  # fmt: skip
    place = row * WRITES + (WRITES - FILTERS)
    _write(out, total, bias + (WRITES - FILTERS), place, inside, col, wanted > 0)


@triton.jit
def _convolve_space(
    program,
    x,
    weight,
    bias,
    out,
    images,
    height,
    width,
    wide,
    area,
    CHANNELS: tl.constexpr,
    STRIDE: tl.constexpr,
    FIRST: tl.constexpr,
    READS: tl.constexpr,
    FILTERS: tl.constexpr,
    WRITES: tl.constexpr,
    ROWS: tl.constexpr,
    COLS: tl.constexpr,
    GROUPS: tl.constexpr,
    DEPTH: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Neighbours within the frame, for the filters that come first."""
    bands: tl.constexpr = (FILTERS + COLS * GROUPS - 1) // (COLS * GROUPS)
    col = (program % bands) * (COLS * GROUPS) + tl.arange(0, COLS)
    row = (program // bands) * ROWS + tl.arange(0, ROWS)
    inside = row < images * area
    at, valid = _locate(row, inside, row // area, area, wide, height, width, CHANNELS, FIRST, STRIDE)
    wanted = (col < FILTERS).to(tl.int32)
    wanted += (col < FILTERS - COLS).to(tl.int32) + (col < FILTERS - 2 * COLS).to(tl.int32)
    first = tl.zeros((ROWS, COLS), dtype=tl.float32)
    second = tl.zeros((ROWS, COLS), dtype=tl.float32)
    third = tl.zeros((ROWS, COLS), dtype=tl.float32)
    first, second, third = _sum_neighbours(
        x, at, valid, weight + col * (9 * READS), wanted, COLS * 9 * READS,
        first, second, third, width, CHANNELS, READS, GROUPS, COLS, DEPTH, PRECISION,
    )  # fmt: skip
    place = row * WRITES
    _write(out, first, bias, place, inside, col, wanted > 0)
    if GROUPS > 1:
        _write(out, second, bias, place, inside, col + COLS, wanted > 1)
    if GROUPS > 2:
        _write(out, third, bias, place, inside, col + 2 * COLS, wanted > 2)


@triton.jit(do_not_specialize=["images", "frames", "height", "width", "high", "wide", "over_time"])
def _operate(
    x,
    within,
    across,
    bias,
    out,
    images,
    frames,
    height,
    width,
    high,
    wide,
    over_time,
    CHANNELS: tl.constexpr,
    STRIDE: tl.constexpr,
    SPACE_FIRST: tl.constexpr,
    SPACE_READS: tl.constexpr,
    SPACE_FILTERS: tl.constexpr,
    TIME_FIRST: tl.constexpr,
    TIME_READS: tl.constexpr,
    TIME_FILTERS: tl.constexpr,
    ROWS: tl.constexpr,
    COLS: tl.constexpr,
    GROUPS: tl.constexpr,
    TIME_ROWS: tl.constexpr,
    TIME_COLS: tl.constexpr,
    DEPTH: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """The first `over_time` programs are of time: they take longest, so they begin first."""
    program, area = tl.program_id(0), high * wide
    writes: tl.constexpr = SPACE_FILTERS + TIME_FILTERS
    if program < over_time:
        _convolve_time(
            program, x, across, bias, out, images, frames, height, width, wide, area,
            CHANNELS, STRIDE, TIME_FIRST, TIME_READS, TIME_FILTERS, writes, TIME_ROWS, TIME_COLS,
            DEPTH, PRECISION,
        )  # fmt: skip
    else:
        _convolve_space(
            program - over_time, x, within, bias, out, images, height, width, wide, area,
            CHANNELS, STRIDE, SPACE_FIRST, SPACE_READS, SPACE_FILTERS, writes, ROWS, COLS, GROUPS,
            DEPTH, PRECISION,
        )  # fmt: skip


def operate(
    x: Tensor, space: Part, time: Part, bias: Tensor, frames: int, *, stride: int, plan: Plan, precision: str
) -> Tensor:
    """The operator with bias and ReLU: (N*T, C, H, W) to (N*T, filters, H', W'), channels_last.

    Args:
        x: channels_last.
        space: 3x3 filters.
        time: 3x3x3 filters.
        bias: one number a filter, those of space first.
        frames: of a clip.
        stride: 1 or 2, within the frame.
        plan: see `choose_plan`.
        precision: of float32 alone, "tf32" or "ieee".
    """
    images, channels, height, width = x.shape
    high, wide = (-(-side // stride) for side in (height, width))
    out = empty(x, images, len(bias), high, wide)
    over_time = triton.cdiv(images * high * wide, plan.time.rows) * triton.cdiv(time.filters, plan.time.cols)
    band = plan.space.cols * plan.space.groups
    within = triton.cdiv(images * high * wide, plan.space.rows) * triton.cdiv(space.filters, band)
    _operate[(over_time + within,)](
        x,
        space.packed,
        time.packed,
        bias,
        out,
        images,
        frames,
        height,
        width,
        high,
        wide,
        over_time,
        CHANNELS=channels,
        STRIDE=stride,
        SPACE_FIRST=space.first,
        SPACE_READS=space.reads,
        SPACE_FILTERS=space.filters,
        TIME_FIRST=time.first,
        TIME_READS=time.reads,
        TIME_FILTERS=time.filters,
        ROWS=plan.space.rows,
        COLS=plan.space.cols,
        GROUPS=plan.space.groups,
        TIME_ROWS=plan.time.rows,
        TIME_COLS=plan.time.cols,
        DEPTH=plan.depth,
        PRECISION=precision,
        num_warps=plan.warps,
        num_stages=plan.stages,
    )
    return out


def pack(weight: Tensor) -> Tensor:
    """(O, C, 3, 3) or (O, C, 3, 3, 3) to the rows that the kernel reads, (O, 9 * C) or (O, 27 * C)."""
    return weight.detach().movedim(1, -1).flatten(1).contiguous()


def empty(like: Tensor, *shape: int) -> Tensor:
    """A tensor of that type on that device, channels_last, to be written whole."""
    return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=torch.channels_last)
