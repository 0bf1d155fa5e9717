"""What the figures of compared profiles show, in words: one function a figure, made from its table."""

from __future__ import annotations

import pandas as pd

from gst_analysis.analyses.profile_comparison.table import ProfileComparison
from gst_analysis.numbers import show_count, show_interval, show_real
from gst_analysis.tables.picking import find_farthest, find_largest, split_by

_MOST = 20


def say_figures(result: ProfileComparison) -> dict[str, str]:
    """Every figure by its name."""
    return {
        "profiles": say_profiles(result.table),
        "profiles_apart": f"A panel a network. {say_profiles(result.table)}",
        "profile_differences": say_differences(result.differences),
        "profile_map": say_map(result.networks),
        "profile_costs": say_costs(result.networks),
    }


def say_profiles(table: pd.DataFrame) -> str:
    """Where each network's share of time is largest."""
    rows = table[table["level"] == "place"].dropna(subset="value")
    parts = []
    for name, own in split_by(rows, "checkpoint", "measure"):
        row = find_largest(own, "value")
        parts.append(f"{name} largest at {row['place']}, {show_real(row['value'])}")
    return f"Profiles over depth. {'; '.join(parts[:_MOST])}."


def say_differences(differences: pd.DataFrame) -> str:
    """Which network is farthest from the reference, and where."""
    rows = differences[differences["level"] == "place"].dropna(subset="difference")
    if rows.empty:
        return f"Each network less the reference: 0 of {len(differences)} differences are known."
    row = find_farthest(rows, "difference")
    return (
        f"Each network's share of time less that of {row['reference']}. Farthest: {row['checkpoint']} at "
        f"{row['place']}, {row['measure']} {show_real(row['difference'])} "
        f"({show_interval(row['low'], row['high'])})."
    )


def say_map(networks: pd.DataFrame) -> str:
    """The share of time of each network against its share of temporal channels."""
    rows = networks.dropna(subset="value")
    parts = [
        f"{row['checkpoint']} (α {show_real(row['alpha'])}): {row['measure']} {show_real(row['value'])}, "
        f"even {show_real(row['even'])}"
        for row in rows.to_dict("records")
    ]
    return f"Depth against the share of temporal channels. {'; '.join(parts[:_MOST])}."


def say_costs(networks: pd.DataFrame) -> str:
    """The share of time of each network against the multiply-adds of a clip."""
    parts = [
        f"{row['checkpoint']}: {show_count(row['macs'])} multiply-adds, {row['measure']} "
        f"{show_real(row['value'])}"
        for row in networks.dropna(subset="macs").to_dict("records")
    ]
    return f"Each network as a whole against the multiply-adds of a clip. {'; '.join(parts[:_MOST])}."
