"""Profiles of networks of planted truth: what differs is found where it was planted, and only there."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

import gst_analysis as gst
from gst_analysis.analyses.profile.table import PROFILE
from gst_analysis.analyses.profile_comparison.differences import tabulate_differences, tabulate_networks
from gst_analysis.analyses.profile_comparison.layout import (
    lay_out_depth,
    lay_out_map,
    list_strands,
    sort_networks,
)
from gst_analysis.cli import run
from tests.analyses.profile.test_profile import SPEC, plant

LINES = ("temporal-use",)


@pytest.fixture(scope="module")
def planted() -> gst.ProfileComparison:
    """Means over frames everywhere, and the same with differences in the last stage."""
    means, last = (plant(gst.create_model(SPEC, seed=0), last=stage) for stage in (5, 4))
    return gst.compare_profiles(means, last, names=["means", "last"], lines=LINES)


def test_what_is_planted_in_the_last_stage_differs_there_and_only_there(
    planted: gst.ProfileComparison,
) -> None:
    assert set(planted.differences["checkpoint"]) == {"last"}
    found = planted.differences.set_index(["level", "stage", "place"])["difference"]
    later = found.index.get_level_values("stage") == 4
    assert found[later].to_numpy() == pytest.approx(1, abs=0.01)
    assert found[~later].to_numpy() == pytest.approx(0, abs=0.01)
    assert planted.summary.differences["last"] == (
        "temporal use: more in stage 4 (+100 points); with 95% confidence in all stages and lines at once."
    )


def test_every_figure_shows_it_there(planted: gst.ProfileComparison) -> None:
    cells = lay_out_map(planted, "temporal-use")
    assert cells.rows == ["means", "last"]
    assert cells.columns[-2:] == ["4.0", "4.1"]
    assert (cells.excess > 0).tolist() == [[False] * 8, [*[False] * 6, True, True]]
    depth = lay_out_depth(planted.table)
    (strand,) = list_strands(planted.differences, "temporal-use", depth, planted.names, "difference")
    assert [x for x, value in zip(strand.x, strand.value, strict=True) if value > 0.5] == [2.75, 3.25]


def test_another_reference_turns_the_sign(planted: gst.ProfileComparison) -> None:
    tables = [planted.table[planted.table["checkpoint"] == name] for name in planted.names]
    there, back = (tabulate_differences(one, other, "x") for one, other in (tables, tables[::-1]))
    assert there["difference"].to_numpy() == pytest.approx(-back["difference"].to_numpy())
    known = there["low"].notna()
    assert there.loc[known, "low"].to_numpy() == pytest.approx(-back.loc[known, "high"].to_numpy())


def make_stages(name: str, shares: dict[int, tuple[float, float, float]]) -> pd.DataFrame:
    """PROFILE of one line, by stage, with bands."""
    row = {"checkpoint": name, "measure": "gamma", "level": "stage", "place": "", "group": "temporal"}
    rows = [
        {
            **row,
            "stage": stage,
            "depth": 0.0,
            "value": value,
            "low": low,
            "high": high,
            "even": 0.25,
            "source": "weights",
            "undefined": "",
        }
        for stage, (value, low, high) in shares.items()
    ]
    return pd.DataFrame(rows, columns=list(PROFILE.columns))


def test_a_difference_has_the_band_of_two_independent_shares() -> None:
    one, other = (
        make_stages(name, {1: band}) for name, band in (("a", (0.5, 0.2, 0.9)), ("b", (0.3, 0.26, 0.33)))
    )
    (row,) = tabulate_differences(one, other, "b").to_dict("records")
    assert (row["difference"], row["low"], row["high"]) == pytest.approx(
        (0.2, 0.2 - np.hypot(0.3, 0.03), 0.2 + np.hypot(0.4, 0.04))
    )


def test_a_network_as_a_whole_is_the_mean_of_its_stages() -> None:
    table = make_stages("a", {1: (0.2, 0.1, 0.4), 2: (0.4, 0.3, 0.5)})
    (row,) = tabulate_networks(table, alpha=0.25, macs=7.0).to_dict("records")
    assert (row["value"], row["low"]) == pytest.approx((0.3, 0.3 - np.hypot(0.1, 0.1) / 2))
    assert (row["alpha"], row["macs"]) == (0.25, 7.0)


def test_a_sweep_is_sorted_by_its_share_and_networks_of_unlike_depth_meet_by_stage() -> None:
    made = {
        text: gst.create_model(SPEC.replace(width=8, alpha=Fraction(text)), seed=0) for text in ("1/2", "1/4")
    }
    found = gst.compare_profiles(*made.values(), names=list(made), lines=LINES)
    assert found.summary.sweep
    assert sort_networks(found) == ["1/4", "1/2"]
    assert lay_out_map(found, "temporal-use").rows == ["α = 1/4, 1/4", "α = 1/2, 1/2"]
    costs = dict(zip(found.networks["checkpoint"], found.networks["macs"], strict=True))
    assert costs["1/4"] < costs["1/2"]
    deeper = gst.create_model(gst.ModelSpec.from_name("gst-resnet34", width=8, num_classes=5), seed=0)
    unlike = gst.compare_profiles(made["1/4"], deeper, names=["short", "long"], lines=LINES)
    assert set(unlike.differences["level"]) == {"stage"}
    assert not unlike.summary.sweep


def test_a_second_checkpoint_behind_profile_is_sent_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["profile", "a.pth", "b.pth"]) == 2
    assert "gst-analyze compare-profiles a.pth b.pth" in capsys.readouterr().err
