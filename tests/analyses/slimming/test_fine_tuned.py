"""Fine-tuning points of a slimming curve: what is trained, on what, by which recipe, what is left alone."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from gst_analysis import load_model
from gst_analysis.analyses.slimming import SlimOptions
from gst_analysis.analyses.slimming.curve import LEVELS, measure_curve
from gst_analysis.analyses.slimming.fine_tuning import choose_points, configure_fine_tuning
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.cli import run
from gst_analysis.errors import SpecError
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ModelSpec
from tests.analyses.labelled_clips import CPU, small_model, write_clips
from tests.analyses.slimming.test_measure import random_scores
from tests.training.runs import render, tiny
from tests.untyped import design


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render(tmp_path_factory.mktemp("worlds") / "static")


def ask(**options: Any) -> SlimOptions:
    return SlimOptions(macs=0.8, device="cpu", **options)


def save_whole(folder: Path, data: Path) -> Path:
    """A network of the world's classes that tells how it was trained."""
    spec = ModelSpec.from_name("gst-resnet26s", width=8, num_classes=12, num_frames=4)
    elsewhere = {"model.weights": "/somewhere/else.pth", "run.devices": "8", "run.nodes": "2"}
    elsewhere |= {"clip.frames": "4"}
    record = tiny(data, elsewhere | {"schedule.epochs": "7"}).to_json()
    return save_model(
        folder / "whole.pth",
        build_model(spec),
        clip_spec=ClipSpec(frames=4, resize=32, crop=32),
        provenance={"config": record},
    )


def tuning_words(whole: Path, data: Path, out: Path) -> list[str]:
    return [
        "slim",
        str(whole),
        str(data),
        "--macs",
        "0.8",
        "--fine-tune",
        "1",
        "--budgets",
        "1",
        "--limit",
        "6",
        "--device",
        "cpu",
        "--formats",
        "csv,png",
        "--out",
        str(out),
    ]


def test_each_way_is_trained_at_the_same_cost(tmp_path: Path) -> None:
    model = small_model()
    records = write_clips(tmp_path, [0, 1, 2])
    curve = measure_curve(model, random_scores(design(model.spec)), records, settings=CPU)
    chosen = curve.points[3].proposal
    points = choose_points(curve, chosen, budgets=3)
    assert [point.method for point in points] == ["whole", "chosen", *(["score", "uniform", "random"] * 3)]
    assert points[0].proposal.removed == 0
    assert points[1].proposal is chosen
    one_step = (curve.table["macs"].max() - curve.table["macs"].min()) / (LEVELS - 1)
    for at in range(2, len(points), 3):
        costs = [point.proposal.macs for point in points[at : at + 3]]
        assert max(costs) - min(costs) < one_step
        assert curve.table["macs"].min() < min(costs) < max(costs) < curve.table["macs"].max()
    for budgets in (0, LEVELS - 1):
        with pytest.raises(SpecError, match="budgets"):
            choose_points(curve, chosen, budgets=budgets)


def test_the_checkpoints_own_recipe_is_followed_but_none_of_its_paths(tmp_path: Path, data: Path) -> None:
    model = load_model(save_whole(tmp_path, data))
    own = tiny(data, {"clip.frames": "4"})
    config = configure_fine_tuning(ask(fine_tune=2), model, data)
    assert (config.schedule.epochs, config.schedule.warmup_epochs) == (2, 0)
    assert config.optimiser.lr == pytest.approx(own.optimiser.lr / 10)
    assert config.optimiser.batch_size == own.optimiser.batch_size
    assert config.clip == own.clip
    assert (config.run.devices, config.run.nodes) == (1, 1)  # of this machine nothing is known there
    assert (config.data.root, config.data.clips, config.data.validation) == (str(data), "videos", None)
    assert config.model.weights is None
    assert config.world is None
    changed = configure_fine_tuning(
        ask(fine_tune=2, changes=("optimiser.lr=0.5", "data.train=other.json")), model, data
    )
    assert (changed.optimiser.lr, changed.data.train) == (0.5, "other.json")
    named = configure_fine_tuning(ask(fine_tune=2, recipe="planted-temporal"), model, data)
    assert named.optimiser.batch_size == 32


def test_a_checkpoint_that_tells_no_recipe_asks_for_one(tmp_path: Path) -> None:
    silent = small_model()
    with pytest.raises(SpecError, match="--recipe"):
        configure_fine_tuning(ask(fine_tune=1), silent, tmp_path)
    odd = dataclasses.replace(silent.checkpoint, provenance={"config": {"optimiser": {"luck": 3}}})
    with pytest.raises(SpecError, match="luck"):
        configure_fine_tuning(ask(fine_tune=1), LoadedModel(silent.module, odd), tmp_path)


@pytest.mark.slow
def test_networks_are_trained_measured_and_written(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, out = save_whole(tmp_path, data), tmp_path / "out"
    before = whole.read_bytes()
    words = tuning_words(whole, data, out)
    assert run([*words, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    rows = pd.DataFrame(record["fine_tuned"])
    assert list(rows["method"]) == ["whole", "chosen", "score", "uniform", "random"]
    assert set(rows["epochs"]) == {1}
    assert set(rows["clips"]) == {6}
    assert len(pd.read_csv(record["files"]["slimming_fine_tuned.csv"])) == 5
    slim, tuned = (load_model(record["files"][kind]) for kind in ("whole-slim.pth", "whole-slim-tuned.pth"))
    assert tuned.spec == slim.spec
    weights = [m.checkpoint.state["layer2.0.conv3.weight"] for m in (slim, tuned)]
    assert not torch.equal(*weights)
    assert tuned.checkpoint.provenance["kept_channels"] == slim.checkpoint.provenance["kept_channels"]
    assert whole.read_bytes() == before
    chosen = rows[rows["method"] == "chosen"].iloc[0]
    assert chosen["accuracy_before"] == pytest.approx(record["after"]["accuracy"]["value"])
    assert run([*words, "--overwrite"]) == 0
    assert "1 epoch of fine-tuning" in capsys.readouterr().out


def test_clips_to_measure_on_must_not_be_trained_on(
    tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = tuning_words(save_whole(tmp_path, data), data, tmp_path / "out")
    assert run([*words, "--set", "data.train=validation.json"]) == 2
    error = capsys.readouterr().err
    assert "6 of 6 in both" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        (["--fine-tune", "0"], "schedule.epochs"),
        (["--set", "optimiser.luck=3"], "luck"),
        (["--recipe", "no-such-recipe"], "recipe"),
        (["--budgets", "9"], "from 1 to 7"),
    ],
)
def test_bad_fine_tuning_is_one_line(
    changes: list[str], complaint: str, tmp_path: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = tuning_words(save_whole(tmp_path, data), data, tmp_path / "out")
    assert run([*words, *changes]) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1
