"""The folder of a run: one run at a time in it, and the one file that a run goes on from.

state.pt holds everything, weights included: it is written whole or not at all, so that there is no
moment at which a kill could leave weights and optimiser of different steps.
"""

from __future__ import annotations

import dataclasses
import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gst_analysis.checkpoints.reading import load_raw
from gst_analysis.clips.dataset import SkippedClip
from gst_analysis.errors import BrokenCheckpoint, OutputError, SpecError, name_some
from gst_analysis.files import write_whole
from gst_analysis.training.config import TrainConfig, fixed_settings
from gst_analysis.training.loaders import is_dead_worker
from gst_analysis.training.locks import FolderLock
from gst_analysis.training.table import BEGUN, BEST, CONFIG, KEPT, LAST, LOGS, STATE, Resume, write_resume

FORMAT, VERSION = "gst-analysis-training", 1
EPOCHS_KEY = "schedule.epochs"
_ANOTHER_RECIPE = 5
"""Settings that differ, from which on a recipe is taken for another one."""


@dataclass
class Position:
    """How far a run has come: epochs done, batches done in the running one, steps in all."""

    epoch: int = 0
    batch: int = 0
    step: int = 0
    seconds: float = 0.0
    best: dict[str, float] | None = None
    """epoch, top1 and loss of the best validation so far."""
    rows: list[dict[str, Any]] = field(default_factory=list)
    """One TRAINING_EPOCHS row for every epoch done."""
    skipped: dict[str, list[SkippedClip]] = field(default_factory=dict)
    """Unreadable clips of each split."""


@dataclass(frozen=True)
class Snapshot:
    """Everything that state.pt holds beside the configuration."""

    position: Position
    weights: Mapping[str, Tensor]
    optimiser: Mapping[str, Any]
    scaler: Mapping[str, Any]
    random: list[dict[str, Tensor]]
    """Each rank's generators."""
    sums: Tensor
    log: Mapping[str, int]
    """How long each log file is."""
    machine: Mapping[str, Any]
    """What must be the same for the weights to be the same bit for bit: devices, threads, torch."""
    data: Mapping[str, Any] | None = None
    """The clips and classes (`Sources.fingerprint`); None in files of before they were kept."""
    notes: tuple[str, ...] = ()
    """What is not as it was when the run began."""


def save_snapshot(folder: Path, snapshot: Snapshot, config: TrainConfig) -> Path:
    """Write state.pt whole or not at all."""
    position = {**vars(snapshot.position)}
    position["skipped"] = {
        split: [dataclasses.asdict(clip) for clip in clips]
        for split, clips in snapshot.position.skipped.items()
    }
    record = {
        "format": FORMAT,
        "version": VERSION,
        "config": fixed_settings(config),
        "position": position,
        "state_dict": {name: tensor.detach().cpu() for name, tensor in snapshot.weights.items()},
        "optimiser": snapshot.optimiser,
        "scaler": dict(snapshot.scaler),
        "random": snapshot.random,
        "sums": snapshot.sums,
        "log": dict(snapshot.log),
        "machine": dict(snapshot.machine),
        "data": None if snapshot.data is None else dict(snapshot.data),
    }
    path = write_whole(folder / STATE, lambda file: torch.save(record, file))
    (folder / BEGUN).unlink(missing_ok=True)
    return path


def load_snapshot(folder: Path, config: TrainConfig) -> Snapshot | None:
    """Read state.pt; None if there is none.

    Raises:
        CheckpointError: the file is damaged, or no training state.
        SpecError: the run was started with other settings.
    """
    path = folder / STATE
    if not path.exists():
        return None
    raw = load_raw(path)
    record = raw.extras
    if record.get("format") != FORMAT or record.get("version") != VERSION:
        raise _broken(path, "another kind of file")
    notes = _compare(record.get("config"), config, path)
    try:
        return Snapshot(
            _read_position(record["position"]),
            raw.state,
            record["optimiser"],
            record["scaler"],
            record["random"],
            record["sums"],
            record["log"],
            record["machine"],
            _read_data(record.get("data"), path),
            notes,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise _broken(path, f"one without {error}") from error


@contextmanager
def explain_unwritable(folder: Path) -> Iterator[None]:
    """Turn what goes wrong while files of a run are written into words that help.

    Raises:
        OutputError: there is no room, or the files may not be written.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:  # torch's writer reports what Python's file raised as either
        if is_dead_worker(error):  # a signal, which may come while a file is written
            raise
        found = getattr(error, "strerror", None) or str(error)[:120]
        if getattr(error, "errno", None) in (errno.EACCES, errno.EPERM, errno.EROFS):
            wanted, todo = "files that may be written", "check the rights of the folder and of what is in it"
        else:
            wanted, todo = "room to write checkpoints and logs", "make room"
        raise OutputError(
            str(folder), expected=wanted, found=found, todo=f"{todo}, then resume the run"
        ) from error


def prepare_folder(folder: Path, *, resume: Resume) -> FolderLock:
    """Make the folder of a run and lock it; refuse to replace anything, and remove a killed run's drafts."""
    _check_folder(folder, resume)
    lock: FolderLock | None = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FolderLock(folder)
        _check_folder(folder, resume)  # again: the run that held the lock until now may have left one
        for name in (STATE, LAST, BEST, KEPT):
            for path in folder.glob(f".{name}.*"):  # write_whole's drafts
                path.unlink()
        return lock
    except BaseException as error:
        if lock is not None:
            lock.close()
        if not isinstance(error, OSError):
            raise
        raise OutputError(
            str(folder),
            expected="a folder that can be written to",
            found=error.strerror or str(error),
            todo="check its rights, or choose another folder",
        ) from error


def _check_folder(folder: Path, resume: Resume) -> None:
    saved = (folder / STATE).exists()
    if saved and not resume:
        raise OutputError(
            str(folder),
            expected="a folder without a training run",
            found=STATE,
            todo=f"go on with {write_resume(folder)}, or choose another folder",
        )
    if resume == "required" and not saved:
        raise OutputError(
            str(folder),
            expected=f"a training run to go on with, so {STATE}",
            found=f"no {STATE} in it" if folder.is_dir() else "no such folder",
            todo="check --out; to begin a run there, leave out --resume or use --resume-if-any",
        )
    if not saved:
        _refuse_files(folder)


def note_begun(folder: Path, *names: str) -> None:
    """Note files that a run is about to make before it is saved for the first time: they are its own.

    A run that is killed before that leaves them, and nothing to go on from; the next one begins anew there.
    """
    if not (folder / STATE).exists():
        with (folder / BEGUN).open("a", encoding="utf-8") as file:
            file.write("".join(f"{name}\n" for name in names))


def _refuse_files(folder: Path) -> None:
    """Refuse a folder in which a run that begins would replace files: a recipe, or the end of another run."""
    own = (folder / BEGUN).read_text(encoding="utf-8").split() if (folder / BEGUN).exists() else []
    names = (LAST, BEST, CONFIG, *LOGS, KEPT)
    found = sorted({path.name for name in names for path in folder.glob(name)} - set(own))
    if found:
        raise OutputError(
            str(folder),
            expected="a folder without files that a run would replace",
            found=name_some(found),
            todo="choose another folder with --out, or move them away",
        )


def _read_position(record: Mapping[str, Any]) -> Position:
    skipped = {split: [SkippedClip(**clip) for clip in clips] for split, clips in record["skipped"].items()}
    return Position(**{**record, "skipped": skipped})


def _read_data(data: Any, path: Path) -> Mapping[str, Any] | None:
    if data is not None and not isinstance(data, Mapping):
        raise _broken(path, "one without the clips' hashes")
    return data


def _compare(saved: Any, config: TrainConfig, path: Path) -> tuple[str, ...]:
    """Refuse other settings than those of the run; returns what to note of those that may differ."""
    if not isinstance(saved, Mapping):
        raise _broken(path, "one without settings")
    wanted = fixed_settings(config)
    # A setting that came after the file was written was at its default.
    began = {**{key: value for key, value in fixed_settings(TrainConfig()).items() if key in wanted}, **saved}
    keys = [key for key in dict.fromkeys([*began, *wanted]) if began.get(key) != wanted.get(key)]
    odd = [f"{key}={wanted.get(key)} (was {began.get(key)})" for key in keys if key != EPOCHS_KEY]
    if odd:
        # Many at once are another recipe in the place of the run's own, and no settings that were changed.
        many = len(odd) >= _ANOTHER_RECIPE
        found = f"another recipe: {len(odd)} settings differ" if many else name_some(odd)
        raise SpecError(
            f"resuming {path.parent}",
            expected="the settings that the run was started with",
            found=found,
            todo=f"go on with {write_resume(path.parent)}, or start a run in another folder",
        )
    return (_say_epochs(began[EPOCHS_KEY], wanted[EPOCHS_KEY]),) if EPOCHS_KEY in keys else ()


def _say_epochs(began: Any, wanted: Any) -> str:
    """What other epochs than planned mean under a cosine: elsewhere the rate does not ask how many."""
    return (
        f"schedule.epochs is {wanted} and was {began}: from here the cosine's rates are those of a run of "
        f"{wanted} epochs, but epochs done before had those of one of {began}"
    )


def _broken(path: Path, found: str) -> BrokenCheckpoint:
    return BrokenCheckpoint(
        str(path), expected="the state of a training run", found=found, todo="start the run anew elsewhere"
    )
