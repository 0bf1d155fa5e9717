"""A run's folder, finished or still going on -> its log as tables, how far it is, and γ over training."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gst_analysis.analyses.drift import Drift, measure_drift
from gst_analysis.errors import DataError, GstError
from gst_analysis.results import LegacyResult as Result
from gst_analysis.results import Provenance

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go
    from matplotlib.figure import Figure

    from gst_analysis.tables.schema import Schema
    from gst_analysis.training.config import TrainConfig

MOST_CHECKPOINTS = 12
"""Of a long run so many are read for γ, spread evenly."""
_LARGEST_LOG = 50_000_000


@dataclass(frozen=True)
class RunSummary:
    """How far a run is. Scores are shares of the validation clips, None before the first validation."""

    network: str
    epochs: int
    planned_epochs: int
    steps: int
    loss: float | None
    top1: float | None
    best_top1: float | None
    best_epoch: int | None
    chance: float | None
    """The share of right answers that guessing reaches; None where the classes are not in the recipe."""
    seconds: float
    remaining_s: float | None
    """At the speed so far; None before the first epoch."""
    finished: bool


@dataclass(frozen=True)
class TrainingRun(Result[RunSummary]):
    """A run's log: `.table` (TRAINING_STEPS), `.epochs` (TRAINING_EPOCHS) and its curves."""

    epochs: pd.DataFrame = field(repr=False)
    folder: Path
    checkpoints: tuple[Path, ...]
    """The kept epochs, in order."""

    @property
    def last(self) -> Path | None:
        """The checkpoint that was written last, if there is one yet."""
        path = self.folder / "last.pth"
        return path if path.is_file() else None

    def plot(self, *, dark: bool = False) -> Figure:
        """Curves of loss, accuracy and learning rate."""
        from gst_analysis.analyses.training_runs.figure import draw_training

        return draw_training(self.table, self.epochs, chance=self.summary.chance, dark=dark)

    def plot_interactive(self, *, dark: bool = False) -> go.Figure:
        """The same in plotly."""
        from gst_analysis.analyses.training_runs.interactive import draw_training_interactive

        return draw_training_interactive(self.table, self.epochs, chance=self.summary.chance, dark=dark)


def read_run(folder: str | os.PathLike[str]) -> TrainingRun:
    """Read the log of a run, which may be writing it.

    Raises:
        DataError: a folder without a run, or a log that cannot be read.
        SpecError: settings that cannot be.
    """
    from gst_analysis.training.recipes import load_config
    from gst_analysis.training.table import TRAINING_EPOCHS, TRAINING_STEPS

    where = Path(folder)
    if not (where / "config.toml").is_file():
        raise DataError(
            str(where),
            expected="a run's folder, with config.toml, steps.csv and epochs.csv",
            found="no config.toml" if where.is_dir() else "no such folder",
            todo="name the folder that was given to gst-analyze train --out",
        )
    config = load_config(where / "config.toml")
    steps = _read_table(where / "steps.csv", TRAINING_STEPS)
    epochs = _read_table(where / "epochs.csv", TRAINING_EPOCHS)
    summary = _summarise(config, steps, epochs)
    kept = tuple(sorted(where.glob("epoch-*.pth")))
    return TrainingRun(steps, summary, Provenance({}, {}, config.to_json()), epochs, where, kept)


@dataclass(frozen=True)
class Rendering:
    """How far a planted world is rendered."""

    done: int
    clips: int
    remaining_s: float | None
    """At the speed so far; None before the first clip."""


def watch_rendering(root: str | os.PathLike[str], clips: int) -> Rendering | None:
    """A world of so many clips while another process renders it into `root`; None if none does."""
    from gst_analysis.planted.files import watch_draft

    found = watch_draft(Path(root))
    if found is None or clips < 1:
        return None
    done, spent_s = min(found[0], clips), found[1]
    return Rendering(done, clips, spent_s / done * (clips - done) if done else None)


def follow_gamma(checkpoints: Sequence[str | os.PathLike[str]]) -> Drift | None:
    """γ of a run's kept epochs, measured from the first; None while there are fewer than two."""
    if len(checkpoints) < 2:
        return None
    return measure_drift(*_spread(list(checkpoints), MOST_CHECKPOINTS))


def _spread(items: list[Any], most: int) -> list[Any]:
    if len(items) <= most:
        return items
    return [items[round(place * (len(items) - 1) / (most - 1))] for place in range(most)]


def _read_table(path: Path, schema: Schema) -> pd.DataFrame:
    """The lines that are complete: the last one may be being written."""
    import pandas as pd

    from gst_analysis.tables.schema import check

    try:
        if path.stat().st_size > _LARGEST_LOG:
            raise _odd_log(path, f"{path.stat().st_size >> 20} MiB of it")
        whole, end, _ = path.read_bytes().rpartition(b"\n")
        table = pd.read_csv(io.BytesIO(whole + end))
        real = [name for name, column in schema.columns.items() if column.kind == "real"]
        table = table.astype({name: float for name in real if name in table})
        return check(table, schema)
    except OSError as error:
        raise _odd_log(path, error.strerror or str(error)) from error
    except GstError as error:
        raise error if isinstance(error, DataError) else _odd_log(path, error.found) from error
    except (ValueError, TypeError) as error:  # pandas' own errors are ValueErrors
        raise _odd_log(path, "lines that are no such table") from error


def _odd_log(path: Path, found: str) -> DataError:
    return DataError(
        str(path),
        expected="the log of a run, as gst-analyze train writes it",
        found=found,
        todo="name the folder of another run",
    )


def _summarise(config: TrainConfig, steps: pd.DataFrame, epochs: pd.DataFrame) -> RunSummary:
    done = int(epochs["epoch"].max()) if len(epochs) else 0
    planned, seconds = config.schedule.epochs, _last(steps, "seconds") or 0.0
    scored = epochs[epochs["val_top1"].notna()]
    best = scored.sort_values("val_top1", kind="stable", ascending=False).head(1)
    spent = _last(epochs, "seconds")
    classes = config.model.num_classes
    return RunSummary(
        network=config.model_spec(classes or 2).label,
        epochs=done,
        planned_epochs=planned,
        steps=int(steps["step"].max()) if len(steps) else 0,
        loss=_last(steps, "loss"),
        top1=_last(scored, "val_top1"),
        best_top1=_last(best, "val_top1"),
        best_epoch=int(best["epoch"].iloc[0]) if len(best) else None,
        chance=1 / classes if classes else None,
        seconds=max(seconds, spent or 0.0),
        remaining_s=None if spent is None else max(0.0, spent / done * planned - max(seconds, spent)),
        finished=done >= planned,
    )


def _last(table: pd.DataFrame, name: str) -> float | None:
    return float(table[name].iloc[-1]) if len(table) else None
