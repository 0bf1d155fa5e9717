"""How does a checkpoint differ from a reference, layer by layer and group by group?

Enters BN_SCALES tables; leaves SCALE_DIFFERENCES and, for each checkpoint, how many of them are more than
chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from gst_analysis.analyses.comparison.table import SCALE_DIFFERENCES, ComparedCheckpoint, ComparisonSummary
from gst_analysis.analyses.scales.gaps import count_gaps
from gst_analysis.analyses.scales.samples import TwoSamples, compare_samples, correct_p_values
from gst_analysis.analyses.scales.table import CONFIDENCE, SIGNIFICANT, scale_values
from gst_analysis.tables import check


def tabulate_differences(
    table: pd.DataFrame, reference: pd.DataFrame, *, absolute: bool = False
) -> pd.DataFrame:
    """One checkpoint's scales against another's, wherever both have the same layer and group."""
    values = scale_values(reference, absolute=absolute)
    there: dict[Any, np.ndarray] = {
        key: part.to_numpy() for key, part in values.groupby([reference["layer"], reference["group"]])
    }
    rows = []
    for key, part in table.groupby(["layer", "group"], sort=False):
        if key in there:
            here = scale_values(part, absolute=absolute).to_numpy()
            first = part.iloc[0]
            place = {name: first[name] for name in ("checkpoint", "stage", "block", "layer", "group")}
            counts = {"n": len(here), "reference_n": len(there[key])}
            rows.append({**place, **counts, **_as_shift(compare_samples(here, there[key]))})
    columns = [name for name in SCALE_DIFFERENCES.columns if not name.endswith("_holm")]
    found = pd.DataFrame(rows, columns=columns).assign(reference=str(reference["checkpoint"].iloc[0]))
    return check(correct_p_values(found)[list(SCALE_DIFFERENCES.columns)], SCALE_DIFFERENCES)


def join_differences(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """SCALE_DIFFERENCES tables below one another; an empty one if there are none."""
    full = [part for part in parts if len(part)]
    empty = pd.DataFrame(columns=list(SCALE_DIFFERENCES.columns))
    return check(pd.concat(full, ignore_index=True) if full else empty, SCALE_DIFFERENCES)


def summarise_comparison(
    gaps: pd.DataFrame, differences: pd.DataFrame, *, reference: str, absolute: bool = False
) -> ComparisonSummary:
    """Count what is more than chance, checkpoint by checkpoint."""
    found = {}
    for name, counts in count_gaps(gaps).items():
        others = differences[differences["checkpoint"] == name]
        differ = (others["auc_p_holm"] < SIGNIFICANT) | (others["ks_p_holm"] < SIGNIFICANT)
        found[name] = ComparedCheckpoint(
            **vars(counts), differs_from_reference=int(differ.sum()), compared_with_reference=len(others)
        )
    statistic = "|gamma|" if absolute else "gamma"
    return ComparisonSummary(statistic, reference, CONFIDENCE, "Holm, within each checkpoint", found)


def _as_shift(found: TwoSamples) -> dict[str, Any]:
    return {name.replace("gap", "shift"): value for name, value in vars(found).items()}
