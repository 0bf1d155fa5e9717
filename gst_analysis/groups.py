"""The one list of groups of channels: a word for tables, a phrase, two colours, a mark and a line.

Whatever draws, checks or names a group reads it here. A new kind of group is a word in `Group` and a line in
`GROUPS`. Colours that meet in one figure differ in lightness too, and marks and lines differ, so that
colour-blind readers and print without colour tell groups apart. No torch and no matplotlib here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Group = Literal[
    "spatial",
    "temporal",
    "slow",
    "fast",
    "lateral",
    "from-previous",
    "from-next",
    "unshifted",
    "gates",
    "all",
]
"""Whose channels: of space or time, of a pathway, of a shift, gates, or all where nothing tells them apart.

Of GSM and GSF channels of the frame before or after are those whose gated part comes from there; gates are
what weighs channels, or lets them move, by what changes over time.
"""


@dataclass(frozen=True)
class GroupStyle:
    """How people see a group."""

    phrase: str
    """What legends call its channels."""
    colour: str
    """On white paper."""
    dark: str
    """On a dark page."""
    marker: str
    """Matplotlib's mark."""
    dash: str = "solid"
    """The line of its median, in plotly's words: solid, dash, dot or dashdot."""


GROUPS: Mapping[str, GroupStyle] = {
    "spatial": GroupStyle("spatial channels", "#0072B2", "#56B4E9", "o"),
    "temporal": GroupStyle("temporal channels", "#D55E00", "#F0853B", "D", "dash"),
    "slow": GroupStyle("channels of the slow pathway", "#3B3191", "#A79BF0", "o"),
    "fast": GroupStyle("channels of the fast pathway", "#B57F00", "#EFC25A", "D", "dash"),
    "lateral": GroupStyle("lateral channels, from fast to slow", "#8A1C4A", "#E58AB4", "s", "dot"),
    "from-previous": GroupStyle("channels of the frame before", "#12805E", "#2FAE86", ">", "dash"),
    "from-next": GroupStyle("channels of the frame after", "#C7619A", "#F28CC0", "<", "dot"),
    "unshifted": GroupStyle("channels of the frame itself", "#2B2B2B", "#EDEDED", "s"),
    "gates": GroupStyle("gates, by what changes", "#6A2BD9", "#8B6CF5", "^", "dashdot"),
    "all": GroupStyle("all channels (no groups)", "#7A7A7A", "#A8A8A8", "o"),
}
"""By their words, in the order in which figures list them."""
PAIRS: tuple[tuple[Group, Group], ...] = (("spatial", "temporal"), ("slow", "fast"))
"""Groups that are set against each other: gaps and ratios are of the second against the first."""


def find_pair(present: Iterable[str]) -> tuple[Group, Group] | None:
    """The first of PAIRS whose groups are both among these; None if neither pair is there.

    Example:
        >>> find_pair(["fast", "slow", "lateral"])
        ('slow', 'fast')
    """
    found = set(present)
    return next((pair for pair in PAIRS if found.issuperset(pair)), None)


def order_groups(present: Iterable[str]) -> list[str]:
    """These groups in the order in which figures list them; any other words follow."""
    found = dict.fromkeys(present)
    return [*(group for group in GROUPS if group in found), *(word for word in found if word not in GROUPS)]
