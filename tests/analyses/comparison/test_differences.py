"""A checkpoint against another: planted shifts, and networks that share little."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from gst_analysis.analyses.comparison.comparability import name_uncompared
from gst_analysis.analyses.comparison.differences import (
    join_differences,
    summarise_comparison,
    tabulate_differences,
)
from gst_analysis.analyses.scales.gaps import tabulate_gaps
from gst_analysis.analyses.scales.measure import tabulate_bn_scales
from gst_analysis.analyses.scales.samples import compare_samples
from gst_analysis.checkpoints.loading import load_checkpoint
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.networks.specs import ModelSpec
from tests.analyses.scales.test_gaps import scales_of
from tests.conftest import SaveSmall, build_small
from tests.untyped import submodule


def read(path: Path, name: str) -> pd.DataFrame:
    return tabulate_bn_scales(load_checkpoint(path), name=name)


def test_identical_files_differ_by_nothing(save_small: SaveSmall) -> None:
    path = save_small("gst-resnet26s")
    table = tabulate_differences(read(path, "a"), read(path, "b"))
    assert len(table) == 16
    assert (table[["shift", "wasserstein", "ks"]] == 0).all(axis=None)
    assert (table[["ks_p", "auc_p", "ks_p_holm", "auc_p_holm"]] == 1).all(axis=None)
    assert (table["auc"] == 0.5).all()


def test_what_differs_is_counted_beside_the_gaps(tmp_path: Path) -> None:
    network = build_small("gst-resnet26s", alpha="1/2")
    before = read(save_model(tmp_path / "a.pth", network), "a")
    with torch.no_grad():
        submodule(network, "layer3.0.bn2").weight[32:] += 1.0
    after = read(save_model(tmp_path / "b.pth", network), "b")
    gaps = tabulate_gaps(pd.concat([before, after], ignore_index=True))
    differences = join_differences([tabulate_differences(after, before)])
    found = summarise_comparison(gaps, differences, reference="a").checkpoints
    assert (found["a"].compared_with_reference, found["b"].compared_with_reference) == (0, 16)
    assert (found["b"].differs_from_reference, found["b"].above) == (1, 1)


def test_a_tenth_added_to_every_scale_is_a_distance_of_a_tenth(tmp_path: Path) -> None:
    network = build_small("gst-resnet26s")
    before = read(save_model(tmp_path / "a.pth", network), "a")
    with torch.no_grad():
        for block in network.spec.blocks():
            submodule(network, f"{block.name}.bn2").weight += 0.1
    after = read(save_model(tmp_path / "b.pth", network), "b")
    table = tabulate_differences(after, before)
    np.testing.assert_allclose(table["wasserstein"], 0.1, atol=1e-7)  # weights are stored in fp32
    np.testing.assert_allclose(table["shift"], 0.1, atol=1e-7)
    np.testing.assert_array_equal(table["reference"].unique(), ["a"])
    exact = compare_samples(np.arange(8) + 0.1, np.arange(8.0))
    assert exact.wasserstein == pytest.approx(0.1, abs=1e-15)


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


def test_differences_by_hand() -> None:
    """Signs count unless told otherwise; rows stay in their order; a group of one channel is compared."""
    here = scales_of(
        "new", {"late": {"spatial": [-1.0, -2.0], "temporal": [3.0]}, "early": {"all": [1.0, 5.0]}}
    )
    there = scales_of("old", {"early": {"all": [1.0, 2.0]}, "late": {"spatial": [1.0, 2.0, 3.0]}})
    table = tabulate_differences(here, there)
    assert table[["layer", "group"]].to_numpy().tolist() == [["late", "spatial"], ["early", "all"]]
    assert table["shift"].tolist() == [-3.5, 1.5]
    assert tabulate_differences(here, there, absolute=True)["shift"].tolist() == [-0.5, 1.5]
    assert (table["n"].tolist(), table["reference_n"].tolist()) == ([2, 2], [3, 2])
    one = scales_of("one", {"late": {"temporal": [2.0]}})
    (row,) = tabulate_differences(one.assign(checkpoint="same"), one).to_dict("records")
    assert (row["checkpoint"], row["reference"], row["shift"]) == ("same", "one", 0)
    joined = join_differences([table, table.iloc[:0], table]).to_frame()
    assert joined.index.tolist() == [0, 1, 2, 3]
    assert len(join_differences([])) == 0


def test_a_difference_is_one_that_either_test_finds() -> None:
    pair = {"group": "temporal", "against": "spatial", "level": "layer"}
    tests = {"auc": 0.9, "auc_p": 0.001, "auc_p_holm": 0.001, "undefined": ""}
    gaps = pd.DataFrame([{"checkpoint": "a", "block": "layer1.0", **pair, **tests}])
    corrected = [(0.01, 0.9), (0.9, 0.01), (0.01, 0.01), (0.05, 0.05), (0.9, 0.9)]
    rows = pd.DataFrame(corrected, columns=["auc_p_holm", "ks_p_holm"]).assign(checkpoint="a")
    found = summarise_comparison(gaps, rows, reference="b")
    assert found.checkpoints["a"].differs_from_reference == 3
    assert found.checkpoints["a"].compared_with_reference == 5
    assert (found.statistic, found.reference, found.confidence) == ("gamma", "b", 0.95)
    assert summarise_comparison(gaps, rows, reference="b", absolute=True).statistic == "|gamma|"
