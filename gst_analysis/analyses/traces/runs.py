"""A network going through clips, counted as they pass; and the traces of a few clips in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from gst_analysis.analyses.traces.clip_trace import ClipTrace, TracePlan, UntracedClip
from gst_analysis.analyses.traces.evidence import TraceEvidence, add_to_summary, join_evidence, join_records
from gst_analysis.analyses.traces.evidence_measure import measure_evidence
from gst_analysis.analyses.traces.measure import check_traceable, trace_clips
from gst_analysis.analyses.traces.result import Traces
from gst_analysis.analyses.traces.table import TraceSummary
from gst_analysis.analyses.traces.tabulate import TraceTables, TraceTally, tabulate_trace
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.clips.opened import OpenedClips
from gst_analysis.clips.records import RecordList
from gst_analysis.errors import DataError, name_some
from gst_analysis.progress import Progress
from gst_analysis.results import Provenance


def measure_traces(run: TraceRun, *, progress: Progress | None = None) -> Traces:
    """Trace clips and keep all in memory; the network is left as it was.

    Raises:
        DataError: not one clip that could be read.
    """
    parts, traces = [], []
    for traced, tables in run.stream(progress):
        parts.append(tables)
        traces.append(traced)
    run.require_some()
    frames, rows, changes = (
        pd.concat(tables, ignore_index=True)
        for tables in zip(*((p.frames, p.clips, p.changes) for p in parts), strict=True)
    )
    measured = run.look_back(traces, progress)
    return Traces(
        frames,
        run.summarise(measured),
        run.describe(),
        rows,
        changes,
        join_evidence(measured),
        notes=run.tally.list_notes(),
        failures=run.tally.failures,
        records={traced.clip: traced.record for traced in traces},
        traced=join_records([part.record for part in parts], measured),
        path=str(run.model.checkpoint.path),
        at_hand=run.at_hand,
    )


@dataclass
class TraceRun:
    """A network going through clips, counted as they pass."""

    model: LoadedModel
    records: RecordList
    plan: TracePlan
    at_hand: OpenedClips
    """Each clip is opened once: to be traced, to say what its rows are made of, and to be drawn."""
    tally: TraceTally
    provenance: Provenance | None = None

    @classmethod
    def start(
        cls, model: LoadedModel, records: RecordList, plan: TracePlan, *, keep_frames: bool = True
    ) -> TraceRun:
        """A run of which nothing is done yet.

        Raises:
            DataError: labels that are not the checkpoint's.
            SpecError: a network of one frame, unless windows slide over the video.
        """
        plan, notes = _fit_plan(model, plan)
        check_traceable(model, records, plan)
        flow = model.clip_spec.flow
        at_hand = OpenedClips(flow=flow) if keep_frames else OpenedClips(frame_bytes=0, flow=flow)
        tally = TraceTally(plan.mode)
        tally.notes |= dict.fromkeys(notes)
        return cls(model, records, plan, at_hand, tally)

    def stream(self, progress: Progress | None) -> Iterator[tuple[ClipTrace, TraceTables]]:
        """Every clip that could be read; all are counted."""
        self.tally.notes |= dict.fromkeys(self.records.notes)
        chunks = trace_clips(self.model, self.records, self.plan, at_hand=self.at_hand, progress=progress)
        for chunk in chunks:
            self.tally.notes |= dict.fromkeys(chunk.notes)
            if chunk.provenance.specs:
                self.provenance = chunk.provenance
            for traced in chunk.traces:
                if isinstance(traced, UntracedClip):
                    self.tally.add(traced, None)
                    continue
                tables = tabulate_trace(traced, top_k=self.plan.top_k, settings=self.plan.changes)
                self.tally.add(traced, tables)
                yield traced, tables

    def look_back(self, traces: Sequence[ClipTrace], progress: Progress | None) -> list[TraceEvidence]:
        """What each of some traces is made of; a clip that cannot be read any more is a failure.

        None are looked at if that is not asked for.
        """
        if not self.plan.explained or not traces:
            return []
        measured = measure_evidence(self.model, traces, self.plan, at_hand=self.at_hand, progress=progress)
        for one in measured:
            if not isinstance(one, TraceEvidence):
                self.tally.failures[one.clip] = one.reason
        return [one for one in measured if isinstance(one, TraceEvidence)]

    def summarise(self, measured: Sequence[TraceEvidence]) -> TraceSummary:
        """What was counted, and what logits are made of."""
        return add_to_summary(self.tally.summarise(), measured)

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
        assert self.provenance is not None  # there was a clip that could be read
        plan = self.plan
        settings = {"mode": plan.mode, "window": plan.window, "step": plan.step, "changes": plan.changes}
        return Provenance(
            {**self.provenance.sources, **(self.records.sources or {})},
            self.provenance.specs,
            {**self.provenance.settings, **settings},
            clips=self.records.name_clips(),
        )


def _fit_plan(model: LoadedModel, plan: TracePlan) -> tuple[TracePlan, tuple[str, ...]]:
    """The plan as this network can follow it, and what was changed."""
    notes, by_clip = [], model.spec.output == "clip"
    if by_clip and plan.mode == "frame":
        plan = replace(plan, mode="prefix")
        notes.append(
            f"{model.spec.label} gives one answer a clip, not one a frame: each row is its answer to the "
            "frames up to there (mode prefix)"
        )
    if plan.mode == "still":
        plan = replace(
            plan, explained=False
        )  # each row is made of its one frame: there is nothing to measure
    if by_clip and plan.mode != "prefix" and plan.explained:
        plan = replace(plan, explained=False)
        notes.append("what rows are made of is not shown: there is one answer a clip, not one a frame")
    if plan.mode in ("prefix", "leave-one-out") and not model.anatomy.any_length:
        stand = (
            "the last frame stands still" if plan.mode == "prefix" else "its neighbour stands in for a frame"
        )
        notes.append(
            f"the network takes {model.clip_spec.frames} frames alone: where some are missing, {stand}"
        )
    return plan, tuple(notes)
