"""What fine-tuning gives back: networks of a slimming curve, trained on for a few epochs and measured again.

Enters a curve, the network that is written, and a training configuration; leaves a SLIM_TUNED table and that
network as trained. The whole network is trained on just as long: what it gains, slimming has not given.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from gst_analysis.analyses.slimming.measure import LEVELS, Point, SlimmingCurve
from gst_analysis.analyses.slimming.order import Proposal
from gst_analysis.analyses.slimming.pruning import measure_masked, prune_model
from gst_analysis.analyses.slimming.table import SLIM_METHODS, SLIM_TUNED
from gst_analysis.checkpoints.loading import LoadedModel, load_model, save_model
from gst_analysis.clips.records import RecordList
from gst_analysis.errors import SpecError
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.probes.resampling import Interval, summarise_means
from gst_analysis.tables.schema import check
from gst_analysis.training.config import TrainConfig
from gst_analysis.training.loop import train
from gst_analysis.training.progress import TrainProgress
from gst_analysis.training.sources import load_sources

STEPS = 100
"""Of the progress of each network."""
MOST_BUDGETS = LEVELS - 2
Progress = Callable[[int, int, str], object]
"""Called with how much is done, of how much, and what is at hand."""


@dataclasses.dataclass(frozen=True)
class TunedCurve:
    """A SLIM_TUNED table, and the network to be written as it is after training."""

    table: pd.DataFrame = dataclasses.field(repr=False)
    model: LoadedModel = dataclasses.field(repr=False)


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
    before = summarise_means(
        measure_masked(model, curve.records, masks, settings=settings).right, curve.bootstrap
    )
    rows, chosen = [], model
    whole = curve.points[0].proposal.macs
    for number, (point, earlier) in enumerate(zip(points, before, strict=True)):
        report = _count_on(progress, number, len(points))
        tuned = _train_on(prune_model(model, point.proposal) if masks[number] else model, config, report)
        runs = measure_masked(tuned, curve.records, [{}], settings=settings)
        (later,) = summarise_means(runs.right, curve.bootstrap)
        clips = {"clips": runs.right.shape[1], "loss": float(runs.loss.mean())}
        rows.append({**_describe(point, whole), **clips, **_spread(earlier, later)})
        if point.method == "chosen":
            chosen = tuned
    table = pd.DataFrame(rows).assign(checkpoint=model.checkpoint.name, epochs=config.schedule.epochs)
    return TunedCurve(check(table[list(SLIM_TUNED.columns)], SLIM_TUNED), _rename(chosen, model))


def choose_points(curve: SlimmingCurve, chosen: Proposal, *, budgets: int) -> list[Point]:
    """The whole network, the one to be written, and each way of choosing channels at even steps of cost."""
    check_budgets(budgets)
    points = [Point("whole", 0, curve.points[0].proposal), Point("chosen", 0, chosen)]
    for step in range(1, budgets + 1):
        for method in SLIM_METHODS:
            rows = curve.table[(curve.table["method"] == method) & (curve.table["draw"] == 0)]
            share = round(step * (LEVELS - 1) / (budgets + 1)) / (LEVELS - 1)  # not 1: there all are the same
            points.append(curve.points[int(rows.index[round(share * (len(rows) - 1))])])
    return points


def check_budgets(budgets: int) -> None:
    """Not fewer than one, and not more than lie inside the curve.

    Raises:
        SpecError: another number.
    """
    if not 1 <= budgets <= MOST_BUDGETS:
        raise SpecError(
            "budgets to fine-tune at",
            expected=f"a whole number from 1 to {MOST_BUDGETS}",
            found=str(budgets)[:40],
            todo="such as 2",
        )


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


def _train_on(
    model: LoadedModel, config: TrainConfig, report: Callable[[TrainProgress], None]
) -> LoadedModel:
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
        run = train(dataclasses.replace(config, model=begin), out=Path(folder) / "run", progress=report)
        return load_model(run.files["last"])


def _count_on(progress: Progress | None, number: int, networks: int) -> Callable[[TrainProgress], None]:
    """Progress of one run as part of all of them."""

    def report(at: TrainProgress) -> None:
        if progress is not None:
            part = (max(0, at.epoch - 1) + at.step / max(1, at.steps)) / at.epochs if at.epoch else 0.0
            where = f"fine-tuning network {number + 1} of {networks}"
            progress(int(STEPS * (number + part)), STEPS * networks, where)

    return report


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
    path = Path(f"{whole.checkpoint.name}-slim-tuned")
    return dataclasses.replace(tuned, checkpoint=dataclasses.replace(tuned.checkpoint, path=path, sha256=""))
