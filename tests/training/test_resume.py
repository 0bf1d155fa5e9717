from __future__ import annotations

import json
import os
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from gst_analysis.checkpoints.loading import load_checkpoint
from gst_analysis.errors import CheckpointError, DataError, OutputError, SpecError
from gst_analysis.training.loop import train
from gst_analysis.training.recipes import load_config, parse_config
from gst_analysis.training.table import LOCK, STATE
from tests.training.runs import SETTINGS, STEPS, assert_same, at_step, tiny, weights

CONSTANT = {"schedule.kind": "constant", "schedule.epochs": "1"}
"""Settings of a run to which epochs may be added."""


def press_ctrl_c() -> None:
    signal.raise_signal(signal.SIGINT)


def untimed(folder: Path) -> list[dict[str, Any]]:
    """The log without what two runs cannot share."""
    events = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    for event in events:
        event.pop("seconds", None)
        event.pop("clips_per_s", None)
    return [event for event in events if event["event"] in ("steps", "epoch", "skipped")]


@pytest.fixture(scope="module")
def unbroken(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("unbroken")
    train(tiny(world), out=out)
    return out


@pytest.fixture(scope="module")
def first_epoch(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one epoch, to copy and to go on from."""
    out = tmp_path_factory.mktemp("first")
    train(tiny(world, CONSTANT), out=out)
    return out


@pytest.fixture
def begun(first_epoch: Path, tmp_path: Path) -> Path:
    """A copy of that run."""
    return Path(shutil.copytree(first_epoch, tmp_path / "run"))


@pytest.mark.parametrize(
    "cut",
    [
        1,
        STEPS,
        3 * STEPS,
        *(pytest.param(n, marks=pytest.mark.slow) for n in (3, STEPS + 1, 2 * STEPS, 3 * STEPS - 1)),
    ],
)
def test_a_resumed_run_ends_with_the_same_weights_bit_for_bit(
    cut: int, world: Path, unbroken: Path, tmp_path: Path
) -> None:
    config = tiny(world)
    with pytest.raises(KeyboardInterrupt):
        train(config, out=tmp_path, progress=at_step(cut, press_ctrl_c))
    train(config, out=tmp_path, resume=True)
    for name in ("last.pth", "best.pth"):
        assert_same(weights(unbroken, name), weights(tmp_path, name))
    ours, theirs = (torch.load(f / STATE, weights_only=True)["optimiser"] for f in (tmp_path, unbroken))
    for place, state in ours["state"].items():
        assert torch.equal(state["momentum_buffer"], theirs["state"][place]["momentum_buffer"])
    assert untimed(tmp_path) == untimed(unbroken)


def test_a_run_can_be_stopped_again_and_again(world: Path, unbroken: Path, tmp_path: Path) -> None:
    config = tiny(world)
    for cut in range(1, 3 * STEPS + 1, 2):  # the step that is running is finished before the run stops
        with pytest.raises(KeyboardInterrupt):
            train(config, out=tmp_path, resume=True, progress=at_step(cut, press_ctrl_c))
    train(config, out=tmp_path, resume=True)
    assert_same(weights(unbroken), weights(tmp_path))
    assert untimed(tmp_path) == untimed(unbroken)


@pytest.mark.parametrize(
    "changes",
    [
        {"data.workers": "1"},
        {"data.cache": "memory"},
        {"run.precision": "bf16"},
        pytest.param({"run.precision": "fp16"}, marks=pytest.mark.slow),
        {"optimiser.accumulate": "2", "run.log_every_steps": "3"},
    ],
    ids=["worker", "cache", "bf16", "fp16", "pieces"],
)
def test_every_way_of_running_resumes_exactly(changes: dict[str, str], world: Path, tmp_path: Path) -> None:
    config = tiny(world, {**changes, "schedule.epochs": "2"})
    train(config, out=tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        train(
            config,
            out=tmp_path / "cut",
            progress=at_step(3 if "run.log_every_steps" in changes else 2, press_ctrl_c),
        )
    train(config, out=tmp_path / "cut", resume=True)
    assert_same(weights(tmp_path / "whole"), weights(tmp_path / "cut"))
    assert untimed(tmp_path / "whole") == untimed(tmp_path / "cut")


def test_what_ctrl_c_saves_can_be_loaded_and_resumed(world: Path, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(tiny(world), out=tmp_path, progress=at_step(2, press_ctrl_c))
    assert signal.getsignal(signal.SIGINT) is before
    state = torch.load(tmp_path / STATE, weights_only=True)
    assert state["position"]["step"] == 3  # Ctrl-C came between the second step and the third
    saved = weights(tmp_path)
    assert all(torch.equal(saved[name], tensor) for name, tensor in state["state_dict"].items())


def test_a_finished_run_has_nothing_left_to_do(world: Path, unbroken: Path) -> None:
    before = weights(unbroken)
    result = train(tiny(world), out=unbroken, resume=True)
    assert result.summary.epochs == 3
    assert_same(before, weights(unbroken))


def test_more_epochs_can_be_asked_for(world: Path, tmp_path: Path) -> None:
    steps = {"schedule.kind": "steps", "schedule.milestones": "1"}
    train(tiny(world, {**steps, "schedule.epochs": "1"}), out=tmp_path / "a")
    train(tiny(world, {**steps, "schedule.epochs": "2"}), out=tmp_path / "a", resume=True)
    train(tiny(world, {**steps, "schedule.epochs": "2"}), out=tmp_path / "b")
    assert_same(weights(tmp_path / "a"), weights(tmp_path / "b"))


def test_other_settings_are_refused_by_name(world: Path, begun: Path) -> None:
    with pytest.raises(SpecError, match=r"optimiser.lr=0.5 \(was 0.05\)"):
        train(tiny(world, {**CONSTANT, "optimiser.lr": "0.5"}), out=begun, resume=True)


def test_a_setting_that_came_later_is_taken_to_be_as_it_was(world: Path, tmp_path: Path) -> None:
    config = tiny(world, {"schedule.epochs": "1"})
    train(config, out=tmp_path)
    state = torch.load(tmp_path / STATE, weights_only=True)
    del state["config"]["model.head"], state["config"]["clip.colours"]
    torch.save(state, tmp_path / STATE)
    assert train(config, out=tmp_path, resume="required").summary.epochs == 1
    with pytest.raises(SpecError, match=r"clip.colours=BGR \(was RGB\)"):
        train(tiny(world, {"schedule.epochs": "1", "clip.colours": "BGR"}), out=tmp_path, resume="required")


def test_resuming_nothing_starts_from_the_beginning(world: Path, unbroken: Path, tmp_path: Path) -> None:
    train(tiny(world), out=tmp_path, resume=True)
    assert_same(weights(unbroken), weights(tmp_path))


@pytest.mark.parametrize("damage", ["truncated", "empty", "another file", "no position"])
def test_a_damaged_state_is_said_and_changes_nothing(damage: str, world: Path, begun: Path) -> None:
    path = begun / STATE
    content = path.read_bytes()
    if damage == "another file":
        path.write_bytes((begun / "last.pth").read_bytes())
    elif damage == "no position":
        state = torch.load(path, weights_only=True)
        del state["position"]
        torch.save(state, path)
    else:
        path.write_bytes(content[: len(content) // 2] if damage == "truncated" else b"")
    before = (begun / "log.jsonl").read_bytes()
    with pytest.raises(CheckpointError):
        train(tiny(world, CONSTANT), out=begun, resume=True)
    assert (begun / "log.jsonl").read_bytes() == before


def test_a_save_that_fails_leaves_the_one_before(
    world: Path, unbroken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = torch.save
    calls = 0

    def full_disk(record: Any, file: Any) -> None:
        nonlocal calls
        calls += 1
        real(record, file)
        if calls > 5:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(OutputError, match="No space left"):
        train(tiny(world), out=tmp_path)
    monkeypatch.undo()
    assert not list(tmp_path.glob(".*"))
    assert torch.load(tmp_path / STATE, weights_only=True)["position"]["epoch"] < 3
    train(tiny(world), out=tmp_path, resume=True)
    assert_same(weights(unbroken), weights(tmp_path))


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (13, "found Permission denied; check the rights of the folder and of what is in it, then resume"),
        (30, "found Read-only file system; check the rights"),
        (28, "found No space left on device; make room, then resume"),
    ],
)
def test_why_a_log_cannot_be_written_is_said(
    number: int, said: str, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("gst_analysis.training.logs._open_at", refuse)
    with pytest.raises(OutputError, match=said):
        train(tiny(world), out=tmp_path)


def test_the_log_of_a_resumed_run_says_where_it_was_interrupted(world: Path, tmp_path: Path) -> None:
    config = tiny(world, {"schedule.epochs": "1"})
    with pytest.raises(KeyboardInterrupt):
        train(config, out=tmp_path, progress=at_step(2, press_ctrl_c))
    train(config, out=tmp_path, resume=True)
    events = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    told = [(event["event"], event["step"]) for event in events if event["event"] not in ("note", "epoch")]
    assert told == [
        ("started", 0),
        *(("steps", step) for step in (1, 2, 3)),
        ("interrupted", 3),
        ("resumed", 3),
        ("steps", 4),
    ]


def test_a_run_without_validation_resumes_from_its_own_settings(world: Path, tmp_path: Path) -> None:
    changes = {"schedule.epochs": "1", "schedule.kind": "constant", "data.validation": "none"}
    train(tiny(world, changes), out=tmp_path)
    again = load_config(tmp_path / "config.toml", {"schedule.epochs": "2"})
    assert train(again, out=tmp_path, resume="required").table["val_loss"].isna().all()
    record = load_checkpoint(tmp_path / "last.pth").provenance["config"]
    assert parse_config(record) == again


def test_a_run_that_must_be_there_is_missed(world: Path, tmp_path: Path) -> None:
    for folder, found in ((tmp_path, r"no state\.pt in it"), (tmp_path / "none", "no such folder")):
        with pytest.raises(OutputError, match=rf"found {found}; .*leave out --resume"):
            train(tiny(world), out=folder, resume="required")
    assert not list(tmp_path.iterdir())


def test_the_command_refuses_to_resume_nothing_unless_told(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from gst_analysis.cli import run

    changes = {**SETTINGS, "data.root": str(world), "schedule.epochs": "1"}
    words = [word for key, value in changes.items() for word in ("--set", f"{key}={value}")]
    command = ["train", "planted-static", *words, "--out", str(tmp_path / "run")]
    assert run([*command, "--resume"]) == 2
    assert capsys.readouterr().err.count("leave out --resume") == 1
    assert not (tmp_path / "run").exists()
    assert run([*command, "--resume-if-any"]) == 0
    assert run([*command, "--resume"]) == 0
    assert run(command) == 2


def relist(folder: Path, name: str, change: Callable[[list[Any]], list[Any]]) -> None:
    path = folder / name
    path.write_text(json.dumps(change(json.loads(path.read_text()))))


@pytest.mark.parametrize(
    ("name", "change", "found"),
    [
        ("train.json", lambda rows: rows[:-1], "data.train (train.json)"),
        ("train.json", lambda rows: [{**rows[0], "template": rows[1]["template"]}, *rows[1:]], "data.train"),
        ("validation.json", lambda rows: rows[1:], "data.validation (validation.json)"),
        (
            "labels.json",
            lambda labels: dict(zip(labels, reversed(labels.values()), strict=True)),
            "other class",
        ),
    ],
)
def test_other_annotations_are_refused_before_anything_is_written(
    name: str, change: Callable[[Any], Any], found: str, world: Path, begun: Path
) -> None:
    moved = begun.with_name("elsewhere")
    shutil.copytree(world, moved)
    changes = {**CONSTANT, "data.root": str(moved), "schedule.epochs": "2"}
    relist(moved, name, change)
    before = {path.name: path.read_bytes() for path in begun.iterdir() if path.name != LOCK}
    with pytest.raises(DataError, match=rf"annotations .* started with; found .*{re.escape(found)}"):
        train(tiny(world, changes), out=begun, resume=True)
    assert before == {path.name: path.read_bytes() for path in begun.iterdir() if path.name != LOCK}
    shutil.copy(world / name, moved / name)
    assert train(tiny(world, changes), out=begun, resume=True).summary.epochs == 2


def test_a_state_from_before_lists_were_kept_resumes_with_a_note(world: Path, begun: Path) -> None:
    state = torch.load(begun / STATE, weights_only=True)
    del state["data"]
    torch.save(state, begun / STATE)
    result = train(tiny(world, {**CONSTANT, "schedule.epochs": "2"}), out=begun, resume=True)
    assert "state.pt is of an earlier version: whether the clips are the same is not known" in result.notes
    assert "whether the clips are the same" in (begun / "log.jsonl").read_text()
