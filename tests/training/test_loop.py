from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import gst_analysis as gst
from gst_analysis.checkpoints.loading import load_checkpoint, load_model
from gst_analysis.errors import OutputError, SpecError
from gst_analysis.tables.schema import check
from gst_analysis.training import can_resume
from gst_analysis.training.loop import train
from gst_analysis.training.progress import TrainProgress
from gst_analysis.training.recipes import load_config
from gst_analysis.training.table import TRAINING_EPOCHS, TRAINING_STEPS
from tests.conftest import list_results
from tests.training.runs import SETTINGS, STEPS, assert_same, tiny, weights

CHANCE = 1 / 12


def test_a_small_network_learns_a_small_world_by_heart(world: Path, tmp_path: Path) -> None:
    changes = {
        "schedule.epochs": "25",
        "data.validation": "train.json",
        "data.cache": "memory",
        "model.dropout": "0",
        "optimiser.batch_size": "12",
        "optimiser.lr": "0.1",
        "run.validate_every": "25",
    }
    result = train(tiny(world, changes), out=tmp_path)
    losses = result.table["loss"]
    assert losses.iloc[-3:].mean() < 0.3 * losses.iloc[:3].mean()
    assert result.summary.top1 is not None
    assert result.summary.top1 > 5 * CHANCE
    assert result.table["top1"].iloc[-1] > 5 * CHANCE


def test_what_a_run_leaves(world: Path, tmp_path: Path) -> None:
    config = tiny(world, {"run.save_every_epochs": "2", "schedule.epochs": "5"})
    result = train(config, out=tmp_path)
    assert set(result.files) == {"last", "best", "epoch-0002", "epoch-0004"}
    assert result.summary.epochs == 5
    assert result.summary.steps == 5 * STEPS
    best = result.table["val_top1"].max()
    assert result.summary.best_epoch is not None
    assert result.summary.best_top1 == best == result.table["val_top1"][result.summary.best_epoch - 1]
    for path in result.files.values():
        model = load_model(path)
        assert model.labels is not None
        assert len(model.labels) == 12
        assert model.clip_spec == config.clip.spec()
        assert model.checkpoint.provenance["config"]["optimiser"]["batch_size"] == 6
        assert not model.notes
    assert load_checkpoint(result.files["best"]).provenance["epoch"] == result.summary.best_epoch
    assert load_config(tmp_path / "config.toml") == config
    assert not list(tmp_path.glob(".*"))


def test_the_public_function_takes_a_dict_and_its_result_keeps_the_contract(
    world: Path, tmp_path: Path
) -> None:
    settings = {**SETTINGS, "data.root": world, "schedule.epochs": 1, "data.validation": None}
    told: list[TrainProgress] = []
    result = gst.train("planted-static", settings, out=tmp_path / "run", progress=told.append)
    assert can_resume(tmp_path / "run")
    assert not can_resume(tmp_path)
    assert {at.phase for at in told} == {"training"}
    assert result.tables == {"training": result.table}
    assert not result.figures()
    assert not result.pages()
    assert "<table" in result._repr_html_()
    saved = result.save(tmp_path / "saved")
    assert list_results(tmp_path / "saved") == ["training.csv", "training.json", "training.parquet"]
    document = result.to_document(saved)
    assert list(document) == ["schema", "summary", "epochs", "notes", "failures", "files"]
    assert document["files"] == {"last": str(tmp_path / "run" / "last.pth"), **saved}
    assert [row["epoch"] for row in document["epochs"]] == [1]
    assert result.summary.top1 is None


def test_the_log_says_the_same_as_jsonl_and_csv(world: Path, tmp_path: Path) -> None:
    result = train(tiny(world), out=tmp_path)
    epochs, steps = pd.read_csv(tmp_path / "epochs.csv"), pd.read_csv(tmp_path / "steps.csv")
    pd.testing.assert_frame_equal(check(epochs, TRAINING_EPOCHS), result.table)
    assert list(check(steps, TRAINING_STEPS)["step"]) == list(range(1, 3 * STEPS + 1))
    events = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [e["event"] for e in events if e["event"] in ("started", "epoch")] == ["started", *["epoch"] * 3]
    losses = [event["loss"] for event in events if event["event"] == "steps"]
    np.testing.assert_allclose(losses, steps["loss"], rtol=1e-14)  # older pandas reads the last bit otherwise
    means = steps.groupby("epoch")["loss"].mean()
    np.testing.assert_allclose(means, epochs["loss"])
    np.testing.assert_allclose(epochs["lr"], steps.groupby("epoch")["lr"].last())


def test_the_same_seed_gives_the_same_weights_and_another_one_others(world: Path, tmp_path: Path) -> None:
    state = torch.get_rng_state()
    for name, changes in {
        "a": {},
        "b": {"data.workers": "1", "data.cache": "memory"},
        "c": {"run.seed": "1"},
    }.items():
        train(tiny(world, {"schedule.epochs": "1", **changes}), out=tmp_path / name)
    assert_same(weights(tmp_path / "a"), weights(tmp_path / "b"))
    with pytest.raises(AssertionError):
        assert_same(weights(tmp_path / "a"), weights(tmp_path / "c"))
    assert torch.equal(state, torch.get_rng_state())


def test_progress_tells_loss_rate_speed_and_time_left(world: Path, tmp_path: Path) -> None:
    told: list[TrainProgress] = []
    train(tiny(world), out=tmp_path, progress=told.append)
    training = [p for p in told if p.phase == "training"]
    assert [(p.epoch, p.step) for p in training] == [(e, s) for e in (1, 2, 3) for s in (1, 2, 3, 4)]
    assert all(p.steps == STEPS and p.epochs == 3 for p in training)
    assert all(p.loss is not None and p.lr is not None and p.clips_per_s is not None for p in training)
    etas = [p.eta_s for p in training]
    assert all(eta is not None and eta >= 0 for eta in etas)
    assert etas[-1] == 0
    assert {p.phase for p in told} == {"training", "validating"}


def test_pieces_add_up_to_the_gradient_of_the_whole_batch(world: Path, tmp_path: Path) -> None:
    """With plain SGD and batch norm's statistics of one piece only, the first step's head agrees roughly;
    exactly it does where no batch norm stands between, so the loss of the first step is compared."""
    rates = {"schedule.epochs": "1", "model.dropout": "0", "clip.flip": "0"}
    whole = train(tiny(world, rates), out=tmp_path / "whole")
    parts = train(tiny(world, {**rates, "optimiser.accumulate": "2"}), out=tmp_path / "parts")
    assert whole.table["clips"].tolist() == parts.table["clips"].tolist() == [24]
    one, two = (pd.read_csv(tmp_path / name / "steps.csv") for name in ("whole", "parts"))
    assert one["loss"][0] == pytest.approx(two["loss"][0], rel=0.2)
    assert len(one) == len(two) == STEPS


@pytest.mark.parametrize("precision", ["bf16", pytest.param("fp16", marks=pytest.mark.slow)])
def test_half_precision_learns_and_keeps_its_scaler(precision: str, world: Path, tmp_path: Path) -> None:
    config = tiny(world, {"run.precision": precision, "optimiser.clip_norm": "1", "schedule.epochs": "2"})
    result = train(config, out=tmp_path)
    assert np.isfinite(result.table["loss"]).all()
    assert all(tensor.dtype != torch.bfloat16 for tensor in weights(tmp_path).values())
    scaler = torch.load(tmp_path / "state.pt", weights_only=True)["scaler"]
    assert ("scale" in scaler) == (precision == "fp16")


def test_clipping_bounds_the_step(world: Path, tmp_path: Path) -> None:
    rates = {
        "schedule.epochs": "1",
        "schedule.warmup_epochs": "0",
        "optimiser.weight_decay": "0",
        "optimiser.momentum": "0",
        "schedule.kind": "constant",
        "optimiser.lr": "1",
    }
    from gst_analysis.checkpoints.starting import create_model

    config = tiny(world, {**rates, "optimiser.clip_norm": "0.001"})
    train(config, out=tmp_path)
    start = create_model(config.model_spec(12), seed=config.run.seed).module
    moved = weights(tmp_path)
    squares = sum(float((moved[name] - p.detach()).square().sum()) for name, p in start.named_parameters())
    assert 0 < squares**0.5 <= STEPS * 0.001 * 1.001


def test_a_run_is_not_overwritten(world: Path, tmp_path: Path) -> None:
    train(tiny(world, {"schedule.epochs": "1"}), out=tmp_path)
    with pytest.raises(OutputError, match=r"go on with gst-analyze train .* --resume"):
        train(tiny(world, {"schedule.epochs": "1"}), out=tmp_path)


def test_a_loss_that_explodes_stops_the_run_and_is_not_saved(world: Path, tmp_path: Path) -> None:
    changes = {"optimiser.lr": "1e30", "schedule.warmup_epochs": "0", "optimiser.clip_norm": "none"}
    with pytest.raises(SpecError, match=r"lower optimiser\.lr"):
        train(tiny(world, changes), out=tmp_path)
    assert not (tmp_path / "state.pt").exists()


def test_a_run_without_validation_has_no_best(world: Path, tmp_path: Path) -> None:
    result = train(tiny(world, {"data.validation": "none", "schedule.epochs": "1"}), out=tmp_path)
    assert set(result.files) == {"last"}
    assert result.summary.top1 is None
    assert result.table["val_top1"].isna().all()


def test_validation_can_be_rare_but_never_misses_the_end(world: Path, tmp_path: Path) -> None:
    result = train(tiny(world, {"run.validate_every": "2", "schedule.epochs": "3"}), out=tmp_path)
    assert result.table["val_top1"].notna().tolist() == [False, True, True]


def test_validation_scores_are_those_of_the_saved_network(world: Path, tmp_path: Path) -> None:
    from gst_analysis.clips.dataset import ClipDataset, ReadingPlan, collate_clips
    from gst_analysis.training.sources import load_sources

    config = tiny(world)
    result = train(config, out=tmp_path)
    records = load_sources(config).validation
    assert records is not None
    batch = collate_clips(
        ClipDataset(records, ReadingPlan(config.clip.spec()))[n] for n in range(len(records))
    )
    model = load_model(result.files["last"])
    with torch.no_grad():
        logits = model.module(batch.clips).mean(1)
    loss = torch.nn.functional.cross_entropy(logits, batch.labels)
    assert result.table["val_loss"].iloc[-1] == pytest.approx(float(loss), rel=1e-4)
    top5 = (logits.topk(5).indices == batch.labels[:, None]).any(1).float().mean()
    assert result.summary.top5 == pytest.approx(float(top5))
