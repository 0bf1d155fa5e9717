"""Colours, ink and paper of every figure, whatever draws it. matplotlib is not imported for them.

Colours are Okabe and Ito's, which colour-blind readers can tell apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gst_analysis.groups import GROUPS

GROUP_COLOURS: Mapping[str, str] = {
    **{word: style.colour for word, style in GROUPS.items()},
    "both": "#A3478A",
    "shared": GROUPS["all"].colour,
}
"""Groups of channels, and what costs have besides them: kernels over both, and what all share."""
GROUP_COLOURS_DARK: Mapping[str, str] = {
    **{word: style.dark for word, style in GROUPS.items()},
    "both": "#E08FC2",
    "shared": GROUPS["all"].dark,
}


HATCHED = "both"
"""Its bars are hatched: readers without green cones see its colour and that of what is shared alike."""


@dataclass(frozen=True)
class Theme:
    """Ink and paper."""

    paper: str
    panel: str
    ink: str
    faint: str
    grid: str
    groups: Mapping[str, str]
    accent: str
    """What a scatter points out among grey points."""
    mark: str
    """The reader's own choice."""


LIGHT = Theme("#FFFFFF", "#FFFFFF", "#1A1A1A", "#595959", "#E3E3E3", GROUP_COLOURS, "#007F5C", "#A3478A")
DARK = Theme("#0E1117", "#161A22", "#F2F2F2", "#B4B4B4", "#333944", GROUP_COLOURS_DARK, "#2FC79B", "#E08FC2")
_WRONG_LIGHT, _WRONG_DARK = "#B5281E", "#FF7B6B"
"""A tick and a cross tell right and wrong apart without colour."""


def theme_of(*, dark: bool) -> Theme:
    """The theme for a light or a dark background."""
    return DARK if dark else LIGHT


def wrong_colour(theme: Theme) -> str:
    """The red that goes with the theme's paper, beside its green for what is right."""
    return _WRONG_LIGHT if theme is LIGHT else _WRONG_DARK
