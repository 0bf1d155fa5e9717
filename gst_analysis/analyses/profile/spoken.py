"""What the figure of a profile shows, in words, made from its tables."""

from __future__ import annotations

import pandas as pd

from gst_analysis.analyses.profile.table import AGREE, DISAGREE, MEASURES, NETWORK, PLACE, Profile
from gst_analysis.numbers import show_interval, show_real
from gst_analysis.tables.picking import find_largest, split_by


def say_figures(result: Profile) -> dict[str, str]:
    """Every figure by its name."""
    told = say_profile(result.table, result.agreement)
    return {result.stem: f"{told} {result.verdict}".strip()}


def say_profile(table: pd.DataFrame, agreement: pd.DataFrame) -> str:
    """Where each line stands highest, with its band; and in how many places the measures agree.

    Args:
        table: a PROFILE table of one network.
        agreement: its PROFILE_AGREEMENT.
    """
    rows = table[(table["level"] == "place") & table["measure"].isin(list(MEASURES))].dropna(subset="value")
    parts = []
    for measure, own in split_by(rows, "measure"):
        row = find_largest(own, "value")
        band = show_interval(row["low"], row["high"])
        ends = f" ({band})" if row["low"] == row["low"] else ""
        parts.append(f"{measure} largest at {row['place']}, {show_real(row['value'])}{ends}")
    places = table.loc[table["level"] != NETWORK, "place"].nunique()
    if not parts:
        return f"Share of time by depth, {places} places; no line is known."
    told = f"Share of time by depth, {rows['place'].nunique()} places; {'; '.join(parts)}."
    verdicts = list(agreement.loc[agreement["level"] == "place", "verdict"])
    alike, apart = verdicts.count(AGREE), verdicts.count(DISAGREE)
    return f"{told} Measures agree in {alike} places and disagree in {apart}."


def say_points(table: pd.DataFrame) -> dict[str, str]:
    """By place, each line's value with its band, in the words of the legend.

    Args:
        table: a PROFILE table of one network.
    """
    told: dict[str, str] = {}
    known = table[(table["level"] == PLACE) & table["measure"].isin(list(MEASURES))].dropna(subset="value")
    for place, rows in known.groupby("place", sort=False):
        parts = []
        for row in rows.to_dict("records"):
            group = f" of {row['group']} channels" if row["group"] else ""
            band = show_interval(row["low"], row["high"]) if row["low"] == row["low"] else ""
            parts.append(
                f"{row['measure']}{group} {show_real(row['value'])}" + (f" ({band})" if band else "")
            )
        told[str(place)] = ", ".join(parts)
    return told
