"""The lines of a profile, each measured by a step of its own; what a step finds out stands in the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gst_analysis.analyses.ablation.table import Ablation, AblationOptions
from gst_analysis.analyses.importance.measure import infer_importance
from gst_analysis.analyses.order.table import OrderOptions
from gst_analysis.analyses.profile.places import Line, Places
from gst_analysis.analyses.profile.saved import KINDS, Saved
from gst_analysis.analyses.profile.table import GUESSES, LINES, MEASURES, UNTRAINED, ProfileOptions
from gst_analysis.analyses.profile.tabulate import (
    list_answers,
    summarise_channels,
    summarise_kernels,
    summarise_losses,
    summarise_reach,
    summarise_roles,
)
from gst_analysis.analyses.roles.table import RoleOptions
from gst_analysis.analyses.scales.measure import note_equal_scales, tabulate_bn_scales
from gst_analysis.analyses.temporal_use.measure import measure_temporal_use
from gst_analysis.analyses.temporal_use.table import TemporalUseOptions
from gst_analysis.checkpoints.loaded import Checkpoint, Network
from gst_analysis.clips.labelled import spread_records
from gst_analysis.clips.records import RecordList
from gst_analysis.networks.capabilities import require
from gst_analysis.progress import Progress
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    from gst_analysis.analyses.ablation import measure as ablation
    from gst_analysis.analyses.influence import measure as influence
    from gst_analysis.analyses.order import measure as order
    from gst_analysis.analyses.roles import measure as roles
    from gst_analysis.inference import settings as inference_settings
else:  # a profile from weights alone is there before torch would be imported
    ablation = Door("gst_analysis.analyses.ablation.measure")
    influence = Door("gst_analysis.analyses.influence.measure")
    order = Door("gst_analysis.analyses.order.measure")
    roles = Door("gst_analysis.analyses.roles.measure")
    inference_settings = Door("gst_analysis.inference.settings")

_NO_PAIR = "its channels are not of two groups that could be set against each other"


@dataclass
class Run:
    """What is profiled, and what is found out on the way."""

    checkpoint: Checkpoint
    places: Places
    options: ProfileOptions
    model: Network | None = None
    records: RecordList | None = None
    lines: list[Line] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    clips: int = 0

    @property
    def confidence(self) -> float:
        """What one band has, so that those of all stages and lines hold at once (Bonferroni)."""
        stages = max(1, len(set(self.places.stages.values())))
        return 1 - (1 - self.options.confidence) / (stages * LINES)

    @property
    def shown(self) -> tuple[Network, RecordList]:
        """The network and its clips, where there are some."""
        assert self.model is not None
        assert self.records is not None
        return self.model, self.records

    def add(self, measure: str, *lines: Line | None) -> None:
        """Keep lines; where there is none, say that groups lack."""
        self.lines += [line for line in lines if line is not None]
        if not any(lines):
            self.notes.append(f"no line of {MEASURES[measure].phrase}: {_NO_PAIR}")


Step = Callable[[Run, Progress], None]


def list_steps(run: Run, saved: Mapping[str, Saved]) -> list[tuple[str, Step]]:
    """Lines that are asked for, each with what makes it; both ablations are one step."""
    steps: dict[str, Step] = {"gamma": _add_gamma, "invariant": _add_invariant, "temporal-use": _add_kernels}
    if run.records is not None:
        steps |= {"ablation": _add_losses, "joint": _add_losses, "roles": _add_roles, "reach": _add_reach}
    known = [measure for name in saved for measure in KINDS[name].measures]
    asked = [name for name in run.options.lines if name in steps and name not in known]
    if "ablation" in asked and "joint" in asked:
        asked.remove("joint")
    found = [(name, steps[name]) for name in asked]
    losses = run.records is not None and {"ablation", "joint"} & set(run.options.lines)
    return [*found, ("ablation", _add_order)] if losses and "order" not in saved else found


def _add_gamma(run: Run, _: Progress) -> None:
    require(run.checkpoint.spec, run.checkpoint.anatomy, "scales", what="scales")
    channels = tabulate_bn_scales(run.checkpoint)
    run.notes += note_equal_scales(channels)
    line = summarise_channels("gamma", channels, "importance", run.places, run.confidence)
    fresh = channels["gamma"].nunique() == 1 and bool((channels["beta"] == 0).all())
    run.add("gamma", line.mark(UNTRAINED) if line is not None and fresh else line)


def _add_invariant(run: Run, _: Progress) -> None:
    require(run.checkpoint.spec, run.checkpoint.anatomy, "scales", what="importance")
    channels = infer_importance(run.checkpoint)
    run.add("invariant", summarise_channels("invariant", channels, "invariant", run.places, run.confidence))


def _add_kernels(run: Run, progress: Progress) -> None:
    few = None if run.records is None else spread_records(run.records, run.options.few)
    found = measure_temporal_use(
        [run.model or run.checkpoint],
        few,
        options=TemporalUseOptions(start="none", device=run.options.device, devices=run.options.devices),
        progress=progress,
    )
    run.add("temporal-use", summarise_kernels(found.table, run.places, run.confidence))


def _add_losses(run: Run, progress: Progress) -> None:
    """Ablation of one group at a time and of several; intervals so sure that a share of two of them is."""
    model, records = run.shown
    options, lines = run.options, run.options.lines
    require(model.spec, model.anatomy, "logits", "units", "groups", what="ablation")
    result = ablation.measure_ablation(
        model,
        records,
        options=AblationOptions(
            interventions=("mean",),
            joint=True,
            sets=("stage", *(("share",) if "joint" in lines else ())),
            orders=options.orders,
            batch=options.batch,
            device=options.device,
            devices=options.devices,
            seed=options.seed,
            confidence=1 - (1 - run.confidence) / 2,
        ),
        progress=progress,
    )
    run.failures.update(result.failures)
    run.clips = result.summary.clips
    guesses = result.summary.accuracy.low <= 1 / model.spec.num_classes
    for measure in [name for name in ("ablation", "joint") if name in lines]:
        line = _share_losses(measure, result, run.places)
        run.add(measure, line.withhold(GUESSES) if line is not None and guesses else line)


def _share_losses(measure: str, result: Ablation, places: Places) -> Line | None:
    assert result.joint is not None
    if measure == "ablation":
        stages = result.joint[result.joint["kind"] == "stage"]
        return summarise_losses(measure, result.table, stages, places)
    assert result.shares is not None
    units, sums = (result.shares[(result.shares["level"] == "unit") == own] for own in (True, False))
    return summarise_losses(measure, units, sums, places)


def _add_order(run: Run, progress: Progress) -> None:
    model, records = run.shown
    options = run.options
    told = OrderOptions(
        conditions=("shuffled", "reversed"),
        batch=options.batch,
        device=options.device,
        devices=options.devices,
        seed=options.seed,
        confidence=options.confidence,
    )
    result = order.measure_order(model, records, options=told, progress=progress)
    run.lines += list_answers(result.table, result.summary.chance, result.summary.temporality)


def _add_roles(run: Run, progress: Progress) -> None:
    model, _ = run.shown
    options = run.options
    told = RoleOptions(
        scenes=options.scenes,
        batch=options.batch,
        device=options.device,
        devices=options.devices,
        seed=options.seed,
    )
    result = roles.measure_roles(model, options=told, progress=progress)
    run.add("roles", summarise_roles(result.sums, run.places))


def _add_reach(run: Run, progress: Progress) -> None:
    model, records = run.shown
    few = spread_records(records, run.options.few)
    settings = inference_settings.InferenceSettings(device=run.options.device, devices=run.options.devices)
    result = influence.measure_influence(model, few, settings=settings, progress=progress)
    run.add("reach", summarise_reach(result.receptive_fields, run.places))
