"""Rank correlations of scores and drops: against scipy, on scores that are right or wrong by construction."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from gst_analysis.analyses.ablation.table import ABLATION
from gst_analysis.analyses.agreement.measure import _summarise, measure_agreement, rank_correlation
from gst_analysis.analyses.agreement.table import ALL_SCORES, SCORE_AGREEMENT
from gst_analysis.errors import SpecError
from gst_analysis.probes.resampling import Bootstrap
from gst_analysis.tables.schema import check

FEW = Bootstrap(draws=200)
LAYERS = [f"layer{stage}.{index}.bn2" for stage in (1, 2, 3, 4) for index in (0, 1)]
WIDTHS = {"spatial": 6, "temporal": 2}


def make_tables(name: str = "one", seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Random scores; each channel's |γ| is the drop of its group over its size, its Taylor score minus it."""
    rng = np.random.default_rng(seed)
    drops, scores = [], []
    for layer in LAYERS:
        for group, width in WIDTHS.items():
            drop = float(rng.normal())
            block, stage = layer.removesuffix(".bn2"), int(layer[5])
            place = {"checkpoint": name, "stage": stage, "block": block, "layer": layer, "group": group}
            ends = {f"{m}{e}": drop for m in ("accuracy_drop", "logit_drop", "loss_rise") for e in ENDS}
            drops.append(
                {**place, "channels": width, "intervention": "zero", "clips": 9, "accuracy": 0.5} | ends
            )
            right = {"abs_gamma": drop / width, "taylor": -drop / width, "invariant": 1.0, "channels": 1.0}
            for channel in range(width):
                noise = {score: float(rng.normal()) for score in ALL_SCORES}
                scores.append({**place, "channel": channel, **noise, **right})
    table = check(pd.DataFrame(drops)[list(ABLATION.columns)], ABLATION)
    return pd.DataFrame(scores), table


ENDS = ("", "_low", "_high")


def pick(table: pd.DataFrame, score: str, aggregate: str, checkpoint: str = "one") -> pd.Series:
    rows = table.query("score == @score and aggregate == @aggregate and checkpoint == @checkpoint")
    return rows[rows["measure"] == "loss_rise"].iloc[0]


def test_right_and_wrong_scores_are_told_apart() -> None:
    scores, drops = make_tables()
    table = measure_agreement(scores, drops, bootstrap=FEW)
    assert list(table.columns) == list(SCORE_AGREEMENT.columns)
    right, wrong = pick(table, "abs_gamma", "sum"), pick(table, "taylor", "sum")
    assert (right["spearman"], right["low"], right["high"]) == pytest.approx((1, 1, 1))
    assert (wrong["spearman"], wrong["low"], wrong["high"]) == pytest.approx((-1, -1, -1))
    assert right["units"] == 16
    noise = pick(table, "gamma", "mean")
    assert -1 < noise["low"] < noise["spearman"] < noise["high"] < 1


@pytest.mark.parametrize("how", ["mean", "sum"])
def test_the_correlation_is_scipys_of_the_plain_groups(how: str) -> None:
    scores, drops = make_tables()
    found = pick(measure_agreement(scores, drops, bootstrap=FEW), "activation_norm", how)
    plain = [
        getattr(scores.query("layer == @row.layer and group == @row.group")["activation_norm"], how)()
        for row in drops.itertuples()
    ]
    assert found["spearman"] == pytest.approx(spearmanr(plain, drops["loss_rise"]).statistic)


def test_what_has_no_spread_or_no_value_is_missing() -> None:
    scores, drops = make_tables()
    scores.loc[scores["layer"].isin(LAYERS[:4]), "invariant_output"] = np.nan
    scores["invariant_spread"] = np.nan
    table = measure_agreement(scores, drops, bootstrap=FEW)
    constant = pick(table, "invariant", "mean")
    assert np.isnan(constant["spearman"])
    assert constant["checkpoints"] == 0
    assert pick(table, "invariant_output", "sum")["units"] == 8
    assert np.isnan(pick(table, "invariant_spread", "sum")["spearman"])
    assert pick(table, "channels", "sum")["units"] == 16  # the size of a group is a score too


@pytest.mark.slow
@pytest.mark.parametrize(("checkpoints", "planted"), [(1, 0.5), (14, 0.0), (14, 0.5), (14, 0.8)])
def test_how_often_the_interval_covers(checkpoints: int, planted: float) -> None:
    """Twelve groups in each checkpoint: the numbers of docs/intervals.md."""
    rng = np.random.default_rng(checkpoints)
    truth, hits, bootstrap = 6 / np.pi * np.arcsin(planted / 2), [], Bootstrap(draws=400)
    for _ in range(300):
        found = []
        for _ in range(checkpoints):
            pair = rng.normal(size=(2, 12))
            pair[1] = planted * pair[0] + np.sqrt(1 - planted**2) * pair[1]
            draws = rng.integers(12, size=(400, 12))
            (rho,) = rank_correlation(*pair[:, None])
            found.append((12, float(rho), rank_correlation(*pair[:, draws])))
        row = _summarise(found, bootstrap)
        hits.append(row["low"] <= truth <= row["high"])
    print(f"{checkpoints} checkpoints, {planted}: {np.mean(hits):.1%}")
    assert np.mean(hits) >= 0.86


def test_over_checkpoints_it_is_the_mean() -> None:
    pairs = [make_tables("one", 0), make_tables("two", 1)]
    scores, drops = (pd.concat(parts, ignore_index=True) for parts in zip(*pairs, strict=True))
    table = measure_agreement(scores, drops, bootstrap=FEW)
    single = [pick(table, "gamma", "sum", name)["spearman"] for name in ("one", "two")]
    pooled = pick(table, "gamma", "sum", "all")
    assert pooled["spearman"] == pytest.approx(np.mean(single))
    assert (pooled["checkpoints"], pooled["units"]) == (2, 32)
    with pytest.raises(SpecError, match="only one of both for two"):
        measure_agreement(scores, pairs[0][1], bootstrap=FEW)


def test_rank_correlation_of_rows_with_ties() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.integers(0, 4, (2, 20, 9)).astype(float)
    expected = [spearmanr(a, b).statistic for a, b in zip(one, other, strict=True)]
    np.testing.assert_allclose(rank_correlation(one, other), expected)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(3, 12))
def test_rank_correlation_sees_order_alone(seed: int, units: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.integers(0, 6, (2, 4, units)).astype(float)
    found = rank_correlation(one, other)
    assert (np.abs(found[~np.isnan(found)]) <= 1 + 1e-12).all()
    np.testing.assert_allclose(rank_correlation(np.exp(one), 3 * other - 7), found)
    np.testing.assert_allclose(rank_correlation(-one, other), -found)
    np.testing.assert_allclose(rank_correlation(other, one), found)
    order = rng.permutation(units)
    np.testing.assert_allclose(rank_correlation(one[:, order], other[:, order]), found)
    spread = np.ptp(one, axis=1) > 0
    np.testing.assert_allclose(rank_correlation(one, one), np.where(spread, 1.0, np.nan))
