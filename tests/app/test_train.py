"""The page of training: runs begin, are seen growing, are cancelled and go on; other folders are watched."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st

from app import cached_runs, runs, training
from app.commands import write_train
from app.runs import MOST_KEPT, PATIENCE_S, Runs
from app.visits import Visitor
from app.wording import say_time
from gst_analysis.analyses.training_runs import read_run, watch_rendering
from gst_analysis.errors import OutputError
from gst_analysis.planted.making import make_world
from gst_analysis.planted.worlds import WorldConfig
from gst_analysis.training.recipes import format_config, load_config
from gst_analysis.training.table import TRAINING_EPOCHS, TRAINING_STEPS
from tests.app.conftest import Visit, images, names_of_plots, plots
from tests.conftest import SaveSmall

ME = Visitor()
STAND_IN = """
import pathlib, signal, sys, time
words = sys.argv[1:]
out = pathlib.Path(words[words.index("--out") + 1])
def stop(*_):
    (out / "state.pt").touch()
    sys.exit(130)
signal.signal(signal.SIGINT, stop)
(out / "telling.txt").write_text(" ".join(words))
(out / "telling.txt").rename(out / "told.txt")  # a reader finds all of it or nothing
if "--resume-if-any" in words:
    sys.exit(0)
if "optimiser.lr=0.1" in words:
    sys.exit("gst-analyze: lr: expected less; found 0.1; lower it")
time.sleep(60)
"""
"""Stands in for `gst-analyze train`: goes on until it is stopped."""


@pytest.fixture
def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Runs are the stand-in's, and none outlives its test."""
    monkeypatch.setattr(runs, "_CALL", STAND_IN)
    yield folder
    cached_runs.runs().close()
    st.cache_resource.clear()


def write_run(folder: Path, *, epochs: int = 3, planned: int = 4, name: str = "run") -> Path:
    """The folder of a run as far as its epochs."""
    where = folder / name
    where.mkdir(exist_ok=True)
    changes = {"schedule.epochs": str(planned), "model.num_classes": "12"}
    (where / "config.toml").write_text(format_config(load_config("planted-temporal", changes)))
    step = "{e},{s},{l},0.5,0.05,90.0,{t}"
    rows = [step.format(e=e, s=10 * e, l=3.0 / e, t=4.0 * e) for e in range(1, epochs + 1)]
    (where / "steps.csv").write_text("\n".join([",".join(TRAINING_STEPS.columns), *rows, ""]))
    rows = [
        f"{e},{10 * e},0.05,{3.0 / e},0.5,2.0,{0.2 * e},0.9,100,0,{4.0 * e}" for e in range(1, epochs + 1)
    ]
    (where / "epochs.csv").write_text("\n".join([",".join(TRAINING_EPOCHS.columns), *rows, ""]))
    return where


def metrics(page: Any) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def wait_for(holds: Callable[[], object], *, seconds: float = 20) -> None:
    last = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < last
        time.sleep(0.05)


def press(page: Any, label: str) -> Any:
    return next(button for button in page.button if button.label == label).click().run()


def test_without_runs_it_says_what_to_do(visit: Visit) -> None:
    page = visit("train")
    assert "Nothing is being trained yet" in page.info[0].value
    assert not plots(page)
    assert len(images(page)) == 12
    assert "4 frames of Moving something up, in their order" in images(page)


def test_a_watched_run_grows(visit: Visit, folder: Path) -> None:
    write_run(folder)
    page = visit("train", run="run")
    assert metrics(page) == {
        "Epochs": "3 of 4",
        "Loss": "1.000",
        "Validation clips right": "60.0%",
        "Time left": "4 s",
    }
    assert len(plots(page)) == 1
    assert "running" in page.markdown[1].value
    write_run(folder, epochs=4)
    page.run()
    assert metrics(page)["Epochs"] == "4 of 4"
    assert metrics(page)["Time"] == "16 s"
    assert "finished" in page.markdown[1].value


def test_a_line_that_is_being_written_is_left_for_later(visit: Visit, folder: Path) -> None:
    where = write_run(folder)
    with (where / "steps.csv").open("a") as file:
        file.write("4,40,0.")
    page = visit("train", run="run")
    assert metrics(page)["Loss"] == "1.000"
    assert not page.error


def test_a_run_that_nobody_writes_any_more_counts_as_stopped(visit: Visit, folder: Path) -> None:
    where = write_run(folder)
    os.utime(where / "steps.csv", (1, 1))
    assert "stopped" in visit("train", run="run").markdown[1].value


def test_runs_are_compared_in_one_chart(visit: Visit, folder: Path) -> None:
    home = folder / "runs" / "explorer"
    home.mkdir(parents=True)
    for name, epochs in (("1-first", 3), ("2-second", 4)):
        (write_run(home, name=name, epochs=epochs) / "explorer.json").write_text("[]")
    page = visit("train")
    assert not any("several runs" in name for name in names_of_plots(page))
    page.multiselect(key="compared_runs").select("runs/explorer/1-first").run()
    assert not page.exception
    assert "Validation of several runs." in names_of_plots(page)[-1]
    assert "60% (60% to 60%, 2 seeds) after 3 epochs" in names_of_plots(page)[-1]  # one design, seeds alike
    assert page.multiselect(key="compared_runs").options == ["1-first"]
    for run in home.iterdir():
        table = (run / "epochs.csv").read_text().splitlines()
        blind = [",".join([*row.split(",")[:5], "", "", "", *row.split(",")[8:]]) for row in table[1:]]
        (run / "epochs.csv").write_text("\n".join([table[0], *blind, ""]))
    page.run()
    assert "None of these runs has been validated yet." in [one.value for one in page.info]
    assert not any("several runs" in name for name in names_of_plots(page))


def test_gamma_of_kept_epochs_is_drawn(visit: Visit, folder: Path, save_small: SaveSmall) -> None:
    where = write_run(folder)
    for epoch in (1, 2, 3):
        save_small(seed=epoch, file="x.pth").rename(where / f"epoch-{epoch:04d}.pth")
    drift = json.loads(plots(visit("train", run="run"))[1])
    titles = [note["text"] for note in drift["layout"]["annotations"]]
    assert titles[:2] == ["block 1.0", "block 1.1"]


@pytest.mark.parametrize(
    ("ref", "words"),
    [
        ("/etc", "found one outside"),
        ("missing", "found no such file or folder"),
        ("empty", "expected a run's folder"),
        ("broken", "lines that are no such table"),
    ],
)
def test_a_folder_that_holds_no_run_is_refused(visit: Visit, folder: Path, ref: str, words: str) -> None:
    (folder / "empty").mkdir()
    (write_run(folder, name="broken") / "steps.csv").write_bytes(b"\0\xff,\n\xfe\n")
    page = visit("train", run=ref)
    assert words in page.error[0].value.replace("\\", "")
    assert str(folder) not in page.error[0].value
    assert "Nothing is being trained yet" in page.info[0].value
    page.text_input(key="typed_run").set_value(ref)
    press(page, "Watch")
    assert words in page.error[0].value.replace("\\", "")


def test_a_run_is_started_cancelled_and_goes_on(visit: Visit, stand_in: Path) -> None:
    page = press(visit("train"), "Start")
    (folder,) = runs.list_runs(training.home())
    assert page.query_params["run"] == f"runs/explorer/{folder.name}"
    wait_for((folder / "told.txt").exists)
    told = (folder / "told.txt").read_text()
    assert told.startswith("train planted-temporal --set model.name=gst-resnet26s")
    assert "running" in page.markdown[1].value
    press(page, "Cancel")
    wait_for(lambda: cached_runs.runs().state(folder) == "stopped")
    page.run()
    assert "stopped" in page.markdown[1].value
    press(page, "Go on")
    wait_for(lambda: cached_runs.runs().state(folder) == "done")
    assert (folder / "told.txt").read_text() == f"{told} --resume-if-any"
    assert not page.exception


def test_nobody_else_sees_a_run_while_who_started_it_is_there(visit: Visit, stand_in: Path) -> None:
    mine = press(visit("train"), "Start")
    (folder,) = runs.list_runs(training.home())
    wait_for((folder / "told.txt").exists)
    for theirs in (visit("train"), visit("train", run=str(folder))):
        assert "Nothing is being trained yet" in theirs.info[-1].value
        assert not [button for button in theirs.button if button.label == "Cancel"]
    assert "expected a run of yours" in theirs.error[0].value
    press(mine, "Cancel")
    wait_for(lambda: cached_runs.runs().state(folder) == "stopped")


def test_a_world_is_seen_being_rendered(visit: Visit, stand_in: Path) -> None:
    page = press(visit("train"), "Start")
    (folder,) = runs.list_runs(training.home())
    place = Path(runs.read_settings(folder)["data.root"])
    assert "Getting ready" in page.info[0].value
    draft = place.with_name(f".{place.name}.draft") / "videos"
    draft.mkdir(parents=True)
    for number in range(200):
        (draft / f"{number}.mp4").touch()
    page.run()
    (bar,) = page.get("progress")
    assert bar.proto.value == 25  # of 800
    assert "Rendering clips · 200 of 800" in bar.proto.text
    assert "left" in bar.proto.text
    draft.parent.rename(place)
    page.run()
    assert not page.get("progress")
    press(page, "Cancel")


def test_a_real_rendering_is_counted(tmp_path: Path) -> None:
    config = WorldConfig("static", clips=4, size=32, frames=8, train_fraction=0)
    seen = []
    make_world(
        tmp_path / "world",
        config,
        workers=1,
        progress=lambda *_: seen.append(watch_rendering(tmp_path / "world", 4)),
    )
    assert [found and found.done for found in seen] == [1, 2, 3, 4]
    assert [found and (found.remaining_s or 0) > 0 for found in seen] == [True, True, True, False]
    assert watch_rendering(tmp_path / "world", 4) is None


def test_a_run_that_fails_says_why(visit: Visit, stand_in: Path) -> None:
    page = visit("train")
    page.select_slider[1].set_value(0.1)
    press(page, "Start")
    (folder,) = runs.list_runs(training.home())
    wait_for(lambda: cached_runs.runs().state(folder) == "failed")
    page.run()
    assert page.error[0].value.replace("\\", "") == "lr: expected less; found 0.1; lower it"


def test_networks_without_alpha_get_none(visit: Visit, stand_in: Path) -> None:
    page = visit("train")
    network = next(box for box in page.selectbox if box.label == "Network")
    network.set_value("c2d")
    press(page, "Start")
    (folder,) = runs.list_runs(training.home())
    words = json.loads((folder / "explorer.json").read_text())
    assert {"model.name=c2d-resnet26s", "model.alpha=none"} <= set(words)


def test_one_run_at_a_time_and_a_bounded_number_are_kept(stand_in: Path) -> None:
    started, home = Runs(), stand_in / "runs"
    try:
        first = started.start(home, "planted-static", [], ME)
        with pytest.raises(OutputError, match="one run at a time"):
            started.start(home, "planted-static", [], ME)
        wait_for((first / "told.txt").exists)
        started.cancel(first)
        wait_for(lambda: started.state(first) == "stopped")
        for number in range(MOST_KEPT - 1):
            (home / str(number)).mkdir()
        with pytest.raises(OutputError, match=f"fewer than {MOST_KEPT} runs"):
            started.start(home, "planted-static", [], ME)
    finally:
        started.close()


def test_runs_end_with_the_server(stand_in: Path) -> None:
    started = Runs()
    folder = started.start(stand_in / "runs", "planted-static", [], ME)
    wait_for((folder / "told.txt").exists)
    started.close()
    assert started.running() is None
    assert (folder / "state.pt").exists()


def test_a_run_of_a_server_in_the_background_can_be_stopped(folder: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell does for what it starts with &
    try:
        started = Runs()
        started.start(folder / "runs", "planted-static", [], ME)
        time.sleep(0.5)  # it has begun, and imports
        began = time.monotonic()
        started.close()
        assert time.monotonic() - began < PATIENCE_S
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_folder_that_cannot_be_written_is_said(visit: Visit, folder: Path) -> None:
    (folder / "runs").touch()
    page = press(visit("train"), "Start")
    assert "expected a folder that can be written to" in page.error[0].value.replace("\\", "")
    assert str(folder) not in page.error[0].value


def test_its_checkpoint_joins_those_of_all_pages(visit: Visit, folder: Path, save_small: SaveSmall) -> None:
    where = write_run(folder)
    save_small(file="x.pth").rename(where / "last.pth")
    page = press(visit("train", run="run"), "Look at its scales")
    assert page.session_state["chosen"] == ["run/last.pth"]
    assert not page.exception


def test_shown_python_lines_run(folder: Path, save_small: SaveSmall) -> None:
    where = write_run(folder)
    for epoch in (1, 2):
        save_small(seed=epoch, file="x.pth").rename(where / f"epoch-{epoch:04d}.pth")
    scope: dict[str, Any] = {}
    exec(write_train(str(where), [str(path) for path in read_run(where).checkpoints]).python, scope)
    assert len(scope["epochs"]) == 3
    assert scope["drift"].summary.axis


@pytest.mark.parametrize(("seconds", "text"), [(3.4, "3 s"), (75, "1:15 min"), (3725, "1:02 h")])
def test_times_are_written_for_people(seconds: float, text: str) -> None:
    assert say_time(seconds) == text


@pytest.mark.slow
def test_a_real_run_learns_in_the_background(visit: Visit, folder: Path) -> None:
    """The command that the page starts is one that `gst-analyze` understands."""
    page = visit("train")
    page.select_slider[0].set_value(200)
    page.slider[0].set_value(2)
    press(page, "Start")
    (where,) = runs.list_runs(training.home())
    wait_for(lambda: cached_runs.runs().state(where) != "running", seconds=240)
    assert cached_runs.runs().state(where) == "done", runs.tell_failure(where)
    page.run()
    assert metrics(page)["Epochs"] == "2 of 2"
    assert len(plots(page)) == 2
    st.cache_resource.clear()
