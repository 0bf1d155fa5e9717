"""A checkpoint, and clips if there are any -> one page that says what is known about it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gst_analysis.checkpoints.loaded import Checkpoint, LoadedModel
from gst_analysis.checkpoints.sources import checkpoint_of, open_model, tell
from gst_analysis.clips.labelled import load_labelled_clips
from gst_analysis.clips.records import RecordList
from gst_analysis.documents import FILES, HEAD, WHOLE, describe, fields_of, name_schema, say, tell_source
from gst_analysis.errors import GstError, OutputError
from gst_analysis.files import check_place, require_epoch
from gst_analysis.inference.classes import check_classes
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.options import keyword_options
from gst_analysis.outputs import Made, Outputs, check_free
from gst_analysis.progress import Progress, no_progress
from gst_analysis.reporting.origin import write_provenance, write_report_command
from gst_analysis.reporting.page import Page, build_page
from gst_analysis.reporting.walking import Writer, list_sections, list_words, list_writers
from gst_analysis.results import Provenance, find_version
from gst_analysis.sections.options import ReportOptions
from gst_analysis.sections.parts import Section, Words
from gst_analysis.sections.subject import ReportClips, Subject, choose_clips
from gst_analysis.tables import check_choices

if TYPE_CHECKING:
    from gst_analysis.checkpoints.sources import Source

_QUESTION, _FILE = "report", "report.html"
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
    """Names of the sections on the page, in their order."""
    provenance: Provenance
    """What went in: the files' hashes, the network, the settings and our version."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Sections that should have been made and could not, and why."""
    failures: Mapping[str, str] = field(default_factory=dict)
    """Clips that could not be read, and why."""
    missing: Mapping[str, str] = field(default_factory=dict)
    """Sections that say only why this network can have none of them."""
    path: str = ""
    """The checkpoint's file; the page itself names no folder."""

    def save(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> dict[str, str]:
        """Write the page as report.html; returns the file.

        Args:
            folder: where to; made if it is not there.
            overwrite: also replace the report of another checkpoint or data set, or any other report.html.

        Raises:
            OutputError: the folder cannot be written, or something there would be replaced.
        """
        made = Made(_QUESTION, self.provenance.name_inputs())
        with Outputs(Path(folder), made, overwrite=overwrite) as outputs:
            return {"html": str(outputs.write(_FILE, lambda file: file.write(self.page.encode())))}

    def to_document(self, files: Mapping[str, str] | None = None) -> dict[str, Any]:
        """What `gst-analyze report --json` prints."""
        return {
            "schema": name_schema("report"),
            **tell_source(self.name, self.path, self.provenance.sources[self.name]),
            "sections": self.sections,
            "missing": self.missing,
            "left_out": self.left_out,
            "failures": self.failures,
            "provenance": self.provenance,
            "bytes": len(self.page.encode()),
            "files": dict(files or {}),
        }

    @classmethod
    def describe_document(cls) -> dict[str, Any]:
        """The JSON Schema of that."""
        names = ("sections", "missing", "left_out", "failures", "provenance")
        size = say(WHOLE, "how large the page is")
        return describe("report", {**HEAD, **fields_of(cls, only=names), "bytes": size, "files": FILES})


@keyword_options(ReportOptions)
def report(
    source: Source,
    dataset: str | os.PathLike[str] | RecordList | None = None,
    *,
    options: ReportOptions,
    progress: Progress | None = None,
) -> Report:
    """Everything that is known about a checkpoint, as one HTML page that needs nothing else.

    The same files and options give the same bytes, on the same machine. The page names files, not where they
    lie.

    Args:
        source: a checkpoint's path, or what load_checkpoint or load_model returned.
        dataset: labelled clips: an annotation file, a folder with one validation list, or what
            load_labelled_clips returned.
        options: how many clips, which sections to leave out, and the device.
        progress: called with what is being made.

    Raises:
        CheckpointError: the file cannot be used.
        DataError: the data set cannot, or its classes are not the checkpoint's.
        SpecError: a section that there is not, a number of clips below 1, or a choice of a data set where
            there is none.

    Example:
        >>> import gst_analysis as gst
        >>> gst.report("ckpt.pth", "worlds/temporal").save("report")  # doctest: +SKIP
    """
    if options.without:
        left = tuple(check_choices("without", options.without, list_sections()))
        options = replace(options, without=left)
    if dataset is None:
        choice = choose_clips(options)
        choice.require_dataset("report", todo="name it, or leave that out", seed_is_used=True)
    if dataset is None:
        checkpoint, clips = checkpoint_of(tell(source, options)), None
    else:
        model = open_model(source, options=options)
        checkpoint, clips = checkpoint_of(model), _gather_clips(model, dataset, options)
    subject = Subject(checkpoint, clips, options.start)
    writers = [one for one in list_writers() if clips is not None or not one.needs_clips]
    kept = [one for one in writers if one.name not in options.without]
    steps = _Steps(len(kept) + _PAGE_STEPS, progress or no_progress)
    sections, left_out = _write_sections(kept, subject, steps)
    return _put_together(_Outcome(subject, options, sections, left_out), steps)


def check_report_place(
    folder: str | os.PathLike[str], words: Mapping[str, Sequence[str]], *, overwrite: bool = False
) -> None:
    """Refuse a folder that a report cannot be written to, before any work is done.

    Args:
        folder: where it is to go.
        words: what it is of, as the command line says it, by the names of its arguments.
        overwrite: whatever is there may be replaced.

    Raises:
        OutputError: such a folder.
    """
    check_place(folder)
    require_epoch()
    if (Path(folder) / _FILE).is_dir():
        raise OutputError(
            str(folder),
            expected="a folder that can be written to",
            found="a folder called report.html in it",
            todo="choose another place with --out",
        )
    if not overwrite:
        check_free(Path(folder), _QUESTION, [_FILE], words)


@dataclass(frozen=True)
class _Outcome:
    """What was found out, before it is a page."""

    subject: Subject
    options: ReportOptions
    sections: Sequence[Section]
    left_out: Mapping[str, str]


class _Steps:
    """How far a report is, over all its steps, in hundredths."""

    def __init__(self, steps: int, progress: Progress) -> None:
        self.steps, self.progress, self.step, self.width, self.share = steps, progress, 0, 1, 0.0

    def report(self, done: int, total: int, label: str) -> None:
        """So much of the present step; a step that begins to count anew does not take the bar back."""
        here = self.width * min(1.0, done / total if total else 0.0)
        self.share = max(self.share, (self.step + here) / self.steps)
        self.progress(int(100 * self.share), 100, label)


def _put_together(outcome: _Outcome, steps: _Steps) -> Report:
    """Sections with their words and commands, and where everything comes from -> the page."""
    subject, options = outcome.subject, outcome.options
    checkpoint, clips = subject.checkpoint, subject.clips
    records = () if clips is None else clips.records
    folders = [checkpoint.path.parent, *(record.path.parent for record in records)]
    lost = {} if clips is None else clips.failures
    left_out, failures = (
        {n: _strip_folders(why, folders) for n, why in w.items()} for w in (outcome.left_out, lost)
    )
    provenance = _describe(checkpoint, clips, options)
    notes = [f"not asked for: {name}" for name in options.without]
    notes += [f"left out: {name}: {why}" for name, why in left_out.items()]
    notes += [f"not read: {clip}: {why}" for clip, why in failures.items()]
    origin = replace(
        write_provenance(provenance, notes), command=write_report_command(checkpoint, clips, options)
    )
    words = list_words()
    told = [_add_words(one, words[one.name]) for one in (*outcome.sections, origin)]
    lead = f"{checkpoint.spec.label}: a report by gst-analysis {find_version()}. "
    lead += _NO_CLIPS if clips is None else f"{len(clips.records):,} labelled clips."
    steps.step, steps.width = steps.steps - _PAGE_STEPS, _PAGE_STEPS
    page = build_page(Page(checkpoint.name, lead, told), partial(_name_step, steps, "Drawing"))
    sections = tuple(one.name for one in told)
    missing = {one.name: one.missing for one in told if one.missing}
    where = str(checkpoint.path)
    return Report(checkpoint.name, page, sections, provenance, left_out, failures, missing, where)


def _gather_clips(
    model: LoadedModel, dataset: str | os.PathLike[str] | RecordList, options: ReportOptions
) -> ReportClips:
    InferenceSettings(batch=options.batch, device=options.device)  # or refused, before work
    records = load_labelled_clips(dataset, choose_clips(options), classes=model.labels)
    check_classes(model, records)
    return ReportClips(model, dataset, records, options)


def _write_sections(
    writers: Sequence[Writer], subject: Subject, steps: _Steps
) -> tuple[list[Section], dict[str, str]]:
    """Every section that can be made, and why the others cannot."""
    sections, left_out = [], {}
    for steps.step, writer in enumerate(writers):
        title = writer.words.title
        steps.report(0, 1, title)
        try:
            section = writer.write(subject, partial(_name_step, steps, title))
            command = "" if section.missing else writer.write_line(subject)
            sections.append(replace(section, command=command))
        except GstError as error:
            left_out[writer.name] = str(error)
    return sections, left_out


def _name_step(steps: _Steps, title: str, done: int, total: int, label: str) -> None:
    """How far a step is, under its title rather than what it is working on."""
    steps.report(done, total, title)


def _add_words(section: Section, words: Words) -> Section:
    """A section with its title, what it shows and its limits; no limits to what is missing."""
    limits = () if section.missing else words.limits
    return replace(section, title=words.title, shows=words.shows, limits=limits)


def _describe(checkpoint: Checkpoint, clips: ReportClips | None, options: ReportOptions) -> Provenance:
    """Hashes, spec and settings; files by name alone, so that the page is the same wherever they lie."""
    name = checkpoint.name
    sources: dict[str, str] = {name: checkpoint.sha256}
    settings: dict[str, Any] = {"clip_spec": checkpoint.clip_spec, "without": options.without}
    if clips is not None:
        sources |= {Path(path).name: sha for path, sha in (clips.records.sources or {}).items()}
        settings |= {"options": replace(options, root=None), "inference": clips.settings}
    return Provenance(sources, {name: checkpoint.spec.to_json()}, settings)


def _strip_folders(reason: str, folders: Iterable[Path]) -> str:
    """A message without the folders that its files lie in."""
    for folder in sorted({str(folder) for folder in folders}, key=len, reverse=True):
        reason = reason.replace(f"{folder}{os.sep}", "")
    return reason
