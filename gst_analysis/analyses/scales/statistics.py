"""Do two groups of scales differ, by how much, and is it more than chance?

Enters BN_SCALES tables; leaves BLOCK_GAPS (time against space, layer by layer, within each checkpoint) and
SCALE_DIFFERENCES (a checkpoint against a reference, layer by layer and group by group).

The gap is a difference of medians, which are the upright lines of Figure 4; its interval is a percentile
bootstrap over channels. Wasserstein distance and the Kolmogorov-Smirnov test see any difference between two
distributions, AUC (the Mann-Whitney test) whether one lies above the other. Several layers are tested at
once, so p values are also given after Holm's correction, which keeps the chance of even one false alarm
among them at 5%. Channels stand for what another channel of the same network might have been: nothing
here says what another training run would give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from gst_analysis.analyses.comparison.table import SCALE_DIFFERENCES
from gst_analysis.analyses.scales.measure import scale_values
from gst_analysis.analyses.scales.table import BLOCK_GAPS
from gst_analysis.tables.schema import check

Array = np.ndarray

CONFIDENCE = 0.95
SIGNIFICANT = 0.05
DRAWS = 2000

ONE_CHANNEL = "interval and tests: a group of one channel"
SHARED_CHANNELS = "interval and tests: both groups are the same channels, shared by energy (sth)"
NO_CHANNELS = "a group has no channels here"
NO_GROUPS = "this family has no spatial and temporal groups"


@dataclass(frozen=True)
class TwoSamples:
    """How the first of two samples differs from the second; NaN is what `undefined` names."""

    gap: float
    gap_low: float
    gap_high: float
    wasserstein: float
    ks: float
    ks_p: float
    auc: float
    auc_p: float
    undefined: str


@dataclass(frozen=True)
class GapCounts:
    """Layers of one checkpoint: how many could be tested, and where time lies above or below space."""

    layers: int
    tested: int
    temporal_above: int
    temporal_below: int
    differs_from_reference: int
    """Layers and groups that differ from the reference's, by either test."""
    compared_with_reference: int


@dataclass(frozen=True)
class ComparisonSummary:
    """What was compared and what was found, after Holm's correction at 5%."""

    statistic: str
    reference: str
    confidence: float
    correction: str
    checkpoints: dict[str, GapCounts]


def compare_samples(first: Array, second: Array, *, related: bool = False, seed: int = 0) -> TwoSamples:
    """Gap of medians with its interval, distances and tests.

    Args:
        first: values of one group.
        second: values of the other.
        related: the two are not independent draws, so that intervals and tests are not defined.
        seed: of the bootstrap; the same values and seed give the same interval.
    """
    ks = stats.ks_2samp(first, second)
    effect: dict[str, Any] = {
        "gap": float(np.median(first) - np.median(second)),
        "wasserstein": float(stats.wasserstein_distance(first, second)),
        "ks": float(ks.statistic),
    }
    rank = stats.mannwhitneyu(first, second) if np.ptp(np.concatenate([first, second])) else None
    auc = 0.5 if rank is None else float(rank.statistic) / (len(first) * len(second))
    if related or min(len(first), len(second)) < 2:
        nan, reason = float("nan"), SHARED_CHANNELS if related else ONE_CHANNEL
        return TwoSamples(**effect, gap_low=nan, gap_high=nan, ks_p=nan, auc=auc, auc_p=nan, undefined=reason)
    low, high = bootstrap_gap(first, second, seed=seed)
    auc_p = 1.0 if rank is None else float(rank.pvalue)
    return TwoSamples(
        **effect, gap_low=low, gap_high=high, ks_p=float(ks.pvalue), auc=auc, auc_p=auc_p, undefined=""
    )


def bootstrap_gap(
    first: Array, second: Array, *, confidence: float = CONFIDENCE, draws: int = DRAWS, seed: int = 0
) -> tuple[float, float]:
    """Percentile interval of the difference of medians when both samples are drawn anew."""
    rng = np.random.default_rng(seed)
    gaps = draw_medians(first, draws, rng) - draw_medians(second, draws, rng)
    low, high = np.quantile(gaps, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def draw_medians(values: Array, draws: int, rng: np.random.Generator) -> Array:
    """Medians of `draws` bootstrap samples, without making the samples.

    A bootstrap sample is floor(n · u) for n uniform u, and the k-th smallest of n uniform numbers follows a
    beta distribution. So the place of the median is drawn directly: two numbers a sample, not n.
    """
    n, ordered = len(values), np.sort(values)
    lower = (n + 1) // 2  # the k of the median, or of the lower of its two neighbours
    u = rng.beta(lower, n + 1 - lower, draws)
    middle = ordered[_place(u, n)]
    if n % 2:
        return np.asarray(middle)
    above = u + (1 - u) * rng.beta(1, n - lower, draws)  # the next one of those that lie above
    return np.asarray((middle + ordered[_place(above, n)]) / 2)


def _place(u: Array, n: int) -> Array:
    return np.asarray(np.minimum((n * u).astype(int), n - 1))


def adjust_holm(p_values: Sequence[float] | Array) -> Array:
    """Holm's step-down correction; NaN stays NaN and is not counted as a test."""
    p = np.asarray(p_values, dtype=float)
    adjusted = np.full_like(p, np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    factors = len(order) - np.arange(len(order))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(p[order] * factors)) if len(order) else []
    return adjusted


def tabulate_gaps(table: pd.DataFrame, *, absolute: bool = False) -> pd.DataFrame:
    """Time against space in every layer of every checkpoint of a BN_SCALES table."""
    frame = table.assign(value=scale_values(table, absolute=absolute))
    parts = [_gaps_of(rows) for _, rows in frame.groupby("checkpoint", sort=False)]
    return check(pd.concat(parts, ignore_index=True)[list(BLOCK_GAPS.columns)], BLOCK_GAPS)


def tabulate_differences(
    table: pd.DataFrame, reference: pd.DataFrame, *, absolute: bool = False
) -> pd.DataFrame:
    """One checkpoint's scales against another's, wherever both have the same layer and group."""
    values = scale_values(reference, absolute=absolute)
    there: dict[Any, Array] = {
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
    return check(_correct(found)[list(SCALE_DIFFERENCES.columns)], SCALE_DIFFERENCES)


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
    for name, rows in gaps.groupby("checkpoint", sort=False):
        sure = rows["auc_p_holm"] < SIGNIFICANT
        others = differences[differences["checkpoint"] == name]
        differ = (others["auc_p_holm"] < SIGNIFICANT) | (others["ks_p_holm"] < SIGNIFICANT)
        found[str(name)] = GapCounts(
            layers=len(rows),
            tested=int(rows["auc_p"].notna().sum()),
            temporal_above=int((sure & (rows["auc"] > 0.5)).sum()),
            temporal_below=int((sure & (rows["auc"] < 0.5)).sum()),
            differs_from_reference=int(differ.sum()),
            compared_with_reference=len(others),
        )
    statistic = "|gamma|" if absolute else "gamma"
    return ComparisonSummary(statistic, reference, CONFIDENCE, "Holm, within each checkpoint", found)


def _gaps_of(rows: pd.DataFrame) -> pd.DataFrame:
    layers = list(dict.fromkeys(rows["layer"]))
    found = []
    for layer, part in rows.groupby("layer", sort=False):
        place = layers.index(layer) / max(1, len(layers) - 1)
        groups = {str(g): members for g, members in part.groupby("group", sort=False)}
        first = part.iloc[0]
        found.append(
            {
                **{name: first[name] for name in ("checkpoint", "stage", "block", "layer")},
                "depth": place,
                **{f"{g}_n": len(groups.get(g, ())) for g in ("spatial", "temporal")},
                **_gap_between(groups),
            }
        )
    return _correct(pd.DataFrame(found))


def _gap_between(groups: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    if set(groups) != {"spatial", "temporal"}:
        effects = ("gap", "gap_low", "gap_high", "wasserstein", "ks", "ks_p", "auc", "auc_p")
        return {
            **dict.fromkeys(effects, float("nan")),
            "undefined": NO_GROUPS if "all" in groups else NO_CHANNELS,
        }
    temporal, spatial = groups["temporal"], groups["spatial"]
    related = bool(set(temporal["channel"]) & set(spatial["channel"]))
    found = compare_samples(temporal["value"].to_numpy(), spatial["value"].to_numpy(), related=related)
    return dict(vars(found))


def _as_shift(found: TwoSamples) -> dict[str, Any]:
    return {name.replace("gap", "shift"): value for name, value in vars(found).items()}


def _correct(found: pd.DataFrame) -> pd.DataFrame:
    """Holm's correction over all rows."""
    return found.assign(**{f"{name}_holm": adjust_holm(found[name].to_numpy()) for name in ("ks_p", "auc_p")})
