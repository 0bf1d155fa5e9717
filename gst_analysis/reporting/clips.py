"""The report's sections that run the network over clips: accuracy, ablation, traces, influence, saliency."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gst_analysis.analyses.ablation import ablate
from gst_analysis.analyses.evaluation import evaluate
from gst_analysis.analyses.influence import frame_influence
from gst_analysis.analyses.saliency import saliency_maps
from gst_analysis.analyses.traces import trace
from gst_analysis.analyses.traces.runs import TraceOptions
from gst_analysis.clips.labelled import ClipChoice, spread_records
from gst_analysis.errors import DataError, SpecError
from gst_analysis.reporting.parts import draw_both, make_table, show_interval, show_real, show_share
from gst_analysis.reporting.words import SECTIONS
from gst_analysis.tables.schema import check_choices

if TYPE_CHECKING:
    import os

    from gst_analysis.analyses.ablation import Ablation
    from gst_analysis.analyses.evaluation import ModelEvaluation
    from gst_analysis.analyses.saliency import SaliencyMaps
    from gst_analysis.analyses.traces import Traces
    from gst_analysis.checkpoints.loading import LoadedModel
    from gst_analysis.clips.records import RecordList
    from gst_analysis.inference.settings import InferenceSettings
    from gst_analysis.progress import Progress
    from gst_analysis.reporting.page import PageFigure, Section

INTERVENTIONS = ("mean", "shuffle-time")
"""What a report does to channels: takes away what they say, and only the order in which they say it."""


@dataclass(frozen=True)
class ReportPlan:
    """How much of a data set is looked at: by default all for accuracy, and a few clips for the rest."""

    choice: ClipChoice = field(default_factory=ClipChoice)
    ablation_clips: int = 40
    traces: int = 3
    influence_clips: int = 8
    slimming_clips: int = 40
    saliency_clips: int = 2
    without: tuple[str, ...] = ()
    """Sections to leave out, of SECTIONS."""

    def __post_init__(self) -> None:
        if self.without != ():
            object.__setattr__(self, "without", tuple(check_choices("without", self.without, SECTIONS)))
        for name in ("ablation_clips", "traces", "influence_clips", "slimming_clips", "saliency_clips"):
            if getattr(self, name) < 1:
                raise SpecError(
                    f"report's {name}",
                    expected="at least 1",
                    found=str(getattr(self, name)),
                    todo="give a larger number, or leave the section out",
                )

    def draw_few(self, count: int) -> ClipChoice:
        """So many clips at most."""
        return dataclasses.replace(self.choice, limit=min(count, self.choice.limit or count))


@dataclass(frozen=True)
class ReportClips:
    """A network and the labelled clips it is shown."""

    model: LoadedModel
    dataset: str | os.PathLike[str]
    records: RecordList
    plan: ReportPlan
    settings: InferenceSettings
    failures: dict[str, str] = field(default_factory=dict)
    """Fills with clips that could not be read, and why."""


def tell_accuracy(clips: ReportClips, progress: Progress | None) -> Section:
    """How often it is right, and what it takes for what."""
    from gst_analysis.reporting.page import PageFigure, Section

    result = evaluate(clips.model, clips.records, settings=clips.settings, progress=progress)
    summary = result.summary
    clips.failures.update(summary.failures)
    facts = {
        "clips": f"{summary.clips:,}",
        "top-1": show_share(summary.top1),
        "top-5": show_share(summary.top5),
        "mean over classes": show_share(summary.mean_class_accuracy),
        "classes with clips": f"{summary.classes_seen} of {summary.classes}",
        "chance": f"{1 / summary.classes:.1%} for a guess among {summary.classes} classes",
    }
    figure = PageFigure(
        "confusion",
        "What the clips of each class were taken for.",
        {"light": result.plot()},
        draw_both(lambda dark: result.plot_interactive(dark=dark)),
    )
    return Section(
        "accuracy", facts=facts, figures=[figure], tables=[_list_classes(result)], notes=summary.notes
    )


def _untold(clips: ReportClips, notes: Sequence[str]) -> list[str]:
    """What the section on accuracy has not said of the clips."""
    return [note for note in notes if note not in clips.records.notes]


def tell_ablation(clips: ReportClips, progress: Progress | None) -> Section:
    """What each group of channels is needed for."""
    from gst_analysis.analyses.ablation.measure import AblationPlan
    from gst_analysis.probes.resampling import Bootstrap
    from gst_analysis.reporting.page import PageFigure, Section

    plan = clips.plan
    result = ablate(
        clips.model,
        clips.dataset,
        choice=plan.draw_few(plan.ablation_clips),
        plan=AblationPlan(INTERVENTIONS, Bootstrap(seed=plan.choice.seed)),
        settings=clips.settings,
        progress=progress,
    )
    clips.failures.update(result.summary.failures)
    accuracy = result.summary.accuracy
    text = [
        "A scale says nothing about need. Here the channels are changed in two ways: mean leaves each "
        "channel its average and so nothing about this clip; shuffle-time leaves its values, but in another "
        "order of frames. The loss is the cross entropy.",
        f"On {result.summary.clips} clips, of which the untouched network has {show_share(accuracy.value)} "
        f"right. {_name_worst(result)}",
    ]
    figure = PageFigure(
        "ablation",
        "Rise of the cross entropy when a group of channels is changed"
        f"{', with 95% intervals' if result.summary.clips > 1 else ''}.",
        draw_both(lambda dark: result.plot(measure="loss_rise", dark=dark)),
    )
    return Section(
        "ablation",
        text=text,
        figures=[figure],
        tables=[_list_drops(result)],
        notes=_untold(clips, result.summary.notes),
    )


def tell_traces(clips: ReportClips, progress: Progress | None) -> Section:
    """What the network says frame by frame in a few clips."""
    from gst_analysis.analyses.traces.measure import TracePlan
    from gst_analysis.reporting.page import Section

    few = spread_records(clips.records, clips.plan.traces)
    options = TraceOptions(TracePlan(settings=clips.settings))
    result = trace(clips.model, few, options=options, progress=progress)
    clips.failures.update(result.summary.failures)
    figures = [_draw_trace(result, clip, number) for number, clip in enumerate(result.records, start=1)]
    return Section("traces", figures=figures, notes=few.notes[-1:])


def tell_influence(clips: ReportClips, progress: Progress | None) -> Section:
    """Which input frames a frame's prediction is made of."""
    from gst_analysis.reporting.page import PageFigure, Section

    limit = clips.plan.influence_clips
    result = frame_influence(
        clips.model, clips.records, limit=limit, device=clips.settings.device, progress=progress
    )
    clips.failures.update(result.failures)
    summary = result.summary
    own = ", ".join(f"{share:.0%} by {method}" for method, share in summary.own_share.items())
    text = [
        f"Averaged over {summary.clips} clips. By arithmetic a frame's logit can reach {summary.half_width} "
        f"frames back and forth. A frame's share in its own logit: {own}; "
        f"evenly spread it would be {1 / summary.frames:.1%}."
    ]
    figure = PageFigure(
        "influence",
        "Rows: whose logit; columns: the input frame it depends on; below, how far every block looks.",
        {"light": result.plot()},
        draw_both(lambda dark: result.plot_interactive(dark=dark)),
    )
    return Section("influence", text=text, figures=[figure], notes=_untold(clips, result.notes))


def tell_saliency(clips: ReportClips, progress: Progress | None) -> Section:
    """Where a few clips speak for what is predicted of them."""
    from gst_analysis.reporting.page import Section

    few = spread_records(clips.records, clips.plan.saliency_clips)
    found = []
    for number, record in enumerate(few):
        if progress is not None:
            progress(number, len(few), "")
        try:
            found.append(saliency_maps(clips.model, record, settings=clips.settings))
        except DataError as error:
            clips.failures[record.clip] = str(error)
    figures = [_draw_saliency(result, number) for number, result in enumerate(found, start=1)]
    notes = [*dict.fromkeys(note for result in found for note in result.summary.notes), *few.notes[-1:]]
    return Section("saliency", figures=figures, tables=[_list_evidence(found)] if found else [], notes=notes)


def _list_classes(result: ModelEvaluation) -> Any:
    seen = result.table[result.table["clips"] > 0]
    return make_table(
        "classes",
        seen,
        {
            "label": ("class", str),
            "clips": ("clips", str),
            "correct": ("right", str),
            "accuracy": ("top-1", show_share),
            "top5": ("top-5", show_share),
        },
        caption="Every class that has clips.",
        csv=result.table,
    )


def _list_drops(result: Ablation) -> Any:
    table = result.table.sort_values("intervention", kind="stable")
    ends = zip(table["loss_rise_low"], table["loss_rise_high"], strict=True)
    return make_table(
        "ablation",
        table,
        {
            "intervention": ("intervention", str),
            "layer": ("layer", str),
            "group": ("group", str),
            "channels": ("channels", str),
            "loss_rise": ("loss rises by (nats)", show_real),
            "interval": ("95% interval", str),
            "accuracy": ("top-1 left", show_share),
        },
        caption="Intervals are one at a time: of a hundred, about five leave out 0 by chance.",
        more={"interval": [show_interval(*pair) for pair in ends]},
    )


def _name_worst(result: Ablation) -> str:
    """The change that hurts most, in words."""
    row: Any = result.table.nlargest(1, "loss_rise").iloc[0].to_dict()
    interval = show_interval(row["loss_rise_low"], row["loss_rise_high"])
    return (
        f"What hurts most is {row['intervention']} of the {row['group']} channels of {row['layer']}: the "
        f"loss rises by {show_real(row['loss_rise'])} nats ({interval})."
    )


def _draw_trace(result: Traces, clip: str, number: int) -> PageFigure:
    from gst_analysis.reporting.page import PageFigure

    return PageFigure(
        f"trace-{number}",
        f"Clip {clip}.",
        {"light": result.plot(clip)},
        draw_both(lambda dark: result.plot_interactive(clip, dark=dark)),
        "webp",
    )


def _draw_saliency(result: SaliencyMaps, number: int) -> PageFigure:
    from gst_analysis.reporting.page import PageFigure

    summary = result.summary
    caption = (
        f"Clip {summary.clip}, predicted “{summary.label}” ({summary.probability:.0%}); heat at block "
        f"{summary.block}, in {summary.rows}×{summary.columns} cells a frame."
    )
    return PageFigure(
        f"saliency-{number}", caption, draw_both(lambda dark: result.plot(dark=dark)), kind="webp"
    )


def _list_evidence(found: Sequence[SaliencyMaps]) -> Any:
    import pandas as pd

    rows = [
        {"clip": result.summary.clip, "class": result.summary.label, "group": group, **vars(heat)}
        for result in found
        for group, heat in result.summary.groups.items()
    ]
    return make_table(
        "saliency",
        pd.DataFrame(rows),
        {
            "clip": ("clip", str),
            "class": ("class", str),
            "group": ("group", str),
            "evidence_for": ("evidence for it", show_real),
            "evidence_against": ("against it", show_real),
            "hottest_frame": ("hottest frame", lambda frame: "–" if pd.isna(frame) else f"{frame:.0f}"),
        },
        caption="Evidence is summed over the clip, in units of the class's logit; frames count from 0. "
        "“all” is the whole block, shortcut included.",
    )
