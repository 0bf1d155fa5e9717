"""BN_SCALES -> panels of values and the bins they share; what both drawings of Figure 4 start from."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from gst_analysis.analyses.scales.table import ROWS, scale_values
from gst_analysis.groups import order_groups
from gst_analysis.tables import check_choices

BINS = 30


@dataclass(frozen=True)
class Panel:
    """The values of one row and column of the grid, by group."""

    values: dict[str, np.ndarray] = field(repr=False)

    @property
    def counts(self) -> str:
        """How many channels each group has, in the order of the legend."""
        return "n = " + " + ".join(str(len(values)) for values in self.values.values())


@dataclass(frozen=True)
class Grid:
    """Rows, columns, the panels that exist, their common bin edges and the groups that occur."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    panels: dict[tuple[str, str], Panel]
    edges: np.ndarray = field(repr=False)
    groups: tuple[str, ...]


def lay_out_panels(table: pd.DataFrame, *, by: str, absolute: bool, bins: int = BINS) -> Grid:
    """Sort the table's scales into panels, and choose bins that all panels share."""
    value = scale_values(table, absolute=absolute)
    row = _name_rows(table, by=by)
    return sort_panels(table.assign(value=value, row=row), _choose_edges(value.to_numpy(), bins))


def sort_panels(frame: pd.DataFrame, edges: np.ndarray) -> Grid:
    """A table's values in panels, rows by checkpoints.

    Args:
        frame: columns value, row, checkpoint, stage and group.
        edges: of the bins that all panels share.
    """
    panels: dict[tuple[str, str], Panel] = {}
    for (name, checkpoint), part in frame.groupby(["row", "checkpoint"], sort=False):
        found = {str(g): rows["value"].to_numpy() for g, rows in part.groupby("group", sort=False)}
        groups = {group: found[group] for group in order_groups(found)}
        panels[str(name), str(checkpoint)] = Panel(groups)
    rows = tuple(dict.fromkeys(frame.sort_values(["stage"], kind="stable")["row"]))
    columns = tuple(dict.fromkeys(frame["checkpoint"]))
    return Grid(rows, columns, panels, edges, tuple(order_groups(frame["group"])))


def count_bins(panel: Panel, edges: np.ndarray) -> dict[str, np.ndarray]:
    """Percentage of each group's channels in every bin."""
    return {
        group: np.histogram(values, bins=edges)[0] * (100 / max(1, len(values)))
        for group, values in panel.values.items()
    }


def _name_rows(table: pd.DataFrame, *, by: str) -> pd.Series:
    """Blocks by their name, with the norm's where a block has several; or stages by their number."""
    check_choices("by", [by], ROWS)
    if by == "stage":
        return "stage " + table["stage"].astype(str)
    several = table.groupby("block")["layer"].nunique().max() > 1
    # Where space and time have norms of their own, a block's norms belong side by side.
    apart = table.groupby("layer")["group"].nunique().max() == 1 and table["group"].nunique() > 1
    return table["layer"] if several and not apart else table["block"]


def _choose_edges(values: np.ndarray, bins: int) -> np.ndarray:
    """Equal bins over all values; equal values get bins around them."""
    low, high = float(values.min()), float(values.max())
    if high - low < 1e-6 * max(1.0, abs(high)):
        return np.linspace(
            low - 0.5, high + 0.5, bins // 2 * 2 + 2
        )  # an odd number of bins, so one is centred
    return np.linspace(low, high, bins + 1)
