"""Time against space: planted gaps, and what is not defined."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import torch

from gst_analysis.analyses.scales.gaps import count_gaps, tabulate_gaps
from gst_analysis.analyses.scales.measure import tabulate_bn_scales
from gst_analysis.analyses.scales.table import (
    BN_SCALES,
    FEW_CHANNELS,
    NO_CHANNELS,
    ONE_CHANNEL,
    SHARED_CHANNELS,
)
from gst_analysis.checkpoints.loading import load_checkpoint
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.tables.schema import check
from tests.conftest import SaveSmall, build_small
from tests.untyped import submodule, untyped

EFFECTS = ["gap", "wasserstein", "ks", "ks_p", "auc", "auc_p", "ks_p_holm", "auc_p_holm"]


def read(path: Path, name: str) -> pd.DataFrame:
    return tabulate_bn_scales(load_checkpoint(path), name=name)


def test_gaps_find_what_was_planted(tmp_path: Path) -> None:
    network = build_small("gst-resnet26s", alpha="1/2")
    with torch.no_grad():
        submodule(network, "layer3.0.bn2").weight[32:] += 1.0
        submodule(network, "layer4.1.bn2").weight[64:] -= 1.0
    table = tabulate_gaps(read(save_model(tmp_path / "a.pth", network), "a")).set_index("layer")
    sure = table[table["auc_p_holm"] < 0.05]
    assert dict(np.sign(sure["gap"])) == {"layer3.0.bn2": 1.0, "layer4.1.bn2": -1.0}
    assert untyped(table.loc["layer3.0.bn2", ["gap_low", "gap_high"]]).between(0.5, 1.5).all()
    assert (table["depth"].iloc[[0, -1]] == [0, 1]).all()
    counts = count_gaps(table.reset_index())["a"]
    assert (counts.layers, counts.tested, counts.above, counts.below) == (8, 8, 1, 1)
    assert counts.describe() == "temporal higher in 1, lower in 1 of 8 blocks"
    assert counts.describe(mark="**") == "temporal higher in **1**, lower in **1** of 8 blocks"


def test_a_sign_matters_unless_it_is_told_not_to(tmp_path: Path) -> None:
    network = build_small("gst-resnet26s")
    with torch.no_grad():
        for block in network.spec.blocks():
            scale = submodule(network, f"{block.name}.bn2").weight
            scale.abs_()
            scale[len(scale) * 3 // 4 :] *= -1
    scales = read(save_model(tmp_path / "a.pth", network), "a")
    assert (tabulate_gaps(scales)["auc"] == 0).all()
    assert (tabulate_gaps(scales, absolute=True)["gap"].abs() < 1).all()


def test_equal_scales_are_no_difference(tmp_path: Path) -> None:
    network = build_small("gst-resnet26s")
    with torch.no_grad():
        for block in network.spec.blocks():
            submodule(network, f"{block.name}.bn2").weight.zero_()
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
    counts = count_gaps(gaps.reset_index())["a"]
    assert (counts.layers, counts.tested, counts.undefined) == (8, 7, (ONE_CHANNEL, FEW_CHANNELS))
    few = gaps.loc["layer2.0.bn2"]  # 4 temporal channels
    assert few[["gap_low", "gap_high"]].isna().all()
    assert few[["gap", "ks_p", "auc_p"]].notna().all()
    assert gaps.loc["layer4.0.bn2"].drop("undefined").notna().all()
    empty = tabulate_gaps(table[~((table["layer"] == "layer1.0.bn2") & (table["group"] == "temporal"))])
    assert empty["undefined"].iloc[0] == NO_CHANNELS
    assert empty["gap"].isna().tolist() == [True] + 7 * [False]
    shared = tabulate_gaps(read(save_small("sth-resnet26s"), "b"))
    assert set(shared["undefined"]) == {SHARED_CHANNELS}
    assert count_gaps(shared)["b"].describe().startswith("not tested: both groups are the same channels")
    assert np.isfinite(shared["gap"]).all()
    flat = tabulate_gaps(read(save_small("c2d-resnet26s"), "c"))
    assert flat["gap"].isna().all()
    assert flat["undefined"].str.contains("no spatial and temporal groups").all()


def scales_of(checkpoint: str, layers: dict[str, dict[str, list[float]]]) -> pd.DataFrame:
    """A BN_SCALES table by hand: layer -> group -> scales."""
    rows = [
        {"checkpoint": checkpoint, "stage": 1, "block": layer, "layer": layer, "group": group, "gamma": gamma}
        for layer, groups in layers.items()
        for group, scales in groups.items()
        for gamma in scales
    ]
    table = pd.DataFrame(rows).assign(share=1.0, beta=0.0, running_mean=0.0, running_var=1.0)
    table["channel"] = table.groupby("layer").cumcount()
    return check(table.assign(importance=table["gamma"].abs())[list(BN_SCALES.columns)], BN_SCALES)


PAIR = {"group": "temporal", "against": "spatial", "level": "layer"}
PARTED = {"spatial": [1.0, 2.0, 3.0], "temporal": [4.0, 5.0]}


def test_layers_and_checkpoints_stay_in_their_order() -> None:
    two = pd.concat([scales_of("z", {"late": PARTED, "early": PARTED}), scales_of("a", {"one": PARTED})])
    gaps = tabulate_gaps(two.reset_index(drop=True))
    assert gaps.index.tolist() == [0, 1, 2]
    assert gaps["checkpoint"].tolist() == ["z", "z", "a"]
    assert gaps["layer"].tolist() == ["late", "early", "one"]
    assert gaps["depth"].tolist() == [0, 1, 0]
    assert (gaps["against_n"].tolist(), gaps["n"].tolist()) == ([3] * 3, [2] * 3)
    assert list(count_gaps(gaps)) == ["z", "a"]


def test_a_layer_of_one_channel_has_no_gap() -> None:
    (row,) = tabulate_gaps(scales_of("a", {"one": {"temporal": [1.0]}})).to_dict("records")
    assert (row["undefined"], row["against_n"], row["n"], row["depth"]) == (NO_CHANNELS, 0, 1, 0)


def test_what_lies_neither_above_nor_below_is_counted_as_neither() -> None:
    sides = {"above": 0.8, "below": 0.2, "higher": 0.9, "level": 0.5, "highest": 1.0}
    gaps = pd.DataFrame(
        {"auc": sides.values(), "auc_p": 0.001, "auc_p_holm": 0.004, "undefined": "", "block": "b", **PAIR}
    )
    unsure = gaps.assign(auc_p_holm=0.05)
    counts = count_gaps(pd.concat([gaps, unsure]).assign(checkpoint="a"))["a"]
    assert (counts.layers, counts.tested, counts.above, counts.below) == (10, 10, 3, 1)
