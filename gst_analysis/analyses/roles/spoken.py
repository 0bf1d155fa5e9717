"""What the figures of roles show, in words: one function a figure, made from its table."""

from __future__ import annotations

import pandas as pd

from gst_analysis.analyses.roles.table import ChannelRoles
from gst_analysis.numbers import show_share_interval
from gst_analysis.tables.picking import find_largest, split_by

_ROLES = ("static", "dynamic", "joint", "neither")


def say_figures(result: ChannelRoles) -> dict[str, str]:
    """Every figure by its name."""
    return {result.stem: say_roles(result.sums), "role_counts": say_role_counts(result.sums)}


def say_roles(sums: pd.DataFrame) -> str:
    """Where each group answers most to motion.

    Args:
        sums: a ROLE_SUMS table.
    """
    parts = []
    for group, rows in split_by(sums.dropna(subset="dynamic"), "group"):
        row = find_largest(rows, "dynamic")
        share = show_share_interval(row["dynamic"], row["dynamic_low"], row["dynamic_high"])
        parts.append(f"{group} channels most in {row['block']}, {share}")
    told = "; ".join(parts) or f"0 of {len(sums)} layers are known"
    return (
        f"Shares of channels' variance that come from looks, from motion and from both. From motion: {told}."
    )


def say_role_counts(sums: pd.DataFrame) -> str:
    """How many channels of each group have which role."""
    parts = []
    for group, rows in split_by(sums, "group"):
        counts = {role: int(rows[f"{role}_channels"].sum()) for role in _ROLES}
        parts.append(f"{group} channels: {', '.join(f'{count} {role}' for role, count in counts.items())}")
    shares = sums["dynamic"].mean()
    return (
        f"Roles of channels. {'; '.join(parts)}. Of the variance {shares:.0%} comes from motion, on average."
    )
