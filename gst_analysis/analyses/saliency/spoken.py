"""What the figures of saliency show, in words: one function a figure, made from its table."""

from __future__ import annotations

import pandas as pd

from gst_analysis.analyses.saliency.table import SaliencyMaps
from gst_analysis.groups import GROUPS
from gst_analysis.numbers import show_real
from gst_analysis.style.names import name_block
from gst_analysis.tables.picking import find_largest, split_by


def say_figures(result: SaliencyMaps) -> dict[str, str]:
    """Every figure by its name."""
    told = {result.stem: say_saliency(result.table)}
    if result.curves is not None and result.forgetting is not None:
        told["saliency_tests"] = say_tests(result.curves)
    return told


def say_saliency(table: pd.DataFrame) -> str:
    """In which frame, and where in it, each group has its strongest evidence.

    Args:
        table: SALIENCY of one clip.
    """
    first, parts = table.iloc[0], []
    for group, rows in split_by(table, "group"):
        name = "whole block" if group == "all" else GROUPS[str(group)].phrase
        row = find_largest(rows, "evidence")
        if row["evidence"] <= 0:
            parts.append(f"{name}: no evidence, at most {show_real(row['evidence'])}")
            continue
        at = f"{row['x']:.0%} from the left, {row['y']:.0%} from the top"
        parts.append(f"{name}: {show_real(row['evidence'])} in frame {row['frame']}, {at}")
    frames = table["frame"].nunique()
    heading = f"Evidence for “{first['label']}” at {name_block(first['block'])} in {frames} frames"
    return f"{heading}. Strongest, {'; '.join(parts)}."


def say_tests(curves: pd.DataFrame) -> str:
    """The mean probability while the hottest pixels go, and while they come back, by whose map is followed.

    Args:
        curves: SALIENCY_CURVES of one clip.
    """
    means = curves.groupby(["map", "direction"], sort=False)["probability"].mean().unstack()
    parts = [
        f"{name} {row['deletion']:.2f} and {row['insertion']:.2f}"
        for name, row in means.to_dict("index").items()
    ]
    return (
        "Mean probability of the class while the hottest pixels go and while they come back, by map or "
        f"control: {'; '.join(parts)}."
    )
