"""Where two groups of channels meet, so that they can be set against each other.

Enters the rows of one checkpoint's channels, with their stage, block, layer and group. GST's operator writes
both groups into one norm; networks of separate layers scale each by a norm of its own in the same block;
pathways share no more than a stage.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gst_analysis.analyses.scales.table import LEVELS
from gst_analysis.groups import PAIRS, find_pair
from gst_analysis.tables.columns import Array, Table


@dataclass(frozen=True)
class Meetings:
    """For every row the place where its group meets the other one."""

    level: str
    """What places are: layers, blocks or stages."""
    group: str
    against: str
    place: Array = field(repr=False)
    """A layer's or block's name, or such as "stage 2"."""


def find_meetings(rows: Table) -> Meetings:
    """The smallest places in which both groups of a pair are found anywhere in a network; else its layers."""
    pair = find_pair(list(dict.fromkeys(rows["group"].tolist())))
    against, group = pair or PAIRS[0]
    for level in LEVELS if pair else ():
        together: dict[str, set[str]] = {}
        for place, one in zip(_name_places(rows, level), rows["group"].tolist(), strict=True):
            together.setdefault(place, set()).add(one)
        if any(set(pair or ()) <= found for found in together.values()):
            return Meetings(level, group, against, _name_places(rows, level))
    return Meetings(LEVELS[0], group, against, _name_places(rows, LEVELS[0]))


def _name_places(rows: Table, level: str) -> Array:
    named = [f"stage {one}" if level == "stage" else one for one in rows[level].tolist()]
    return np.array(named, object)
