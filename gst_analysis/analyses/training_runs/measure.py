"""A run's folder, finished or still going on -> its log as tables, and how far it is."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pandas as pd

from gst_analysis.analyses.training_runs.table import RunSummary, TrainingRun
from gst_analysis.errors import DataError, GstError
from gst_analysis.results import Provenance, hash_plain
from gst_analysis.tables import Schema, check
from gst_analysis.training.config import TrainConfig, fixed_settings
from gst_analysis.training.recipes import load_config
from gst_analysis.training.table import TRAINING_EPOCHS, TRAINING_STEPS

_LARGEST_LOG = 50_000_000


def read_logs(folder: str | os.PathLike[str]) -> TrainingRun:
    """Read the log of a run, which may be writing it.

    Raises:
        DataError: a folder without a run, or a log that cannot be read.
        SpecError: settings that cannot be.
    """
    where = Path(folder)
    if not os.path.isfile(where / "config.toml"):
        raise DataError(
            str(where),
            expected="a run's folder, with config.toml, steps.csv and epochs.csv",
            found="no config.toml" if os.path.isdir(where) else "no such folder",
            todo="name the folder that was given to gst-analyze train --out",
        )
    config = load_config(where / "config.toml")
    steps = _read_table(where / "steps.csv", TRAINING_STEPS)
    epochs = _read_table(where / "epochs.csv", TRAINING_EPOCHS)
    return TrainingRun(
        steps,
        _summarise(config, steps, epochs),
        Provenance({}, {}, config.to_json()),
        epochs=epochs,
        folder=where,
        checkpoints=tuple(sorted(where.glob("epoch-*.pth"))),
        design=_hash_design(config),
    )


def _hash_design(config: TrainConfig) -> str:
    fixed = fixed_settings(config)
    return hash_plain({name: value for name, value in fixed.items() if name != "run.seed"})


def _read_table(path: Path, schema: Schema) -> pd.DataFrame:
    """The lines that are complete: the last one may be being written."""
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
