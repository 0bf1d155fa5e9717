"""What a run leaves: the tables of its log, the names of its files, and its result. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from gst_analysis.documents import rows_of, value_of
from gst_analysis.errors import legible
from gst_analysis.options import join_words
from gst_analysis.results import Result
from gst_analysis.tables.schema import Schema, real, whole

DEFAULT_RECIPE = "something-v2-gst-r50-8f"
"""The paper's."""
BEST, LAST, STATE, CONFIG, LOCK = "best.pth", "last.pth", "state.pt", "config.toml", "run.lock"
"""The files of a run beside its logs; state.pt is what it goes on from."""
EVENTS, STEPS, EPOCHS = LOGS = ("log.jsonl", "steps.csv", "epochs.csv")
"""Its logs."""
KEPT = "epoch-*.pth"
"""Those of kept epochs."""
BEGUN = ".gst-analysis.run"
"""Lists the files of a run that was not saved yet, so that state.pt does not speak for them."""
Resume = bool | Literal["required"]
"""Whether to go on with the run in a folder: True where there is one, `required` only if there is one."""


def write_resume(folder: Path) -> str:
    """The command that goes on with the run in a folder.

    Example:
        >>> write_resume(Path("runs/a"))
        'gst-analyze train runs/a/config.toml --out runs/a --resume'
    """
    return join_words(
        ["gst-analyze", "train", legible(folder / CONFIG), "--out", legible(folder), "--resume"]
    )


TRAINING_STEPS = Schema(
    "TRAINING_STEPS",
    {
        "epoch": whole("epoch, from 1", "index"),
        "step": whole("steps since training began", "steps"),
        "loss": real("mean training loss since the row before", "nats"),
        "top1": real("share of these clips, as augmented, that were right", "share"),
        "lr": real("the last step's learning rate", "1"),
        "clips_per_s": real("clips a second, reading and logging included", "clips/s"),
        "seconds": real("time since training began, pauses left out", "s"),
    },
)

TRAINING_EPOCHS = Schema(
    "TRAINING_EPOCHS",
    {
        "epoch": whole("epoch, from 1", "index"),
        "step": whole("steps since training began", "steps"),
        "lr": real("the last step's learning rate", "1"),
        "loss": real("mean training loss of the epoch", "nats"),
        "top1": real("share of the training clips, as augmented, that were right", "share"),
        "val_loss": real(
            "mean loss of the validation clips; missing if they were not run", "nats", optional=True
        ),
        "val_top1": real("share of the validation clips whose class came first", "share", optional=True),
        "val_top5": real(
            "share of the validation clips whose class was among the first five", "share", optional=True
        ),
        "clips": whole("training clips seen in the epoch", "clips"),
        "skipped": whole("clips of both sets found unreadable so far", "clips"),
        "seconds": real("time since training began, pauses left out", "s"),
    },
)


@dataclass(frozen=True)
class TrainSummary:
    """How a run ended. Scores are shares of the validation clips, None where there was no validation."""

    network: str
    """What was trained, such as gst-resnet50."""
    epochs: int
    """Epochs that are done."""
    steps: int
    """Steps that are done."""
    loss: float
    """Mean training loss of the last epoch, in nats."""
    top1: float | None
    """Share whose class came first, after the last epoch; null where that was not validated."""
    top5: float | None
    """Share whose class was among the first five; null likewise."""
    best_epoch: int | None
    """The epoch with the highest top-1, from 1; null without validation."""
    best_top1: float | None
    """Its top-1; null without validation."""
    skipped: int
    """Clips of both sets found unreadable."""
    seconds: float
    """Time that training took, pauses left out, in seconds."""


@dataclass(frozen=True)
class TrainResult(Result[TrainSummary]):
    """A finished run; `.table` (TRAINING_EPOCHS) has a row for every epoch."""

    stem: ClassVar[str] = "training"
    document: ClassVar[str] = "train"

    folder: Path = field(kw_only=True)
    files: Mapping[str, str] = field(kw_only=True)
    """The checkpoints that the run wrote: last, best and the kept epochs."""
    leads: bool = field(default=True, kw_only=True)
    """Whether this process, of several that trained together, is the one to tell of it."""

    def to_document(self, files: Mapping[str, str] | None = None) -> dict[str, Any]:
        """What `gst-analyze train --json` prints; the run's own files come first."""
        return super().to_document({**self.files, **(files or {})})

    def fill_document(self) -> dict[str, Any]:
        """Its document's own fields."""
        return {"summary": self.summary, "epochs": self.table.to_dict("records")}

    @classmethod
    def describe_fields(cls) -> dict[str, Any]:
        """Its document's own fields."""
        return {"summary": value_of(TrainSummary), "epochs": rows_of(TRAINING_EPOCHS, "epoch by epoch")}


def epoch_name(epoch: int) -> str:
    """The file of a kept epoch; names sort as epochs do."""
    return f"epoch-{epoch:04d}.pth"
