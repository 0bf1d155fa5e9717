"""What a command prints with --json, described: parts of a JSON Schema made out of tables and dataclasses.

A document is an object. Its `schema` names what describes it, such as `gst-analysis/ablate/1`, and it has no
field that is not described. `gst-analyze schema` prints the descriptions; docs/json.md is written from them.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
import types
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

from gst_analysis.tables.schema import Column, Schema

VERSION = 1
"""Of all documents together: goes up when a field leaves one or means something else, not for new fields."""
DIALECT = "http://json-schema.org/draft-07/schema#"
Part: TypeAlias = dict[str, Any]
"""A JSON Schema of one value."""
Fields: TypeAlias = dict[str, Part]
_PLAIN: Mapping[Any, Part] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": ["number", "null"]},  # what is no number, or infinite, is null
    Path: {"type": "string"},
    type(None): {"type": "null"},
    Any: {},
    object: {},
}
_COLUMNS: Mapping[str, str] = {"text": "string", "whole": "integer", "real": "number", "flag": "boolean"}


def name_schema(document: str) -> str:
    """What a document says of itself.

    Example:
        >>> name_schema("ablate")
        'gst-analysis/ablate/1'
    """
    return f"gst-analysis/{document}/{VERSION}"


def describe(document: str, fields: Fields, meaning: str = "") -> Part:
    """The schema of a whole document: its fields, and the one that names the schema."""
    named = {"const": name_schema(document), "description": "which schema describes this document"}
    return {"title": document, **record({"schema": named, **fields}, meaning)}


def record(fields: Fields, meaning: str = "") -> Part:
    """An object of these fields and no others; those that were marked `maybe` need not be there."""
    kept = {name: {k: v for k, v in part.items() if k != "maybe"} for name, part in fields.items()}
    required = [name for name, part in fields.items() if not part.get("maybe")]
    found = {"type": "object", "properties": kept, "required": required, "additionalProperties": False}
    return say(found, meaning)


def maybe(part: Part) -> Part:
    """A field that is there only where there is something to say."""
    return {**part, "maybe": True}


def say(part: Part, meaning: str) -> Part:
    """A part with what it means."""
    return {**part, "description": meaning} if meaning else part


def alias(of: str, part: Part) -> Part:
    """An old name of a field, kept for those who read it.

    Args:
        of: the new name, or the way to it, such as `source.sha256`.
        part: what it holds.
    """
    return {**part, "description": f"old name of {of}", "deprecated": True}


def each(part: Part, meaning: str = "") -> Part:
    """An object from names, which nobody knows beforehand, to values of one kind."""
    return say({"type": "object", "additionalProperties": part}, meaning)


def several(part: Part, meaning: str = "") -> Part:
    """A list of values of one kind."""
    return say({"type": "array", "items": part}, meaning)


def rows_of(schema: Schema, meaning: str, *, without: Collection[str] = ()) -> Part:
    """Rows of a table.

    Args:
        schema: what the table keeps.
        meaning: what they are.
        without: columns that the document leaves out.
    """
    row = record(columns_of(schema, without=without))
    left_out = f"without {', '.join(without)}" if without else ""
    return several({"title": schema.name, **row}, "; ".join(text for text in (meaning, left_out) if text))


def columns_of(
    schema: Schema, *, without: Collection[str] = (), only: Collection[str] | None = None
) -> Fields:
    """A field for each column of a table."""
    return {
        name: describe_column(column)
        for name, column in schema.columns.items()
        if name not in without and (only is None or name in only)
    }


def describe_column(column: Column) -> Part:
    """A column's values, with the unit in their meaning."""
    kind = _COLUMNS[column.kind]
    part: Part = {"type": [kind, "null"] if column.optional or column.kind == "real" else kind}
    if column.values:
        part["enum"] = sorted(column.values) + [None] * column.optional
    return say(part, f"{column.meaning} ({column.unit})" if column.unit else column.meaning)


def fields_of(
    kind: type[Any], *, without: Collection[str] = (), only: Collection[str] | None = None
) -> Fields:
    """A field for each field of a dataclass, in its order, meaning what is written below it there."""
    hints, words = get_type_hints(kind), _read_words(kind)
    return {
        one.name: say(value_of(hints[one.name]), words.get(one.name, ""))
        for one in dataclasses.fields(kind)
        if one.name not in without and (only is None or one.name in only)
    }


def value_of(hint: Any, meaning: str = "") -> Part:
    """What a value of a Python type is in a document."""
    if hint in _PLAIN:
        return say(dict(_PLAIN[hint]), meaning)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return record(fields_of(hint), meaning or _say_of(hint))
    origin, given = get_origin(hint) or hint, get_args(hint)
    if origin is Literal:
        return say({"enum": list(given)}, meaning)
    if origin in (Union, types.UnionType):
        return say(_join([value_of(one) for one in given]), meaning)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return each(value_of(given[1]) if given else {}, meaning)
    if origin is tuple and given and given[-1] is not Ellipsis:
        parts = [value_of(one) for one in given]
        return say({"type": "array", "items": _join(parts), "minItems": len(parts)}, meaning)
    if isinstance(origin, type) and issubclass(origin, Collection):
        return several(value_of(given[0]) if given else {}, meaning)
    raise TypeError(f"no document holds a {hint}")


def _join(parts: list[Part]) -> Part:
    """One of several kinds; plain types are one list."""
    if all(part == parts[0] for part in parts):
        return parts[0]
    if all(set(part) == {"type"} for part in parts):
        kinds = [[kind] if isinstance(kind := part["type"], str) else kind for part in parts]
        return {"type": list(dict.fromkeys(one for some in kinds for one in some))}
    return {"anyOf": parts}


def _say_of(kind: type[Any]) -> str:
    """The first line of a dataclass's docstring, unless Python made it up."""
    text = inspect.cleandoc(kind.__doc__ or "").splitlines()
    return "" if not text or text[0].startswith(f"{kind.__name__}(") else text[0].rstrip(".")


def _read_words(kind: type[Any]) -> Mapping[str, str]:
    """What is written below each field of a dataclass and of those it is made from."""
    words: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        if not dataclasses.is_dataclass(one):
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(one))).body[0]
        assert isinstance(body, ast.ClassDef)
        for field, below in zip(body.body, body.body[1:], strict=False):
            if (
                isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(below, ast.Expr)
                and isinstance(below.value, ast.Constant)
            ):
                words[field.target.id] = " ".join(str(below.value.value).split()).rstrip(".")
    return words


TEXT: Part = {"type": "string"}
WHOLE: Part = {"type": "integer"}
REAL: Part = {"type": ["number", "null"]}
FLAG: Part = {"type": "boolean"}
NAME = say(TEXT, "the checkpoint's name, as in every table")
SHA256 = say(TEXT, "the file's sha256; empty of weights in memory")
PATH = say({"type": ["string", "null"]}, "where the file lies; null where that is not known")
ORIGIN: Fields = {"name": NAME, "path": PATH, "sha256": SHA256}
"""What every document says of a checkpoint."""
SOURCE = record(ORIGIN, "which checkpoint that is")
HEAD: Fields = {"checkpoint": NAME, "source": SOURCE}
"""How the document of one checkpoint begins."""
NOTES = several(TEXT, "what a reader should know before believing it")
FAILURES = each(TEXT, "what could not be looked at, and why")
FILES = each(TEXT, "what was written: where, by its kind or its name")
FOOT: Fields = {"notes": NOTES, "failures": FAILURES, "files": FILES}
"""How the document of every analysis ends."""


def tell_source(name: str, path: str | None, sha256: str) -> dict[str, Any]:
    """The beginning of the document of one checkpoint."""
    return {"checkpoint": name, "source": {"name": name, "path": path or None, "sha256": sha256}}
