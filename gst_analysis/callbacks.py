"""For a training loop of one's own: the scales of space and time, told to a tracker while they move.

Two lines in a plain loop,

    gammas = GammaLogger(network, to=writer)  # a SummaryWriter, a run of W&B or MLflow, or a folder
    gammas.log(epoch)                         # after each epoch

and one in Lightning: `Trainer(callbacks=[GammaLogger(network).lightning()])`. `network` is what load_model,
load_network, build_untrained or adopt gave; its `.module` is what is trained.
"""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from gst_analysis.checkpoints.loaded import Network
from gst_analysis.errors import GstError, SpecError, describe_error
from gst_analysis.networks.capabilities import require
from gst_analysis.progress import NOTICES
from gst_analysis.tracking.gammas import gather_scales, track_gammas
from gst_analysis.tracking.trackers import (
    MlflowTracker,
    TensorBoardTracker,
    Tracker,
    Trackers,
    WandbTracker,
    import_package,
    open_board,
)

logger = logging.getLogger(NOTICES)


class GammaLogger:
    """Tells batch-norm scales of a network, by group and by block, whenever it is asked to.

    Args:
        network: what is trained, with its anatomy.
        to: a folder for TensorBoard's files, TensorBoard's SummaryWriter, a run of Weights & Biases, the
            active or a given run of MLflow (`mlflow.active_run()`); None is Lightning's own logger.
        every: `"epoch"`, or a number of steps: what `.lightning()` goes by, and `.step()`.

    Raises:
        SpecError: no network of ours (see adopt), or nothing that can be told to.
        NotDefinedError: it has no norms after a temporal operator.
        OutputError: a folder that TensorBoard cannot write to.

    What fails while it trains ends no training: it is told once, as a warning, and stands in `lost`. What
    asks the whole program to end, as Ctrl-C and `sys.exit` do, does end it.

    Example:
        >>> import gst_analysis as gst
        >>> from gst_analysis.callbacks import GammaLogger
        >>> network = gst.build_untrained(gst.ModelSpec.from_name("gst-resnet26s", width=8, num_frames=4))
        >>> gammas = GammaLogger(network, to="runs/a")  # doctest: +SKIP
        >>> gammas.log(step=1)  # doctest: +SKIP
    """

    def __init__(self, network: Network, *, to: Any = None, every: int | Literal["epoch"] = "epoch") -> None:
        if not isinstance(network, Network):
            raise SpecError(
                "GammaLogger",
                expected="a network of load_model, load_network, build_untrained or adopt",
                found=type(network).__name__,
                todo="adopt it first: GammaLogger(gst.adopt(module, ...)); train its .module",
            )
        if every != "epoch" and (isinstance(every, bool) or not isinstance(every, int) or every < 1):
            raise SpecError(
                "every", expected='"epoch", or a number of steps from 1', found=repr(every), todo="say one"
            )
        require(network.spec, network.anatomy, "scales", what="batch-norm scales")
        self.network = network
        self.every = every
        self.lost: list[str] = []
        """Why a tracker is told no more, if one failed, and why scales could not be read."""
        self._steps = 0
        self._trackers = Trackers([open_tracker(to)] if to is not None else [], lost=self._lose)
        self._loggers: list[Any] | None = None if to is None else []

    def log(self, step: int) -> None:
        """Tell the scales as they are now, as those of an epoch or a step.

        Raises:
            SpecError: a step that is no whole number.
        """
        number, anatomy = _check_step(step), self.network.anatomy
        try:
            track_gammas(self._trackers, gather_scales(self.network.module, anatomy), anatomy, number)
        except GstError as error:  # a training is worth more than its charts
            self._lose(str(error))
        except Exception as error:  # whatever a layer, a parametrisation or a tensor of its own may say
            self._lose(f"the scales cannot be read: {describe_error(error)}")

    def step(self) -> None:
        """Count a step of a loop, and tell the scales whenever `every` of them were made."""
        self._steps += 1
        if isinstance(self.every, int) and self._steps % self.every == 0:
            self.log(self._steps)

    def close(self) -> None:
        """Write what is not yet written; what was given open stays open."""
        self._trackers.close()

    def lightning(self) -> Any:
        """A callback for a Trainer of Lightning, which tells what `to` is, or else the trainer's loggers.

        Raises:
            SpecError: Lightning is not installed.
        """
        return _build_callback(self)

    def _lose(self, why: str) -> None:
        if why not in self.lost:
            self.lost.append(why)
            logger.warning("GammaLogger: %s", why)

    def _tell(self, trainer: Any, step: int) -> None:
        if not trainer.is_global_zero:
            return
        if self._loggers != [] and self._loggers != list(trainer.loggers):
            self._loggers = list(trainer.loggers)
            self._trackers = Trackers(self._open_loggers(self._loggers), lost=self._lose)
        self.log(step)

    def _open_loggers(self, loggers: Sequence[Any]) -> list[Tracker]:
        """The trackers of a trainer; one that takes no charts, as of a csv, is told of and left out."""
        found = []
        for one in loggers:
            try:
                found.append(open_tracker(_take_experiment(one)))
            except Exception as error:  # whatever a library or its server may say
                self._lose(f"{type(one).__name__} is not told: {describe_error(error)}")
        return found


def open_tracker(to: Any) -> Tracker:
    """The tracker of a folder, a writer or a run.

    Raises:
        SpecError: it is none of them.
        OutputError: a folder that TensorBoard cannot write to.
    """
    if isinstance(to, (str, os.PathLike)):
        writer = open_board(Path(to))
        if writer is None:
            raise SpecError(
                str(to),
                expected="TensorBoard, to write its files there",
                found="that it is not installed",
                todo='pip install "gst-analysis[tensorboard]"',
            )
        return TensorBoardTracker(writer)
    if hasattr(to, "add_scalar") and hasattr(to, "add_histogram"):
        return TensorBoardTracker(to)
    if hasattr(to, "define_metric") and hasattr(to, "log"):
        return WandbTracker(to)
    run_id = getattr(getattr(to, "info", None), "run_id", None)
    if run_id is not None:
        return MlflowTracker(import_package("mlflow").MlflowClient(), run_id)
    raise SpecError(
        "to",
        expected="a folder, a SummaryWriter, or a run of wandb or mlflow",
        found=type(to).__name__,
        todo="give one of them",
    )


def _check_step(step: Any) -> int:
    try:
        number = int(step)
        fits = number == step and abs(number) < 2**63
    except Exception:  # a tensor of several values, or whatever else has an int() of its own
        fits = False
    if not fits:
        raise SpecError(
            "step",
            expected="a whole number that 64 bits hold",
            found=f"no such number ({type(step).__name__})",
            todo="say the epoch, or how many steps were made",
        )
    return number


def _take_experiment(logger: Any) -> Any:
    """What a logger of Lightning tells: MLflow's is a client, and its run a name beside it."""
    if type(logger).__name__ == "MLFlowLogger":
        return logger.experiment.get_run(logger.run_id)
    return logger.experiment


def _build_callback(gammas: GammaLogger) -> Any:
    for name in ("lightning.pytorch", "pytorch_lightning"):
        try:
            base = importlib.import_module(name).Callback
        except ImportError:
            continue
        return _define_callback(base)(gammas)
    raise SpecError(
        "lightning",
        expected="the package lightning or pytorch-lightning",
        found="neither",
        todo="pip install lightning, or call log() in a loop of your own",
    )


def _define_callback(base: Any) -> Any:
    """A class of whichever Lightning is installed: neither takes callbacks of the other."""

    class _LightningGammas(base):  # type: ignore[misc] # which of the two it is, is known when it runs
        def __init__(self, gammas: GammaLogger) -> None:
            super().__init__()
            self.gammas = gammas

        def on_train_batch_end(self, trainer: Any, *others: Any) -> None:
            every = self.gammas.every
            if isinstance(every, int) and trainer.global_step % every == 0:
                self.gammas._tell(trainer, trainer.global_step)

        def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
            if self.gammas.every == "epoch":
                self.gammas._tell(trainer, trainer.current_epoch + 1)

    return _LightningGammas
