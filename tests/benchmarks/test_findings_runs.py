"""Training and measuring for the findings: planted scores, joint ablation, runs that are done once."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmarks import findings_runs
from benchmarks.findings_plan import LONGER, load_plan
from benchmarks.findings_runs import find_measured, gather, main
from benchmarks.findings_scores import Measured, measure_run, pair_groups
from gst_analysis.analyses.ablation.measure import measure_ablation
from gst_analysis.analyses.ablation.table import AblationOptions
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.clips.records import RecordList
from gst_analysis.errors import SpecError
from tests.analyses.labelled_clips import small_model, write_clips


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def records(tmp_path: Path) -> RecordList:
    return write_clips(tmp_path, [0, 1, 2, 3])


def make_measured() -> Measured:
    """Scores of a network that was never run."""
    part = {name: [1.0, 2.0] for name in ("shallow", "deep", "whole")}
    names = ("gamma", "gamma_sum", "invariant", "taylor", "alone", "alone_accuracy")
    return Measured(
        sha256="sha",
        clips=8,
        accuracy=0.9,
        loss=0.1,
        moved=0.05,
        blocks=["b"] * 8,
        channels=[[6] * 8, [2] * 8],
        joint=part,
        joint_accuracy=part,
        temporal_use=[0.6] * 8,
        ordered=[0.3] * 8,
        **{name: [[1.0] * 8] * 2 for name in names},
    )


def silence(model: LoadedModel, group: int, blocks: slice) -> None:
    """Take scale and offset from a group of channels of some blocks, in the network and its weights' copy."""
    for pair in pair_groups(model)[blocks]:
        unit = pair[group]
        norm = model.module.get_submodule(unit.layer)
        with torch.no_grad():
            for name in ("weight", "bias"):
                getattr(norm, name)[unit.channels] = 0
                model.checkpoint.state[f"{unit.layer}.{name}"][unit.channels] = 0


def test_scores_see_where_time_is_and_are_those_of_the_product(records: RecordList) -> None:
    """Early blocks without time and late ones without space, by every score; drops as `ablate` finds them."""
    model = small_model()
    silence(model, 1, slice(0, 4))
    silence(model, 0, slice(4, 8))
    found = measure_run(model, records, batch=4)
    for name in ("gamma", "gamma_sum", "invariant", "taylor"):
        scores = np.array(getattr(found, name))
        assert (scores[1, :4] == 0).all(), name
        assert (scores[0, 4:] == 0).all(), name
        assert (scores[0, :4] > 0).all(), name
        assert (scores[1, 4:] > 0).all(), name
    assert found.joint["shallow"][1] == found.joint["deep"][0] == 0  # what is silent cannot be missed
    assert found.joint["whole"] == pytest.approx([found.joint["shallow"][0], found.joint["deep"][1]])
    options = AblationOptions(interventions=("mean",), batch=4, device="cpu", joint=True, sets=("network",))
    product = measure_ablation(model, records, options=options)
    assert product.joint is not None
    alone = product.table["loss_rise"].to_numpy().reshape(-1, 2).T
    np.testing.assert_allclose(found.alone, alone, atol=2e-5)  # means in fp32 or fp64
    assert found.joint["whole"] == pytest.approx(product.joint["loss_rise"][:2].tolist(), abs=2e-5)
    lost = 100 * product.joint["accuracy_drop"][:2]
    assert found.joint_accuracy["whole"] == pytest.approx(lost.tolist())


@pytest.mark.parametrize("name", ["c2d-resnet26s", "gst-resnet18"])
def test_networks_without_such_pairs_are_refused(name: str) -> None:
    with pytest.raises(SpecError, match="spatial and temporal channels"):
        pair_groups(small_model(name))


def test_runs_are_done_once_and_by_one_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seed by seed in both worlds; what is measured is not trained again, and of another plan refused."""
    plan, trained = load_plan(), []

    def pretend(recipe: str, settings: list[str], *, out: Path, resume: bool) -> object:
        trained.append(out.name)
        if len(trained) == 3:
            raise KeyboardInterrupt
        return SimpleNamespace(summary=SimpleNamespace(seconds=61.2))

    monkeypatch.setattr(findings_runs, "train", pretend)
    monkeypatch.setattr(findings_runs, "load_model", lambda path: path)
    monkeypatch.setattr(findings_runs, "prepare_clips", lambda *_: tmp_path)
    monkeypatch.setattr(findings_runs, "load_labelled_clips", lambda path: path)
    monkeypatch.setattr(findings_runs, "measure_run", lambda *_: make_measured())
    words = ["--runs", str(tmp_path), "--json", str(tmp_path / "f.json")]
    assert main(words) == 130
    names = [run.name for run in plan.runs()]
    assert trained == names[:3]
    assert names[:2] == ["temporal-11", "static-11"]
    record = json.loads((tmp_path / "f.json").read_text())
    assert [run["name"] for run in record["runs"]] == names[:2]
    assert record["missing"] == names[2:]
    assert main(words) == 0
    assert trained[3:] == names[2:]
    assert gather(tmp_path, plan)["missing"] == []
    with pytest.raises(SpecError, match="a plan does not change after its runs"):
        find_measured(tmp_path, replace(plan, sha256="other"), plan.runs()[0])


def test_the_plan_has_fresh_seeds_and_both_worlds() -> None:
    plan = load_plan()
    assert len(set(plan.seeds)) >= 5
    assert not {0, 1} & set(plan.seeds)  # those of the networks of before
    assert set(plan.worlds) == {"temporal", "static"}
    assert len({run.name for run in plan.runs()}) == 10


def test_longer_training_changes_epochs_and_seeds_alone() -> None:
    plan, longer = load_plan(), load_plan(LONGER)
    assert longer.epochs > plan.epochs
    assert not {0, 1, *plan.seeds} & set(longer.seeds)
    same = replace(longer, sha256=plan.sha256, epochs=plan.epochs, seeds=plan.seeds)
    assert same == plan
