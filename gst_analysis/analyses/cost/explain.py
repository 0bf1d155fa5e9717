"""What other people's counters would print for a network, and which printed figure that is.

Enters the totals of one network at the sizes that conventions ask for; leaves a figure for each convention.
One network, many figures: the size of a frame, what is weighed beside multiply-adds, and whether a
multiply-add is one operation or two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gst_analysis.analyses.cost.printed import ALL, NORMS, PLAIN, TRAINING, PrintedCost, list_printed
from gst_analysis.analyses.cost.table import CostSummary

NEAR = 0.006
"""Of the printed figure, which is often rounded to two or three digits."""


@dataclass(frozen=True)
class CountingHabit:
    """How somebody counts."""

    who: str
    size: int | None
    """Pixels of a frame's side; None for the network's own."""
    convention: str
    flops: bool = False
    """Whether a multiply-add is counted as two operations."""


HABITS: tuple[CountingHabit, ...] = (
    CountingHabit("torchvision's tables; papers that count convolutions alone", None, PLAIN),
    CountingHabit("torch's FlopCounterMode", None, PLAIN, flops=True),
    CountingHabit("fvcore today", None, NORMS),
    CountingHabit("ptflops; nearest to the GST and TSM papers", None, ALL),
    CountingHabit("PyTorchVideo's model zoo, where fvcore counted a network in training mode", 256, TRAINING),
    CountingHabit("PySlowFast's model zoo, whose clips are tested at 256 pixels", 256, PLAIN),
    CountingHabit("MMAction2's model zoo, where it says 224 pixels and means them", 224, NORMS),
    CountingHabit("MMAction2's model zoo, where it says 224 pixels and counted 256", 256, NORMS),
)


@dataclass(frozen=True)
class ExplainedCost:
    """What one convention prints for a network."""

    who: str
    """Whose counter or table that is."""
    size: int
    """Pixels of a frame's side."""
    convention: str
    """What is counted, by the name it has among `conventions`."""
    unit: str
    """GMACs, or GFLOPs where a multiply-add counts as two operations."""
    value: float | None
    """None where the network takes no such clips."""
    reproduces: tuple[str, ...] = ()
    """Printed figures that this is."""


def list_sizes(own: int) -> list[int]:
    """The sizes at which a network must be counted."""
    return sorted({habit.size or own for habit in HABITS})


def explain_summaries(name: str, own: int, summaries: Mapping[int, CostSummary]) -> list[ExplainedCost]:
    """What each convention prints.

    Args:
        name: what builds the network.
        own: its own size of a frame.
        summaries: its totals by size; a size that it does not take is missing.
    """
    return [_explain(name, habit, habit.size or own, summaries) for habit in HABITS]


def _explain(
    name: str, habit: CountingHabit, size: int, summaries: Mapping[int, CostSummary]
) -> ExplainedCost:
    unit = "GFLOPs" if habit.flops else "GMACs"
    if size not in summaries:
        return ExplainedCost(habit.who, size, habit.convention, unit, None)
    summary = summaries[size]
    macs = summary.conventions[habit.convention] / 1e9
    same = [one for one in list_printed(name) if _is_of(one, summary, habit.convention)]
    near = tuple(
        f"{one.source} ({one.gmacs:g})" for one in same if one.gmacs and abs(macs / one.gmacs - 1) <= NEAR
    )
    value = 2 * macs if habit.flops else macs
    return ExplainedCost(habit.who, size, habit.convention, unit, value, () if habit.flops else near)


def _is_of(one: PrintedCost, summary: CostSummary, convention: str) -> bool:
    """Whether a printed figure is of such a clip, counted in this way."""
    return (one.frames, one.size, one.convention) == (summary.spec["num_frames"], summary.size, convention)
