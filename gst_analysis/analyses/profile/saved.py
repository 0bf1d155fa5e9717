"""Saved results of other analyses -> lines of a profile, if they are of exactly the weights at hand.

A result is named by its record, such as `ablation.json`; its tables lie beside it as CSV. They come from
wherever they come from, so they are read as plain values, bounded, and held against their schemas.
"""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from gst_analysis.analyses.ablation.joint_table import JOINT, SHARES
from gst_analysis.analyses.ablation.table import ABLATION
from gst_analysis.analyses.influence.table import RECEPTIVE_FIELDS
from gst_analysis.analyses.order.table import ORDER
from gst_analysis.analyses.profile.places import Line, Places
from gst_analysis.analyses.profile.table import GUESSES
from gst_analysis.analyses.profile.tabulate import (
    list_answers,
    summarise_kernels,
    summarise_losses,
    summarise_reach,
    summarise_roles,
)
from gst_analysis.analyses.roles.table import ROLE_SUMS
from gst_analysis.analyses.temporal_use.table import TEMPORAL_USE
from gst_analysis.checkpoints.loaded import Checkpoint
from gst_analysis.errors import DataError, GstError, SpecError
from gst_analysis.numbers import how_many
from gst_analysis.probes.resampling import Interval
from gst_analysis.tables import Schema, check
from gst_analysis.tables.schema import Column
from gst_analysis.untrusted import Oversized, parse_json, read_bounded, to_plain_record

LARGEST = 64_000_000
"""Bytes of a table: some hundred thousand channels."""
MOST_COLUMNS = 1_000
MOST_SHARE = 1 + 1e-9
"""What a share, or a difference of two, can be; some sums are rounded."""


class Kind(NamedTuple):
    """A question whose answer can be read: its tables, and the lines that they give."""

    command: str
    tables: Mapping[str, Schema]
    measures: tuple[str, ...]
    may_lack: tuple[str, ...] = ()


KINDS: Mapping[str, Kind] = {
    "ablation": Kind(
        "ablate",
        {"ablation": ABLATION, "ablation_joint": JOINT, "ablation_shares": SHARES},
        ("ablation", "joint"),
        ("ablation_joint", "ablation_shares"),
    ),
    "order": Kind("order", {"order": ORDER}, ()),
    "roles": Kind("roles", {"role_sums": ROLE_SUMS}, ("roles",)),
    "temporal_use": Kind("temporal-use", {"temporal_use": TEMPORAL_USE}, ("temporal-use",)),
    "influence": Kind("influence", {"receptive_fields": RECEPTIVE_FIELDS}, ("reach",)),
}
"""By the names of their records."""


@dataclass(frozen=True)
class Saved:
    """One result: its question, where it lies, what it says of itself, and its tables."""

    question: str
    path: Path
    record: Mapping[str, Any] = field(repr=False)
    tables: Mapping[str, pd.DataFrame] = field(repr=False)

    @property
    def confidence(self) -> float:
        """That of its intervals."""
        return float(self.record["provenance"]["settings"]["bootstrap"]["confidence"])

    @property
    def clips(self) -> int | None:
        """On how many clips it was measured; None where it does not say."""
        summary = self.record["summary"]
        clips = summary.get("clips") if isinstance(summary, Mapping) else None
        return clips if type(clips) is int and clips >= 0 else None

    @property
    def note(self) -> str:
        """Where it was read, and on how many clips it was measured."""
        counted = f", on {how_many(self.clips, 'clip')}" if self.clips is not None else ""
        return f"{KINDS[self.question].command} was not measured again: read from {self.path.name}{counted}"


def read_saved(paths: Sequence[str | os.PathLike[str]], checkpoint: Checkpoint) -> dict[str, Saved]:
    """Saved results by their questions.

    Raises:
        SpecError: a file that is no record of such a result, or two of one question.
        DataError: one that cannot be read, or that is of other weights.
    """
    found: dict[str, Saved] = {}
    for path in map(Path, paths):
        if path.suffix != ".json" or path.stem not in KINDS:
            raise _refuse(path, f"one of {', '.join(f'{name}.json' for name in KINDS)}", f"{path.name}")
        if path.stem in found:
            raise _refuse(path, "one result a question", f"two called {path.name}")
        found[path.stem] = _read(path, checkpoint)
    return found


def _refuse(path: Path, expected: str, found: str) -> SpecError:
    return SpecError(str(path), expected=expected, found=found, todo="name what --out wrote")


def _read(path: Path, checkpoint: Checkpoint) -> Saved:
    kind = KINDS[path.stem]
    try:
        record = to_plain_record(parse_json(read_bounded(path)))
        origin, _ = record["provenance"], record["summary"]
        (weights,) = (sha for name, sha in origin["sources"].items() if name in origin["specs"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError, GstError) as error:
        raise DataError(
            str(path),
            expected=f"the record of `gst-analyze {kind.command}` about one network",
            found="none that can be read",
            todo="name what --out wrote",
        ) from error
    if not checkpoint.sha256 or weights != checkpoint.sha256:
        raise DataError(
            str(path),
            expected=f"a result of these weights ({checkpoint.sha256[:12] or 'in memory'})",
            found=f"one of others ({str(weights)[:12] or 'in memory'})",
            todo=f"run `gst-analyze {kind.command}` on {checkpoint.name}, or leave it out",
        )
    tables = {
        name: _read_table(path.with_name(f"{name}.csv"), schema)
        for name, schema in kind.tables.items()
        if name not in kind.may_lack or path.with_name(f"{name}.csv").exists()
    }
    return Saved(path.stem, path, record, tables)


def _read_table(path: Path, schema: Schema) -> pd.DataFrame:
    """A CSV table as it was: words stay words, and numbers keep every digit."""
    try:
        # As words at first: how pandas reads numbers by itself depends on its version.
        text = io.BytesIO(read_bounded(path, most=LARGEST))
        _refuse_wide(text)
        table = pd.read_csv(text, dtype=str, keep_default_na=False)
        read = {name: _read_column(table[name], column) for name, column in schema.columns.items()}
        return check(pd.DataFrame(read), schema)
    except (OSError, ValueError, KeyError, ArithmeticError, csv.Error, GstError) as error:
        raise DataError(
            str(path),
            expected=f"the table {schema.name} beside its record",
            found="none that can be read",
            todo="save it with --formats csv among others",
        ) from error


def _refuse_wide(text: io.BytesIO) -> None:
    """Refuse a table of more columns than any of ours, which pandas takes minutes to read.

    Its first row counts as well: what it has beyond the header would become an index.

    Raises:
        Oversized: such a table.
    """
    words = io.TextIOWrapper(text, encoding="utf-8", newline="")
    try:
        filled = (row for row in csv.reader(words) if row)
        widest = max((len(row) for row in islice(filled, 2)), default=0)
    finally:
        words.detach()
    text.seek(0)
    if widest > MOST_COLUMNS:
        raise Oversized(f"{widest:,} columns")


def _read_column(words: pd.Series, column: Column) -> pd.Series:
    """A column's words as what they are."""
    if column.kind == "text":
        return words
    if column.kind == "flag":
        return words == "True"
    if column.kind == "whole" and not column.optional:
        return words.astype("int64")
    numbers = words.replace("", "nan").astype("float64")
    if column.unit == "share" and numbers.isin([math.inf, -math.inf]).any():
        raise ValueError("a share without end")
    return numbers


def list_saved_lines(
    found: Saved, asked: Sequence[str], places: Places, classes: int, confidence: float
) -> Iterator[Line | None]:
    """Lines that a saved result gives; None where groups lack.

    Args:
        found: the result.
        asked: which lines are wanted.
        places: the network's.
        classes: how many the network has.
        confidence: that one band of the profile has.

    Raises:
        SpecError: its intervals are of less confidence than the bands would be.
        DataError: its record and tables do not tell what such a result tells.
    """
    with _explain_lies(found):
        for line in _list_lines(found, asked, places, classes, confidence):
            if line is not None:
                _require_shares(line)
            yield line


@contextmanager
def _explain_lies(found: Saved) -> Iterator[None]:
    """Turn what odd values in anybody's record lead to into one line.

    Raises:
        DataError: they led to something.
    """
    try:
        yield
    except (LookupError, ValueError, TypeError, AttributeError, ArithmeticError) as error:
        raise DataError(
            str(found.path),
            expected=f"what `gst-analyze {KINDS[found.question].command}` tells of this network",
            found="a record or a table that says something else",
            todo="run it again, or leave it out",
        ) from error


def _list_lines(
    found: Saved, asked: Sequence[str], places: Places, classes: int, confidence: float
) -> Iterator[Line | None]:
    tables, summary = found.tables, found.record["summary"]
    if found.question == "temporal_use" and "temporal-use" in asked:
        yield summarise_kernels(tables["temporal_use"], places, confidence)
    if found.question == "roles" and "roles" in asked:
        yield summarise_roles(tables["role_sums"], places)
    if found.question == "influence" and "reach" in asked:
        yield summarise_reach(tables["receptive_fields"], places)
    if found.question == "order":
        told = summary["temporality"]
        temporality = (
            None if told is None else Interval(*(_number(told[name]) for name in ("value", "low", "high")))
        )
        yield from list_answers(tables["order"], _number(summary["chance"]), temporality)
    if found.question == "ablation":
        # A share of two losses is as sure as both are together.
        _require_sure(found, 1 - (1 - confidence) / 2)
        guesses = _number(summary["accuracy"]["low"]) <= 1 / classes
        for measure, line in _share_losses(found, places):
            if measure in asked:
                yield line.withhold(GUESSES) if line is not None and guesses else line


def _require_shares(line: Line) -> None:
    """A profile's numbers are shares, or differences of two, and its bands are the right way round.

    Raises:
        ValueError: others.
    """
    bands = [*line.places.values(), *line.stages.values(), *([line.network] if line.network else [])]
    for band in bands:
        told = [number for number in (band.value, band.low, band.high, band.even) if number == number]
        if any(abs(number) > MOST_SHARE for number in told) or band.low > band.high:
            raise ValueError("no share")


def _number(value: object) -> float:
    """A number of a record, where one that is none has become text.

    Raises:
        TypeError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"a {type(value).__name__}")
    return float(value)


def _require_sure(found: Saved, needed: float) -> None:
    if found.confidence < needed - 1e-9:
        raise SpecError(
            str(found.path),
            expected=f"intervals of at least {needed:.5f}, so that all bands hold at once",
            found=f"those of {found.confidence:g}",
            todo=f"run `gst-analyze {KINDS[found.question].command}` with --confidence {needed:.5f}",
        )


def _share_losses(found: Saved, places: Places) -> Iterator[tuple[str, Line | None]]:
    tables = found.tables
    averaged = {name: table[table["intervention"] == "mean"] for name, table in tables.items()}
    if "ablation_joint" in tables:
        stages = averaged["ablation_joint"][averaged["ablation_joint"]["kind"] == "stage"]
        yield "ablation", summarise_losses("ablation", averaged["ablation"], stages, places)
    if "ablation_shares" in tables:
        shares = averaged["ablation_shares"]
        units, sums = (shares[(shares["level"] == "unit") == own] for own in (True, False))
        yield "joint", summarise_losses("joint", units, sums, places)
