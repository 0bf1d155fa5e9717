"""Drift from the start: planted moves come back channel by channel, whatever the start was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import gst_analysis as gst
from gst_analysis.analyses.drift.measure import choose_positions, summarise_layers, tabulate_drift
from gst_analysis.analyses.drift.starts import start_of_card, start_of_file, start_of_series
from gst_analysis.analyses.drift.table import DRIFT, DRIFT_LAYERS
from gst_analysis.analyses.scales.measure import ScaleRecord, record_scales
from gst_analysis.checkpoints import starting
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.checkpoints.loading import load_checkpoint
from gst_analysis.errors import SpecError
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.tables.schema import check
from tests.conftest import SaveSmall, build_small
from tests.untyped import untyped

SPEC = gst.ModelSpec.from_name("gst-resnet26s", width=16, num_classes=5)


@pytest.fixture
def flat(tmp_path: Path) -> Path:
    """2-D weights with scales that differ from channel to channel."""
    return gst.save_model(tmp_path / "flat.pth", build_small("c2d-resnet26s", seed=9))


def save(model: LoadedModel, path: Path, **provenance: Any) -> ScaleRecord:
    return record_scales(load_checkpoint(gst.save_model(path, model, provenance=provenance)), path.stem)


def norm(model: LoadedModel, layer: str = "layer3.1.bn2") -> torch.Tensor:
    weight = model.module.get_submodule(layer).weight
    assert isinstance(weight, torch.Tensor)
    return weight


def test_what_still_holds_a_2d_value_comes_back_channel_by_channel(tmp_path: Path, flat: Path) -> None:
    model = gst.create_model(SPEC, pretrained=flat, seed=0)
    with torch.no_grad():
        norm(model)[:] *= 1.04  # within 5%
        norm(model)[[0, 50, 63]] *= 2  # two of the last sixteen are temporal
    record = save(model, tmp_path / "now.pth")
    start = start_of_file(load_checkpoint(flat), record)
    table = tabulate_drift(record.table, start, position=3)
    check(table, DRIFT)
    plain = load_checkpoint(flat).state
    here = table[table["layer"] == "layer3.1.bn2"].set_index("channel")
    np.testing.assert_allclose(here["start"], plain["layer3.1.bn2.weight"].double())
    np.testing.assert_allclose(
        here["change"], norm(model).detach().double().numpy() - here["start"], atol=1e-7
    )
    assert table["inherited"].all()
    assert set(here.index[~here["unmoved"]]) == {0, 50, 63}
    assert table[table["layer"] != "layer3.1.bn2"]["unmoved"].all()
    layers = summarise_layers(table).set_index(["layer", "group"])
    check(layers.reset_index()[list(DRIFT_LAYERS.columns)], DRIFT_LAYERS)
    row = untyped(layers.loc[("layer3.1.bn2", "temporal")])
    assert (row["n"], row["inherited"], row["carried"], row["unmoved"]) == (16, 16, 14, 14)
    assert layers.loc[("layer3.0.bn2", "temporal"), "rank_correlation"] == pytest.approx(1.0)
    assert start.notes == ()


def test_the_card_knows_a_random_start(tmp_path: Path) -> None:
    model = gst.create_model(SPEC, seed=3)
    with torch.no_grad():
        norm(model)[10] = 1.5
    record = save(model, tmp_path / "now.pth")
    table = tabulate_drift(record.table, start_of_card(record), position=0)
    assert (table["start"] == 1).all()
    assert not table["inherited"].any()
    assert list(table.loc[table["change"] != 0, ["layer", "channel"]].iloc[0]) == ["layer3.1.bn2", 10]
    assert (table["change"] != 0).sum() == 1
    assert summarise_layers(table)["rank_correlation"].isna().all()
    assert summarise_layers(table)["carried"].sum() == 0


def test_the_card_knows_imagenet_weights(tmp_path: Path, flat: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = gst.create_model(SPEC, pretrained=flat, seed=0)
    source = {"weights": "resnet26s.IMAGENET1K_V1"}
    record = save(model, tmp_path / "now.pth", inflated_from=source)
    state = load_checkpoint(flat).state
    monkeypatch.setattr(starting, "load_flat_weights", lambda spec, name, *, fetch: (state, source))
    table = tabulate_drift(record.table, start_of_card(record), position=0)
    assert (table["change"] == 0).all()
    assert table["inherited"].all()  # batch norms are inherited whole


def test_a_card_that_names_imagenet_fetches_nothing(
    save_small: SaveSmall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = record_scales(load_checkpoint(save_small()), "small")
    full = ModelSpec.from_name("gst-resnet18")  # of which there are weights to fetch
    record = replace(record, spec=full, provenance={"inflated_from": {"weights": "any"}})
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", pytest.fail)
    with pytest.raises(SpecError, match=r"nobody asked to fetch them.*resnet18-f37072fd\.pth"):
        start_of_card(record)


def test_only_the_ranges_that_are_told_are_inherited(tmp_path: Path, flat: Path) -> None:
    model = gst.create_model(SPEC, pretrained=flat, seed=0)
    norms = {"layer1.0.bn2": [0, 4], "layer1.1.bn2": ["0", 9], "layer9.9.bn2": [0, 3], "layer2.0.bn2": [2]}
    record = save(model, tmp_path / "a.pth", inherited={"norms": norms})
    table = tabulate_drift(record.table, start_of_series(record), position=0)
    flagged = table[table["inherited"]]
    assert flagged["layer"].unique().tolist() == ["layer1.0.bn2"]
    assert flagged["channel"].tolist() == [0, 1, 2, 3]
    odd = save(model, tmp_path / "b.pth", inherited=["norms"])
    assert not tabulate_drift(odd.table, start_of_series(odd), position=0)["inherited"].any()


def test_a_start_that_is_not_known_is_asked_for(save_small: SaveSmall, tmp_path: Path, flat: Path) -> None:
    bare = record_scales(load_checkpoint(save_small()), "bare")
    with pytest.raises(SpecError, match="what it started from"):
        start_of_card(bare)
    inflated = save(gst.create_model(SPEC, pretrained=flat, seed=0), tmp_path / "now.pth")
    with pytest.raises(SpecError, match=r"no values of the 2-D weights flat\.pth"):
        start_of_card(inflated)


def test_a_slimmed_network_did_not_start_as_it_is(tmp_path: Path) -> None:
    widths = tuple((block.hidden // 2, block.hidden // 4) for block in SPEC.blocks())
    record = save(gst.create_model(SPEC.replace(widths=widths), seed=0), tmp_path / "slim.pth")
    with pytest.raises(SpecError, match="what it started from"):
        start_of_card(record)
    assert not tabulate_drift(record.table, start_of_series(record), position=0)["change"].any()


def test_another_file_than_the_card_tells_is_noted(tmp_path: Path, flat: Path, save_small: SaveSmall) -> None:
    record = save(gst.create_model(SPEC, pretrained=flat, seed=0), tmp_path / "now.pth")
    other = load_checkpoint(save_small("c2d-resnet26s", seed=4))
    assert "another file" in start_of_file(other, record).notes[0]


@pytest.mark.parametrize("name", ["gst-resnet18", "c2d-resnet18"])
def test_a_start_of_other_blocks_is_refused(name: str, save_small: SaveSmall) -> None:
    record = record_scales(load_checkpoint(save_small()), "now")
    with pytest.raises(SpecError, match="bottleneck blocks"):
        start_of_file(load_checkpoint(save_small(name)), record)


def test_a_start_of_another_width_is_refused(save_small: SaveSmall, tmp_path: Path) -> None:
    record = record_scales(load_checkpoint(save_small()), "now")
    wide = gst.create_model(gst.ModelSpec.from_name("c2d-resnet26s", width=32, num_classes=5), seed=0)
    with pytest.raises(SpecError, match=r"no fitting layer1\.0\.bn2"):
        start_of_file(load_checkpoint(gst.save_model(tmp_path / "wide.pth", wide)), record)


def test_an_earlier_epoch_of_a_2d_network_is_not_2d_weights(tmp_path: Path) -> None:
    spec = SPEC.replace(family="c2d")
    model = gst.create_model(spec, seed=0)
    record = save(model, tmp_path / "now.pth")
    start = start_of_file(load_checkpoint(gst.save_model(tmp_path / "then.pth", model)), record)
    assert start.origin.startswith("an earlier checkpoint")
    assert not any(flags.any() for flags in start.inherited.values())


def test_sth_has_one_scale_for_both_owners(save_small: SaveSmall) -> None:
    record = record_scales(load_checkpoint(save_small("sth-resnet26s")), "now")
    table = tabulate_drift(record.table, start_of_series(record), position=0)
    assert set(table["group"]) == {"all"}
    assert not table.duplicated(["layer", "channel"]).any()
    assert (table["change"] == 0).all()


def test_the_tolerance_is_a_part_of_the_start(tmp_path: Path) -> None:
    model = gst.create_model(SPEC, seed=0)
    record = save(model, tmp_path / "then.pth")
    with torch.no_grad():
        norm(model)[:3] = torch.tensor([1.09, 1.11, -1.0])
    later = save(model, tmp_path / "now.pth")
    table = tabulate_drift(later.table, start_of_series(record), position=1, tolerance=0.1)
    moved = table[~table["unmoved"]]
    assert moved["channel"].tolist() == [1, 2]


@pytest.mark.parametrize(
    ("epochs", "axis", "positions"),
    [
        ([1, 5, 9], "epoch", [1, 5, 9]),
        ([1, None, 9], "checkpoint", [0, 1, 2]),
        ([5, 5], "checkpoint", [0, 1]),
        ([9, 1], "checkpoint", [0, 1]),
        (["1", True], "checkpoint", [0, 1]),
    ],
)
def test_a_series_is_laid_out_by_epochs_where_they_rise(
    epochs: list[object], axis: str, positions: list[float]
) -> None:
    assert choose_positions(epochs) == (axis, positions)


def test_summaries_are_plain_pandas(tmp_path: Path, flat: Path) -> None:
    record = save(gst.create_model(SPEC, pretrained=flat, seed=0), tmp_path / "now.pth")
    rng = np.random.default_rng(0)
    scales = record.table.assign(gamma=record.table["gamma"] + rng.normal(0, 0.05, len(record.table)))
    table = tabulate_drift(scales, start_of_series(record), position=0)
    layers = summarise_layers(table).set_index(["layer", "group"]).sort_index()
    grouped = table.groupby(["layer", "group"])
    pd.testing.assert_series_equal(layers["median"], grouped["gamma"].median(), check_names=False)
    pd.testing.assert_series_equal(
        layers["change"], grouped["change"].apply(lambda c: c.abs().mean()), check_names=False
    )
    ranks = grouped[["gamma", "start"]].apply(lambda part: part["gamma"].rank().corr(part["start"].rank()))
    np.testing.assert_allclose(layers["rank_correlation"], ranks)
