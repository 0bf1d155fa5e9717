"""COMPLEXITY -> stacks of bars, PUBLISHED_COSTS -> labelled points; what both drawings of cost start from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gst_analysis.analyses.cost.table import COMPLEXITY, DATASETS, PUBLISHED_COSTS, PlacedDesign
from gst_analysis.errors import SpecError
from gst_analysis.tables.schema import check, check_choices

GROUP_NAMES = {
    "spatial": "spatial kernels (3×3 within a frame)",
    "temporal": "temporal kernels (reach over frames)",
    "both": "kernels over space and time at once",
    "shared": "shared (1×1 convolutions, linear layers, norms, head)",
}
QUANTITIES = {"macs": "multiply-adds per clip", "params": "learned parameters"}
COSTS = {"gmacs": "GMACs per prediction", "params_m": "million parameters"}

_UNITS = {
    "macs": ((1e9, "GMACs"), (1e6, "MMACs"), (1e3, "kMACs")),
    "params": ((1e6, "M params"), (1e3, "k params")),
}
_ENOUGH_FOR_FENCES = 6


@dataclass(frozen=True)
class Stacks:
    """Bars by stage, each a stack of groups, in one unit."""

    title: str
    axis: str
    unit: str
    stages: tuple[str, ...]
    heights: dict[str, np.ndarray]
    """By group, those that cost nothing left out."""

    @property
    def totals(self) -> np.ndarray:
        return np.asarray(sum(self.heights.values()))

    def show(self, value: float) -> str:
        """A height as text; what is under a hundredth of the highest bar says only that."""
        least = 10.0 ** (np.floor(np.log10(self.totals.max())) - 2)
        return round_to_three(value) if value >= least else f"<{least:g}"

    def describe(self, group: str) -> str:
        """A group's name with its amount and its part of the whole."""
        amount, whole = float(self.heights[group].sum()), float(self.totals.sum())
        return f"{GROUP_NAMES[group]}: {round_to_three(amount)} {self.unit}, {amount / whole:.0%}"


@dataclass(frozen=True)
class Points:
    """Published accuracies over cost. Those far below the others stand on the lower edge, `low` is set."""

    table: pd.DataFrame
    """Columns label, x, top1, y (top1, or the lower edge), low, ours (GST), source."""
    title: str
    usual_frames: int
    y_limits: tuple[float, float]
    x_limits: tuple[float, float]
    own: float | None = None
    """Where one's own accuracy stands on the axis: on its lower edge if it is far below."""


def stack_by_stage(table: pd.DataFrame, *, quantity: str) -> Stacks:
    """Sum one network's cost by stage and group, in the largest unit that suits it."""
    check(table, COMPLEXITY)
    check_choices("quantity", [quantity], list(QUANTITIES))
    networks = table[["spec", "alpha", "frames", "size"]].drop_duplicates()
    if len(networks) != 1:
        raise SpecError(
            "cost bars", expected="one network", found=str(len(networks)), todo="draw one figure for each"
        )
    spec, alpha, frames, size = networks.iloc[0]
    sums = table.pivot_table(index="stage", columns="group", values=quantity, aggfunc="sum", fill_value=0)
    scale, unit = _choose_unit(float(sums.to_numpy().sum()), quantity)
    heights = {g: sums[g].to_numpy() / scale for g in GROUP_NAMES if g in sums and sums[g].sum() > 0}
    last = int(sums.index.max())
    ends = {0: "stem", last: "head"} if last else {0: "network"}
    stages = tuple(ends.get(int(i), f"stage {i}") for i in sums.index)
    total = sum(float(height.sum()) for height in heights.values())
    clip = f", {frames} frame{'s' if frames > 1 else ''} of {size}×{size} pixels"
    name = f"{spec} α={alpha}" if alpha else spec
    title = f"{name}{clip if quantity == 'macs' else ''}: {round_to_three(total)} {unit}"
    return Stacks(title, f"{QUANTITIES[quantity]} ({unit})", unit, stages, heights)


def choose_points(
    published: pd.DataFrame, *, dataset: str, cost: str = "gmacs", design: PlacedDesign | None = None
) -> Points:
    """The validation results of one dataset with a known cost, labelled, and the axes that hold them.

    Args:
        published: a PUBLISHED_COSTS table.
        dataset: one of the table's.
        cost: `gmacs` or `params_m`.
        design: one's own, which the axes shall hold too; far below the others it stands on the lower edge.
    """
    check(published, PUBLISHED_COSTS)
    check_choices("cost", [cost], list(COSTS))
    rows = choose_results(published, dataset=dataset, cost=cost)
    usual = int(rows["frames"].mode().iloc[0])
    floor, bottom, edge, top = _frame_accuracies(rows["top1"].to_numpy())
    top1 = None if design is None else design.top1
    top = top if top1 is None else max(top, top1 + (top - bottom) * 0.05)
    table = pd.DataFrame(
        {
            "label": _label_rows(rows, usual),
            "x": rows[cost],
            "top1": rows["top1"],
            "y": rows["top1"].where(rows["top1"] >= floor, edge),
            "low": rows["top1"] < floor,
            "ours": rows["method"].str.startswith("GST"),
            "source": rows["source"],
        }
    )
    ends = [*rows[cost], *([design.cost] if design is not None else [])]
    split = str(rows["split"].iloc[0]).replace("val", "validation")
    title = f"Published results on {DATASETS.get(dataset, dataset)}, {split}"
    own = None if top1 is None else max(top1, edge)
    return Points(table, title, usual, (bottom, top), (min(ends) / 1.5, max(ends) * 1.3), own)


def choose_results(published: pd.DataFrame, *, dataset: str, cost: str) -> pd.DataFrame:
    """The validation results of one dataset whose cost is known."""
    known = published[(published["split"] != "test") & published[cost].notna()]
    check_choices("dataset", [dataset], list(dict.fromkeys(known["dataset"])))
    return known[known["dataset"] == dataset].reset_index(drop=True)


def describe_design(design: PlacedDesign, cost: str, points: Points) -> str:
    """The legend's line for a design at its cost."""
    known = "accuracy unknown" if design.top1 is None else f"{design.top1:g} % top-1, as told"
    low = design.top1 is not None and points.own is not None and points.own > design.top1
    below = ", below the axis" if low else ""
    return f"{design.name}: {round_to_three(design.cost)} {COSTS[cost]}, {known}{below}"


def mark_label(row: Mapping[Any, Any]) -> str:
    """A point's label; one that stands on the lower edge says its accuracy."""
    return f"{row['label']}: {row['top1']:g} %" if row["low"] else str(row["label"])


def round_to_three(value: float) -> str:
    """Three digits that mean something, without an exponent."""
    if value == 0:
        return "0"
    digits = max(0, 2 - int(np.floor(np.log10(abs(value)))))
    return f"{value:.{digits}f}"


def list_ticks(limits: tuple[float, float]) -> list[float]:
    """Round numbers inside the limits of a logarithmic axis, not too close to each other."""
    low, high = limits
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    steps: tuple[float, ...] = (1, 1.5, 2, 3, 4, 5, 7) if high / low < 30 else (1, 2, 5)
    return [step * 10.0**decade for decade in decades for step in steps if low <= step * 10.0**decade <= high]


def _choose_unit(largest: float, quantity: str) -> tuple[float, str]:
    units = _UNITS[quantity]
    return next(((scale, unit) for scale, unit in units if largest >= scale), units[-1])


def _frame_accuracies(values: np.ndarray) -> tuple[float, float, float, float]:
    """What is far below, the axis' lower end, where that then stands, and the upper end."""
    floor = _find_fence(values)
    near = values[values >= floor]
    margin = 0.07 * max(1.0, float(near.max() - near.min()))
    bottom, top = float(near.min()) - 2 * margin, float(near.max()) + 1.6 * margin
    return floor, bottom, bottom + 0.35 * margin, top


def _find_fence(values: np.ndarray) -> float:
    """Below this a value would squeeze all others together: three quartile ranges under the lower one."""
    if len(values) < _ENOUGH_FOR_FENCES:
        return float(values.min())
    lower, upper = np.percentile(values, [25, 75])
    return float(lower - 3 * (upper - lower))


def _label_rows(rows: pd.DataFrame, usual_frames: int) -> list[str]:
    """Method, and whatever sets the row apart from the usual clip and from its namesakes."""
    views = ["method", "frames", "clips", "crops"]
    namesakes = rows.groupby(views)["backbone"].transform("nunique")
    labels = []
    for row, count in zip(rows.to_dict("records"), namesakes, strict=True):
        parts = [str(row["method"]).replace("alpha=", "α=")]
        parts += [str(row["backbone"]).replace("resnet", "R")] if count > 1 else []
        parts += [f"{row['frames']} frames"] if row["frames"] != usual_frames else []
        parts += [f"{row[view]} {view}" for view in ("clips", "crops") if row[view] > 1]
        labels.append(", ".join(parts))
    return labels
