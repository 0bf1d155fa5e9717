"""A network whose weights are no longer the file's: every analysis is of what it is now, and says so."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import prune

import gst_analysis as gst
from gst_analysis.analyses import (
    ablation,
    comparison,
    cost,
    evaluation,
    influence,
    prediction,
    scales,
    slimming,
    traces,
)
from gst_analysis.analyses import importance as importance_room
from gst_analysis.analyses.traces.single_clips import trace_clip
from gst_analysis.checkpoints.loaded import CHANGED, LoadedModel
from gst_analysis.checkpoints.loading import load_model
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.checkpoints.starting import create_model
from gst_analysis.errors import SpecError
from gst_analysis.networks.specs import ModelSpec
from tests.analyses.labelled_clips import small_model, write_clips
from tests.conftest import SMALL, build_small
from tests.untyped import submodule, untyped

LAYER = "layer3.0.bn2"


def silence(model: LoadedModel) -> None:
    """Take the scales of one layer away."""
    with torch.no_grad():
        norm = submodule(model.module, LAYER)
        norm.weight.zero_()
        norm.bias.zero_()


@pytest.fixture
def model(tmp_path: Path) -> LoadedModel:
    return load_model(save_model(tmp_path / "small.pth", build_small("gst-resnet26s")))


def test_an_untouched_network_is_its_file(model: LoadedModel) -> None:
    assert model.current_checkpoint() is model.checkpoint
    assert len(model.sha256) == 64
    model.module.train().double().float()
    assert model.current_checkpoint() is model.checkpoint
    assert pickle.loads(pickle.dumps(model)).sha256 == copy.deepcopy(model).sha256 == model.sha256


def test_scales_are_those_of_the_network(model: LoadedModel, tmp_path: Path) -> None:
    before = model.checkpoint.state[f"{LAYER}.weight"].clone()
    silence(model)
    found = scales.bn_scales(model)
    silent = found.table["layer"] == LAYER
    assert silent.any()
    assert (found.table.loc[silent, "gamma"] == 0).all()
    assert (found.table.loc[~silent, "gamma"] != 0).any()
    assert found.provenance.sources["small"] == ""
    other = save_model(tmp_path / "other.pth", build_small("gst-resnet26s", seed=1))
    compared = comparison.compare_scales(model, str(other))
    assert compared.provenance.sources["small"] == ""
    gaps = compared.table[compared.table["checkpoint"] == "small"].set_index("layer")
    assert gaps.loc[LAYER, "gap"] == 0
    importance = importance_room.channel_importance(model)
    assert (importance.table.loc[importance.table["layer"] == LAYER, "gamma"] == 0).all()
    assert importance.provenance.sources["small"] == ""
    assert torch.equal(model.checkpoint.state[f"{LAYER}.weight"], before)
    saved = scales.bn_scales(str(save_model(tmp_path / "small.pth", model, overwrite=True)))
    assert saved.table["gamma"].tolist() == scales.bn_scales(model).table["gamma"].tolist()


def test_no_result_claims_the_files_sum(tmp_path: Path) -> None:
    records = write_clips(tmp_path, [0, 1, 2])
    model = small_model()
    path = save_model(tmp_path / "small.pth", model.module, clip_spec=model.clip_spec)
    model = load_model(path)
    untouched = evaluation.evaluate(model, records)
    assert model.sha256 in untouched.provenance.sources.values()
    silence(model)
    results: tuple[Any, ...] = (
        evaluation.evaluate(model, records),
        *(trace_clip(model, records, mode=mode) for mode in ("frame", "prefix", "window")),
        influence.frame_influence(model, records, limit=1),
    )
    for changed in results:
        assert changed.provenance.sources["small"] == ""
        assert CHANGED in changed.notes
    assert gst.inspect_checkpoint(model).sha256 == ""


def test_slimming_ranks_what_it_cuts() -> None:
    model = small_model()
    silence(model)
    widths = slimming.slim(model, macs=0.9, score="abs_gamma").table
    others = widths[widths["layer"] != LAYER]
    silent = widths[widths["layer"] == LAYER]
    assert (silent["after"] < silent["before"]).all()
    assert others["after"].sum() / others["before"].sum() > silent["after"].sum() / silent["before"].sum()


def test_a_network_that_was_made_and_then_changed() -> None:
    model = create_model(ModelSpec.from_name("gst-resnet26s", **SMALL), seed=0)
    assert CHANGED not in model.notes
    silence(model)
    assert model.notes[-1] == CHANGED
    assert (scales.bn_scales(model).table.query("layer == @LAYER")["gamma"] == 0).all()


def change_head(model: LoadedModel) -> LoadedModel:
    model.module.fc = nn.Linear(submodule(model.module, "fc").in_features, 3)
    return model


def prune_scales(model: LoadedModel) -> LoadedModel:
    prune.l1_unstructured(model.module.get_submodule(LAYER), "weight", amount=0.9)
    return model


def normalise_head(model: LoadedModel) -> LoadedModel:
    nn.utils.parametrizations.weight_norm(submodule(model.module, "fc"))
    return model


def remove_norm(model: LoadedModel) -> LoadedModel:
    model.module.get_submodule("layer3.0").bn2 = nn.Identity()
    return model


def spoil(model: LoadedModel) -> LoadedModel:
    with torch.no_grad():
        submodule(model.module, "fc").bias[0] = float("nan")
    return model


def halve(model: LoadedModel) -> LoadedModel:
    model.module.half()
    return model


def empty(model: LoadedModel) -> LoadedModel:
    model.module.to("meta")
    return model


def wrap(model: LoadedModel) -> LoadedModel:
    return dataclasses.replace(model, module=untyped(nn.DataParallel(model.module)))


def compile_it(model: LoadedModel) -> LoadedModel:
    return dataclasses.replace(model, module=untyped(torch.compile(model.module)))


def exchange(model: LoadedModel) -> LoadedModel:
    return dataclasses.replace(model, module=build_small("c2d-resnet26s"))


OTHERS: dict[Callable[[LoadedModel], LoadedModel], str] = {
    change_head: r"with 5 classes.*fc\.weight",
    prune_scales: "make pruning",
    normalise_head: "parametrizations permanent",
    remove_norm: LAYER,
    spoil: "NaN or infinity in fc.bias",
    halve: r"torch\.float16; use \.float\(\)",
    empty: "device meta",
    wrap: "found DataParallel; unwrap it",
    compile_it: "found OptimizedModule; unwrap it",
    exchange: "GST resnet26s",
}


@pytest.mark.parametrize("change", OTHERS, ids=lambda change: change.__name__)
def test_what_is_no_longer_that_network_is_refused(
    change: Callable[[LoadedModel], LoadedModel], model: LoadedModel, tmp_path: Path
) -> None:
    records, other = write_clips(tmp_path / "clips", [0, 1]), change(model)
    for look in (
        lambda: other.sha256,
        lambda: scales.bn_scales(other),
        lambda: importance_room.channel_importance(other),
        lambda: evaluation.evaluate(other, records),
        lambda: prediction.predict(other, records),
        lambda: traces.trace(other, records),
        lambda: ablation.ablate(other, records),
        lambda: slimming.slim(other, macs=0.9),
        lambda: cost.cost(other),
    ):
        with pytest.raises(SpecError, match=OTHERS[change]):
            look()
    if change not in (exchange, halve):  # which are networks by themselves
        with pytest.raises(SpecError):
            save_model(tmp_path / "other.pth", other)
        assert not (tmp_path / "other.pth").exists()


def test_pruning_that_was_made_permanent_is_a_change_like_any_other(model: LoadedModel) -> None:
    prune_scales(model)
    prune.remove(model.module.get_submodule(LAYER), "weight")
    gamma = scales.bn_scales(model).table.query("layer == @LAYER")["gamma"]
    assert (gamma == 0).mean() > 0.8
    assert model.notes == (CHANGED,)


def test_how_well_it_did_before_is_forgotten(tmp_path: Path) -> None:
    trained = small_model()
    record = {"seed": 3, "epoch": 4, "step": 99, "scores": {"val_top1": 0.9}}
    path = save_model(tmp_path / "a.pth", trained.module, clip_spec=trained.clip_spec, provenance=record)
    model = load_model(path)
    slimmed = slimming.slim(model, macs=0.9, score="abs_gamma").model
    assert {"epoch", "step", "scores"}.isdisjoint(slimmed.checkpoint.provenance)
    assert slimmed.checkpoint.provenance["seed"] == 3
    same = load_model(save_model(tmp_path / "same.pth", model)).checkpoint.provenance
    assert same["scores"] == {"val_top1": 0.9}
    silence(model)
    changed = load_model(save_model(tmp_path / "changed.pth", model)).checkpoint.provenance
    assert {"epoch", "step", "scores"}.isdisjoint(changed)
    assert changed["changed_from"] == {"name": "a", "sha256": load_model(path).sha256}
