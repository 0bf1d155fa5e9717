"""Two PROFILE tables -> what differs; one PROFILE table -> the network as a whole. pandas alone.

The band of a difference, and of a mean over stages, is put together from the bands of its parts: each end
is as far away as the root of the sum of the squares of theirs (Zou and Donner's MOVER). It holds as often as
they do where parts are independent. Losses of two networks on the same clips rise and fall together, which
makes the band of their difference wider than it need be.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import pandas as pd

from gst_analysis.analyses.profile.table import ANSWERS, MEASURES, NETWORK, PLACE, STAGE
from gst_analysis.analyses.profile.verdict import say_confidence
from gst_analysis.analyses.profile_comparison.table import DIFFERENCES, NETWORKS
from gst_analysis.tables import check

Row = Mapping[Hashable, Any]
_NAN = float("nan")
_NUMBERS = ("depth", "difference", "low", "high", "even")


def tabulate_differences(table: pd.DataFrame, reference: pd.DataFrame, name: str) -> pd.DataFrame:
    """Wherever both networks have a value of a line: PROFILE_DIFFERENCES.

    Stages meet by number. Places meet by name, and only where both networks have the same ones: of
    networks of unlike depth the place of one name may be another.

    Args:
        table: PROFILE of a network.
        reference: PROFILE of the one that is taken away.
        name: what the reference is called.
    """
    there = {_key(row): row for row in _list_rows(reference)}
    levels = [PLACE, STAGE] if _list_places(table) == _list_places(reference) else [STAGE]
    rows = [
        _take_away(row, there[_key(row)], name)
        for row in _list_rows(table)
        if row["level"] in levels and _key(row) in there
    ]
    found = pd.DataFrame(rows, columns=list(DIFFERENCES.columns)).astype(dict.fromkeys(_NUMBERS, float))
    return check(found.astype({"stage": int}), DIFFERENCES)


def _list_rows(table: pd.DataFrame) -> Iterator[Row]:
    known = table[table["value"].notna() & table["measure"].isin(list(MEASURES))]
    yield from (row for row in known.to_dict("records") if row["level"] != NETWORK)


def _list_places(table: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(table.loc[table["level"] == PLACE].sort_values("depth")["place"]))


def _key(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("measure", "level", "stage", "place"))


def _take_away(row: Row, other: Row, name: str) -> dict[str, Any]:
    low, high = _join_ends([(row, 1), (other, -1)])
    value = row["value"] - other["value"]
    kept = {one: row[one] for one in ("checkpoint", "measure", "level", "stage", "place", "depth")}
    return {
        **kept,
        "reference": name,
        "difference": value,
        "low": value - low,
        "high": value + high,
        "even": row["even"] - other["even"],
    }


def _join_ends(parts: list[tuple[Row, int]]) -> tuple[float, float]:
    """How far below and above a sum of rows, or of what is taken away, its band reaches."""
    below = above = 0.0
    for row, sign in parts:
        down, up = row["value"] - row["low"], row["high"] - row["value"]
        below += (down if sign > 0 else up) ** 2
        above += (up if sign > 0 else down) ** 2
    return math.sqrt(below), math.sqrt(above)


def tabulate_networks(table: pd.DataFrame, *, alpha: float, macs: float) -> pd.DataFrame:
    """Each line of a network as a whole: PROFILED_NETWORKS.

    Args:
        table: PROFILE of the network.
        alpha: its share of temporal channels by design; NaN if it has none.
        macs: its multiply-adds; NaN where they are not known.
    """
    known = table[table["value"].notna()]
    rows = []
    for measure in (*MEASURES, *ANSWERS):
        own = known[known["measure"] == measure].to_dict("records")
        whole = next((row for row in own if row["level"] == NETWORK), None)
        found = whole or _average([row for row in own if row["level"] == STAGE])
        if found is not None:
            numbers = {name: found[name] for name in ("value", "low", "high", "even")}
            name = table["checkpoint"].iloc[0]
            rows.append({"checkpoint": name, "measure": measure, **numbers, "alpha": alpha, "macs": macs})
    columns = pd.DataFrame(rows, columns=list(NETWORKS.columns))
    return check(columns.astype(dict.fromkeys(list(NETWORKS.columns)[2:], float)), NETWORKS)


def _average(stages: list[dict[Hashable, Any]]) -> dict[str, float] | None:
    if not stages:
        return None
    value, even = (sum(row[name] for row in stages) / len(stages) for name in ("value", "even"))
    below, above = (end / len(stages) for end in _join_ends([(row, 1) for row in stages]))
    return {"value": value, "low": value - below, "high": value + above, "even": even}


def word_difference(differences: pd.DataFrame, confidence: float) -> str:
    """What of one network surely differs from the reference: by stage, beyond what its parts differ by.

    Args:
        differences: PROFILE_DIFFERENCES of one network.
        confidence: that its stages and lines hold at once.
    """
    stages = differences[differences["level"] == STAGE]
    parts = [part for measure in MEASURES for part in _word_line(measure, stages)]
    if not len(stages):
        return "No line of both networks meets in a stage."
    if not parts:
        return f"No line surely differs in any stage{say_confidence(confidence)}."
    return f"{'; '.join(parts)}{say_confidence(confidence)}."


def _word_line(measure: str, stages: pd.DataFrame) -> Iterator[str]:
    """Where a line gives time more than in the reference, and where less: in points of percent."""
    rows = stages[stages["measure"] == measure].to_dict("records")
    for word, side in (("more", 1), ("less", -1)):
        found = [row for row in rows if find_excess(row) == side]
        if found:
            told = ", ".join(_show(row) for row in found)
            yield f"{MEASURES[measure].phrase}: {word} in {told}"


def _show(row: Row) -> str:
    even = row["even"]
    channels = f", channels {100 * even:+.0f}" if even == even and round(100 * even) else ""
    return f"stage {row['stage']} ({100 * row['difference']:+.0f} points{channels})".replace("-", "−")


def find_excess(row: Row) -> int:
    """1 where a difference surely lies above what the parts of the channels differ by, −1 below, else 0."""
    even = row["even"] if row["even"] == row["even"] else 0.0
    if not (row["low"] == row["low"] and row["high"] == row["high"]):
        return 0
    return (1 if row["low"] > even + 1e-9 else 0) - (1 if row["high"] < even - 1e-9 else 0)
