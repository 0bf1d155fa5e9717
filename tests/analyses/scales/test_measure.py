"""Figure 4's numbers against planted scales, and against a plain reading of the state dict."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import gst_analysis as gst
from gst_analysis.analyses.scales.measure import summarise_bn_scales, tabulate_bn_scales
from gst_analysis.analyses.scales.table import BN_SCALES
from gst_analysis.checkpoints import detective, starting
from gst_analysis.checkpoints.loading import load_checkpoint
from gst_analysis.networks import registry
from gst_analysis.networks.specs import model_names
from gst_analysis.tables.schema import check
from tests.checkpoints import foreign
from tests.conftest import SaveSmall, build_small, list_results
from tests.untyped import design, submodule


def plant(path: Path, *, alpha: int, spatial: float, temporal: float) -> Path:
    """An official checkpoint whose spatial scales are one number and temporal ones another."""
    state = foreign.gst_video(alpha=alpha, planes=16, classes=3)
    for name, tensor in state.items():
        if name.endswith("bn2.weight"):
            cut = len(tensor) - len(tensor) // alpha
            tensor[:cut], tensor[cut:] = spatial, temporal
    torch.save({"state_dict": state}, path)
    return path


@pytest.mark.parametrize("alpha", [2, 4, 8])
def test_planted_scales_come_back_group_by_group(tmp_path: Path, alpha: int) -> None:
    path = plant(tmp_path / "a.pth", alpha=alpha, spatial=0.25, temporal=-1.5)
    table = gst.bn_scales(path).table
    assert table.groupby("group")["gamma"].unique().map(list).to_dict() == {
        "spatial": [0.25],
        "temporal": [-1.5],
    }
    counts = table[table["block"] == "layer1.0"]["group"].value_counts()
    assert counts.to_dict() == {"spatial": 16 - 16 // alpha, "temporal": 16 // alpha}
    signed = gst.bn_scales(path).summary.checkpoints["a"][0].groups["temporal"]
    assert (signed.mean, signed.median, signed.std) == (-1.5, -1.5, 0.0)
    assert gst.bn_scales(path, absolute=True).summary.checkpoints["a"][0].groups["temporal"].median == 1.5


def test_the_table_is_the_state_dict_read_plainly(tmp_path: Path) -> None:
    state = foreign.gst_video(alpha=4, planes=16)
    torch.save(state, tmp_path / "a.pth")
    table = tabulate_bn_scales(load_checkpoint(tmp_path / "a.pth"))
    expected = []
    for name in state:
        if name.endswith("bn2.weight"):
            base = name.removesuffix("weight")
            for channel in range(len(state[name])):
                group = "spatial" if channel < len(state[name]) * 3 // 4 else "temporal"
                block = base.removeprefix("module.base_model.").removesuffix(".bn2.")
                values = [
                    float(state[base + p][channel]) for p in ("weight", "bias", "running_mean", "running_var")
                ]
                expected.append((int(block[5]), block, f"{block}.bn2", group, channel, *values))
    columns = ["stage", "block", "layer", "group", "channel", "gamma", "beta", "running_mean", "running_var"]
    pd.testing.assert_frame_equal(
        table[columns].sort_values(["layer", "channel"], ignore_index=True),
        pd.DataFrame(expected, columns=columns).sort_values(["layer", "channel"], ignore_index=True),
        check_dtype=False,
    )


@pytest.mark.parametrize(
    "name", [n for n in model_names() if "resnet26s" in n or "resnet18" in n or "mobile" in n]
)
def test_every_family_has_a_table(name: str, save_small: SaveSmall) -> None:
    path = save_small(name)
    table = gst.bn_scales(path).table
    check(table, BN_SCALES)
    spec = design(load_checkpoint(path).spec)
    both, apart = name.startswith("sth-resnet"), name.startswith("p3d")  # a norm after each of two kernels
    assert table["layer"].nunique() == sum(len(block.sites) for block in spec.blocks()) * (2 if apart else 1)
    width = sum(site.c_out for block in spec.blocks() for site in block.sites)
    assert len(table) == width * (2 if both or apart else 1)
    groups = {"spatial", "temporal"} if name.startswith(("gst", "sth", "p3d")) else {"all"}
    assert set(table["group"]) == groups


def test_a_basic_block_has_two_norms_after_operators(save_small: SaveSmall) -> None:
    table = gst.bn_scales(save_small("gst-resnet18")).table
    assert list(table["layer"].unique())[:2] == ["layer1.0.bn1", "layer1.0.bn2"]


def test_sth_shares_a_scale_between_its_kernels_by_their_energy(tmp_path: Path) -> None:
    network = build_small("sth-resnet26s")
    conv = submodule(network, "layer1.0.conv2")
    with torch.no_grad():
        conv.spatial.weight.zero_()
        conv.temporal.weight.zero_()
        conv.spatial.weight[0, 0, 0, 0] = 3.0
        conv.temporal.weight[0, 0, 0, 0, 0] = 4.0
        conv.temporal.weight[1, 0, 0, 0, 0] = 2.0
        submodule(network, "layer1.0.bn2").weight.fill_(10.0)
    gst.save_model(tmp_path / "a.pth", network)
    table = gst.bn_scales(tmp_path / "a.pth").table
    first = table[table["block"] == "layer1.0"].set_index(["channel", "group"])["importance"]
    assert first[0, "spatial"] == pytest.approx(6.0)
    assert first[0, "temporal"] == pytest.approx(8.0)
    assert (first[1, "spatial"], first[1, "temporal"]) == (0.0, 10.0)
    assert first[2, "spatial"] == pytest.approx(10 * 0.5**0.5)


def test_reading_scales_builds_no_network(save_small: SaveSmall, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save_small()

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("a network was built")

    for module in (registry, starting):
        monkeypatch.setattr(module, "build_model", refuse)
    monkeypatch.setattr(torch.nn.Module, "__init__", refuse)
    assert not hasattr(detective, "build_model")
    assert len(gst.bn_scales(path).table) > 0


def test_many_checkpoints_keep_their_order_and_their_names(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    paths = [
        plant(tmp_path / "b.pth", alpha=2, spatial=1, temporal=2),
        plant(tmp_path / "a.pth", alpha=4, spatial=3, temporal=4),
        plant(tmp_path / "x" / "a.pth", alpha=8, spatial=5, temporal=6),
    ]
    seen: list[tuple[int, int, str]] = []
    result = gst.bn_scales(*paths, progress=lambda *step: seen.append(step))
    assert list(result.table["checkpoint"].unique()) == ["b", "a (1)", "a (2)"]
    assert seen == [(0, 3, "b"), (1, 3, "a (1)"), (2, 3, "a (2)")]
    assert result.summary.checkpoints["a (2)"][0].groups["temporal"].n == 2


def test_loaded_models_and_paths_give_the_same_table(save_small: SaveSmall) -> None:
    path = save_small()
    by_path, by_model = gst.bn_scales(path).table, gst.bn_scales(gst.load_model(path)).table
    pd.testing.assert_frame_equal(by_path, by_model)


def test_the_summary_is_numpys(save_small: SaveSmall) -> None:
    table = gst.bn_scales(save_small()).table
    part = table[(table["layer"] == "layer2.1.bn2") & (table["group"] == "spatial")]["gamma"].to_numpy()
    (layer,) = [
        x for x in summarise_bn_scales(table).checkpoints["gst-resnet26s-0"] if x.layer == "layer2.1.bn2"
    ]
    got = layer.groups["spatial"]
    assert got.n == len(part)
    np.testing.assert_allclose([got.mean, got.median, got.std], [part.mean(), np.median(part), part.std()])


def test_a_result_shows_itself_in_jupyter_and_saves_itself(tmp_path: Path, save_small: SaveSmall) -> None:
    result = gst.bn_scales(save_small())
    assert "<table" in result._repr_html_()
    files = result.save(tmp_path / "out")
    for table in (pd.read_csv(files["csv"]), pd.read_parquet(files["parquet"])):
        pd.testing.assert_frame_equal(table, result.table, check_dtype=False)
    assert list_results(tmp_path / "out") == ["bn_scales.csv", "bn_scales.json", "bn_scales.parquet"]
