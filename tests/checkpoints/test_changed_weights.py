"""A network whose weights are no longer the file's: every analysis is of what it is now, and says so."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest
import torch

import gst_analysis as gst
from gst_analysis import workflows
from gst_analysis.checkpoints.loading import CHANGED, LoadedModel, load_model, save_model
from gst_analysis.checkpoints.starting import create_model
from gst_analysis.specs import ModelSpec
from tests.analysis.labelled_clips import small_model, write_clips
from tests.conftest import SMALL, build_small

LAYER = "layer3.0.bn2"


def silence(model: LoadedModel) -> None:
    """Take the scales of one layer away."""
    with torch.no_grad():
        norm = model.module.get_submodule(LAYER)
        norm.weight.zero_()
        norm.bias.zero_()


@pytest.fixture
def model(tmp_path: Path) -> LoadedModel:
    return load_model(save_model(tmp_path / "small.pth", build_small("gst-resnet26s")))


def test_an_untouched_network_is_its_file(model: LoadedModel) -> None:
    assert model.as_it_is() is model.checkpoint
    assert len(model.sha256) == 64
    model.module.train().double().float()
    assert model.as_it_is() is model.checkpoint
    assert pickle.loads(pickle.dumps(model)).sha256 == copy.deepcopy(model).sha256 == model.sha256


def test_scales_are_those_of_the_network(model: LoadedModel, tmp_path: Path) -> None:
    before = model.checkpoint.state[f"{LAYER}.weight"].clone()
    silence(model)
    found = workflows.bn_scales(model)
    silent = found.table["layer"] == LAYER
    assert silent.any()
    assert (found.table.loc[silent, "gamma"] == 0).all()
    assert (found.table.loc[~silent, "gamma"] != 0).any()
    assert found.provenance.sources["small"] == ""
    other = save_model(tmp_path / "other.pth", build_small("gst-resnet26s", seed=1))
    compared = workflows.compare_scales(model, str(other))
    assert compared.provenance.sources["small"] == ""
    gaps = compared.table[compared.table["checkpoint"] == "small"].set_index("layer")
    assert gaps.loc[LAYER, "gap"] == 0
    importance = workflows.channel_importance(model)
    assert (importance.table.loc[importance.table["layer"] == LAYER, "gamma"] == 0).all()
    assert importance.provenance.sources["small"] == ""
    assert torch.equal(model.checkpoint.state[f"{LAYER}.weight"], before)
    saved = workflows.bn_scales(str(save_model(tmp_path / "small.pth", model)))
    assert saved.table["gamma"].tolist() == workflows.bn_scales(model).table["gamma"].tolist()


def test_no_result_claims_the_files_sum(tmp_path: Path) -> None:
    records = write_clips(tmp_path, [0, 1, 2])
    model = small_model()
    path = save_model(tmp_path / "small.pth", model.module, clip_spec=model.clip_spec)
    model = load_model(path)
    untouched = workflows.evaluate(model, records)
    assert model.sha256 in untouched.provenance.sources.values()
    silence(model)
    for changed in (
        workflows.evaluate(model, records),
        *(workflows.trace_clip(model, records, mode=mode) for mode in ("frame", "prefix", "window")),
        workflows.frame_influence(model, records, limit=1),
    ):
        assert changed.provenance.sources["small"] == ""
        assert CHANGED in changed.summary.notes
    assert gst.inspect_checkpoint(model).sha256 == ""


def test_slimming_ranks_what_it_cuts() -> None:
    model = small_model()
    silence(model)
    widths = workflows.slim(model, workflows.SlimTarget(macs=0.9), score="abs_gamma").table
    others = widths[widths["layer"] != LAYER]
    silent = widths[widths["layer"] == LAYER]
    assert (silent["after"] < silent["before"]).all()
    assert others["after"].sum() / others["before"].sum() > silent["after"].sum() / silent["before"].sum()


def test_a_network_that_was_made_and_then_changed() -> None:
    model = create_model(ModelSpec.from_name("gst-resnet26s", **SMALL), seed=0)
    assert CHANGED not in model.notes
    silence(model)
    assert model.notes[-1] == CHANGED
    assert (workflows.bn_scales(model).table.query("layer == @LAYER")["gamma"] == 0).all()


def test_another_head_and_missing_numbers_are_changes(model: LoadedModel) -> None:
    model.module.fc = torch.nn.Linear(model.module.fc.in_features, 3)
    assert model.as_it_is().notes[-1] == CHANGED
    wild = load_model(model.checkpoint.path)
    with torch.no_grad():
        wild.module.fc.bias[0] = float("nan")
    assert wild.sha256 == ""
