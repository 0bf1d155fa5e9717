from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from gst_analysis.errors import SpecError
from gst_analysis.tracking.trackers import MlflowTracker, TensorBoardTracker, Trackers, open_trackers
from tests.tracking.recorder import Recorder

VALUES = np.linspace(0.0, 1.0, 101)


def test_one_that_fails_is_not_asked_again_and_the_others_go_on() -> None:
    lost: list[str] = []
    bad, good = Recorder(fails_after=1), Recorder()
    both = Trackers([bad, good], lost=lost.append)
    for step in range(3):
        both.add_scalars({"loss": 0.5}, step)
    both.close()
    assert [step for step, _ in good.scalars] == [0, 1, 2]
    assert [step for step, _ in bad.scalars] == [0]
    assert lost == ["Recorder was given up: ConnectionError: the server is gone"]
    assert good.closed
    assert len(both) == 1


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_what_is_asked_for_and_not_installed_is_named(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    wandb, mlflow = ("project" if name == asked else None for asked in ("wandb", "mlflow"))
    with pytest.raises(SpecError, match=rf"gst-analysis\[{name}\]"):
        open_trackers(tmp_path, tensorboard=False, wandb=wandb, mlflow=mlflow)


class Speechless(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


@pytest.mark.parametrize("error", [ConnectionError("refused"), OSError(28, "no space"), Speechless()])
@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_a_service_that_takes_no_run_is_one_line(
    name: str, error: Exception, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setitem(sys.modules, name, SimpleNamespace(init=refuse, MlflowClient=refuse))
    wandb, mlflow = ("project" if name == asked else None for asked in ("wandb", "mlflow"))
    with pytest.raises(SpecError, match=rf"run\.{name}.*found {type(error).__name__}.*leave run\.{name} out"):
        open_trackers(tmp_path, tensorboard=False, wandb=wandb, mlflow=mlflow)


def test_an_error_without_a_text_gives_one_tracker_up() -> None:
    class Mute(Recorder):
        def add_scalars(self, values: Mapping[str, float], step: int) -> None:
            raise Speechless

    lost: list[str] = []
    Trackers([Mute()], lost=lost.append).add_scalars({"loss": 0.5}, 1)
    assert lost == ["Mute was given up: Speechless"]


def test_mlflow_is_told_no_name_that_it_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    metric = SimpleNamespace(Metric=lambda name, *_: told.append(name))
    monkeypatch.setitem(sys.modules, "mlflow.entities", metric)
    tracker = MlflowTracker(SimpleNamespace(log_batch=lambda *_, **__: None), "run")
    tracker.add_scalars({"gamma_gap/<b>layer$1": 1.0, "steps/top1": 0.5}, 1)
    assert told == ["gamma_gap/_b_layer_1", "steps/top1"]


def test_nothing_is_told_unless_asked(tmp_path: Path) -> None:
    assert open_trackers(tmp_path, tensorboard=False, wandb=None, mlflow=None) == []
    assert list(tmp_path.iterdir()) == []


def test_tensorboard_is_optional(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    assert open_trackers(tmp_path, tensorboard=True, wandb=None, mlflow=None) == []


@pytest.mark.slow
def test_tensorboard_goes_on_after_the_step_that_was_saved(tmp_path: Path) -> None:
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    for start, steps in ((0, (1, 2, 3)), (2, (3, 4))):  # saved at 2, and stopped at 3
        (tracker,) = open_trackers(tmp_path, tensorboard=True, wandb=None, mlflow=None, step=start)
        for step in steps:
            tracker.add_scalars({"loss": start + step / 10}, step)
            tracker.add_histogram("gamma/temporal", VALUES, step)
        tracker.close()
    events = reading.EventAccumulator(str(tmp_path / "tensorboard"), size_guidance={"histograms": 0})
    events.Reload()
    seen = [(one.step, round(one.value, 1)) for one in events.Scalars("loss")]
    assert seen == [(1, 0.1), (2, 0.2), (3, 2.3), (4, 2.4)]
    assert [one.step for one in events.Histograms("gamma/temporal")] == [1, 2, 3, 4]


@pytest.mark.slow
def test_mlflow_is_told_quantiles_and_goes_on_in_the_same_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    for step in (1, 2):
        (tracker,) = open_trackers(tmp_path, tensorboard=False, wandb=None, mlflow="exp", step=step - 1)
        assert isinstance(tracker, MlflowTracker)
        tracker.add_histogram("gamma/temporal", VALUES, step)
        tracker.close()
    client = mlflow.MlflowClient()
    (run,) = client.search_runs([client.get_experiment_by_name("exp").experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.metrics == pytest.approx(
        {f"gamma/temporal/q{q:02d}": q / 100 for q in (5, 25, 50, 75, 95)}
    )
    assert len(client.get_metric_history(run.info.run_id, "gamma/temporal/q50")) == 2


@pytest.mark.slow
def test_weights_and_biases_are_told_without_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    names = []
    for step in (1, 2):
        (tracker,) = open_trackers(tmp_path, tensorboard=False, wandb="project", mlflow=None)
        tracker.add_scalars({"loss": 0.5}, step)
        tracker.add_histogram("gamma/temporal", VALUES, step)
        tracker.close()
        names.append((tmp_path / "tracked.json").read_text())
    assert names[0] == names[1]
    assert list(tmp_path.glob("wandb/offline-run-*"))


def test_a_writer_is_told_by_its_own_methods() -> None:
    class Writer:
        def __init__(self) -> None:
            self.told: list[tuple[str, int]] = []

        def add_scalar(self, name: str, value: float, step: int) -> None:
            self.told.append((name, step))

        def add_histogram(self, name: str, values: np.ndarray, step: int) -> None:
            self.told.append((name, step))

    writer = Writer()
    tracker = TensorBoardTracker(writer)
    tracker.add_scalars({"a": 1.0, "b": 2.0}, 4)
    tracker.add_histogram("c", VALUES, 5)
    assert writer.told == [("a", 4), ("b", 4), ("c", 5)]
