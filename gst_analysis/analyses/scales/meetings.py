"""Where two groups of channels meet, so that they can be set against each other.

Enters the rows of one checkpoint's channels, with their stage, block, layer and group. GST's operator writes
both groups into one norm; networks of separate layers scale each by a norm of its own in the same block;
pathways share no more than a stage.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from gst_analysis.analyses.scales.table import LEVELS
from gst_analysis.groups import PAIRS, find_pair


@dataclass(frozen=True)
class Meetings:
    """For every row the place where its group meets the other one."""

    level: str
    """What places are: layers, blocks or stages."""
    group: str
    against: str
    place: pd.Series = field(repr=False)
    """A layer's or block's name, or such as "stage 2"."""


def find_meetings(rows: pd.DataFrame) -> Meetings:
    """The smallest places in which both groups of a pair are found anywhere in a network; else its layers."""
    pair = find_pair(rows["group"].unique())
    against, group = pair or PAIRS[0]
    for level in LEVELS if pair else ():
        together = rows.groupby(level)["group"].agg(set)
        if together.map(set(pair or ()).issubset).any():
            return Meetings(level, group, against, _name_places(rows, level))
    return Meetings(LEVELS[0], group, against, rows["layer"])


def _name_places(rows: pd.DataFrame, level: str) -> pd.Series:
    return "stage " + rows["stage"].astype(str) if level == "stage" else rows[level]
