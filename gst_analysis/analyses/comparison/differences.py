"""How does a checkpoint differ from a reference, layer by layer and group by group?

Enters BN_SCALES tables; leaves SCALE_DIFFERENCES and, for each checkpoint, how many of them are more than
chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gst_analysis.analyses.comparison.table import SCALE_DIFFERENCES, ComparedCheckpoint, ComparisonSummary
from gst_analysis.analyses.scales.gaps import count_gaps
from gst_analysis.analyses.scales.samples import TwoSamples, compare_samples, correct_p_values
from gst_analysis.analyses.scales.table import CONFIDENCE, SIGNIFICANT, scale_values
from gst_analysis.tables import check
from gst_analysis.tables.columns import Columns, Table

if TYPE_CHECKING:
    import pandas as pd


def tabulate_differences(table: Table, reference: Table, *, absolute: bool = False) -> pd.DataFrame:
    """One checkpoint's scales against another's, wherever both have the same layer and group."""
    return collect_differences(Columns.of(table), Columns.of(reference), absolute=absolute).to_frame()


def collect_differences(table: Columns, reference: Columns, *, absolute: bool = False) -> Columns:
    """SCALE_DIFFERENCES as columns."""
    there = {key: scale_values(rows, absolute=absolute) for key, rows in reference.split("layer", "group")}
    rows = []
    for key, part in table.split("layer", "group"):
        if key in there:
            here = scale_values(part, absolute=absolute)
            place = {name: part[name][0] for name in ("checkpoint", "stage", "block", "layer", "group")}
            counts = {"n": len(here), "reference_n": len(there[key])}
            rows.append({**place, **counts, **_as_shift(compare_samples(here, there[key]))})
    names = [name for name in SCALE_DIFFERENCES.columns if name != "reference" and not name.endswith("_holm")]
    found = Columns.from_rows(rows, names).assign(reference=str(reference["checkpoint"][0]))
    return check(correct_p_values(found).choose(list(SCALE_DIFFERENCES.columns)), SCALE_DIFFERENCES)


def join_differences(parts: Sequence[Table]) -> Columns:
    """SCALE_DIFFERENCES tables below one another; an empty one if there are none."""
    full = [Columns.of(part) for part in parts if len(part)]
    empty = Columns.from_rows([], list(SCALE_DIFFERENCES.columns))
    return check(Columns.join(full) if full else empty, SCALE_DIFFERENCES)


def summarise_comparison(
    gaps: Table, differences: Table, *, reference: str, absolute: bool = False
) -> ComparisonSummary:
    """Count what is more than chance, checkpoint by checkpoint."""
    found, compared = {}, dict(Columns.of(differences).split("checkpoint"))
    for name, counts in count_gaps(gaps).items():
        others = compared.get(name)
        found[name] = ComparedCheckpoint(
            **vars(counts),
            differs_from_reference=0 if others is None else _count_unlike(others),
            compared_with_reference=0 if others is None else len(others),
        )
    statistic = "|gamma|" if absolute else "gamma"
    return ComparisonSummary(statistic, reference, CONFIDENCE, "Holm, within each checkpoint", found)


def _count_unlike(rows: Columns) -> int:
    return int(((rows["auc_p_holm"] < SIGNIFICANT) | (rows["ks_p_holm"] < SIGNIFICANT)).sum())


def _as_shift(found: TwoSamples) -> dict[str, Any]:
    return {name.replace("gap", "shift"): value for name, value in vars(found).items()}
