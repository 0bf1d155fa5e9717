"""What every analysis returns: a tidy table, a typed summary and where it came from. No torch here."""

from __future__ import annotations

import base64
import copy
import dataclasses
import hashlib
import html
import importlib
import importlib.util
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, get_args

from gst_analysis.documents import FOOT, describe, name_schema, rows_of, value_of
from gst_analysis.errors import GstError, OutputError, one_line, shorten, spell_controls
from gst_analysis.files import (
    IMAGE_FORMATS,
    PLAIN_TABLES,
    TABLE_FORMATS,
    Writer,
    hash_file,
    to_json,
    to_plain,
)
from gst_analysis.outputs import Made, Outputs
from gst_analysis.plain import spell_json
from gst_analysis.rooms import Door
from gst_analysis.tables.held import holds_tables
from gst_analysis.tables.schema import Schema, check_choices
from gst_analysis.tables.writing import writer_of
from gst_analysis.untrusted import require_regular

if TYPE_CHECKING:
    from importlib import metadata

    import pandas as pd
    import plotly.graph_objects as go
    from matplotlib.figure import Figure

    from gst_analysis.style import files as drawings
    from gst_analysis.tables.columns import Table
else:
    drawings = Door("gst_analysis.style.files")
    metadata = Door("importlib.metadata")  # it brings a parser of e-mail along

Summary = TypeVar("Summary")
_STAMP = 6000
"""Characters of a stamp."""


COMMAND: ContextVar[tuple[str, ...]] = ContextVar("command", default=())
"""The words of the command that is running, so that results can tell how to make them again."""


def find_version() -> str:
    """The installed version; a plain word where the source is run without having been installed."""
    try:
        return metadata.version("gst-analysis")
    except metadata.PackageNotFoundError:
        return "uninstalled"


@dataclass(frozen=True)
class Provenance:
    """What went in: the files' hashes, the networks, the settings and our version."""

    sources: Mapping[str, str]
    """The sha256 of each file that went in, by its name; empty of weights in memory."""
    specs: Mapping[str, Mapping[str, Any]]
    """What describes each network, by its name."""
    settings: Mapping[str, Any]
    """What was asked for, and how clips were read."""
    version: str = dataclasses.field(default_factory=find_version)
    """The version of gst-analysis that made it."""
    clips: tuple[str, ...] = ()
    """Clips that were named one by one; none where a list names them, whose hash is among the sources."""
    clip_hashes: Mapping[str, str] = field(init=False, repr=False)
    """Each such clip's sha256, of a folder that of its frames; none of what no path leads to."""

    def __post_init__(self) -> None:
        hashes = {clip: sha for clip in self.clips if (sha := hash_clip(Path(clip)))}
        object.__setattr__(self, "clip_hashes", hashes)

    def with_clip_hashes(self, hashes: Mapping[str, str]) -> Provenance:
        """This origin where clips go by names that are no paths: what each of them holds."""
        changed = copy.copy(self)
        object.__setattr__(changed, "clip_hashes", dict(hashes))
        return changed

    def stamp(self, question: str) -> str:
        """What a file says of where it came from: one line of JSON in ASCII, of a few kilobytes at most.

        Args:
            question: what the file is an answer to.
        """
        told = {"made_by": f"gst-analysis {self.version}", "question": question, **to_plain(self)}
        del told["version"]
        # Where a checkpoint lay says nothing that its hash does not, and may name a person.
        told["settings"] = {k: v for k, v in told["settings"].items() if k not in ("path", "paths")}
        for name in ("clips", "clip_hashes", "specs", "settings"):
            if len(text := json.dumps(told)) > _STAMP:
                told[name] = f"sha256 {hash_plain(told[name])}"  # the record beside it holds it in full
        return text if len(text := json.dumps(told)) <= _STAMP else hash_plain(told)

    def name_inputs(self) -> dict[str, str]:
        """What went in by name: a file's hash, empty where weights are in memory alone; or what it is.

        However a path is written, and from wherever, the names are the same.
        """
        specs = {name: f"spec {hash_plain(spec)}" for name, spec in self.specs.items()}
        clips = [os.path.abspath(clip) if os.path.exists(clip) else clip for clip in self.clips]
        short = {name: Path(name).name for name in self.sources if name not in specs}
        once = Counter(short.values())
        lists = {name if once[end] > 1 else end: self.sources[name] for name, end in short.items()}
        networks = {name: sha for name, sha in self.sources.items() if name in specs}
        return {**specs, **dict.fromkeys(clips, "clip"), **lists, **networks}


def tell_origin(provenance: Provenance) -> dict[str, Any]:
    """What the note beside a result says of where it came from, with the line that makes it again."""
    words = COMMAND.get()
    line: dict[str, Any] = {"command": list(words)} if words else {}
    with suppress(FileNotFoundError):  # removed while we worked; the files may well go elsewhere
        line |= {"cwd": os.getcwd()} if words else {}
    return {**to_plain(provenance), **line}


@holds_tables("table")
@dataclass(frozen=True)
class Result(Generic[Summary]):
    """One analysis: tables, a summary, where it came from, and how to draw, print and save it.

    A room's result is a subclass of this in the room's `table.py`. It names its files with `stem` and lists
    what it can be saved as in `kinds`; its figures are those that `draw_figures(result, dark=…)` in the
    room's `figure.py` returns, its pages those of `draw_pages(result, dark=…)` in `interactive.py`, by the
    names of their files.
    """

    stem: ClassVar[str] = "result"
    kinds: ClassVar[tuple[str, ...]] = TABLE_FORMATS
    """What it can be saved as; what a subclass draws comes before its tables."""
    saved: ClassVar[tuple[str, ...] | None] = None
    """What a command saves if nothing is said; all but html if None."""

    schemas: ClassVar[Mapping[str, Schema]] = {}
    """What each of `tables` keeps, by the same names."""
    document: ClassVar[str] = ""
    """What its document is called, as the command that prints it; its stem if empty."""

    table: pd.DataFrame
    summary: Summary
    provenance: Provenance
    notes: tuple[str, ...] = field(default=(), kw_only=True)
    """What a reader should know before believing it, a sentence each."""
    failures: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    """What could not be looked at, and why."""

    @property
    def stamp(self) -> str:
        """What its files say of where they came from."""
        return self.provenance.stamp(self.stem)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table by the name of its file; the main one comes first."""
        return {self.stem: self.table}

    def _list_tables(self) -> Mapping[str, Table]:
        """`tables` to be written; a room whose tables are columns leaves them so."""
        return self.tables

    def figures(self, *, dark: bool = False) -> dict[str, Figure]:
        """Every figure by the name of its file, drawn by matplotlib."""
        return self._draw("figure", "draw_figures", IMAGE_FORMATS, dark=dark)

    def pages(self, *, dark: bool = False) -> dict[str, go.Figure]:
        """Every interactive figure by the name of its file, drawn by plotly."""
        return self._draw("interactive", "draw_pages", ("html",), dark=dark)

    def plot(self, *, dark: bool = False) -> Figure:
        """The first figure.

        Raises:
            OutputError: it has none.
        """
        drawn = self.figures(dark=dark)
        if not drawn:
            raise OutputError(self.stem, expected="a figure", found="tables alone", todo="read .table")
        return next(iter(drawn.values()))

    def plot_interactive(self, *, dark: bool = False) -> go.Figure:
        """The first interactive figure.

        Raises:
            OutputError: it has none.
        """
        drawn = self.pages(dark=dark)
        if not drawn:
            raise OutputError(self.stem, expected="an interactive figure", found="none", todo="use .plot()")
        return next(iter(drawn.values()))

    def say_figures(self) -> dict[str, str]:
        """What every figure shows, with its numbers, for those who do not see it; by the figure's name.

        The room's `spoken.py` says it, from the tables; of a room without one nothing is said.
        """
        room = type(self).__module__.rpartition(".")[0]
        if importlib.util.find_spec(f"{room}.spoken") is None:
            return {}
        told: dict[str, str] = importlib.import_module(f"{room}.spoken").say_figures(self)
        return {name: spell_controls(words) for name, words in told.items()}  # names of strangers are in it

    def describe_failures(self) -> list[str]:
        """What could not be looked at, and why, a line each."""
        return [
            f"could not be read: {name}: {why.removeprefix(f'{name}: ')}"
            for name, why in self.failures.items()
        ]

    def record(self) -> dict[str, Any]:
        """Summary, notes, failures and provenance as plain values for JSON."""
        told = {"summary": self.summary, "notes": self.notes, "failures": self.failures}
        return {name: to_plain(value) for name, value in (told | {"provenance": self.provenance}).items()}

    def to_document(self, files: Mapping[str, str] | None = None) -> dict[str, Any]:
        """What the command prints with --json: by which schema, its own fields, remarks and files.

        Args:
            files: what was written, as `save` returned it.
        """
        told = {"schema": name_schema(self.document or self.stem), **self.fill_document()}
        remarks = {"notes": list(self.notes), "failures": dict(self.failures)}
        return {**told, **remarks, "files": dict(files or {})}

    def fill_document(self) -> dict[str, Any]:
        """The document's own fields, which `describe_fields` describes."""
        told = {"summary": to_plain(self.summary), "provenance": to_plain(self.provenance)}
        return {**told, "rows": self.table.to_dict("records")}

    @classmethod
    def describe_fields(cls) -> dict[str, Any]:
        """What `fill_document` tells, field by field."""
        (summary,) = get_args(next(base for base in vars(cls)["__orig_bases__"] if get_args(base)))
        return {
            "summary": value_of(summary),
            "provenance": value_of(Provenance),
            "rows": rows_of(cls.schemas[cls.stem], "the whole table"),
        }

    @classmethod
    def describe_document(cls) -> dict[str, Any]:
        """The JSON Schema of its document."""
        return describe(cls.document or cls.stem, {**cls.describe_fields(), **FOOT})

    def save(
        self,
        folder: str | os.PathLike[str],
        kinds: Sequence[str] | None = None,
        *,
        dark: bool = False,
        overwrite: bool = False,
    ) -> dict[str, str]:
        """Write tables and figures, each file whole or not at all, as `<name>.<kind>`.

        What this question left there of the same inputs is replaced, and what is out of date of it removed.

        Args:
            folder: where to; made if it is not there.
            kinds: some of this result's `kinds`; its tables alone if None.
            dark: draw for a dark background.
            overwrite: also replace the results of other inputs, and any file that has one of the names.

        Returns:
            The files: by their kind where they are named after the result, by `<name>.<kind>` otherwise.

        Raises:
            SpecError: a kind that it cannot be saved as.
            OutputError: the folder cannot be written, or something there would be replaced.
        """
        named = [kind for kind in self.kinds if kind in TABLE_FORMATS] if kinds is None else kinds
        asked = check_choices("formats", named, self.kinds) if named else []
        with self._open_folder(folder, overwrite=overwrite) as outputs:
            return self._write_to(outputs, asked, dark=dark)

    def _open_folder(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> Outputs:
        """The folder as a block in which this result's files are written."""
        inputs, origin = self.provenance.name_inputs(), self.provenance
        if not inputs or "" in inputs.values() or set(origin.specs) - set(origin.sources):
            # No file tells which network it was, as of one in memory or just trained: the table does.
            inputs["the table"] = hash_plain(self.table.to_dict("list"))
        drawn = {name: value for name, value in vars(self).items() if isinstance(value, (str, int, float))}
        return Outputs(
            Path(folder),
            Made(self.stem, inputs, hash_plain({**self.record(), **drawn}), tell_origin(origin)),
            overwrite=overwrite,
        )

    def _write_to(self, outputs: Outputs, kinds: Sequence[str], *, dark: bool) -> dict[str, str]:
        """Write files into a folder that is open; returns them as `save` does."""
        written = {name: outputs.write(name, write) for name, write in self._list_writers(kinds, dark=dark)}
        return {self._name_file(name): str(path) for name, path in written.items()}

    def _list_writers(self, kinds: Sequence[str], *, dark: bool) -> Iterator[tuple[str, Writer]]:
        """Every file's name and what writes it: tables, the record, then drawings."""
        plain, stamp = [kind for kind in kinds if kind in PLAIN_TABLES], self.stamp
        for name, table in self._list_tables().items():
            yield from ((f"{name}.{kind}", writer_of(table, kind, stamp)) for kind in plain)
        if "json" in kinds:
            yield f"{self.stem}.json", lambda file: file.write(to_json(self.record()).encode())
        images = [kind for kind in kinds if kind in IMAGE_FORMATS]
        said = self.say_figures() if {"svg", "html"} & set(kinds) else {}
        if images:
            for name, figure in self.figures(dark=dark).items():
                alt = said.get(name, "")
                writers = {kind: drawings.image_writer(figure, kind, stamp, alt) for kind in images}
                yield from ((f"{name}.{kind}", write) for kind, write in writers.items())
        if "html" in kinds:
            for name, page in self.pages(dark=dark).items():
                yield f"{name}.html", drawings.page_writer(page, name, stamp, said.get(name, ""))

    def _name_file(self, name: str) -> str:
        stem, _, kind = name.rpartition(".")
        return kind if stem == self.stem else name

    def _draw(self, module: str, function: str, kinds: Sequence[str], *, dark: bool) -> dict[str, Any]:
        """Ask the room for its drawings; a result that lists no such kind has none."""
        if not set(kinds) & set(self.kinds):
            return {}
        room = type(self).__module__.rpartition(".")[0]
        try:
            draws = importlib.import_module(f"{room}.{module}")
        except ValueError as error:  # what MPLBACKEND or a matplotlibrc says is read along with matplotlib
            raise OutputError(
                "matplotlib",
                expected="settings that it can read",
                found=shorten(one_line(str(error)), 120),
                todo="correct MPLBACKEND in the environment, or the file matplotlibrc",
            ) from error
        drawn: dict[str, Any] = getattr(draws, function)(self, dark=dark)
        return drawn

    def _repr_html_(self) -> str:
        """The first figure and, folded below it, the table.

        A picture, as plotly's figures fetch a script that is not to be had everywhere; `plot_interactive`
        shows those.
        """
        table = str(self.table.to_html(max_rows=20, border=0))
        try:
            drawn = self.figures()
        except (ImportError, GstError):
            drawn = {}
        if not drawn:
            return table
        name, figure = next(iter(drawn.items()))
        picture = base64.b64encode(drawings.render_figure(figure, "svg")).decode()
        alt = html.escape(self.say_figures().get(name, name))
        shown = f'<img style="max-width: 100%" alt="{alt}" src="data:image/svg+xml;base64,{picture}">'
        return f"{shown}<details><summary>Table</summary>{table}</details>"


def hash_clip(path: Path) -> str:
    """A video file's sha256, or one of all frames in a folder; empty where neither can be read."""
    try:
        if path.is_file():
            require_regular(path)
            return hash_file(path)
        names = sorted(name for name in os.listdir(path) if (path / name).is_file())
        return hash_plain({name: hash_file(path / name) for name in names})
    except (OSError, ValueError):
        return ""


def hash_plain(value: Any) -> str:
    """A hash of plain values, the same for the same ones."""
    digest = hashlib.sha256()
    for piece in spell_json(value):
        digest.update(piece.encode())
    return digest.hexdigest()
