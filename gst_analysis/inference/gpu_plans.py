"""How GST's operator is cut into programs of a GPU, by the shape of a layer and of what goes through."""

from __future__ import annotations

import math
from typing import NamedTuple

_LARGE, _MEDIUM, _SMALL = 5_000_000, 2_000_000, 300_000
"""Values that a layer writes, from which wider tiles are faster (measured on an H200, docs/gpu-checks.md)."""


class Tile(NamedTuple):
    """What one program computes: rows (pixels) by filters, the latter in `groups` of `cols`."""

    rows: int
    cols: int
    groups: int


class Plan(NamedTuple):
    """How the operator is cut into programs: of space, of time, and how a program loads."""

    space: Tile
    time: Tile
    depth: int
    """Channels that are multiplied at once."""
    warps: int
    stages: int
    """Loads that are under way while others are multiplied."""


class Layer(NamedTuple):
    """What the operator reads and writes: channels and filters."""

    channels: int
    space_reads: int
    space_filters: int
    time_reads: int
    time_filters: int
    stride: int

    @property
    def fits(self) -> bool:
        """A GPU multiplies sixteen channels at once, and reads eight."""
        return self.space_reads % 16 == 0 and self.time_reads % 16 == 0 and self.channels % 8 == 0


class Flow(NamedTuple):
    """What goes through: clips, frames of one, pixels that are written of one, bytes of a value."""

    clips: int
    frames: int
    pixels: int
    size: int


def choose_plan(layer: Layer, flow: Flow) -> Plan:
    """Wide tiles where there is enough to fill a GPU with, and narrow ones elsewhere."""
    shared = math.gcd(layer.space_reads, layer.time_reads)
    depth, cols = min(128 // flow.size, shared & -shared), min(128, _round_up(layer.time_filters))
    values = flow.clips * flow.frames * flow.pixels * (layer.space_filters + layer.time_filters)
    if cols == 16:
        return Plan(_choose_tile(layer.space_filters), Tile(128, 16, 1), depth, 4, 3)
    if cols == 32:
        return Plan(Tile(128, min(128, _round_up(layer.space_filters)), 1), Tile(128, 32, 1), depth, 8, 3)
    if values >= _LARGE:
        space = _choose_tile(layer.space_filters)
        return Plan(space, Tile(256 if cols == 64 else 128, cols, 1), depth, 8, 4 if cols == 64 else 3)
    if values >= _MEDIUM:
        return Plan(Tile(256, 64, 1), Tile(128, 64, 1), depth, 8, 4)
    if values >= _SMALL:
        return Plan(Tile(64, 32, 3), Tile(64, 32, 1), depth, 4, 3)
    return Plan(Tile(64, 32, 1), Tile(64, 32, 1), depth, 4, 4)


def _choose_tile(filters: int) -> Tile:
    """Little beyond the filters, and of what is left the widest."""
    tiles = [Tile(128, cols, groups) for cols in (16, 32, 64, 128) for groups in (1, 2, 3)]
    fitting = [tile for tile in tiles if tile.cols * tile.groups <= 192]

    def spare(tile: Tile) -> tuple[int, int]:
        band = tile.cols * tile.groups
        return -(-filters // band) * band - filters, -band

    return min(fitting, key=spare)


def _round_up(filters: int) -> int:
    return max(16, 1 << (filters - 1).bit_length())
