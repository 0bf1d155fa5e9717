"""What a training run leaves: its epochs as a table, the best and last scores, and where the files lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from gst_analysis.networks.specs import ModelSpec
from gst_analysis.results import LegacyResult as Result
from gst_analysis.results import Provenance
from gst_analysis.tables.schema import check
from gst_analysis.training.config import TrainConfig
from gst_analysis.training.sources import Sources
from gst_analysis.training.state import Position
from gst_analysis.training.table import TRAINING_EPOCHS

BEST, LAST = "best.pth", "last.pth"


@dataclass(frozen=True)
class TrainSummary:
    """Scores are shares of the validation clips, None where there was no validation."""

    network: str
    epochs: int
    steps: int
    loss: float
    top1: float | None
    top5: float | None
    best_epoch: int | None
    best_top1: float | None
    skipped: int
    seconds: float


@dataclass(frozen=True)
class TrainResult(Result[TrainSummary]):
    """`.table` has a row for every epoch; `.files` names last, best and the kept epochs."""

    folder: Path
    files: Mapping[str, str]
    notes: tuple[str, ...]
    leads: bool = True
    """Whether this process, of several that trained together, is the one to tell of it."""


def epoch_name(epoch: int) -> str:
    """The file of a kept epoch; names sort as epochs do."""
    return f"epoch-{epoch:04d}.pth"


def build_result(
    config: TrainConfig,
    position: Position,
    folder: Path,
    *,
    sources: Sources,
    spec: ModelSpec,
    notes: Sequence[str],
    leads: bool,
) -> TrainResult:
    """Gather the result of a finished run."""
    table = pd.DataFrame(position.rows, columns=list(TRAINING_EPOCHS.columns))
    real = [name for name, column in TRAINING_EPOCHS.columns.items() if column.kind == "real"]
    table = check(table.astype(dict.fromkeys(real, float)), TRAINING_EPOCHS)
    best, last = position.best or {}, position.rows[-1]
    summary = TrainSummary(
        network=spec.label,
        epochs=position.epoch,
        steps=position.step,
        loss=last["loss"],
        top1=last["val_top1"],
        top5=last["val_top5"],
        best_epoch=int(best["epoch"]) if best else None,
        best_top1=best.get("top1"),
        skipped=last["skipped"],
        seconds=position.seconds,
    )
    kept = sorted(folder.glob("epoch-*.pth"))
    files = {path.stem: str(path) for path in (folder / LAST, folder / BEST, *kept) if path.exists()}
    provenance = Provenance(sources.sha256, {LAST: spec.to_json()}, config.to_json())
    return TrainResult(table, summary, provenance, folder, files, (*sources.notes, *notes), leads)
