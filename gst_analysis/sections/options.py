"""How much of a data set a report looks at, and what it leaves out.

Apart from subject.py, which needs torch: `--help` and the explorer's pages ask for options alone.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from gst_analysis.errors import SpecError
from gst_analysis.options import DatasetOptions, DeviceOptions, NetworkOptions, option

_COUNTS = (
    "order_clips",
    "roles_scenes",
    "ablation_clips",
    "traces",
    "influence_clips",
    "slimming_clips",
    "saliency_clips",
    "similarity_clips",
    "batch",
)


@dataclass(frozen=True, kw_only=True)
class ReportOptions(DatasetOptions, NetworkOptions, DeviceOptions):
    """By default all clips for accuracy, and a few for the rest."""

    limit: int | None = option(None, "Draw this many clips for accuracy; all if not given.")
    order_clips: int = option(40, "Clips to show with their frames in other orders.")
    roles_scenes: int = option(6, "Scenes to render for what channels see; at least 4.")
    ablation_clips: int = option(40, "Clips to change channels in.")
    traces: int = option(3, "Clips to trace frame by frame.")
    influence_clips: int = option(8, "Clips to measure influence on.")
    slimming_clips: int = option(40, "Clips to measure smaller networks on.")
    saliency_clips: int = option(2, "Clips to show where it looks.")
    similarity_clips: int = option(40, "Clips to compare places on.")
    without: tuple[str, ...] = option(
        (), "Sections to leave out, such as slimming,ablation: the slow ones.", metavar="NAME,NAME"
    )
    start: str | os.PathLike[str] | None = option(
        None,
        "Where scales started, for the section on drift: 2-D weights or an earlier epoch.",
        metavar="FILE",
    )
    seed: int = option(0, "Draws clips.")
    batch: int = option(8, "Clips at once.")

    def __post_init__(self) -> None:
        for name in _COUNTS:
            if getattr(self, name) < 1:
                raise SpecError(
                    f"report's {name}",
                    expected="at least 1",
                    found=str(getattr(self, name)),
                    todo="give a larger number, or leave the section out",
                )
