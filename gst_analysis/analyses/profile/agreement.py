"""PROFILE -> where the measures agree: the one definition. pandas alone.

Only measures that ask the same are compared: how much of a whole belongs to time rather than to space (γ,
invariant score, ablation, joint ablation). Each stands above, below or level with what the number of
temporal channels alone would give, by its band. They *agree* where at least two are surely on one side and
none on the other. They *disagree* where two are surely on different sides, or where one is surely on a
side, another is level with the number, and their bands do not meet. Anything else is *open*: the bands
cannot tell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import pandas as pd

from gst_analysis.analyses.profile.table import AGREE, AGREEMENT, COMPARED, DISAGREE, NETWORK, OPEN, UNTRAINED
from gst_analysis.tables import check

ABOVE, BELOW, LEVEL, UNKNOWN = "above", "below", "level", ""
_ROUNDING = 1e-9
Row = Mapping[Any, Any]


def find_side(row: Row) -> str:
    """Whether a row's band lies above or below what is even, holds it, or says nothing."""
    low, high, even = row["low"], row["high"], row["even"]
    if not (low == low and high == high and even == even):
        return UNKNOWN
    if low > even + _ROUNDING:
        return ABOVE
    return BELOW if high < even - _ROUNDING else LEVEL


def find_agreement(rows: Sequence[Row]) -> str:
    """Whether the compared measures of one place agree, disagree, or cannot tell."""
    known = [(find_side(row), row) for row in rows if row["measure"] in COMPARED]
    if any(row["undefined"] == UNTRAINED for row in rows):
        return OPEN
    sure = [side for side, _ in known if side in (ABOVE, BELOW)]
    if len(set(sure)) == 2 or any(_part(one, other) for one, other in combinations(known, 2)):
        return DISAGREE
    return AGREE if len(sure) >= 2 else OPEN


def _part(one: tuple[str, Row], other: tuple[str, Row]) -> bool:
    """Whether one is surely on a side, the other level with what is even, and their bands do not meet."""
    sides = {one[0], other[0]}
    if LEVEL not in sides or not sides & {ABOVE, BELOW}:
        return False
    return bool(one[1]["high"] < other[1]["low"] or other[1]["high"] < one[1]["low"])


def tabulate_agreement(table: pd.DataFrame) -> pd.DataFrame:
    """Every place and stage of a PROFILE table: a PROFILE_AGREEMENT table."""
    kept = table[(table["level"] != NETWORK) & table["measure"].isin(COMPARED)]
    found = []
    for _, rows in kept.groupby(["level", "stage", "place"], sort=False):
        records = rows.to_dict("records")
        first = {name: records[0][name] for name in ("checkpoint", "level", "stage", "place", "depth")}
        sides = {str(row["measure"]): find_side(row) for row in records}
        named = {
            column: ", ".join(measure for measure, one in sides.items() if one == side)
            for column, side in (("above", ABOVE), ("below", BELOW), ("level_with", LEVEL))
        }
        found.append({**first, "verdict": find_agreement(records), **named})
    return check(pd.DataFrame(found, columns=list(AGREEMENT.columns)), AGREEMENT)
