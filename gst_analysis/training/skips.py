"""Unreadable clips of all ranks, counted together, so that all ranks stop together."""

from __future__ import annotations

from collections.abc import Sequence

from gst_analysis.clips.dataset import SkippedClip, SkippedClips
from gst_analysis.training.crew import Crew


def count_skipped(crew: Crew, tally: SkippedClips, own: Sequence[SkippedClip], stop: bool) -> bool:
    """Count what any rank skipped; returns whether any rank wants to stop.

    Raises:
        DataError: too large a share of the clips could not be read.
    """
    told = crew.gather([len(own), int(stop)])
    count_all(crew, tally, own, any(row[0] for row in told))
    return any(row[1] for row in told)


def count_all(crew: Crew, tally: SkippedClips, own: Sequence[SkippedClip], some: bool) -> None:
    """Exchange and count skipped clips, if any rank has some."""
    if some:
        tally.count([clip for clips in crew.gather_objects(list(own)) for clip in clips])
