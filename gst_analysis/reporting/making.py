"""A checkpoint, and clips if there are any -> one page that says what is known about it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gst_analysis.checkpoints.sources import checkpoint_of, open_model
from gst_analysis.clips.labelled import load_labelled_clips
from gst_analysis.errors import GstError, OutputError
from gst_analysis.files import check_place, to_json, write_whole
from gst_analysis.progress import Progress
from gst_analysis.release import find_version
from gst_analysis.reporting.clips import (
    INTERVENTIONS,
    ReportClips,
    ReportPlan,
    tell_ablation,
    tell_accuracy,
    tell_influence,
    tell_saliency,
    tell_traces,
)
from gst_analysis.reporting.commands import write_clip_commands, write_report_command, write_weight_commands
from gst_analysis.reporting.drift import tell_drift
from gst_analysis.reporting.slimming import tell_slimming
from gst_analysis.reporting.weights import tell_cost, tell_identity, tell_importance, tell_scales
from gst_analysis.reporting.words import WORDS
from gst_analysis.results import Provenance

if TYPE_CHECKING:
    from gst_analysis.checkpoints.loading import Checkpoint, LoadedModel
    from gst_analysis.checkpoints.sources import Source
    from gst_analysis.inference.settings import InferenceSettings
    from gst_analysis.reporting.page import Section

    Writer = Callable[[Progress], Section]

_PAGE_STEPS = 4
"""How many sections' worth of time it takes to draw the figures of all."""
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
    """Sections that should have been made and could not, and why."""
    failures: Mapping[str, str] = field(default_factory=dict)
    """Clips that could not be read, and why."""
    missing: Mapping[str, str] = field(default_factory=dict)
    """Sections that say only why this network can have none of them."""

    def contract(self, files: Mapping[str, str] | None = None) -> dict[str, Any]:
        """What `gst-analyze report --json` prints."""
        return {
            "checkpoint": {"name": self.name, "sha256": self.provenance.sources[self.name]},
            "sections": self.sections,
            "missing": self.missing,
            "left_out": self.left_out,
            "failures": self.failures,
            "provenance": self.provenance,
            "bytes": len(self.page.encode()),
            "files": dict(files or {}),
        }


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
        source: a checkpoint's path, or what load_checkpoint or load_model returned.
        dataset: labelled clips: an annotation file, or a folder with one validation list.
        plan: how many clips, and which sections to leave out.
        settings: batch and device.
        progress: called with what is being made.

    Raises:
        CheckpointError: the file cannot be used.
        DataError: the data set cannot, or its classes are not the checkpoint's.
        SpecError: a section that there is not, or a number of clips below 1 (from ReportPlan); or a choice
            of a data set where there is none.

    Example:
        >>> save_report(report("ckpt.pth", "worlds/temporal"), "report")  # doctest: +SKIP
    """
    plan = plan or ReportPlan()
    if dataset is None:
        plan.choice.require_dataset("report", todo="name it, or leave that out", seed_is_used=True)
    checkpoint = checkpoint_of(source)
    clips = None if dataset is None else _gather_clips(open_model(source), dataset, plan, settings)
    writers = _name_writers(checkpoint, clips)
    kept = {name: write for name, write in writers.items() if name not in plan.without}
    way = _Way(len(kept) + _PAGE_STEPS, progress)
    sections, left_out = _write_sections(kept, way)
    return _put_together(_Outcome(checkpoint, clips, plan, sections, left_out), way)


def save_report(result: Report, folder: str | os.PathLike[str]) -> dict[str, str]:
    """Write the page as report.html; returns the file."""
    path = Path(folder) / "report.html"
    return {"html": str(write_whole(path, lambda file: file.write(result.page.encode())))}


def check_report_place(folder: str | os.PathLike[str]) -> None:
    """Refuse a folder that a report cannot be written to, before any work is done.

    Raises:
        OutputError: such a folder.
    """
    check_place(folder)
    if (Path(folder) / "report.html").is_dir():
        raise OutputError(
            str(folder),
            expected="a folder that can be written to",
            found="a folder called report.html in it",
            todo="choose another place with --out",
        )


@dataclass(frozen=True)
class _Outcome:
    """What was found out, before it is a page."""

    checkpoint: Checkpoint
    clips: ReportClips | None
    plan: ReportPlan
    sections: Sequence[Section]
    left_out: Mapping[str, str]


class _Way:
    """How far a report is, over all its steps, in hundredths."""

    def __init__(self, steps: int, progress: Progress | None) -> None:
        self.steps, self.progress, self.step, self.width, self.share = steps, progress, 0, 1, 0.0

    def tell(self, done: int, total: int, at: str) -> None:
        """So much of the present step; a step that begins to count anew does not take the bar back."""
        here = self.width * min(1.0, done / total if total else 0.0)
        self.share = max(self.share, (self.step + here) / self.steps)
        if self.progress is not None:
            self.progress(int(100 * self.share), 100, at)


def _put_together(outcome: _Outcome, way: _Way) -> Report:
    """Sections with their words and commands, and where everything comes from -> the page."""
    from gst_analysis.reporting.page import Page, build_page

    checkpoint, clips, plan = outcome.checkpoint, outcome.clips, outcome.plan
    records = () if clips is None else clips.records
    folders = [checkpoint.path.parent, *(record.path.parent for record in records)]
    lost = {} if clips is None else clips.failures
    left_out, failures = (
        {n: _strip_folders(why, folders) for n, why in w.items()} for w in (outcome.left_out, lost)
    )
    provenance = _describe(checkpoint, clips, plan)
    notes = [f"not asked for: {name}" for name in plan.without]
    notes += [f"left out: {name}: {why}" for name, why in left_out.items()]
    notes += [f"not read: {clip}: {why}" for clip, why in failures.items()]
    commands = write_weight_commands(checkpoint)
    commands |= {} if clips is None else write_clip_commands(clips, INTERVENTIONS)
    commands["provenance"] = write_report_command(checkpoint, clips, plan.without)
    told = [_finish(one, commands) for one in (*outcome.sections, _tell_provenance(provenance, notes))]
    lead = f"{checkpoint.spec.label}: a report by gst-analysis {find_version()}. "
    lead += _NO_CLIPS if clips is None else f"{len(clips.records):,} labelled clips."
    way.step, way.width = way.steps - _PAGE_STEPS, _PAGE_STEPS
    page = build_page(Page(checkpoint.name, lead, told), lambda done, of: way.tell(done, of, "Drawing"))
    return Report(
        checkpoint.name,
        page,
        tuple(one.name for one in told),
        provenance,
        left_out,
        failures,
        {one.name: one.missing for one in told if one.missing},
    )


def _gather_clips(
    model: LoadedModel, dataset: str | os.PathLike[str], plan: ReportPlan, settings: InferenceSettings | None
) -> ReportClips:
    from gst_analysis.inference.evaluation import check_classes
    from gst_analysis.inference.settings import InferenceSettings

    records = load_labelled_clips(dataset, plan.choice)
    check_classes(model, records)
    return ReportClips(model, dataset, records, plan, settings or InferenceSettings())


def _name_writers(checkpoint: Checkpoint, clips: ReportClips | None) -> dict[str, Writer]:
    """What writes each section, in the order of the page."""
    writers: dict[str, Writer] = {
        "checkpoint": lambda _: tell_identity(checkpoint),
        "scales": lambda _: tell_scales(checkpoint),
        "importance": lambda _: tell_importance(checkpoint),
        "drift": lambda _: tell_drift(checkpoint),
        "cost": lambda _: tell_cost(checkpoint),
        "slimming": partial(tell_slimming, checkpoint, clips),
    }
    if clips is not None:
        tellers = {
            "accuracy": tell_accuracy,
            "ablation": tell_ablation,
            "traces": tell_traces,
            "influence": tell_influence,
            "saliency": tell_saliency,
        }
        writers |= {name: partial(teller, clips) for name, teller in tellers.items()}
    return {name: writers[name] for name in WORDS if name in writers}


def _write_sections(writers: Mapping[str, Writer], way: _Way) -> tuple[list[Section], dict[str, str]]:
    """Every section that can be made, and why the others cannot."""
    sections, left_out = [], {}
    for way.step, (name, write) in enumerate(writers.items()):
        title = WORDS[name].title
        way.tell(0, 1, title)
        try:
            sections.append(write(partial(_tell_about, way, title)))
        except GstError as error:
            left_out[name] = str(error)
    return sections, left_out


def _tell_about(way: _Way, title: str, done: int, total: int, _: str) -> None:
    way.tell(done, total, title)


def _finish(section: Section, commands: Mapping[str, str]) -> Section:
    """A section with its title, what it shows, its limits and its command; no limits to what is missing."""
    words = WORDS[section.name]
    return replace(
        section,
        title=words.title,
        shows=words.shows,
        limits=() if section.missing else words.limits,
        command="" if section.missing else commands.get(section.name, ""),
    )


def _describe(checkpoint: Checkpoint, clips: ReportClips | None, plan: ReportPlan) -> Provenance:
    """Hashes, spec and settings; files by name alone, so that the page is the same wherever they lie."""
    name = checkpoint.name
    sources: dict[str, str] = {name: checkpoint.sha256}
    settings: dict[str, Any] = {"clip_spec": checkpoint.clip_spec, "without": plan.without}
    if clips is not None:
        sources |= {Path(path).name: sha for path, sha in (clips.records.sources or {}).items()}
        choice = replace(plan.choice, root=None)
        settings |= {"plan": replace(plan, choice=choice), "inference": clips.settings}
    return Provenance(sources, {name: checkpoint.spec.to_json()}, settings)


def _strip_folders(reason: str, folders: Iterable[Path]) -> str:
    """A message without the folders that its files lie in."""
    for folder in sorted({str(folder) for folder in folders}, key=len, reverse=True):
        reason = reason.replace(f"{folder}{os.sep}", "")
    return reason


def _tell_provenance(provenance: Provenance, notes: Sequence[str]) -> Section:
    from gst_analysis.reporting.page import Section

    facts = {f"sha256 of {name}": sha for name, sha in provenance.sources.items()}
    text = ["Commands name files without their folders: put those in front, or run them where the files lie."]
    folded = {
        "Settings and specification": to_json({"specs": provenance.specs, "settings": provenance.settings})
    }
    return Section(
        "provenance",
        text=text,
        facts={"gst-analysis": provenance.version, **facts},
        notes=notes,
        folded=folded,
        command_makes="This page again",
    )
