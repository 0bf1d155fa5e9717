"""How GST's operator is cut into programs of a GPU, by the shape of a layer and of what goes through."""

from __future__ import annotations

import math
from typing import NamedTuple

_ROWS = 128
_PROGRAMS = 96
"""Of time that walk, from which they leave little of a GPU idle."""


class Tile(NamedTuple):
    """What one program computes: rows (pixels) by filters, the latter in `groups` of `cols`."""

    rows: int
    cols: int
    groups: int


class Plan(NamedTuple):
    """How the operator is cut into programs: of space, of time, and how a program loads."""

    space: Tile
    time: Tile
    walk: bool
    """Programs of time go through all frames, three of them at once, or compute one frame each."""
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
    depth = min(128 // flow.size, shared & -shared)
    if flow.clips * flow.frames * flow.pixels * (layer.space_filters + layer.time_filters) < 2**23:
        small = min(32, _round_up(layer.time_filters))
        return Plan(Tile(64, small, 1), Tile(64, small, 1), False, depth, 4, 4)
    space = _choose_tile(layer.space_filters)
    cols = min(64, _round_up(layer.time_filters))
    programs = flow.clips * flow.pixels // _ROWS * -(-layer.time_filters // cols)
    walk = programs >= _PROGRAMS and flow.frames > 1
    time = Tile(_ROWS, cols if walk else min(128, _round_up(layer.time_filters)), 3 if walk else 1)
    most = max(tile.rows * tile.cols * tile.groups for tile in (space, time))
    return Plan(space, time, walk, depth, 8 if most >= 2**14 else 4, 3)


def _choose_tile(filters: int) -> Tile:
    """Little beyond the filters, and of what is left the widest."""
    tiles = [Tile(_ROWS, cols, groups) for cols in (16, 32, 64, 128) for groups in (1, 2, 3)]
    fitting = [tile for tile in tiles if tile.cols * tile.groups <= 192]

    def spare(tile: Tile) -> tuple[int, int]:
        band = tile.cols * tile.groups
        return -(-filters // band) * band - filters, -band

    return min(fitting, key=spare)


def _round_up(filters: int) -> int:
    return max(16, 1 << (filters - 1).bit_length())
