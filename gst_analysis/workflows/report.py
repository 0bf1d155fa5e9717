"""A checkpoint, and clips if there are any -> one page that says what is known about it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gst_analysis.errors import GstError, SpecError
from gst_analysis.results import Provenance, to_json, write_whole
from gst_analysis.workflows.labelled_clips import load_labelled_clips
from gst_analysis.workflows.opening import open_model
from gst_analysis.workflows.report_clips import (
    ReportClips,
    ReportPlan,
    tell_ablation,
    tell_accuracy,
    tell_influence,
    tell_traces,
)
from gst_analysis.workflows.report_weights import tell_cost, tell_identity, tell_importance, tell_scales
from gst_analysis.workflows.sources import Progress, checkpoint_of

if TYPE_CHECKING:
    from gst_analysis.checkpoints.loading import Checkpoint, LoadedModel
    from gst_analysis.figures.report_page import Section
    from gst_analysis.inference.settings import InferenceSettings
    from gst_analysis.workflows.sources import Source

_NO_CLIPS = (
    "No data set was given, so nothing here was run. With one, the report also says how often the network is "
    "right, what each group of channels is needed for, and what it sees in a few clips."
)


@dataclass(frozen=True)
class Report:
    """`.page` is the whole HTML; `.sections` what is in it, `.left_out` and `.failures` what is not."""

    name: str
    page: str = field(repr=False)
    sections: tuple[str, ...]
    provenance: Provenance
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Sections that cannot be made for this network or these clips, and why."""
    failures: Mapping[str, str] = field(default_factory=dict)
    """Clips that could not be read, and why."""

    def contract(self, files: Mapping[str, str] | None = None) -> dict[str, Any]:
        """What `gst-analyze report --json` prints."""
        return {
            "checkpoint": {"name": self.name, "sha256": self.provenance.sources[self.name]},
            "sections": self.sections, "left_out": self.left_out, "failures": self.failures,
            "provenance": self.provenance, "bytes": len(self.page.encode()), "files": dict(files or {}),
        }  # fmt: skip


def report(
    source: Source,
    dataset: str | os.PathLike[str] | None = None,
    *,
    plan: ReportPlan | None = None,
    settings: InferenceSettings | None = None,
    progress: Progress | None = None,
) -> Report:
    """Everything that is known about a checkpoint, as one HTML page that needs nothing else.

    The same files and settings give the same bytes, on the same machine. The page names files, not where they
    lie.

    Args:
        source: a checkpoint's path, or what load_checkpoint or load_model returned. Without clips no network
            is built.
        dataset: labelled clips: an annotation file, or a folder with one validation list.
        plan: how many clips.
        settings: batch and device.
        progress: called with what is being made.

    Raises:
        CheckpointError: the file cannot be used.
        DataError: the data set cannot, or its classes are not the checkpoint's.

    Example:
        >>> save_report(report("ckpt.pth", "worlds/temporal"), "report")  # doctest: +SKIP
    """
    from gst_analysis.figures.report_page import Page, build_page

    plan = plan or ReportPlan()
    checkpoint = checkpoint_of(source)
    writers: dict[str, Callable[[], Section]] = {
        "checkpoint": partial(tell_identity, checkpoint),
        "scales": partial(tell_scales, checkpoint),
        "importance": partial(tell_importance, checkpoint),
        "cost": partial(tell_cost, checkpoint),
    }
    clips = None
    if dataset is not None:
        clips = _gather_clips(open_model(source), dataset, plan, settings)
        writers |= _name_clip_sections(clips, progress)
    sections, left_out = _write_sections(writers, progress)
    provenance = _describe(checkpoint, clips)
    failures = {} if clips is None else {c: _strip_folders(why, clips) for c, why in clips.failures.items()}
    sections.append(_tell_provenance(provenance, left_out, failures))
    lead = f"{checkpoint.spec.label}: a report by gst-analysis {metadata.version('gst-analysis')}. "
    lead += _NO_CLIPS if clips is None else f"{len(clips.records):,} labelled clips."
    page = build_page(Page(checkpoint.name, lead, sections))
    names = tuple(section.name for section in sections)
    return Report(checkpoint.name, page, names, provenance, left_out, failures)


def save_report(result: Report, folder: str | os.PathLike[str]) -> dict[str, str]:
    """Write the page as report.html; returns the file."""
    path = Path(folder) / "report.html"
    return {"html": str(write_whole(path, lambda file: file.write(result.page.encode())))}


def _gather_clips(
    model: LoadedModel, dataset: str | os.PathLike[str], plan: ReportPlan, settings: InferenceSettings | None
) -> ReportClips:
    from gst_analysis.inference.evaluation import check_classes
    from gst_analysis.inference.settings import InferenceSettings

    for name in ("ablation_clips", "traces", "influence_clips"):
        if getattr(plan, name) < 1:
            raise SpecError(
                f"report's {name}",
                expected="at least 1",
                found=str(getattr(plan, name)),
                todo="give a larger number",
            )
    records = load_labelled_clips(dataset, plan.choice)
    check_classes(model, records)
    return ReportClips(model, dataset, records, plan, settings or InferenceSettings())


def _name_clip_sections(clips: ReportClips, progress: Progress | None) -> dict[str, Callable[[], Section]]:
    tellers = {
        "accuracy": tell_accuracy, "ablation": tell_ablation, "traces": tell_traces,
        "influence": tell_influence,
    }  # fmt: skip

    def told(name: str) -> Progress | None:
        return None if progress is None else lambda done, total, _: progress(done, total, name)

    return {name: partial(teller, clips, told(name)) for name, teller in tellers.items()}


def _write_sections(
    writers: Mapping[str, Callable[[], Section]], progress: Progress | None
) -> tuple[list[Section], dict[str, str]]:
    """Every section that can be made, and why the others cannot."""
    sections, left_out = [], {}
    for name, write in writers.items():
        if progress is not None:
            progress(0, 1, name)
        try:
            sections.append(write())
        except GstError as error:
            left_out[name] = str(error)
    return sections, left_out


def _describe(checkpoint: Checkpoint, clips: ReportClips | None) -> Provenance:
    """Hashes, spec and settings; files by name alone, so that the page is the same wherever they lie."""
    name = checkpoint.name
    sources: dict[str, str] = {name: checkpoint.sha256}
    settings: dict[str, Any] = {"clip_spec": checkpoint.clip_spec}
    if clips is not None:
        sources |= {Path(path).name: sha for path, sha in (clips.records.sources or {}).items()}
        choice = replace(clips.plan.choice, root=None)
        settings |= {"plan": replace(clips.plan, choice=choice), "inference": clips.settings}
    return Provenance(sources, {name: checkpoint.spec.to_json()}, settings)


def _strip_folders(reason: str, clips: ReportClips) -> str:
    """A message without the folders that its files lie in."""
    folders = sorted({str(record.path.parent) for record in clips.records}, key=len, reverse=True)
    for folder in folders:
        reason = reason.replace(f"{folder}{os.sep}", "")
    return reason


def _tell_provenance(
    provenance: Provenance, left_out: Mapping[str, str], failures: Mapping[str, str]
) -> Section:
    from gst_analysis.figures.report_page import Section

    notes = [f"left out: {name}: {why}" for name, why in left_out.items()]
    notes += [f"not read: {clip}: {why}" for clip, why in failures.items()]
    facts = {f"sha256 of {name}": sha for name, sha in provenance.sources.items()}
    text = ["The same files and settings give this page again, byte for byte, on the same machine."]
    folded = {
        "Settings and specification": to_json({"specs": provenance.specs, "settings": provenance.settings})
    }
    return Section(
        "provenance", "Where the numbers come from", text, {"gst-analysis": provenance.version, **facts},
        notes=notes, folded=folded,
    )  # fmt: skip
