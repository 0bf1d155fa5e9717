"""From the list of analyses to a report's sections: a room's own `section.py`, or one made of its result."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec

from gst_analysis import analyses
from gst_analysis.progress import Progress
from gst_analysis.reporting.origin import (
    IDENTITY,
    IDENTITY_WORDS,
    PROVENANCE,
    PROVENANCE_WORDS,
    write_identity,
)
from gst_analysis.rooms import About
from gst_analysis.sections.parts import PageFigure, Section, Words, make_table
from gst_analysis.sections.subject import Subject, join_words, name_dataset


@dataclass(frozen=True)
class Writer:
    """One section: what it is called, what it needs, and the functions that write it and its command."""

    name: str
    words: Words
    needs_clips: bool
    write: Callable[[Subject, Progress], Section]
    write_line: Callable[[Subject], str]


def list_writers() -> list[Writer]:
    """Every section that a report can have but where the numbers come from, in the order of the page."""
    identity = Writer(
        IDENTITY,
        IDENTITY_WORDS,
        False,
        lambda subject, _: write_identity(subject.checkpoint),
        lambda subject: join_words("inspect", subject.file),
    )
    rooms = [_find_writer(analyses.name_room(room)) for room in analyses.ROOMS]
    return [identity, *(writer for writer in rooms if writer is not None)]


def list_sections() -> tuple[str, ...]:
    """Sections that may be left out."""
    return tuple(writer.name for writer in list_writers()[1:])


def list_words() -> Mapping[str, Words]:
    """Titles, and what sections show, by name."""
    return {writer.name: writer.words for writer in list_writers()} | {PROVENANCE: PROVENANCE_WORDS}


def name_section(name: str) -> str:
    """A section's title."""
    return list_words()[name].title


def _find_writer(room: str) -> Writer | None:
    if find_spec(f"{room}.section") is not None:
        own = importlib.import_module(f"{room}.section")
        return Writer(own.NAME, own.WORDS, own.NEEDS_CLIPS, own.write_section, own.write_line)
    about: About | None = getattr(importlib.import_module(room), "ABOUT", None)
    return _make_writer(about) if about is not None and about.section else None


def _make_writer(about: About) -> Writer:
    """For a room without words of its own: its question, its limits, its figures and its table."""
    name = about.name
    needs_clips = about.needs in ("clips", "dataset")
    limits = (about.limits,) if about.limits else ()

    def write(subject: Subject, progress: Progress) -> Section:
        clips = subject.clips
        given = () if clips is None or not needs_clips else (clips.records,)
        source = subject.checkpoint if clips is None else clips.model
        result = about.run(source, *given, progress=progress)
        said = result.say_figures()
        figures = [
            PageFigure(f"{name}-{stem}", stem, {"light": figure}, finding=said.get(stem, ""))
            for stem, figure in result.figures().items()
        ]
        columns = {column: (column, str) for column in result.table.columns}
        table = make_table(name, result.table, columns, caption=about.title)
        return Section(name, figures=figures, tables=[table], notes=result.notes)

    def write_line(subject: Subject) -> str:
        clips = () if not needs_clips else name_dataset(subject.shown)
        return join_words(about.command, subject.file, *clips)

    return Writer(name, Words(about.title, about.question, limits), needs_clips, write, write_line)
