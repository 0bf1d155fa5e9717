"""Which rule takes the right channels out, the lowest scores or as many of every group; and at which cost."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd


def say_which_rule_wins(curve: pd.DataFrame, *, mark: str = "") -> str:
    """Where intervals tell the two rules apart, in a sentence or two.

    Args:
        curve: a SLIM_CURVE table; its `ahead` compares both on the same clips at the same cost.
        mark: what to put around the first words, such as ** for bold ones.
    """
    rows = curve[(curve["method"] == "uniform") & (curve["removed"] > 0)]
    scores, even = rows[rows["ahead_low"] > 0], rows[rows["ahead_high"] < 0]
    tried = f"{len(rows)} budgets"
    if scores.empty and even.empty:
        return (
            f"{mark}Neither rule wins{mark}: at none of {tried} do intervals tell the lowest scores and as "
            "many of every group apart. So the score is not shown to know more than a plain rule."
        )
    if even.empty:
        told = f"{mark}Taking the lowest scores first wins{mark} {_say_where(scores)}; nowhere does taking "
        told += "as many of every group."
    elif scores.empty:
        told = f"{mark}Taking as many of every group wins{mark} {_say_where(even)}; nowhere do the lowest "
        told += "scores."
    else:
        told = f"{mark}Neither rule wins throughout{mark}: as many of every group does "
        told += f"{_say_where(even)}, the lowest scores do {_say_where(scores)}."
    return f"{told} {_say_rest(rows, scores, even)}".rstrip()


def find_even_match(curve: pd.DataFrame, macs: int) -> pd.Series | None:
    """The network nearest to a cost of those that lost as many channels of every group; None without any."""
    rows = curve[curve["method"] == "uniform"]
    return None if rows.empty else rows.iloc[int((rows["macs"] - macs).abs().argmin())]


def _say_where(rows: pd.DataFrame) -> str:
    told = [
        f"{share:.0%} (by {100 * abs(lead):.0f} points)"
        for share, lead in zip(rows["macs_share"], rows["ahead"], strict=True)
    ]
    return f"at {_join(told)} of the multiply-adds"


def _say_rest(rows: pd.DataFrame, scores: pd.DataFrame, even: pd.DataFrame) -> str:
    rest = len(rows) - len(scores) - len(even)
    return f"At the other {rest} of {len(rows)} budgets intervals do not tell them apart." if rest else ""


def _join(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
