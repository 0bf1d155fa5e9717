"""Training: a configuration in; checkpoints, a log and a TrainResult out. Section 4.2 of the paper.

The loss is the cross entropy of the frames' averaged logits. Everything random depends on the seed and
on saved generators, so that a run that was stopped goes on as if it had not been.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from lightning_fabric import Fabric
from torch import Tensor
from torch.nn import functional as F

from gst_analysis.clips.dataset import ClipBatch
from gst_analysis.clips.transforms import normalise_clips
from gst_analysis.networks.network import average_frames
from gst_analysis.training.conditions import training_conditions
from gst_analysis.training.config import TrainConfig
from gst_analysis.training.loaders import end_workers, explain_dead_workers, take_pieces, to_device
from gst_analysis.training.memory import explain_exhaustion, explain_out_of_memory
from gst_analysis.training.optimiser import learning_rate, set_rate
from gst_analysis.training.progress import (
    Clock,
    Interruption,
    Phase,
    TrainProgress,
    TrainWatcher,
    ignore_progress,
    stop_at_once,
)
from gst_analysis.training.ranks import Ranks, build_fabric, check_settings, count_all, explain_lost_ranks
from gst_analysis.training.recording import Recorder
from gst_analysis.training.scores import WINDOW, Scores, Totals
from gst_analysis.training.setup import Parts, build_parts
from gst_analysis.training.state import Position, load_snapshot, prepare_folder
from gst_analysis.training.table import Resume, TrainResult


def train(
    config: TrainConfig,
    *,
    out: str | os.PathLike[str],
    resume: Resume = False,
    progress: TrainWatcher | None = None,
) -> TrainResult:
    """Train a network.

    Args:
        config: what load_config returns.
        out: the folder for last.pth, best.pth, kept epochs, log.jsonl, steps.csv, epochs.csv, config.toml
            and state.pt, which a run goes on from.
        resume: go on with the run in `out`, if there is one (`"required"`: it is an error if there is none);
            on a CPU the weights come out bit for bit as without the stop.
        progress: called with a TrainProgress now and then; with strategy ddp_spawn it must be picklable.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed, or the process asked to end; the run was saved first.
        SpecError: settings that cannot be, or too little memory, with the batch size to try.
        DataError: annotations that cannot be used, or too many clips that cannot be read.
        OutputError: a folder that holds a run, that another run is writing to, or that cannot be written.

    Example:
        >>> train(load_config("planted-temporal"), out="runs/temporal").summary.top1  # doctest: +SKIP
        0.99
    """
    fabric = build_fabric(config.run)
    work = functools.partial(
        _train_here, config=config, folder=Path(out), resume=resume, watch=progress or ignore_progress
    )
    if int(os.environ.get("LT_CLI_USED", "0")):  # `fabric run` has launched the processes already
        return work(fabric)
    result: TrainResult = fabric.launch(work)
    return result


def _train_here(
    fabric: Fabric, config: TrainConfig, folder: Path, resume: Resume, watch: TrainWatcher
) -> TrainResult:
    """One process of a run."""
    ranks = Ranks(fabric)
    with (
        stop_at_once(),
        training_conditions(config.run, fabric.device, rank=ranks.rank),
        explain_lost_ranks(ranks.size),
        explain_exhaustion("training", "use a smaller clip.crop, clip.frames, data.cache_mib or run.threads"),
        explain_dead_workers(),
        contextlib.ExitStack() as held,
    ):
        check_settings(ranks, config)
        if lock := ranks.agree(lambda: prepare_folder(folder, resume=resume) if ranks.leads else None):
            held.callback(lock.close)
        # Only the first process need see the folder: on other machines it may be missing, or an old one.
        snapshot = ranks.give(
            ranks.agree(lambda: load_snapshot(folder, config) if resume and ranks.leads else None)
        )
        parts = build_parts(config, ranks, watch if ranks.leads else ignore_progress, snapshot)
        return _run_loop(parts, Recorder(parts, folder, snapshot), watch)


def _run_loop(parts: Parts, recorder: Recorder, watch: TrainWatcher) -> TrainResult:
    try:
        with Interruption() as interruption:
            Loop(parts, recorder, interruption, watch).run()
        if parts.kept is not None and parts.ranks.leads:
            parts.kept.tell()
    finally:
        for loader in parts.list_loaders():
            end_workers(loader)
        recorder.close()
    return recorder.build_result()


class Loop:
    """Epochs of steps, each epoch followed by validation and saving."""

    def __init__(
        self, parts: Parts, recorder: Recorder, interruption: Interruption, watch: TrainWatcher
    ) -> None:
        self.parts = parts
        self.recorder = recorder
        self.position: Position = recorder.position
        self.totals: Totals = recorder.totals
        self.interruption = interruption
        self.watch = watch if parts.ranks.leads else ignore_progress
        self.clock = Clock(self.position.seconds)
        self.loss: float | None = None
        self.speed: float | None = None
        self._due = False
        """Whether it is time to save within the epoch."""

    @property
    def lr(self) -> float:
        """The last step's learning rate; kept in the optimiser, so that it is saved with it."""
        first = self.parts.optimiser.param_groups[0]  # at the full rate
        return float(first["lr"])

    def run(self) -> None:
        """Train to the last epoch."""
        while self.position.epoch < self.parts.config.schedule.epochs:
            self._train_epoch()
            self._finish_epoch()

    def _train_epoch(self) -> None:
        parts, position, run = self.parts, self.position, self.parts.config.run
        parts.dataset.set_epoch(position.epoch)
        parts.sampler.seek(position.epoch, position.batch)
        batches: Iterator[ClipBatch] = iter(parts.loader)
        self.clock.start_window()
        while position.batch < parts.plan.batches:
            stop = self._step(take_pieces(batches, parts.plan.accumulate))
            position.batch += 1
            position.step += 1
            if position.step % run.log_every_steps == 0 or position.batch == parts.plan.batches:
                self._log_window()
            self._report("training", position.batch, parts.plan.batches, "")
            if stop:
                self._stop()
            if self._due or (run.save_every_steps and position.step % run.save_every_steps == 0):
                self._save()

    def _step(self, pieces: Sequence[ClipBatch]) -> bool:
        """One update from one batch in pieces; returns whether any rank was asked to stop."""
        parts, ranks = self.parts, self.parts.ranks
        skipped = [clip for piece in pieces for clip in piece.skipped]
        asked = [int(self.interruption.asked), int(self.clock.is_due(parts.config.run.save_every_minutes))]
        told = ranks.gather([*(len(p.labels) for p in pieces), len(skipped), *asked])
        self._due = bool(told[0][-1])  # the first rank's clock is everybody's
        told = [row[:-1] for row in told]
        count_all(ranks, parts.skipped, skipped, any(row[-2] for row in told))
        # A piece that came out empty on any rank is left out on all: their backward passes meet.
        usable = [n for n in range(len(pieces)) if all(row[n] for row in told)]
        clips = sum(row[n] for row in told for n in usable)
        self._set_rate()
        with explain_out_of_memory(parts.plan, ranks.device):
            for n in usable:
                with parts.ranks.fabric.no_backward_sync(parts.module, enabled=n != usable[-1]):
                    self._learn(pieces[n], clips)
            if usable:
                self._update()
        self.clock.count(clips)
        self.recorder.log_left_out(sum(sum(row[:-2]) for row in told) - clips)
        return any(row[-1] for row in told)

    def _learn(self, piece: ClipBatch, clips: int) -> None:
        """Add a piece's share of the gradient of the batch's mean loss."""
        parts = self.parts
        pixels, labels = to_device(piece, parts.ranks.device)
        logits = average_frames(parts.module(normalise_clips(pixels, parts.config.clip.spec())).float())
        smoothing = parts.config.optimiser.label_smoothing
        loss: Tensor = F.cross_entropy(logits, labels, reduction="sum", label_smoothing=smoothing)
        parts.ranks.fabric.backward(loss * (parts.ranks.size / clips))  # DDP divides by the number of ranks
        self.totals.add(loss, logits, labels)

    def _update(self) -> None:
        parts, norm = self.parts, self.parts.config.optimiser.clip_norm
        if norm is not None:
            parts.ranks.fabric.clip_gradients(
                parts.module, parts.stepper, max_norm=norm, error_if_nonfinite=False
            )
        parts.stepper.step()
        parts.optimiser.zero_grad(set_to_none=True)

    def _set_rate(self) -> None:
        config, position = self.parts.config, self.position
        batches = self.parts.plan.batches
        rate = learning_rate(config.optimiser.lr, config.schedule, position.epoch, position.batch, batches)
        set_rate(self.parts.optimiser, rate)

    def _log_window(self) -> None:
        scores = Scores.of(self.parts.ranks.add(self.totals.sums[WINDOW]))
        self.loss, self.speed = scores.loss, self.clock.end_window()
        self.recorder.log_steps(scores, lr=self.lr, clips_per_s=self.speed, seconds=self.clock.seconds)

    def _finish_epoch(self) -> None:
        """Validate, log, save."""
        parts, position = self.parts, self.position
        epoch, scores = position.epoch + 1, None
        due = epoch % parts.config.run.validate_every == 0 or epoch == parts.config.schedule.epochs
        if parts.validation is not None and due:
            with explain_out_of_memory(parts.plan, parts.ranks.device):
                report = functools.partial(self._report, "validating")
                scores = parts.validation.measure(parts.network, self.interruption, report)
            if scores is None:
                self._stop()
        self.recorder.finish_epoch(scores, seconds=self.clock.seconds, lr=self.lr)
        self.clock.note_saved()

    def _save(self) -> None:
        self.recorder.save(seconds=self.clock.seconds, lr=self.lr)
        self.clock.note_saved()

    def _stop(self) -> NoReturn:
        # Before it is saved: a resumed run cuts the log back to where it was then.
        how = {"signal": self.interruption.signal} if self.interruption.signal else {}
        self.recorder.log.add_event("interrupted", {"step": self.position.step, **how})
        self._save()
        raise KeyboardInterrupt

    def _report(self, phase: Phase, step: int, steps: int, label: str) -> None:
        """Loss and speed are those of the log's last line: reading them more often would slow a GPU down."""
        epochs, position = self.parts.config.schedule.epochs, self.position
        left = epochs * self.parts.plan.batches - position.step
        self.watch(
            TrainProgress(
                phase,
                step,
                steps,
                epoch=position.epoch + 1,
                epochs=epochs,
                loss=self.loss,
                lr=self.lr,
                clips_per_s=self.speed,
                eta_s=self.clock.remaining_s(left),
            )
        )
