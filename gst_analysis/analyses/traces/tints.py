"""The colours of a story's marks: they say right or wrong only where the truth is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gst_analysis.style.colours import wrong_colour
from gst_analysis.style.theme import Theme

if TYPE_CHECKING:
    from gst_analysis.analyses.traces.story import ClipStory, Moment


def pick_tints(story: ClipStory, theme: Theme) -> tuple[str, str]:
    """The colours of the two marks."""
    if story.truth is None and story.mode != "leave-one-out":
        return theme.ink, theme.faint
    return theme.accent, wrong_colour(theme)


def pick_tint(story: ClipStory, moment: Moment, theme: Theme) -> str:
    """The colour of a row's mark and bar."""
    return pick_tints(story, theme)[0 if moment.right else 1]
