"""How figures tell checkpoints apart: a colour, a line and a mark each, by the order in which they are given.

The ten colours were searched for: every two of them stay apart for readers without red, green or blue cones,
too, and stand out from the paper (tests/style/test_palette.py simulates it). Lines and marks differ besides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.lines import Line2D

from gst_analysis.style.names import tell_apart
from gst_analysis.style.theme import DARK, DASHES, Theme

LIGHT_COLOURS = (
    "#448811",
    "#7700FF",
    "#774411",
    "#FF33CC",
    "#0000BB",
    "#003300",
    "#BB7777",
    "#AA0077",
    "#0099EE",
    "#441155",
)
DARK_COLOURS = (
    "#FFCC00",
    "#3399FF",
    "#00FFAA",
    "#EE11AA",
    "#BBCCFF",
    "#BB4400",
    "#9922EE",
    "#FF8888",
    "#999900",
    "#227777",
)
MARKERS = "os^DvPX*"
"""For checkpoints, in the order given."""
SYMBOLS = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "x", "star")
"""The same marks in plotly's words."""
MOST_NAMED = len(LIGHT_COLOURS)
"""Checkpoints that a legend names one by one; of more it names five along the ramp."""
LONGEST_NAME = 34
"""Letters of a checkpoint's name in a legend."""


@dataclass(frozen=True)
class Look:
    """What one checkpoint has in every figure, in words of both libraries."""

    colour: str
    dash: str
    """One of DASHES, as plotly says."""
    marker: str
    symbol: str


def list_looks(count: int, theme: Theme) -> list[Look]:
    """A look for each of so many checkpoints; up to ten, the first have the same however many follow."""
    colours, dashes = list_colours(count, theme), list(DASHES)
    named = count <= MOST_NAMED
    return [
        Look(
            colour,
            dashes[place % len(dashes)] if named else "solid",
            MARKERS[place % len(MARKERS)],
            SYMBOLS[place % len(SYMBOLS)],
        )
        for place, colour in enumerate(colours)
    ]


def list_colours(count: int, theme: Theme) -> list[str]:
    """Colours that are told apart; for more than there are of those a ramp, in the order of checkpoints."""
    if count <= MOST_NAMED:
        return list((DARK_COLOURS if theme is DARK else LIGHT_COLOURS)[:count])
    low, high = (0.42, 1.0) if theme is DARK else (0.0, 0.77)
    ramp = colormaps["viridis"](np.linspace(low, high, count))
    return ["#" + "".join(f"{round(255 * part):02x}" for part in colour[:3]) for colour in ramp]


def name_lines(names: Sequence[str], theme: Theme, *, markers: bool = False) -> list[Line2D]:
    """Legend entries: every checkpoint, or of many five from the first to the last."""
    shown, looks = tell_apart(names, LONGEST_NAME), list_looks(len(names), theme)
    lines = [
        Line2D(
            [],
            [],
            color=look.colour,
            linestyle=DASHES[look.dash],
            label=name,
            marker=look.marker if markers else "",
        )
        for name, look in zip(shown, looks, strict=True)
    ]
    if len(names) <= MOST_NAMED:
        return lines
    rest = Line2D([], [], linestyle="", label=f"(5 of {len(names)}, in the order given)")
    return [*(lines[round(place * (len(lines) - 1) / 4)] for place in range(5)), rest]
