"""What both figures of a profile are made of: which lines stand in which panel, and where. No drawing."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from gst_analysis.analyses.profile.table import COMPARED, MEASURES, PLACE, STAGE
from gst_analysis.style.names import drop_shared_start

SHARE, USE = "share of time", "use of time"
PANELS = {SHARE: COMPARED, USE: tuple(name for name in MEASURES if name not in COMPARED)}
"""Lines that ask how much of a whole is time's, and lines that ask what of a place is about time."""


@dataclass(frozen=True)
class Curve:
    """One line: where its points stand, their values, bands, and what is even."""

    measure: str
    x: list[float] = field(repr=False)
    names: list[str] = field(repr=False)
    value: list[float] = field(repr=False)
    low: list[float] = field(repr=False)
    high: list[float] = field(repr=False)
    even: list[float] = field(repr=False)


@dataclass(frozen=True)
class Sheet:
    """The axis of places, stages with where they begin and end, and the curves of each panel."""

    names: list[str]
    """What the axis calls its places."""
    stages: dict[int, tuple[float, float]]
    panels: dict[str, list[Curve]]
    verdicts: dict[int, str]
    """Whether measures agree, by the place's number."""


def lay_out(table: pd.DataFrame, agreement: pd.DataFrame) -> Sheet:
    """A PROFILE table of one network, and its PROFILE_AGREEMENT, on an axis of places that are 1 apart.

    A line that is told of stages alone, as of pathways, stands in the middle of each.
    """
    known = table[table["value"].notna() & table["measure"].isin(list(MEASURES))]
    places = known[known["level"] == PLACE].sort_values("depth", kind="stable").drop_duplicates("place")
    numbers = {str(name): i for i, name in enumerate(places["place"])}
    stages = {
        int(str(stage)): (min(found) - 0.5, max(found) + 0.5)
        for stage, rows in places.groupby("stage", sort=True)
        for found in ([numbers[str(name)] for name in rows["place"]],)
    }
    if not numbers:
        stages = {int(stage): (i - 0.5, i + 0.5) for i, stage in enumerate(sorted(set(known["stage"])))}
    panels = {
        panel: [curve for name in members if (curve := _draw_up(known, name, numbers, stages))]
        for panel, members in PANELS.items()
    }
    told = agreement[agreement["level"] == PLACE]
    verdicts = {
        numbers[str(row["place"])]: str(row["verdict"])
        for row in told.to_dict("records")
        if str(row["place"]) in numbers
    }
    short = [name.removeprefix("layer") for name in drop_shared_start(list(numbers))] if numbers else []
    return Sheet(short, stages, {name: curves for name, curves in panels.items() if curves}, verdicts)


def _draw_up(
    known: pd.DataFrame, measure: str, numbers: dict[str, int], stages: dict[int, tuple[float, float]]
) -> Curve | None:
    own = known[known["measure"] == measure]
    rows = own[own["level"] == PLACE]
    if rows.empty:
        rows = own[(own["level"] == STAGE) & own["stage"].isin(list(stages))]
        x = [sum(stages[stage]) / 2 for stage in rows["stage"]]
        names = [f"stage {stage}" for stage in rows["stage"]]
    else:
        x, names = [float(numbers[name]) for name in rows["place"]], list(rows["place"])
    if rows.empty:
        return None
    numbers_of = [list(map(float, rows[column])) for column in ("value", "low", "high", "even")]
    return Curve(measure, x, names, *numbers_of)
