"""What the figures of cost show, in words: one function a figure, made from its table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gst_analysis.analyses.cost.table import DATASETS, Cost, DesignCost, PublishedPlacing
from gst_analysis.numbers import show_count
from gst_analysis.tables.picking import find_largest

if TYPE_CHECKING:
    import pandas as pd

_NAMES = {"macs": "multiply-adds of a clip", "params": "parameters"}
_AXES = {"gmacs": "GMACs", "params_m": "million parameters"}


def say_figures(result: Cost | PublishedPlacing) -> dict[str, str]:
    """Every figure by its name."""
    if isinstance(result, Cost):
        return {result.stem: say_cost(result.table, result.quantity)}
    told = say_accuracy_over_cost(result.table, result.dataset, result.cost)
    own = say_place(result.summary) if result.design[2] is not None else ""
    return {result.stem: f"{told} {own}".rstrip()}


def say_cost(table: pd.DataFrame, quantity: str) -> str:
    """How much it is in all, whose it is, and which stage has most.

    Args:
        table: a COMPLEXITY table of one network.
        quantity: `macs` or `params`.
    """
    total = int(table[quantity].sum())
    groups = table.groupby("group", sort=False)[quantity].sum() / max(1, total)
    stages = table.groupby("stage", sort=False)[quantity].sum() / max(1, total)
    parts = ", ".join(f"{group} {share:.0%}" for group, share in groups.items())
    return (
        f"Cost by stage: {show_count(total)} {_NAMES[quantity]}; {parts}. Most in stage {stages.idxmax()}: "
        f"{stages.max():.0%}."
    )


def say_place(design: DesignCost) -> str:
    """How many published results are more accurate for no more multiply-adds; empty if nothing was told.

    Args:
        design: what is placed.
    """
    if design.top1 is None:
        return ""
    ahead = {0: "none is", 1: "one is"}.get(design.ahead, f"{design.ahead} are")
    dataset = DATASETS.get(design.dataset, design.dataset)
    return (
        f"{design.name}: {design.top1:g}% on {dataset} as told, {design.gmacs:.1f} GMACs. Of "
        f"{design.results} published results {ahead} more accurate for no more multiply-adds."
    )


def say_accuracy_over_cost(table: pd.DataFrame, dataset: str, cost: str) -> str:
    """How many published results there are of a data set, and which is right most often.

    Args:
        table: a PUBLISHED table.
        dataset: of which results are drawn.
        cost: `gmacs` or `params_m`.
    """
    rows = table[(table["dataset"] == dataset)].dropna(subset=["top1", cost])
    title, axis = DATASETS.get(dataset, dataset), _AXES.get(cost, cost)
    heading = f"Published accuracy on {title} over {axis}, {len(rows)} results"
    if rows.empty:
        return f"{heading}."
    best = find_largest(rows, "top1")
    return f"{heading}. Right most often: {best['method']}, {best['top1']:.1f}% at {best[cost]:.1f}."
