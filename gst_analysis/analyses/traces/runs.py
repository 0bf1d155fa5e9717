"""A network going through clips, counted as they pass: what every way to trace clips has in common."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gst_analysis.checkpoints.sources import open_model
from gst_analysis.clips.labelled import ClipChoice, load_labelled_clips
from gst_analysis.errors import DataError, SpecError, name_some
from gst_analysis.progress import Progress
from gst_analysis.results import Provenance

if TYPE_CHECKING:
    from gst_analysis.analyses.traces.look_back import TraceInfluence
    from gst_analysis.analyses.traces.measure import ClipTrace, TracePlan
    from gst_analysis.analyses.traces.state_changes import ChangeSettings
    from gst_analysis.analyses.traces.tabulate import TraceSummary, TraceTables, TraceTally
    from gst_analysis.checkpoints.loading import LoadedModel
    from gst_analysis.checkpoints.sources import Source
    from gst_analysis.clips.records import RecordList

    Clips = str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | RecordList


@dataclass(frozen=True)
class TraceOptions:
    """How clips are traced, what counts as a change, how many classes the table keeps of each clip.

    And whether it is measured beside each trace which frames its logits are made of.
    """

    plan: TracePlan | None = None
    changes: ChangeSettings | None = None
    top_k: int = 5
    influence: bool = True


def choose_clips(
    clips: Sequence[str | os.PathLike[str]],
    dataset: str | os.PathLike[str] | None = None,
    choice: ClipChoice | None = None,
) -> RecordList:
    """Clips by their paths, or a data set's labelled ones.

    Raises:
        SpecError: neither or both, or a choice of a data set where there is none.
        DataError: a name that stands for no clip, or annotations that cannot be read.
    """
    from gst_analysis.clips.finding import find_clips

    choice = choice or ClipChoice()
    if bool(clips) == (dataset is not None):
        raise SpecError(
            "clips",
            expected="clips, or a data set with --dataset",
            found="both" if clips else "neither",
            todo="name one of them",
        )
    if dataset is None:
        choice.require_dataset("clips", todo="name it with --dataset, or leave that out")
    return find_clips(list(clips)) if dataset is None else load_labelled_clips(dataset, choice)


@dataclass
class TraceRun:
    """A network going through clips, counted as they pass."""

    model: LoadedModel
    records: RecordList
    options: TraceOptions
    tally: TraceTally
    provenance: Provenance | None = None

    @classmethod
    def start(cls, source: Source, clips: Clips, options: TraceOptions | None) -> TraceRun:
        """Load what is given as paths, and refuse what cannot be traced."""
        from gst_analysis.analyses.traces.measure import TracePlan, check_traceable
        from gst_analysis.analyses.traces.tabulate import TraceTally
        from gst_analysis.clips.finding import find_clips
        from gst_analysis.clips.records import RecordList

        options = options or TraceOptions()
        if not isinstance(options, TraceOptions):
            raise SpecError(
                "trace",
                expected="TraceOptions",
                found=type(options).__name__,
                todo='such as TraceOptions(TracePlan("prefix"))',
            )
        plan = options.plan or TracePlan()
        if options.influence:
            plan.settings.require_one_view("what a trace is made of, which influence=False leaves out,")
        records = clips if isinstance(clips, RecordList) else find_clips(clips)
        model = open_model(source)
        check_traceable(model, records, plan)
        options = dataclasses.replace(options, plan=plan)
        return cls(model, records, options, TraceTally(plan.mode))

    def stream(self, progress: Progress | None) -> Iterator[tuple[ClipTrace, TraceTables]]:
        """Every clip that could be read; all are counted."""
        from gst_analysis.analyses.traces.measure import UntracedClip, trace_clips
        from gst_analysis.analyses.traces.tabulate import tabulate_trace

        self.tally.notes |= dict.fromkeys(self.records.notes)
        for chunk in trace_clips(self.model, self.records, self.options.plan, progress=progress):
            self.tally.notes |= dict.fromkeys(chunk.notes)
            if chunk.provenance.specs:
                self.provenance = chunk.provenance
            for traced in chunk.traces:
                if isinstance(traced, UntracedClip):
                    self.tally.add(traced, None)
                    continue
                tables = tabulate_trace(traced, top_k=self.options.top_k, settings=self.options.changes)
                self.tally.add(traced, tables)
                yield traced, tables

    def look_back(self, traces: Sequence[ClipTrace], progress: Progress | None) -> list[TraceInfluence]:
        """What each of some traces is made of; a clip that cannot be read any more is a failure.

        None are looked at if that is not asked for.
        """
        if not self.options.influence or not traces:
            return []
        from gst_analysis.analyses.traces.look_back import TraceInfluence, measure_trace_influence

        assert self.options.plan is not None
        measured = measure_trace_influence(self.model, traces, self.options.plan, progress=progress)
        for one in measured:
            if not isinstance(one, TraceInfluence):
                self.tally.failures[one.clip] = one.reason
        return [one for one in measured if isinstance(one, TraceInfluence)]

    def summarise(self, measured: Sequence[TraceInfluence]) -> TraceSummary:
        """What was counted, and what logits are made of."""
        summary = self.tally.summarise()
        if not measured:
            return summary
        from gst_analysis.analyses.traces.look_back import say_own_share

        share = sum(one.own_share for one in measured) / len(measured)
        words = say_own_share(measured, mode=self.tally.mode)
        return dataclasses.replace(summary, own_share=share, influence=words)

    def require_some(self) -> None:
        """Refuse a result without a single clip."""
        if self.tally.clips:
            return
        failures = self.tally.failures
        reasons = [reason.removeprefix(f"{clip}: ") for clip, reason in failures.items()]
        raise DataError(
            name_some(list(failures)) or "the list of clips",
            expected="at least one clip that can be traced",
            found=f"none ({reasons[0]})" if reasons else "no clips at all",
            todo="name other clips",
        )

    def describe(self) -> Provenance:
        """Where the numbers come from."""
        from gst_analysis.analyses.traces.state_changes import ChangeSettings

        assert self.provenance is not None  # there was a clip that could be read
        assert self.options.plan is not None
        plan, changes = self.options.plan, self.options.changes or ChangeSettings()
        settings = {"mode": plan.mode, "window": plan.window, "step": plan.step, "changes": changes}
        return Provenance(
            self.provenance.sources, self.provenance.specs, {**self.provenance.settings, **settings}
        )
