"""What a run writes while it goes: the log, checkpoints in our own format, and the state it goes on from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from gst_analysis.checkpoints.saving import save_model
from gst_analysis.clips.dataset import SkippedClip, SkippedClips
from gst_analysis.errors import BrokenCheckpoint, DataError
from gst_analysis.files import write_whole
from gst_analysis.networks.registry import anatomy_of
from gst_analysis.results import Provenance
from gst_analysis.tables.schema import check
from gst_analysis.tracking.gammas import track_gammas
from gst_analysis.tracking.trackers import Tracker, open_trackers
from gst_analysis.training.conditions import capture_random, restore_random
from gst_analysis.training.log_repair import repair_logs
from gst_analysis.training.logs import RunLog
from gst_analysis.training.recipes import format_config
from gst_analysis.training.scores import EPOCH, WINDOW, Scores, Totals, check_finite
from gst_analysis.training.setup import Parts
from gst_analysis.training.state import Position, Snapshot, explain_unwritable, note_begun, save_snapshot
from gst_analysis.training.table import (
    BEST,
    CONFIG,
    LAST,
    LOGS,
    STATE,
    TRAINING_EPOCHS,
    TrainResult,
    TrainSummary,
    epoch_name,
)


class Recorder:
    """The folder of a run. Every rank has one, as saving gathers from all; only the first one writes."""

    def __init__(self, parts: Parts, folder: Path, snapshot: Snapshot | None) -> None:
        self.parts = parts
        self.folder = folder
        self.position = snapshot.position if snapshot else Position()
        self.totals = Totals(parts.ranks.device)
        self._tallies: dict[str, SkippedClips] = {"train": parts.skipped}
        if parts.validation is not None:
            self._tallies["validation"] = parts.validation.skipped
        self._told: dict[str, int] = {}
        self.notes: list[str] = []
        """What to tell of going on with this run."""
        with explain_unwritable(folder):
            if parts.ranks.leads:
                note_begun(folder, CONFIG, *LOGS)
            self.log = RunLog(
                folder if parts.ranks.leads else None,
                sizes=self._repair(snapshot),
                trackers=self._open_trackers(),
            )
            if parts.ranks.leads:
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
        scores = Scores.of(self.parts.ranks.add(self.totals.sums[EPOCH]))
        if not scores.clips:
            raise DataError(
                "training clips",
                expected="some readable ones in an epoch",
                found="none",
                todo="run dataset-check, then mend them",
            )
        self.position.epoch, self.position.batch = self.position.epoch + 1, 0
        for row in (EPOCH, WINDOW):
            self.totals.restart(row)
        self._log_skipped()
        record = self._describe_epoch(scores, validation, lr=lr, seconds=seconds)
        self.log.add_epoch(record)
        if self.log.trackers:
            network = self.parts.network
            state, anatomy = network.state_dict(), anatomy_of(network.spec)
            track_gammas(self.log.trackers, state, anatomy, self.position.step)
        self.position.rows.append(record)
        self._keep(validation)
        self.save(seconds=seconds, lr=lr)

    def save(self, *, seconds: float, lr: float) -> None:
        """Make the run resumable from here: last.pth for whoever looks, state.pt to go on from."""
        parts, position = self.parts, self.position
        sums = parts.ranks.add(self.totals.sums)
        check_finite(sums, lr)
        position.seconds = seconds
        position.skipped = {split: list(tally.reasons.values()) for split, tally in self._tallies.items()}
        generators = parts.ranks.gather_objects(capture_random(parts.ranks.device))
        if not parts.ranks.leads:
            return
        with explain_unwritable(self.folder):
            self._write(LAST)
            snapshot = Snapshot(
                position,
                parts.network.state_dict(),
                parts.optimiser.state_dict(),
                parts.ranks.fabric.strategy.precision.state_dict(),
                generators,
                sums,
                self.log.sizes(),
                self._machine(),
                parts.sources.fingerprint,
            )
            save_snapshot(self.folder, snapshot, parts.config)

    def build_result(self) -> TrainResult:
        """What a finished run gives back."""
        parts, position, folder = self.parts, self.position, self.folder
        table = pd.DataFrame(position.rows, columns=list(TRAINING_EPOCHS.columns))
        real = [name for name, column in TRAINING_EPOCHS.columns.items() if column.kind == "real"]
        kept = sorted(folder.glob("epoch-*.pth"))
        spec = parts.network.spec
        return TrainResult(
            check(table.astype(dict.fromkeys(real, float)), TRAINING_EPOCHS),
            _summarise(position, spec.label),
            Provenance(parts.sources.sha256, {LAST: spec.to_json()}, parts.config.to_json()),
            notes=(*parts.sources.notes, *parts.notes, *self.notes),
            folder=folder,
            files={path.stem: str(path) for path in (folder / LAST, folder / BEST, *kept) if path.exists()},
            leads=parts.ranks.leads,
        )

    def _begin(self, snapshot: Snapshot | None) -> None:
        parts = self.parts
        event: dict[str, Any] = {"step": self.position.step, **self._machine()}
        if snapshot is None:
            self.log.add_event("started", event)
        else:
            self._restore(snapshot)
            changed = {k: v for k, v in snapshot.machine.items() if event.get(k) != v}
            self.log.add_event("resumed", {**event, "differs_from": changed})
        told = () if self.position.step else (*parts.sources.notes, *parts.notes)
        for note in (*told, *self.notes):
            self.log.add_event("note", {"text": note})

    def _open_trackers(self) -> list[Tracker]:
        """Where this run is told, besides its own logs."""
        if not self.parts.ranks.leads:
            return []
        run = self.parts.config.run
        return open_trackers(
            self.folder,
            tensorboard=run.tensorboard,
            wandb=run.wandb,
            mlflow=run.mlflow,
            step=self.position.step,
        )

    def _repair(self, snapshot: Snapshot | None) -> Mapping[str, int] | None:
        """Put the logs back to where the run was saved; returns how long they are."""
        if snapshot is None or not self.parts.ranks.leads:
            return None
        sizes, self.notes = repair_logs(self.folder, snapshot)
        self.notes += snapshot.notes
        if snapshot.data is None:
            self.notes.append(
                "state.pt is of an earlier version: whether the clips are the same is not known"
            )
        return sizes

    def _restore(self, snapshot: Snapshot) -> None:
        parts, rank = self.parts, self.parts.ranks.rank
        try:
            parts.network.load_state_dict(dict(snapshot.weights))
            parts.optimiser.load_state_dict(dict(snapshot.optimiser))
            parts.ranks.fabric.strategy.precision.load_state_dict(dict(snapshot.scaler))
            if rank == 0:  # the sums are those of all ranks together
                self.totals.sums.copy_(snapshot.sums)
            if rank < len(snapshot.random):
                restore_random(snapshot.random[rank], parts.ranks.device)
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

    def _describe_epoch(
        self, scores: Scores, validation: Scores | None, *, lr: float, seconds: float
    ) -> dict[str, Any]:
        """A row of TRAINING_EPOCHS."""
        return {
            "epoch": self.position.epoch,
            "step": self.position.step,
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
        if self.parts.ranks.leads:
            with explain_unwritable(self.folder):
                self._write(name)

    def _write(self, name: str) -> None:
        parts, position = self.parts, self.position
        last = position.rows[-1] if position.rows and position.batch == 0 else {}
        scores = {
            key: last[key] for key in ("loss", "top1", "val_loss", "val_top1", "val_top5") if key in last
        }
        note_begun(self.folder, name)
        where = {"epoch": position.epoch, "batch": position.batch, "step": position.step, "scores": scores}
        save_model(
            self.folder / name,
            parts.network,
            clip_spec=parts.config.clip.spec(),
            labels=parts.sources.labels,
            provenance={**parts.provenance, **where},
            overwrite=True,  # prepare_folder has made sure that it is the run's own
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
            "device": str(self.parts.ranks.device),
            "ranks": self.parts.ranks.size,
            "threads": torch.get_num_threads(),
            "torch": str(torch.__version__),
        }


def _summarise(position: Position, network: str) -> TrainSummary:
    best, last = position.best or {}, position.rows[-1]
    return TrainSummary(
        network=network,
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
