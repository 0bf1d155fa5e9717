"""The findings: networks whose answer is planted, trends and shares by a second derivation, one small run."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from benchmarks.findings import HEADLINES, compare_pieces, main, number_runs, read_pairs, say_pieces
from benchmarks.findings_measures import DRAWS, MATCHED, Finding, cut_pieces, measure_finding, pair_groups
from benchmarks.findings_statistics import (
    Estimate,
    compare_runs,
    find_deep_share,
    find_trend,
    order_p_value,
    share_of_time,
)
from gst_analysis.analyses.ablation.measure import measure_ablation
from gst_analysis.analyses.ablation.table import AblationOptions
from gst_analysis.checkpoints.loading import LoadedModel, save_model
from gst_analysis.clips.records import RecordList
from gst_analysis.errors import SpecError
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ClipSpec, ModelSpec
from gst_analysis.planted.making import WorldConfig, make_world
from tests.analyses.labelled_clips import small_model, write_clips


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def records(tmp_path: Path) -> RecordList:
    return write_clips(tmp_path, [0, 1, 2, 3, 4, 0])


def silence(model: LoadedModel, group: str, blocks: slice) -> None:
    """Take scale and offset from a group of channels of some blocks, in the network and its weights' copy."""
    for pair in pair_groups(model)[blocks]:
        unit = pair[("spatial", "temporal").index(group)]
        norm = model.module.get_submodule(unit.layer)
        with torch.no_grad():
            for name in ("weight", "bias"):
                getattr(norm, name)[unit.channels] = 0
                model.checkpoint.state[f"{unit.layer}.{name}"][unit.channels] = 0


def measure(model: LoadedModel, records: RecordList) -> Finding:
    return measure_finding(model, records, name="net", world="temporal", batch=3)


def test_time_that_is_only_deep_has_a_trend_by_every_score(records: RecordList) -> None:
    """Early blocks without time and late ones without space: each share goes from 0 to 1."""
    model = small_model()
    silence(model, "temporal", slice(0, 4))
    silence(model, "spatial", slice(4, 8))
    found = measure(model, records)
    for score in ("gamma", "invariant"):
        estimate = found.estimates[score, "median"]
        np.testing.assert_array_equal(estimate.share, [0] * 4 + [1] * 4)
        trend = find_trend(estimate.share, share_of_time(estimate.draws))
        planted = spearmanr([0] * 4 + [1] * 4, range(8)).statistic
        assert trend.spearman.value == pytest.approx(planted)
        assert trend.p == pytest.approx(2 / 70)  # four of eight places can be the last four, or the first
        assert find_deep_share(estimate)[0] == 1
    for score in ("zero", "mean", "shuffle-time"):
        drops = found.estimates[score, "loss"].value
        assert (drops[1, :4] == 0).all()  # what is silent already cannot be missed
        assert (drops[0, 4:] == 0).all()
    changed = found.estimates["zero", "loss"].value
    assert (changed[0, :4] != 0).all()
    assert (changed[1, 4:] != 0).all()


def test_drops_are_those_of_the_ablation(records: RecordList) -> None:
    """The same numbers as the product's own analysis, which walks the clips by itself."""
    model = small_model()
    found = measure(model, records)
    options = AblationOptions(interventions=("zero", "mean", "shuffle-time"), batch=3, device="cpu")
    table = measure_ablation(model, records, options=options).table
    for kind, rows in table.groupby("intervention"):
        expected = rows["loss_rise"].to_numpy().reshape(-1, 2).T
        np.testing.assert_allclose(
            found.estimates[str(kind), "loss"].value, expected, atol=2e-5
        )  # means in fp32 or fp64
        points = 100 * rows["accuracy_drop"].to_numpy().reshape(-1, 2).T
        np.testing.assert_allclose(found.estimates[str(kind), "accuracy"].value, points, atol=1e-9)
    assert found.estimates["zero", "loss"].draws.shape == (DRAWS, 2, 8)
    matched = found.estimates["mean, as many channels", "loss"].value
    np.testing.assert_array_equal(matched[1], found.estimates["mean", "loss"].value[1])


def test_pieces_are_as_many_spatial_channels_as_temporal_ones() -> None:
    for spatial, temporal in pair_groups(small_model()):
        pieces = [piece.channels for piece in cut_pieces(spatial, temporal)]
        taken = [channel for piece in pieces for channel in range(piece.start, piece.stop)]
        assert taken == list(range(spatial.channels.start, spatial.channels.stop))  # 1/4: three pieces
        assert {piece.stop - piece.start for piece in pieces} == {temporal.count}


@pytest.mark.parametrize("name", ["c2d-resnet26s", "gst-resnet18"])
def test_networks_without_such_pairs_are_refused(name: str, records: RecordList) -> None:
    with pytest.raises(SpecError, match="spatial and temporal channels"):
        measure(small_model(name), records)


@pytest.mark.parametrize("values", [[3.0, 1.0, 2.0, 5.0, 4.0], [1.0, 1.0, 2.0, 0.5, 2.0]])
def test_the_p_value_counts_orders(values: list[float]) -> None:
    """Against SciPy's correlation of every order, one by one; ties too."""
    found = abs(spearmanr(values, range(5)).statistic)
    orders = [abs(spearmanr(order, range(5)).statistic) for order in itertools.permutations(values)]
    assert order_p_value(np.array(values)) == pytest.approx(np.mean(np.array(orders) >= found - 1e-9))


def test_a_rise_through_eight_blocks_and_what_has_no_trend() -> None:
    rising = np.linspace(0.1, 0.9, 8)
    assert order_p_value(rising) == pytest.approx(2 / 40320)
    assert np.isnan(order_p_value(np.ones(8)))
    rng = np.random.default_rng(0)
    trend = find_trend(rising, rising + rng.normal(0, 0.01, (500, 8)))
    assert trend.spearman.value == 1
    assert trend.spearman.low > 0.9
    gap = np.where(np.arange(8) == 3, np.nan, rising)
    assert find_trend(gap, gap[None]).spearman.value == 1
    assert find_trend(gap, gap[None]).blocks == 7


def test_p_values_of_nothing_are_even() -> None:
    """Blocks in no order: at most 5% below 0.05, and not far fewer."""
    rng = np.random.default_rng(0)
    p = np.array([order_p_value(rng.random(6)) for _ in range(400)])
    assert 0.02 <= (p <= 0.05).mean() <= 0.07


def test_shares() -> None:
    values = np.array([[3.0, -1.0, 2.0, 0.0], [1.0, 2.0, -5.0, 0.0]])
    np.testing.assert_array_equal(share_of_time(values), [0.25, 1, 0, np.nan])


def test_differences_of_runs() -> None:
    """Welch's interval by its formula; with one run there is none."""
    draws = np.zeros(10)
    one, other = [0.5, 0.6, 0.7], [0.2, 0.25]
    found = compare_runs([(v, v + draws) for v in one], [(v, v + draws) for v in other])
    a, b = np.var(one, ddof=1) / 3, np.var(other, ddof=1) / 2
    freedom = (a + b) ** 2 / (a**2 / 2 + b**2 / 1)
    from scipy.stats import t

    half = t.ppf(0.975, freedom) * np.sqrt(a + b)
    middle = np.mean(one) - np.mean(other)
    assert (found.runs.low, found.runs.value, found.runs.high) == pytest.approx(
        (middle - half, middle, middle + half)
    )
    assert found.first.value == pytest.approx(0.3)
    alone = compare_runs([(0.5, draws + 0.5)], [(v, draws + v) for v in other])
    assert np.isnan(alone.runs.low)
    same = compare_runs([(0.5, draws + 0.5)], [(0.5, draws + 0.5)])
    assert (same.first.low, same.first.value, same.first.high) == (0, 0, 0)


def test_deep_is_the_deeper_half() -> None:
    value = np.array([[9.0, 9.0, 1.0, 1.0], [0.0, 0.0, 2.0, 4.0]])
    share, draws = find_deep_share(Estimate(value, value[None]))
    assert share == pytest.approx(6 / 8)
    assert draws.tolist() == pytest.approx([6 / 8])


@pytest.mark.slow
def test_one_small_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = []
    for world, seeds in (("temporal", (0, 1)), ("static", (2,))):
        config = WorldConfig(world, clips=24, size=32, frames=8, train_fraction=0.0)  # type: ignore[arg-type]
        make_world(tmp_path / "worlds" / world, config, workers=1)
        for seed in seeds:
            torch.manual_seed(seed)
            network = build_model(ModelSpec.from_name("gst-resnet26s", width=8, num_classes=12)).eval()
            file = tmp_path / f"{world}-{seed}.pth"
            save_model(file, network, clip_spec=ClipSpec(frames=4, resize=32, crop=32))
            words.append(f"{file}={world}")
    out, numbers = tmp_path / "out", tmp_path / "f.json"
    places = ["--worlds", str(tmp_path / "worlds"), "--out", str(out), "--json", str(numbers)]
    assert main([*words, "--clips", "12", *places]) == 0
    record = json.loads(numbers.read_text())
    assert [one["name"] for one in record["checkpoints"]] == ["temporal-0", "temporal-1", "static-2"]
    assert {row["run"] for row in record["by_block"] if "temporal" in row["checkpoint"]} == {0, 1}
    assert {len(row["value"]) for row in record["by_block"]} == {8}
    assert {(row["world"], row["minus"]) for row in record["differences"]} == {("temporal", "static")}
    sizes = {file.name: file.stat().st_size for file in out.iterdir()}
    assert set(sizes) == {"figure-4.png", "drops.png", "shares.png"}
    assert max(sizes.values()) < 150_000
    printed = capsys.readouterr().out
    assert all(f"| {', '.join(key)} |" in printed for key in HEADLINES)
    assert number_runs([]) == []


def test_what_cannot_be_read_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for word in ("net.pth", "net.pth=other", "=temporal", f"{tmp_path}/none.pth=temporal"):
        assert main([word, "--worlds", str(tmp_path)]) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) <= 2  # the second: which one it was at
    assert read_pairs(["a=b.pth=mixed"]) == [(Path("a=b.pth"), "mixed")]


def test_what_matched_pieces_take_away_is_said() -> None:
    """Whole groups cost 5 and 7 in the deeper half; thirds 0.2 and 0.3 each, so 1.5 added up: eight times."""

    def estimate(spatial: list[float]) -> Estimate:
        value = np.array([spatial, [1.0] * 4])
        return Estimate(value, value[None])

    estimates = {("mean", "loss"): estimate([0, 0, 5, 7]), (MATCHED, "loss"): estimate([0, 0, 0.2, 0.3])}
    blocks, channels = ("a", "b", "c", "d"), ((6, 2), (6, 2), (12, 4), (24, 8))
    found = Finding("net", "static", "gst", "", 9, 1.0, blocks, channels, estimates)
    assert compare_pieces(found) == pytest.approx({"spatial_share": 1 / 3, "whole_over_pieces": 8})
    assert "33% of the spatial ones, which whole cost 8.0 times" in say_pieces(compare_pieces(found))
    odd = Finding("net", "static", "gst", "", 9, 1.0, blocks, ((7, 1),) * 4, estimates)
    assert compare_pieces(odd) == {"spatial_share": pytest.approx(1 / 7), "whole_over_pieces": None}
    assert say_pieces(compare_pieces(odd)).endswith("14% of the spatial ones")
