"""Triton kernels around the first convolution of a ResNet on an NVIDIA GPU.

Its seven rows of seven pixels of three channels are little for a GPU to multiply at once: squares of 2x2
pixels become channels of one, and four rows of four of those are the same sum. The max-pool after it adds
bias and ReLU, a quarter as often as before it.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.nn import functional as F

from gst_analysis.inference.gpu_kernels import empty


@triton.jit(do_not_specialize=["rows", "height", "width", "high", "wide"])
def _pool(
    x,
    bias,
    out,
    rows,
    height,
    width,
    high,
    wide,
    CHANNELS: tl.constexpr,
    COLS: tl.constexpr,
    ROWS: tl.constexpr,
):
    """The largest of 3x3 pixels, every second one; bias and ReLU after, which change no order."""
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    image, pixel = row // (high * wide), row % (high * wide)
    top, left = (pixel // wide) * 2, (pixel % wide) * 2
    col = tl.arange(0, COLS)
    named = (col < CHANNELS)[None, :]
    at = ((image.to(tl.int64) * height + top) * width + left) * CHANNELS
    total = tl.full((ROWS, COLS), float("-inf"), dtype=tl.float32)
    for tap in tl.static_range(9):
        y, z = top + (tap // 3 - 1), left + (tap % 3 - 1)
        there = (row < rows) & (y >= 0) & (y < height) & (z >= 0) & (z < width)
        moved = ((tap // 3 - 1) * width + tap % 3 - 1) * CHANNELS
        here = x + (at + moved)[:, None] + col[None, :]
        value = tl.load(here, mask=there[:, None] & named, other=float("-inf"))
        total = tl.maximum(total, value.to(tl.float32), propagate_nan=tl.PropagateNan.ALL)
    total += tl.load(bias + col, mask=col < CHANNELS, other=0.0).to(tl.float32)[None, :]
    total = tl.maximum(total, 0.0, propagate_nan=tl.PropagateNan.ALL).to(out.dtype.element_ty)
    place = out + row.to(tl.int64)[:, None] * CHANNELS + col[None, :]
    tl.store(place, total, mask=(row < rows)[:, None] & named)


@triton.jit(do_not_specialize=["rows", "height", "width", "high", "wide"])
def _part(
    x, out, rows, height, width, high, wide, CHANNELS: tl.constexpr, COLS: tl.constexpr, ROWS: tl.constexpr
):  # fmt: skip
    """Squares of 2x2 pixels as channels of one, with two such squares of zeros before and one behind."""
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    image, pixel = row // (high * wide), row % (high * wide)
    top, left = (pixel // wide - 2) * 2, (pixel % wide - 2) * 2
    col = tl.arange(0, COLS)
    square, channel = col // CHANNELS, col % CHANNELS
    y, z = top[:, None] + (square // 2)[None, :], left[:, None] + (square % 2)[None, :]
    there = (row < rows)[:, None] & (square < 4)[None, :]
    there = there & (y >= 0) & (y < height) & (z >= 0) & (z < width)
    at = ((image[:, None].to(tl.int64) * height + y) * width + z) * CHANNELS + channel[None, :]
    value = tl.load(x + at, mask=there, other=0.0).to(out.dtype.element_ty)
    tl.store(out + row.to(tl.int64)[:, None] * COLS + col[None, :], value, mask=(row < rows)[:, None])


def pool_relu(x: Tensor, bias: Tensor) -> Tensor:
    """Max-pool 3x3 of every second pixel, bias, ReLU: (B, C, H, W) to (B, C, H/2, W/2), channels_last."""
    images, channels, height, width = x.shape
    high, wide = ((side + 1) // 2 for side in (height, width))
    out = empty(x, images, channels, high, wide)
    rows, cols = images * high * wide, triton.next_power_of_2(channels)
    block = max(1, 4096 // cols)
    sizes = (rows, height, width, high, wide)
    _pool[(triton.cdiv(rows, block),)](x, bias, out, *sizes, CHANNELS=channels, COLS=cols, ROWS=block)
    return out


def part_pixels(x: Tensor, kind: torch.dtype) -> Tensor:
    """(B, C, H, W) to (B, 4C or more, H/2 + 3, W/2 + 3): squares of 2x2 pixels, zeros around and behind."""
    images, channels, height, width = x.shape
    high, wide = ((side + 1) // 2 + 3 for side in (height, width))
    cols = max(16, triton.next_power_of_2(4 * channels))
    out = empty(x.new_empty(0, dtype=kind), images, cols, high, wide)
    rows, block = images * high * wide, max(1, 2048 // cols)
    sizes = (rows, height, width, high, wide)
    _part[(triton.cdiv(rows, block),)](x, out, *sizes, CHANNELS=channels, COLS=cols, ROWS=block)
    return out


def part_filters(weight: Tensor) -> Tensor:
    """Filters (O, C, 7, 7) of every second pixel as filters (O, 4C or more, 4, 4) of squares of 2x2."""
    filters, channels = weight.shape[:2]
    wide = F.pad(weight.detach(), (1, 0, 1, 0)).unflatten(3, (4, 2)).unflatten(2, (4, 2))  # O C 4 2 4 2
    parted = wide.permute(0, 3, 5, 1, 2, 4).reshape(filters, 4 * channels, 4, 4)
    more = max(16, triton.next_power_of_2(4 * channels)) - 4 * channels
    return F.pad(parted, (0, 0, 0, 0, 0, more)).contiguous(memory_format=torch.channels_last)
