"""Checkpoints in the order given: a ramp of colours, marks, and entries of a legend."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.lines import Line2D

from gst_analysis.style.names import tell_apart
from gst_analysis.style.theme import DARK, Theme

MOST_NAMED = 10
"""Checkpoints that a legend names one by one; of more it names five along the ramp."""

MARKERS = "os^DvPX*"
LONGEST_NAME = 34


def list_colours(count: int, theme: Theme) -> list[str]:
    """A ramp for the order of checkpoints; legible on the theme's paper, and to the colour-blind."""
    low, high = (0.42, 1.0) if theme is DARK else (0.0, 0.77)
    ramp = colormaps["viridis"](np.linspace(low, high, count) if count > 1 else [low])
    return ["#" + "".join(f"{round(255 * part):02x}" for part in colour[:3]) for colour in ramp]


def name_lines(names: Sequence[str], theme: Theme, *, markers: bool = False) -> list[Line2D]:
    """Legend entries: every checkpoint, or of many five from the first to the last."""
    lines = [
        Line2D([], [], color=c, label=name, marker=MARKERS[i % len(MARKERS)] if markers else "")
        for i, (name, c) in enumerate(
            zip(tell_apart(names, LONGEST_NAME), list_colours(len(names), theme), strict=True)
        )
    ]
    if len(names) <= MOST_NAMED:
        return lines
    rest = Line2D([], [], linestyle="", label=f"(5 of {len(names)}, in the order given)")
    return [*(lines[round(place * (len(lines) - 1) / 4)] for place in range(5)), rest]
