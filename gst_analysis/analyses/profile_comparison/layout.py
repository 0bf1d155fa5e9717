"""What all figures of profiles compared are made of: where points and cells stand. No drawing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import pandas as pd

from gst_analysis.analyses.profile.table import ANSWERS, IN_ORDER, MEASURES, PLACE, STAGE
from gst_analysis.analyses.profile_comparison.table import ProfileComparison
from gst_analysis.style.names import drop_shared_start, tell_apart

LEAST_REACH = 0.05
"""So that colours do not make much of a few thousandths."""
LONGEST = 30
"""Letters of a network's name beside its row or above its panel."""


@dataclass(frozen=True)
class Strand:
    """One line of one network, or its difference from the reference."""

    name: str
    x: list[float] = field(repr=False)
    where: list[str] = field(repr=False)
    value: list[float] = field(repr=False)
    low: list[float] = field(repr=False)
    high: list[float] = field(repr=False)
    even: list[float] = field(repr=False)


@dataclass(frozen=True)
class Depth:
    """The axis of depth: stages are equally wide, so that networks of unlike depth meet by stage."""

    stages: list[int]
    ticks: dict[float, str]
    """Names of places where all networks have the same ones, else of stages."""
    spots: dict[str, float] = field(default_factory=dict)
    """Where each place stands, if all networks have the same ones."""


@dataclass(frozen=True)
class Cells:
    """One line as a map: a row a network, a column a place or stage; what lies above the channels' part."""

    rows: list[str]
    columns: list[str]
    share: np.ndarray = field(repr=False)
    """(networks, places), NaN where there is none; so are the next two."""
    excess: np.ndarray = field(repr=False)
    sure: np.ndarray = field(repr=False)
    reach: float
    """How far its colours reach, either way."""


def list_lines(table: pd.DataFrame) -> list[str]:
    """The lines that have a value somewhere, in the order of legends."""
    value = "value" if "value" in table.columns else "difference"
    known = set(table.loc[table[value].notna(), "measure"])
    return [name for name in MEASURES if name in known]


def list_shared(table: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """Names of lines that two networks have, since one alone is compared with nothing."""
    known = table[table["value"].notna()].groupby("measure")["checkpoint"].nunique()
    shared = [name for name in names if known.get(name, 0) > 1]
    return shared or [name for name in names if name in known.index]


def lay_out_depth(table: pd.DataFrame) -> Depth:
    """The stages of all networks, and their places where those are the same."""
    known = _keep_known(table)
    stages = sorted(set(known["stage"]) - {0})
    places = table[(table["level"] == PLACE) & table["measure"].isin(list(MEASURES))]
    own = {frozenset(rows["place"]) for _, rows in places.groupby("checkpoint", sort=False)}
    if len(own) != 1:
        return Depth(stages, {float(i): f"stage {stage}" for i, stage in enumerate(stages)})
    first = places.drop_duplicates("place").sort_values("depth", kind="stable")
    x = place_rows(first, stages)
    short = [name.removeprefix("layer") for name in drop_shared_start(list(first["place"]))]
    return Depth(stages, dict(zip(x, short, strict=True)), dict(zip(first["place"], x, strict=True)))


def place_rows(rows: pd.DataFrame, stages: Sequence[int]) -> list[float]:
    """Where rows of one network stand: within their stage side by side, a stage itself in its middle."""
    found = []
    for row in rows.to_dict("records"):
        middle = stages.index(row["stage"])
        inside = list(rows.loc[(rows["stage"] == row["stage"]) & (rows["level"] == PLACE), "place"].unique())
        aside = (inside.index(row["place"]) + 0.5) / len(inside) - 0.5 if row["level"] == PLACE else 0.0
        found.append(middle + aside)
    return found


def list_strands(
    table: pd.DataFrame, measure: str, depth: Depth, names: Sequence[str], value: str = "value"
) -> list[Strand]:
    """A line of every network that has it, by place where places are told, else by stage.

    Args:
        table: PROFILE, or PROFILE_DIFFERENCES.
        measure: which line.
        depth: the axis.
        names: the networks, in order.
        value: the column of what is drawn.
    """
    strands = []
    for name in names:
        own = table[(table["checkpoint"] == name) & table[value].notna()]
        everywhere = own[own["level"] == PLACE].sort_values("depth", kind="stable")
        rows = everywhere[everywhere["measure"] == measure]
        if rows.empty:
            rows = own[(own["level"] == STAGE) & (own["measure"] == measure)]
            x, where = place_rows(rows, depth.stages), [f"stage {stage}" for stage in rows["stage"]]
        else:
            at = everywhere.drop_duplicates("place")
            spots = depth.spots or dict(zip(at["place"], place_rows(at, depth.stages), strict=True))
            x, where = [spots[place] for place in rows["place"]], list(rows["place"])
        if len(rows):
            numbers = [list(map(float, rows[column])) for column in (value, "low", "high", "even")]
            strands.append(Strand(name, x, where, *numbers))
    return strands


def lay_out_map(result: ProfileComparison, measure: str) -> Cells:
    """One line of all networks as a map; of a sweep in the order of the share of temporal channels."""
    known = _keep_known(result.table)
    level, column = (PLACE, "place") if lay_out_depth(result.table).spots else (STAGE, "stage")
    known = known[known["level"] == level]
    columns = list(known.sort_values("depth", kind="stable")[column].unique())
    names = sort_networks(result)
    cells = known[known["measure"] == measure].set_index(["checkpoint", column])

    def spread(values: pd.Series) -> np.ndarray:
        return values.unstack().reindex(index=names, columns=columns).to_numpy(dtype=float)

    share, even, low, high = (spread(cells[one]) for one in ("value", "even", "low", "high"))
    shown = [f"stage {stage}" for stage in columns]
    if level == PLACE:
        shown = [one.removeprefix("layer") for one in drop_shared_start(columns)]
    excess, sure = share - even, (low > even + 1e-9) | (high < even - 1e-9)
    largest = float(np.nanmax(np.abs(excess))) if np.isfinite(excess).any() else 0.0
    return Cells(name_rows(result, names), shown, share, excess, sure, max(LEAST_REACH, largest))


def sort_networks(result: ProfileComparison) -> list[str]:
    """The networks as given; of a sweep by their share of temporal channels."""
    if not result.summary.sweep:
        return result.names
    alphas = dict(zip(result.networks["checkpoint"], result.networks["alpha"], strict=True))
    return sorted(result.names, key=lambda name: alphas.get(name, 0.0))


def name_rows(result: ProfileComparison, names: Sequence[str]) -> list[str]:
    """What rows of a map are called: of a sweep the share of temporal channels first."""
    shown = tell_apart(list(names), LONGEST)
    if not result.summary.sweep:
        return shown
    alphas = dict(zip(result.networks["checkpoint"], result.networks["alpha"], strict=True))
    told = [Fraction(alphas[name]).limit_denominator(64) if name in alphas else "–" for name in names]
    return [f"α = {alpha}, {name}" for alpha, name in zip(told, shown, strict=True)]


def list_costed(result: ProfileComparison) -> list[str]:
    """The lines that are set against cost: whether a network is right, then shares of time."""
    known = result.networks[result.networks["macs"].notna()]
    return list_shared(known, [IN_ORDER, *MEASURES, *[name for name in ANSWERS if name != IN_ORDER]])


def name_line(measure: str) -> str:
    """What a panel is called."""
    if measure in MEASURES:
        return MEASURES[measure].phrase
    return {"in order": "right in order", "in reverse": "right in reverse"}.get(measure, "needs order")


def name_map(measure: str, cells: Cells) -> str:
    """What a map is called, and how far its colours reach."""
    return f"{name_line(measure)} (colours to ±{100 * cells.reach:.0f} points)"


def _keep_known(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["value"].notna() & table["measure"].isin(list(MEASURES))]
