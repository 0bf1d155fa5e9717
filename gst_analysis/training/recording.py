"""What a run writes while it goes: the log, checkpoints in our own format, and the state it goes on from."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from gst_analysis.checkpoints.loading import save_model
from gst_analysis.clips.dataset import SkippedClip, SkippedClips
from gst_analysis.errors import BrokenCheckpoint, DataError, OutputError
from gst_analysis.files import write_whole
from gst_analysis.training.loaders import is_dead_worker
from gst_analysis.training.logs import RunLog
from gst_analysis.training.mending import mend_logs
from gst_analysis.training.meters import EPOCH, WINDOW, Scores, Totals, check_finite
from gst_analysis.training.outcome import BEST, LAST, epoch_name
from gst_analysis.training.randomness import capture_random, restore_random
from gst_analysis.training.recipes import format_config
from gst_analysis.training.setup import Parts
from gst_analysis.training.state import STATE, Position, Snapshot, save_snapshot

CONFIG = "config.toml"


class Recorder:
    """The folder of a run. Every rank has one, as saving gathers from all; only the first one writes."""

    def __init__(self, parts: Parts, folder: Path, snapshot: Snapshot | None) -> None:
        self.parts = parts
        self.folder = folder
        self.position = snapshot.position if snapshot else Position()
        self.totals = Totals(parts.crew.device)
        self._tallies: dict[str, SkippedClips] = {"train": parts.skipped}
        if parts.validation is not None:
            self._tallies["validation"] = parts.validation.skipped
        self._told: dict[str, int] = {}
        self.notes: list[str] = []
        """What to tell of going on with this run."""
        run = parts.config.run
        with _explain_unwritable(folder):
            self.log = RunLog(
                folder if parts.crew.leads else None,
                sizes=self._mend(snapshot),
                tensorboard=run.tensorboard,
                step=self.position.step,
            )
            if parts.crew.leads:
                text = format_config(parts.config)
                write_whole(folder / CONFIG, lambda file: file.write(text.encode()))
        self._begin(snapshot)

    def close(self) -> None:
        self.log.close()

    def log_steps(self, scores: Scores, *, lr: float, clips_per_s: float, seconds: float) -> None:
        """A line for the steps since the one before."""
        self._log_skipped()
        if not scores.clips:  # every clip of these steps was unreadable
            return
        check_finite(torch.tensor(scores.loss), lr)
        self.totals.restart(WINDOW)
        self.log.add_steps(
            {
                "epoch": self.position.epoch + 1,
                "step": self.position.step,
                "loss": scores.loss,
                "top1": scores.top1,
                "lr": lr,
                "clips_per_s": clips_per_s,
                "seconds": seconds,
            }
        )

    def log_left_out(self, clips: int) -> None:
        """Readable clips whose piece was left out, as another rank could read none of its own."""
        if clips:
            self.log.add_event("left out", {"step": self.position.step + 1, "clips": clips})

    def finish_epoch(self, validation: Scores | None, *, lr: float, seconds: float) -> None:
        """Log an epoch's row, write its checkpoints, and be ready for the next one."""
        scores = Scores.of(self.parts.crew.add(self.totals.sums[EPOCH]))
        position = self.position
        if not scores.clips:
            raise DataError(
                "training clips",
                expected="some readable ones in an epoch",
                found="none",
                todo="run dataset-check, then mend them",
            )
        position.epoch, position.batch = position.epoch + 1, 0
        for row in (EPOCH, WINDOW):
            self.totals.restart(row)
        self._log_skipped()
        record = {
            "epoch": position.epoch,
            "step": position.step,
            "lr": lr,
            "loss": scores.loss,
            "top1": scores.top1,
            "val_loss": validation.loss if validation else None,
            "val_top1": validation.top1 if validation else None,
            "val_top5": validation.top5 if validation else None,
            "clips": scores.clips,
            "skipped": sum(len(tally.reasons) for tally in self._tallies.values()),
            "seconds": seconds,
        }
        self.log.add_epoch(record)
        position.rows.append(record)
        self._keep(validation)
        self.save(seconds=seconds, lr=lr)

    def save(self, *, seconds: float, lr: float) -> None:
        """Make the run resumable from here: last.pth for whoever looks, state.pt to go on from."""
        parts, position = self.parts, self.position
        sums = parts.crew.add(self.totals.sums)
        check_finite(sums, lr)
        position.seconds = seconds
        position.skipped = {split: list(tally.reasons.values()) for split, tally in self._tallies.items()}
        generators = parts.crew.gather_objects(capture_random(parts.crew.device))
        if not parts.crew.leads:
            return
        with _explain_unwritable(self.folder):
            self._write(LAST)
            snapshot = Snapshot(
                position,
                parts.network.state_dict(),
                parts.optimiser.state_dict(),
                parts.fabric.strategy.precision.state_dict(),
                generators,
                sums,
                self.log.sizes(),
                self._machine(),
                parts.sources.fingerprint,
            )
            save_snapshot(self.folder, snapshot, parts.config)

    def _begin(self, snapshot: Snapshot | None) -> None:
        parts = self.parts
        event: dict[str, Any] = {"step": self.position.step, **self._machine()}
        if snapshot is None:
            self.log.add_event("started", event)
        else:
            self._restore(snapshot)
            changed = {k: v for k, v in snapshot.machine.items() if event.get(k) != v}
            self.log.add_event("resumed", {**event, "differs_from": changed})
        for note in (*(() if self.position.step else parts.sources.notes), *self.notes):
            self.log.add_event("note", {"text": note})

    def _mend(self, snapshot: Snapshot | None) -> Mapping[str, int] | None:
        """Put the logs back to where the run was saved; returns how long they are."""
        if snapshot is None or not self.parts.crew.leads:
            return None
        sizes, self.notes = mend_logs(self.folder, snapshot)
        if snapshot.data is None:
            self.notes.append(
                "state.pt is of an earlier version: whether the clips are the same is not known"
            )
        return sizes

    def _restore(self, snapshot: Snapshot) -> None:
        parts, rank = self.parts, self.parts.crew.rank
        try:
            parts.network.load_state_dict(dict(snapshot.weights))
            parts.optimiser.load_state_dict(dict(snapshot.optimiser))
            parts.fabric.strategy.precision.load_state_dict(dict(snapshot.scaler))
            if rank == 0:  # the sums are those of all ranks together
                self.totals.sums.copy_(snapshot.sums)
            if rank < len(snapshot.random):
                restore_random(snapshot.random[rank], parts.crew.device)
        except (RuntimeError, ValueError, KeyError, TypeError) as error:
            raise BrokenCheckpoint(
                str(self.folder / STATE),
                expected="the state of this run",
                found=str(error)[:120],
                todo="start the run anew in another folder",
            ) from error
        for split, tally in self._tallies.items():
            clips = self.position.skipped.get(split, [])
            tally.reasons = {clip.place: clip for clip in clips}
            self._told[split] = len(clips)

    def _keep(self, validation: Scores | None) -> None:
        """The best epoch so far by top-1, then by loss, and every so many epochs one more."""
        position, every = self.position, self.parts.config.run.save_every_epochs
        best = position.best
        if validation is not None and (
            best is None or (validation.top1, -validation.loss) > (best["top1"], -best["loss"])
        ):
            position.best = {"epoch": position.epoch, "top1": validation.top1, "loss": validation.loss}
            self._write_led(BEST)
        if every and position.epoch % every == 0:
            self._write_led(epoch_name(position.epoch))

    def _write_led(self, name: str) -> None:
        if self.parts.crew.leads:
            with _explain_unwritable(self.folder):
                self._write(name)

    def _write(self, name: str) -> None:
        parts, position = self.parts, self.position
        last = position.rows[-1] if position.rows and position.batch == 0 else {}
        scores = {
            key: last[key] for key in ("loss", "top1", "val_loss", "val_top1", "val_top5") if key in last
        }
        where = {"epoch": position.epoch, "batch": position.batch, "step": position.step, "scores": scores}
        save_model(
            self.folder / name,
            parts.network,
            clip_spec=parts.config.clip.spec(),
            labels=parts.sources.labels,
            provenance={**parts.provenance, **where},
        )

    def _log_skipped(self) -> None:
        """Name each unreadable clip once."""
        for split, tally in self._tallies.items():
            clips: list[SkippedClip] = list(tally.reasons.values())[self._told.get(split, 0) :]
            for clip in clips:
                self.log.add_event("skipped", {"split": split, "clip": clip.clip, "reason": clip.reason})
            self._told[split] = len(tally.reasons)

    def _machine(self) -> dict[str, Any]:
        return {
            "device": str(self.parts.crew.device),
            "ranks": self.parts.crew.size,
            "threads": torch.get_num_threads(),
            "torch": str(torch.__version__),
        }


@contextmanager
def _explain_unwritable(folder: Path) -> Iterator[None]:
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
