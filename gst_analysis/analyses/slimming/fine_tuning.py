"""What fine-tuning gives back: networks of a slimming curve, trained on for a few epochs and measured again.

Enters a curve, the network that is written, and a training configuration; leaves a SLIM_TUNED table and that
network as trained. The whole network is trained on just as long: what it gains, slimming has not given.
"""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from gst_analysis.analyses.slimming.curve import LEVELS, Point, SlimmingCurve, describe_ahead
from gst_analysis.analyses.slimming.order import Proposal
from gst_analysis.analyses.slimming.pruning import MaskedRuns, measure_masked, prune_model
from gst_analysis.analyses.slimming.table import SLIM_METHODS, SLIM_TUNED, TUNED, SlimOptions
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.checkpoints.loading import load_model
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.clips.records import RecordList
from gst_analysis.errors import SpecError
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.probes.resampling import Interval, Reals
from gst_analysis.probes.shares import summarise_share_differences, summarise_shares
from gst_analysis.progress import Progress, no_progress
from gst_analysis.tables import check
from gst_analysis.training.config import TrainConfig
from gst_analysis.training.loop import train
from gst_analysis.training.progress import TrainProgress, TrainWatcher
from gst_analysis.training.recipes import load_config, parse_config, parse_overrides
from gst_analysis.training.sources import load_sources

STEPS = 100
"""Of the progress of each network."""
MOST_BUDGETS = LEVELS - 2
USUAL_BUDGETS = 2
RATE_SHARE = 0.1
"""Of the recipe's learning rate: these weights have been trained before."""
_ALONE: Mapping[str, Any] = {
    "devices": 1,
    "nodes": 1,
    "strategy": "auto",
    "sync_bn": False,
    "threads": None,
    "compile": False,
    "tensorboard": False,
    "save_every_epochs": 0,
    "save_every_steps": 0,
}
"""A run on one device that leaves nothing behind: of this machine a recipe knows nothing."""
_SECTIONS = ("model", "clip", "optimiser", "schedule", "run")
_READING = ("workers", "cache", "cache_mib", "max_skipped")
"""Of a checkpoint's own record. Not which data: nothing found in a checkpoint is used as a path."""


@dataclasses.dataclass(frozen=True)
class TunedCurve:
    """A SLIM_TUNED table, and the network to be written as it is after training."""

    table: pd.DataFrame = dataclasses.field(repr=False)
    model: LoadedModel = dataclasses.field(repr=False)


def configure_fine_tuning(
    options: SlimOptions, model: LoadedModel, dataset: str | os.PathLike[str] | RecordList | None
) -> TrainConfig:
    """The recipe at a tenth of its rate, without warm-up, on one device and the training list of the data.

    Args:
        options: how long, by which recipe, with which changes, which come last, and where to train.
        model: the network, for the recipe that its file tells.
        dataset: the folder of the data set, or a list in it.

    Raises:
        SpecError: no recipe, or settings that cannot be.
    """
    check_budgets(options.budgets)
    if not isinstance(dataset, (str, os.PathLike)):
        raise SpecError(
            "fine-tuning",
            expected="the path of a data set, in which its training list lies",
            found=type(dataset).__name__,
            todo="name the folder",
        )
    own = _own_recipe(model) if options.recipe is None else {}
    base = load_config(options.recipe) if options.recipe is not None else parse_config(own)
    where = Path(dataset)
    folder = where if where.is_dir() else where.parent
    classes = model.spec.num_classes
    quiet = dataclasses.replace(
        base,
        world=None,
        model=dataclasses.replace(base.model, weights=None, pretrained=None, num_classes=classes),
        data=dataclasses.replace(
            base.data, root=str(folder), clips="videos" if (folder / "videos").is_dir() else None
        ),
        optimiser=dataclasses.replace(base.optimiser, lr=RATE_SHARE * base.optimiser.lr),
        schedule=dataclasses.replace(base.schedule, warmup_epochs=0.0),
        run=dataclasses.replace(base.run, **_ALONE),
    )
    usual = {
        "schedule.epochs": str(options.fine_tune),
        "data.validation": "none",
        "run.device": options.device,
    }
    return parse_config(quiet.to_json(), usual | parse_overrides(options.changes))


def _own_recipe(model: LoadedModel) -> Mapping[str, object]:
    """What the checkpoint says it was trained by."""
    record = model.checkpoint.provenance.get("config")
    if not isinstance(record, Mapping):
        raise SpecError(
            str(model.checkpoint.path),
            expected="the recipe it was trained by",
            found="none in the file",
            todo="name one with --recipe",
        )
    data = record.get("data")
    reading = {name: data[name] for name in _READING if name in data} if isinstance(data, Mapping) else {}
    if reading.get("cache") in ("jpeg", "raw"):  # to fill a disk is for who trains to ask, not for a file
        del reading["cache"]
    return {name: record[name] for name in _SECTIONS if name in record} | {"data": reading}


def fine_tune_curve(
    model: LoadedModel,
    curve: SlimmingCurve,
    points: Sequence[Point],
    config: TrainConfig,
    *,
    settings: InferenceSettings | None = None,
    progress: Progress | None = None,
) -> TunedCurve:
    """Train each of the points on, and measure it on the curve's clips before and after.

    Args:
        model: the whole network; it stays as it is.
        curve: what measure_curve returned.
        points: what choose_points returned; the one called chosen is the network returned.
        config: how to train; what its model section starts from is not looked at.
        settings: batch and device of the measurements.
        progress: called now and then.
    """
    masks = [point.proposal.dropped for point in points]
    untuned = measure_masked(model, curve.records, masks, settings=settings)
    before = summarise_shares(untuned.right, units=untuned.videos)
    rows, chosen, of_score = [], model, untuned.right[:1]
    whole = curve.points[0].proposal.macs
    for number, (point, earlier) in enumerate(zip(points, before, strict=True)):
        watch = _count_on(progress or no_progress, number, len(points))
        tuned = _train_on(prune_model(model, point.proposal) if masks[number] else model, config, watch)
        runs = measure_masked(tuned, curve.records, [{}], settings=settings)
        (later,) = summarise_shares(runs.right, units=runs.videos)
        of_score = runs.right if point.method == "score" else of_score
        clips = {"clips": runs.right.shape[1], "loss": float(runs.loss.mean())}
        lead = _find_ahead(point, of_score, runs)
        rows.append({**_describe(point, whole), **clips, **_spread(earlier, later), **lead})
        if point.method == "chosen":
            chosen = tuned
    table = pd.DataFrame(rows).assign(checkpoint=model.checkpoint.name, epochs=config.schedule.epochs)
    return TunedCurve(check(table[list(SLIM_TUNED.columns)], SLIM_TUNED), _rename(chosen, model))


def _find_ahead(point: Point, of_score: Reals, runs: MaskedRuns) -> dict[str, float]:
    """How much more the scores' network of this budget has right; it comes before the plain ways'."""
    if point.method not in ("uniform", "random"):
        return describe_ahead("ahead", None)
    (lead,) = summarise_share_differences(of_score, runs.right, units=runs.videos)
    return describe_ahead("ahead", lead)


def choose_points(curve: SlimmingCurve, chosen: Proposal, *, budgets: int | None) -> list[Point]:
    """The whole network, the one to be written, and each way of choosing channels at even steps of cost."""
    budgets = check_budgets(budgets)
    points = [Point("whole", 0, curve.points[0].proposal), Point("chosen", 0, chosen)]
    for step in range(1, budgets + 1):
        for method in SLIM_METHODS:
            rows = curve.table[(curve.table["method"] == method) & (curve.table["draw"] == 0)]
            share = round(step * (LEVELS - 1) / (budgets + 1)) / (LEVELS - 1)  # not 1: there all are the same
            points.append(curve.points[int(rows.index[round(share * (len(rows) - 1))])])
    return points


def check_budgets(budgets: int | None) -> int:
    """How many budgets: not fewer than one, not more than lie inside the curve, 2 if nothing was said.

    Raises:
        SpecError: another number.
    """
    budgets = USUAL_BUDGETS if budgets is None else budgets
    if not 1 <= budgets <= MOST_BUDGETS:
        raise SpecError(
            "budgets to fine-tune at",
            expected=f"a whole number from 1 to {MOST_BUDGETS}",
            found=str(budgets)[:40],
            todo="such as 2",
        )
    return budgets


def check_apart(config: TrainConfig, measured: RecordList) -> None:
    """No accuracy on clips that the network is being trained on.

    Raises:
        SpecError: clips to train on that are among those measured on.
    """
    told = {record.path.resolve() for record in load_sources(config).train}
    both = sum(record.path.resolve() in told for record in measured)
    if both:
        raise SpecError(
            f"clips of {config.data.train}",
            expected="other clips to fine-tune on than to measure on",
            found=f"{both} of {len(measured)} in both",
            todo="name other lists",
        )


def _train_on(model: LoadedModel, config: TrainConfig, progress: TrainWatcher) -> LoadedModel:
    """The network after a run of its own, which leaves no files behind."""
    with tempfile.TemporaryDirectory() as folder:
        start = save_model(
            Path(folder) / f"{model.checkpoint.name}.pth",
            model.module,
            clip_spec=model.clip_spec,
            labels=model.labels,
            provenance=model.checkpoint.provenance,
        )
        begin = dataclasses.replace(config.model, weights=str(start), pretrained=None)
        run = train(dataclasses.replace(config, model=begin), out=Path(folder) / "run", progress=progress)
        return load_model(run.files["last"])


def _count_on(progress: Progress, number: int, networks: int) -> TrainWatcher:
    """Progress of one run as part of all of them."""

    def watch(at: TrainProgress) -> None:
        part = (max(0, at.epoch - 1) + at.step / max(1, at.steps)) / at.epochs if at.epoch else 0.0
        where = f"fine-tuning network {number + 1} of {networks}"
        progress(int(STEPS * (number + part)), STEPS * networks, where)

    return watch


def _describe(point: Point, whole: int) -> dict[str, object]:
    proposal = point.proposal
    return {
        "method": point.method,
        "draw": point.draw,
        "removed": proposal.removed,
        "params": proposal.params,
        "macs": proposal.macs,
        "macs_share": proposal.macs / whole,
    }


def _spread(before: Interval, after: Interval) -> dict[str, float]:
    return {
        f"accuracy_{when}{end}": value
        for when, one in (("before", before), ("after", after))
        for end, value in (("", one.value), ("_low", one.low), ("_high", one.high))
    }


def _rename(tuned: LoadedModel, whole: LoadedModel) -> LoadedModel:
    path = Path(f"{whole.checkpoint.name}{TUNED}")
    return dataclasses.replace(tuned, checkpoint=dataclasses.replace(tuned.checkpoint, path=path, sha256=""))
