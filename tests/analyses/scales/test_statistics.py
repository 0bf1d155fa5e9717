"""Gaps, distances and tests: against plain resampling, planted shifts, and a world without differences."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from gst_analysis.analyses.comparison.comparability import name_uncompared
from gst_analysis.analyses.scales.measure import tabulate_bn_scales
from gst_analysis.analyses.scales.statistics import (
    NO_CHANNELS,
    ONE_CHANNEL,
    SHARED_CHANNELS,
    adjust_holm,
    bootstrap_gap,
    compare_samples,
    draw_medians,
    join_differences,
    summarise_comparison,
    tabulate_differences,
    tabulate_gaps,
)
from gst_analysis.checkpoints.loading import load_checkpoint, save_model
from gst_analysis.networks.specs import ModelSpec
from tests.conftest import SaveSmall, build_small

EFFECTS = ["gap", "wasserstein", "ks", "ks_p", "auc", "auc_p", "ks_p_holm", "auc_p_holm"]


def read(path: Path, name: str) -> pd.DataFrame:
    return tabulate_bn_scales(load_checkpoint(path), name=name)


def test_identical_files_differ_by_nothing(save_small: SaveSmall) -> None:
    path = save_small("gst-resnet26s")
    table = tabulate_differences(read(path, "a"), read(path, "b"))
    assert len(table) == 16
    assert (table[["shift", "wasserstein", "ks"]] == 0).all(axis=None)
    assert (table[["ks_p", "auc_p", "ks_p_holm", "auc_p_holm"]] == 1).all(axis=None)
    assert (table["auc"] == 0.5).all()


def test_a_tenth_added_to_every_scale_is_a_distance_of_a_tenth(tmp_path: Path) -> None:
    network = build_small("gst-resnet26s")
    before = read(save_model(tmp_path / "a.pth", network), "a")
    with torch.no_grad():
        for block in network.spec.blocks():
            network.get_submodule(f"{block.name}.bn2").weight += 0.1
    after = read(save_model(tmp_path / "b.pth", network), "b")
    table = tabulate_differences(after, before)
    np.testing.assert_allclose(table["wasserstein"], 0.1, atol=1e-7)  # weights are stored in fp32
    np.testing.assert_allclose(table["shift"], 0.1, atol=1e-7)
    np.testing.assert_array_equal(table["reference"].unique(), ["a"])
    exact = compare_samples(np.arange(8) + 0.1, np.arange(8.0))
    assert exact.wasserstein == pytest.approx(0.1, abs=1e-15)


def test_the_numbers_are_those_of_plain_definitions() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.normal(0.3, 1, 21), rng.normal(0, 2, 34)
    found = compare_samples(first, second)
    above = (first[:, None] > second).mean() + 0.5 * (first[:, None] == second).mean()
    assert found.auc == pytest.approx(above)
    at = np.sort(np.concatenate([first, second]))
    shares = [(values[:, None] <= at).mean(0) for values in (first, second)]
    assert found.ks == pytest.approx(abs(shares[0] - shares[1]).max())
    assert found.wasserstein == pytest.approx((abs(shares[0] - shares[1])[:-1] * np.diff(at)).sum())
    assert found.gap == pytest.approx(np.median(first) - np.median(second))
    assert found.gap_low < found.gap < found.gap_high


@pytest.mark.parametrize("count", [2, 3, 4, 16, 25])
def test_medians_drawn_directly_follow_those_of_drawn_samples(count: int) -> None:
    rng = np.random.default_rng(count)
    values = rng.normal(size=count)
    plain = np.median(rng.choice(values, (20_000, count)), axis=1)
    direct = draw_medians(values, 20_000, rng)
    at = np.unique(np.concatenate([plain, direct]))
    distance = abs((plain[:, None] <= at).mean(0) - (direct[:, None] <= at).mean(0)).max()
    assert distance < 0.02  # two samples of 20,000 lie within 0.0195 in 99.9 of 100 cases


def test_the_interval_covers_a_planted_gap() -> None:
    rng = np.random.default_rng(5)
    hits = []
    for draw in range(600):
        first, second = rng.normal(1.5, 1, 32), rng.normal(1.0, 1, 96)
        low, high = bootstrap_gap(first, second, draws=500, seed=draw)
        hits.append(low <= 0.5 <= high)
    assert 0.92 <= np.mean(hits) <= 0.985


@pytest.mark.parametrize("sizes", [(48, 16), (96, 32), (384, 128)])
def test_a_random_split_of_one_group_is_rejected_in_a_twentieth(sizes: tuple[int, int]) -> None:
    """The null: no difference but chance. 2,000 random splits of real-looking scales."""
    rng = np.random.default_rng(7)
    pool = rng.gamma(4, 0.1, sum(sizes))
    splits = rng.permuted(np.tile(pool, (2000, 1)), axis=1)
    found = [compare_samples(split[: sizes[1]], split[sizes[1] :]) for split in splits[:300]]
    p_ranks = stats.mannwhitneyu(splits[:, : sizes[1]], splits[:, sizes[1] :], axis=1).pvalue
    np.testing.assert_allclose([f.auc_p for f in found], p_ranks[:300])  # the same test, all at once
    assert abs((p_ranks < 0.05).mean() - 0.05) <= 0.015
    p_shape = [stats.ks_2samp(split[: sizes[1]], split[sizes[1] :]).pvalue for split in splits]
    np.testing.assert_allclose([f.ks_p for f in found], p_shape[:300])
    assert abs(np.mean(np.array(p_shape) < 0.05) - 0.05) <= 0.015


def test_over_sixteen_blocks_one_false_alarm_is_as_rare() -> None:
    rng = np.random.default_rng(9)
    splits = rng.normal(size=(2000, 16, 64))
    p = stats.mannwhitneyu(splits[..., :16], splits[..., 16:], axis=-1).pvalue
    alarms = [(adjust_holm(row) < 0.05).any() for row in p]
    assert np.mean((p < 0.05).any(1)) > 0.4  # what correction is for
    assert np.mean(alarms) <= 0.065


def test_holms_correction_by_hand() -> None:
    p = [0.01, float("nan"), 0.04, 0.03, 0.5]
    np.testing.assert_allclose(adjust_holm(p), [0.04, np.nan, 0.09, 0.09, 0.5])
    assert np.isnan(adjust_holm([float("nan")])).all()
    np.testing.assert_allclose(adjust_holm([0.6, 0.7]), [1, 1])


def test_gaps_find_what_was_planted(tmp_path: Path) -> None:
    network = build_small("gst-resnet26s", alpha="1/2")
    with torch.no_grad():
        network.get_submodule("layer3.0.bn2").weight[32:] += 1.0
        network.get_submodule("layer4.1.bn2").weight[64:] -= 1.0
    table = tabulate_gaps(read(save_model(tmp_path / "a.pth", network), "a")).set_index("layer")
    sure = table[table["auc_p_holm"] < 0.05]
    assert dict(np.sign(sure["gap"])) == {"layer3.0.bn2": 1.0, "layer4.1.bn2": -1.0}
    assert table.loc["layer3.0.bn2", ["gap_low", "gap_high"]].between(0.5, 1.5).all()
    assert (table["depth"].iloc[[0, -1]] == [0, 1]).all()
    counts = summarise_comparison(table.reset_index(), join_differences([]), reference="a").checkpoints["a"]
    assert (counts.layers, counts.tested, counts.temporal_above, counts.temporal_below) == (8, 8, 1, 1)


def test_a_sign_matters_unless_it_is_told_not_to(tmp_path: Path) -> None:
    network = build_small("gst-resnet26s")
    with torch.no_grad():
        for block in network.spec.blocks():
            scale = network.get_submodule(f"{block.name}.bn2").weight
            scale.abs_()
            scale[len(scale) * 3 // 4 :] *= -1
    scales = read(save_model(tmp_path / "a.pth", network), "a")
    assert (tabulate_gaps(scales)["auc"] == 0).all()
    assert (tabulate_gaps(scales, absolute=True)["gap"].abs() < 1).all()


def test_equal_scales_are_no_difference(tmp_path: Path) -> None:
    network = build_small("gst-resnet26s")
    with torch.no_grad():
        for block in network.spec.blocks():
            network.get_submodule(f"{block.name}.bn2").weight.zero_()
    table = tabulate_gaps(read(save_model(tmp_path / "a.pth", network), "a"))
    assert np.isfinite(table[EFFECTS]).all(axis=None)
    assert (table[["ks_p", "auc_p"]] == 1).all(axis=None)
    assert (table[["gap", "wasserstein", "ks"]] == 0).all(axis=None)


def test_what_is_not_defined_is_said_and_not_counted(save_small: SaveSmall) -> None:
    table = read(save_small("gst-resnet26s", alpha="1/8"), "a")  # two temporal channels in stage 1
    table = table[~((table["layer"] == "layer1.0.bn2") & (table["channel"] == 15))]
    gaps = tabulate_gaps(table).set_index("layer")
    row = gaps.loc["layer1.0.bn2"]
    assert row["undefined"] == ONE_CHANNEL
    assert row[["gap_low", "ks_p", "auc_p", "auc_p_holm"]].isna().all()
    assert np.isfinite(row[["gap", "wasserstein", "auc"]].astype(float)).all()
    assert (
        summarise_comparison(gaps.reset_index(), join_differences([]), reference="a").checkpoints["a"].tested
        == 7
    )
    empty = tabulate_gaps(table[~((table["layer"] == "layer1.0.bn2") & (table["group"] == "temporal"))])
    assert empty["undefined"].iloc[0] == NO_CHANNELS
    assert empty["gap"].isna().tolist() == [True] + 7 * [False]
    shared = tabulate_gaps(read(save_small("sth-resnet26s"), "b"))
    assert set(shared["undefined"]) == {SHARED_CHANNELS}
    assert np.isfinite(shared["gap"]).all()
    flat = tabulate_gaps(read(save_small("c2d-resnet26s"), "c"))
    assert flat["gap"].isna().all()
    assert flat["undefined"].str.contains("no spatial and temporal groups").all()


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ("gst-resnet18", "gst-resnet50", "basic blocks are not the bottleneck ones"),
        ("c2d-resnet50", "gst-resnet50", "spatial and temporal channels"),
        ("sth-resnet50", "gst-resnet50", "shares each scale"),
        ("sth-mobilenetv2", "c2d-mobilenetv2", "spatial and temporal channels"),
    ],
)
def test_networks_that_share_nothing_are_told_why(one: str, other: str, words: str) -> None:
    specs = [ModelSpec.from_name(name) for name in (one, other)]
    for first, second in (specs, specs[::-1]):
        comparable, rows = name_uncompared("x", first, second)
        assert not comparable
        assert len(rows) == 1
    assert words in name_uncompared("x", *specs)[1][0]["why"] + rows[0]["why"]


@pytest.mark.parametrize("other", ["gst-large-resnet50", "gst-resnet50", "gst-resnet101"])
def test_networks_are_compared_where_they_overlap(other: str) -> None:
    one, two = ModelSpec.from_name("gst-resnet50", alpha="1/8"), ModelSpec.from_name(other)
    comparable, rows = name_uncompared("x", one, two)
    assert comparable
    assert [row["what"] for row in rows] == ([f"layer3.{i}" for i in range(6, 23)] if "101" in other else [])
