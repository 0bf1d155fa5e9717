"""Traces as results: what is in memory, with its drawings; or what was written clip by clip."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from gst_analysis.analyses.traces.table import (
    FRAME_TRACES,
    STATE_CHANGES,
    TRACE_INFLUENCE,
    TRACED_CLIPS,
    TraceSummary,
)
from gst_analysis.clips.finding import name_files
from gst_analysis.documents import (
    FAILURES,
    FILES,
    HEAD,
    NOTES,
    REAL,
    Part,
    columns_of,
    fields_of,
    maybe,
    name_schema,
    record,
    say,
    several,
    tell_source,
)
from gst_analysis.errors import DataError, SpecError, name_some, one_line
from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS, Writer, to_plain
from gst_analysis.progress import Progress, no_progress
from gst_analysis.results import Provenance, Result
from gst_analysis.rooms import Door
from gst_analysis.tables import Schema, check_choices

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import plotly.graph_objects as go
    from matplotlib.figure import Figure

    from gst_analysis.analyses.traces import film, story
    from gst_analysis.clips import opened, pictures
    from gst_analysis.clips.records import ClipRecord
else:
    film = Door("gst_analysis.analyses.traces.film")
    story = Door("gst_analysis.analyses.traces.story")
    opened = Door("gst_analysis.clips.opened")
    pictures = Door("gst_analysis.clips.pictures")

VIDEO_FORMATS = ("mp4", "webm")
TRACE_FORMATS = (*IMAGE_FORMATS, "html", *VIDEO_FORMATS, *TABLE_FORMATS)
_SIDE = 240
"""Pixels of a thumbnail's longer side."""


@dataclass(frozen=True)
class Traces(Result[TraceSummary]):
    """Traces of clips; `.table` is FRAME_TRACES.

    The drawings read the frames from the clips' own files, where they are not in memory any more. A clip
    that cannot be drawn when the result is saved is added to the failures.
    """

    stem: ClassVar[str] = "frame_traces"
    document: ClassVar[str] = "trace"
    kinds: ClassVar[tuple[str, ...]] = TRACE_FORMATS
    saved: ClassVar[tuple[str, ...]] = ("png", *TABLE_FORMATS)
    schemas: ClassVar[Mapping[str, Schema]] = {
        "frame_traces": FRAME_TRACES,
        "traced_clips": TRACED_CLIPS,
        "state_changes": STATE_CHANGES,
        "trace_influence": TRACE_INFLUENCE,
    }

    clips: pd.DataFrame = field(repr=False)
    """TRACED_CLIPS: a row for each clip."""
    changes: pd.DataFrame = field(repr=False)
    """STATE_CHANGES: a row for each change."""
    influence: pd.DataFrame = field(repr=False)
    """TRACE_INFLUENCE: which frames each clip's logits are made of; without rows if that was left out."""
    records: Mapping[str, ClipRecord] = field(repr=False, kw_only=True)
    """Where each clip lies."""
    traced: tuple[Mapping[str, Any], ...] = field(repr=False, kw_only=True)
    """Each clip as plain values."""
    failures: dict[str, str] = field(default_factory=dict, kw_only=True)
    """What could not be traced, or not be drawn when it was saved, and why."""
    shown: tuple[str, ...] = field(default=(), kw_only=True)
    """Clips that are drawn; all if empty."""
    curves: int = field(default=5, kw_only=True)
    """Classes whose curves a timeline shows."""
    path: str | None = field(default=None, repr=False, kw_only=True)
    """The checkpoint's file."""
    at_hand: opened.OpenedClips = field(
        default_factory=lambda: opened.OpenedClips(), repr=False, compare=False, kw_only=True
    )
    """The clips, opened."""

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Rows, clips, changes, and what logits are made of where that was measured."""
        others = {"traced_clips": self.clips, "state_changes": self.changes}
        made_of = {"trace_influence": self.influence} if len(self.influence) else {}
        return {self.stem: self.table, **others, **made_of}

    @property
    def drawn(self) -> tuple[str, ...]:
        """The clips that figures and pages are of."""
        return self.shown or tuple(self.records)

    @property
    def kept_classes(self) -> dict[int, str]:
        """The classes whose rows were kept, by their numbers."""
        kept = self.table.drop_duplicates("class_id")
        return dict(zip(map(int, kept["class_id"]), kept["label"], strict=True))

    @property
    def last_frame(self) -> int:
        """The last place in a video that a row is about."""
        return int(self.table["source_frame"].max())

    def only(self, clip: str | None) -> Traces:
        """These traces with one clip to draw; the only one's if none is named.

        Raises:
            SpecError: there is no such clip, or there are several.
        """
        if clip is None and len(self.drawn) == 1:
            return self
        if clip is None or clip not in self.records:
            raise SpecError(
                "clip",
                expected=f"one of {name_some(list(self.records))}",
                found=repr(clip)[:80],
                todo="name it as the table does",
            )
        return dataclasses.replace(self, shown=(clip,))

    def name_file(self, clip: str) -> str:
        """The stem of a clip's files: safe, and numbered where there are several."""
        name = re.sub(r"[^\w.-]+", "_", Path(clip).stem).strip("._")[:60] or "clip"
        if len(self.records) == 1:
            return f"trace-{name}"
        return f"trace-{list(self.records).index(clip) + 1:04d}-{name}"

    def story(self, clip: str | None = None) -> story.ClipStory:
        """What the drawings of one clip start from; the only one's if none is named."""
        (name,) = self.only(clip).drawn
        tables = (self.table, self.clips, self.changes, self.influence)
        told = story.read_story(*(table[table["clip"] == name] for table in tables))
        return dataclasses.replace(told, clip=self._titles[name])

    def load_pictures(self, clip: str, places: Sequence[int]) -> dict[int, np.ndarray]:
        """Thumbnails of a clip's frames by their places in the video.

        Raises:
            DataError: the clip cannot be read any more.
        """
        wanted, path = sorted(set(places)), self.records[clip].path
        shrunk = pictures.load_thumbnails(path, wanted, side=_SIDE, at_hand=self.at_hand)
        return dict(zip(wanted, shrunk, strict=True))

    def plot(self, clip: str | None = None, *, dark: bool = False) -> Figure:
        """The strip of the paper."""
        return next(iter(self.only(clip).figures(dark=dark).values()))

    def plot_interactive(self, clip: str | None = None, *, top_k: int = 5, dark: bool = False) -> go.Figure:
        """The timeline of the most likely classes, in plotly."""
        one = dataclasses.replace(self.only(clip), curves=top_k)
        return next(iter(one.pages(dark=dark).values()))

    def save_video(
        self, path: str | os.PathLike[str], clip: str | None = None, *, overwrite: bool = False
    ) -> str:
        """The clip with its running prediction below it, as .mp4 or .webm.

        Raises:
            OutputError: another ending, a place that cannot be written, or another file there.
        """
        (name,) = self.only(clip).drawn
        footage = film.read_footage(self.records[name], self.at_hand)
        return str(film.save_annotated_video(Path(path), footage, self.story(name), replace=overwrite))

    def save(
        self,
        folder: str | os.PathLike[str],
        kinds: Sequence[str] | None = None,
        *,
        dark: bool = False,
        overwrite: bool = False,
        progress: Progress = no_progress,
    ) -> dict[str, str]:
        """Write tables, and figure, page and film of every clip as `trace-<clip>.<kind>`.

        A clip whose frames cannot all be read is added to the failures, and the rest goes on.

        Args:
            folder: where to; made if it is not there.
            kinds: some of this result's `kinds`; its tables alone if None.
            dark: draw for a dark background.
            overwrite: also replace the results of other inputs, and any file that has one of the names.
            progress: called before each clip is drawn.

        Returns:
            The files: by their kind where they are named after the result, by `<name>.<kind>` otherwise.

        Raises:
            SpecError: a kind that it cannot be saved as.
            OutputError: the folder cannot be written, or something there would be replaced.
        """
        asked = TABLE_FORMATS if kinds is None else check_choices("formats", kinds, self.kinds)
        drawn = [kind for kind in asked if kind not in TABLE_FORMATS]
        with self._open_folder(folder, overwrite=overwrite) as outputs:
            written = self._write_to(outputs, [kind for kind in asked if kind in TABLE_FORMATS], dark=dark)
            for number, clip in enumerate(self.drawn if drawn else ()):
                outputs.commit()  # drawing takes long: what there is need not wait for the end
                progress(number, len(self.drawn), clip)
                try:
                    written |= self.only(clip)._write_to(outputs, drawn, dark=dark)
                except DataError as error:
                    self.failures[clip] = str(error)
        return written

    def _list_writers(self, kinds: Sequence[str], *, dark: bool) -> Iterator[tuple[str, Writer]]:
        """Tables and drawings, then the films."""
        yield from super()._list_writers(kinds, dark=dark)
        for kind in (kind for kind in kinds if kind in VIDEO_FORMATS):
            for clip in self.drawn:
                footage = film.read_footage(self.records[clip], self.at_hand)
                write = film.annotated_writer(kind, footage, self.story(clip), self.stamp)
                yield f"{self.name_file(clip)}.{kind}", write

    def describe_failures(self) -> list[str]:
        """What could not be traced or drawn, and why, a line each."""
        return _say_failures(self.failures)

    def to_document(self, files: Mapping[str, str] | None = None) -> dict[str, Any]:
        """What `gst-analyze trace --json` prints: each clip with its own files."""
        rest = dict(files or {})
        clips = []
        for clip in self.traced:
            names = {kind: f"{self.name_file(clip['clip'])}.{kind}" for kind in self.kinds}
            own = {kind: rest.pop(name) for kind, name in names.items() if name in rest}
            clips.append({**clip, "files": own})
        return _describe(self, clips, rest)

    @classmethod
    def describe_fields(cls) -> dict[str, Any]:
        """Its document's own fields, with --stream as without."""
        summary = fields_of(TraceSummary)
        told = {**summary, "notes": NOTES, "failures": FAILURES}
        return {
            **HEAD,
            "mode": summary["mode"],
            "influence": summary["influence"],
            "clips": several(_describe_clip(), "clip by clip; none with --stream"),
            "summary": record(told, "how often, when and between which classes the predicted state changes"),
        }

    @cached_property
    def _titles(self) -> dict[str, str]:
        return name_files(self.records)

    def _repr_html_(self) -> str:
        """The first clip's timeline, and the table."""
        return super(Traces, self.only(self.drawn[0]))._repr_html_()


@dataclass(frozen=True)
class TracedFolder:
    """Traces that were written as they came; none of them is in memory."""

    summary: TraceSummary
    provenance: Provenance
    notes: tuple[str, ...]
    failures: Mapping[str, str]
    files: Mapping[str, str] = field(default_factory=dict)
    """What was written, named as `Traces.save` names it."""
    path: str | None = None
    """The checkpoint's file."""

    def record(self) -> dict[str, Any]:
        """What `frame_traces.json` holds."""
        named = ("summary", "notes", "failures", "provenance")
        return {name: to_plain(getattr(self, name)) for name in named}

    def describe_failures(self) -> list[str]:
        """What could not be traced, and why, a line each."""
        return _say_failures(self.failures)

    def to_document(self, files: Mapping[str, str] | None = None) -> dict[str, Any]:
        """What `gst-analyze trace --stream --json` prints."""
        return _describe(self, [], self.files if files is None else files)


def _say_failures(failures: Mapping[str, str]) -> list[str]:
    told = {one_line(clip): one_line(why) for clip, why in failures.items()}
    return [f"not traced: {clip}: {why.removeprefix(f'{clip}: ')}" for clip, why in told.items()]


def _describe_clip() -> Part:
    """One clip as `describe_trace` tells it, with what its logits are made of and its files."""
    told, row = (
        columns_of(STATE_CHANGES, without=("checkpoint", "clip", "mode", "kind")),
        columns_of(FRAME_TRACES),
    )
    leader = {name: row[name] for name in ("label", "class_id", "probability")}
    place = {name: row[name] for name in ("frame", "source_frame", "seconds")}
    loss = say(REAL, "what the probability of the clip's class falls by without the frame")
    matrix = several(several(REAL), "a row for each output frame, in it a share for each input frame")
    return record(
        {
            "clip": row["clip"],
            "video": record(leader, "the clip's own prediction"),
            "truth": say({"type": ["string", "null"]}, "its true class; null where unknown"),
            "frames": several(record({**place, **leader, "loss": maybe(loss)}), "who leads in each row"),
            "change_points": several(record(told), "where the leading class changes"),
            "curve_changes": several(record(told), "where its curve breaks"),
            "notes": NOTES,
            "own_share": say(REAL, "a frame's share in its own logit; null where not measured"),
            "influence": say(
                {"anyOf": [matrix, {"type": "null"}]},
                "which frames logits are made of; null where not measured",
            ),
            "files": FILES,
        }
    )


def _describe(
    result: Traces | TracedFolder, clips: Sequence[Mapping[str, Any]], files: Mapping[str, str]
) -> dict[str, Any]:
    (name,) = result.provenance.specs
    said = {"notes": result.notes, "failures": result.failures}
    return {
        "schema": name_schema("trace"),
        **tell_source(name, result.path, result.provenance.sources[name]),
        "mode": result.summary.mode,
        "influence": result.summary.influence,
        "clips": clips,
        "summary": vars(result.summary) | said,
        **said,
        "files": files,
    }
