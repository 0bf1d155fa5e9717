"""TensorBoard, Weights & Biases and MLflow behind one pair of methods: numbers, and values as a histogram.

None of them comes with the package; each is an extra. What is asked for and not installed is an error that
names the extra, but TensorBoard's files, which a run writes if it can. What a tracker does over the network
is its own doing, by its own settings (WANDB_MODE, MLFLOW_TRACKING_URI): without one of them named, nothing
leaves the machine.
"""

from __future__ import annotations

import importlib
import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from gst_analysis.errors import GstError, OutputError, SpecError, describe_error, legible
from gst_analysis.files import write_whole
from gst_analysis.untrusted import parse_json, read_bounded

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""What MLflow, which has no histograms, is told of values."""
_REFUSED = re.compile(r"[^\w./ :-]")
"""What MLflow takes in no name, and a layer's may hold."""
_PATIENCE_S = 10
_LARGEST = 10_000
_KEPT = "tracked.json"
"""In a run's folder: what the run is called where it is tracked, so that it goes on there when resumed."""


class Tracker(Protocol):
    """Where a run is told."""

    def add_scalars(self, values: Mapping[str, float], step: int) -> None:
        """Some numbers of a step."""

    def add_histogram(self, name: str, values: np.ndarray, step: int) -> None:
        """How many values are distributed at a step."""

    def close(self) -> None:
        """Write what is not yet written."""


class TensorBoardTracker:
    """TensorBoard's event files in a folder, or a SummaryWriter that somebody has open."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def add_scalars(self, values: Mapping[str, float], step: int) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def add_histogram(self, name: str, values: np.ndarray, step: int) -> None:
        self._writer.add_histogram(name, values, step)

    def close(self) -> None:
        # Its own thread may have ended with the disk or the folder, and would be waited for without end.
        closing = threading.Thread(target=self._writer.close, daemon=True)
        closing.start()
        closing.join(_PATIENCE_S)


class WandbTracker:
    """A run of Weights & Biases."""

    def __init__(self, run: Any, *, own: bool = False) -> None:
        self._run = run
        self._own = own
        self._histogram = import_package("wandb").Histogram

    def add_scalars(self, values: Mapping[str, float], step: int) -> None:
        # Its own step can only go up; ours is a number beside the others, and the axis of its charts.
        self._run.log({**values, "step": step})

    def add_histogram(self, name: str, values: np.ndarray, step: int) -> None:
        self._run.log({name: self._histogram(values), "step": step})

    def close(self) -> None:
        if self._own:
            self._run.finish()


class MlflowTracker:
    """A run of MLflow; of values it is told quantiles."""

    def __init__(self, client: Any, run_id: str, *, own: bool = False) -> None:
        self._client = client
        self._run_id = run_id
        self._own = own

    def add_scalars(self, values: Mapping[str, float], step: int) -> None:
        metric, now = import_package("mlflow.entities").Metric, int(time.time() * 1000)
        metrics = [metric(_REFUSED.sub("_", k), float(v), now, step) for k, v in values.items()]
        self._client.log_batch(self._run_id, metrics=metrics)

    def add_histogram(self, name: str, values: np.ndarray, step: int) -> None:
        found = np.quantile(values, QUANTILES)
        told = {f"{name}/q{share * 100:02.0f}": float(v) for share, v in zip(QUANTILES, found, strict=True)}
        self.add_scalars(told, step)

    def close(self) -> None:
        if self._own:
            self._client.set_terminated(self._run_id)


def open_trackers(
    folder: Path, *, tensorboard: bool, wandb: str | None, mlflow: str | None, step: int = 0
) -> list[Tracker]:
    """What a run asks to be told to.

    Args:
        folder: the run's folder; its name is the run's name.
        tensorboard: write TensorBoard's files into it, if TensorBoard is installed.
        wandb: the project of Weights & Biases.
        mlflow: the experiment of MLflow.
        step: where the run goes on from.

    Raises:
        SpecError: one is asked for and not installed, or takes no run.
        OutputError: TensorBoard cannot write its files.
    """
    trackers: list[Tracker] = []
    if tensorboard and (writer := open_board(folder / "tensorboard", step)) is not None:
        trackers.append(TensorBoardTracker(writer))
    if wandb:
        trackers.append(_ask_for("wandb", lambda: _open_wandb(folder, wandb)))
    if mlflow:
        trackers.append(_ask_for("mlflow", lambda: _open_mlflow(folder, mlflow)))
    return trackers


def _ask_for(name: str, open_run: Callable[[], Tracker]) -> Tracker:
    """A tracker of a service, which may say no in any way: without a key, a network, or room.

    Raises:
        SpecError: it does.
    """
    try:
        return open_run()
    except GstError:
        raise
    except Exception as error:
        raise SpecError(
            f"run.{name}",
            expected=f"that {name} takes the run",
            found=describe_error(error),
            todo=f"mend its settings, or leave run.{name} out",
        ) from error


def open_board(folder: Path, step: int = 0) -> Any:
    """A SummaryWriter; None where TensorBoard is not installed.

    Raises:
        OutputError: it cannot write there.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    try:
        # What was drawn beyond this step is of a run that was stopped: TensorBoard leaves it out.
        return SummaryWriter(str(folder), purge_step=step + 1 if step else None)
    except (OSError, ValueError) as error:
        raise OutputError(
            legible(folder),
            expected="a folder that TensorBoard can write to",
            found=describe_error(error),
            todo="choose another place, or make room",
        ) from error


class Trackers:
    """Some trackers as one. One that fails is not asked again: a training is worth more than its charts."""

    def __init__(
        self, trackers: Sequence[Tracker] = (), *, lost: Callable[[str], None] | None = None
    ) -> None:
        self._trackers = list(trackers)
        self._lost = lost

    def __len__(self) -> int:
        return len(self._trackers)

    def add_scalars(self, values: Mapping[str, float], step: int) -> None:
        self._ask(lambda tracker: tracker.add_scalars(values, step))

    def add_histogram(self, name: str, values: np.ndarray, step: int) -> None:
        self._ask(lambda tracker: tracker.add_histogram(name, values, step))

    def close(self) -> None:
        self._ask(lambda tracker: tracker.close())

    def _ask(self, action: Callable[[Tracker], None]) -> None:
        for tracker in list(self._trackers):
            try:
                action(tracker)
            except Exception as error:  # whatever a library or its server may say
                self._trackers.remove(tracker)
                if self._lost is not None:
                    self._lost(f"{type(tracker).__name__} was given up: {describe_error(error)}")


def _open_wandb(folder: Path, project: str) -> Tracker:
    wandb = import_package("wandb")
    name = _read_names(folder).get("wandb") or secrets.token_hex(8)
    run = wandb.init(project=project, dir=str(folder), name=folder.name, id=name, resume="allow")
    run.define_metric("*", step_metric="step")
    _keep_name(folder, "wandb", name)
    return WandbTracker(run, own=True)


def _open_mlflow(folder: Path, experiment: str) -> Tracker:
    client = import_package("mlflow").MlflowClient()
    name = _read_names(folder).get("mlflow")
    if name is None:
        known = client.get_experiment_by_name(experiment)
        place = known.experiment_id if known is not None else client.create_experiment(experiment)
        name = client.create_run(place, run_name=folder.name).info.run_id
        _keep_name(folder, "mlflow", name)
    else:
        client.update_run(name, status="RUNNING")
    return MlflowTracker(client, name, own=True)


def import_package(module: str) -> Any:
    """A tracker's own package.

    Raises:
        SpecError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise SpecError(
            module,
            expected="the package, to tell a run to it",
            found="that it is not installed",
            todo=f'pip install "gst-analysis[{module}]", or leave run.{module} out',
        ) from error


def _read_names(folder: Path) -> dict[str, str]:
    path = folder / _KEPT
    try:
        found = parse_json(read_bounded(path, most=_LARGEST)) if path.is_file() else {}
    except (OSError, ValueError):  # damaged: the run is told as a new one
        found = {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def _keep_name(folder: Path, where: str, name: str) -> None:
    names = {**_read_names(folder), where: name}
    write_whole(folder / _KEPT, lambda file: file.write(json.dumps(names).encode()))
