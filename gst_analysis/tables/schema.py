"""What a schema is, and the check that a table keeps it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from gst_analysis.errors import SpecError, TableError, name_some

if TYPE_CHECKING:
    import pandas as pd

    from gst_analysis.tables.columns import Columns

Checked = TypeVar("Checked", "Columns", "pd.DataFrame")
Kind = Literal["text", "whole", "real", "flag"]
_KINDS: Mapping[Kind, str] = {"text": "OUS", "whole": "iu", "real": "f", "flag": "b"}


@dataclass(frozen=True)
class Column:
    """A column's kind, the values it may take (any, if empty) and whether it may be missing."""

    kind: Kind
    values: frozenset[str] = frozenset()
    optional: bool = False
    meaning: str = ""
    unit: str = ""
    """What a number counts or is measured in; text and flags have none."""


@dataclass(frozen=True)
class Schema:
    """A named set of columns, in order."""

    name: str
    columns: Mapping[str, Column] = field(hash=False)


def text(meaning: str, *values: str) -> Column:
    """A column of text; of these values alone, if any are given."""
    return Column("text", frozenset(values), meaning=meaning)


def whole(meaning: str, unit: str = "", *, optional: bool = False) -> Column:
    """A column of whole numbers."""
    return Column("whole", optional=optional, meaning=meaning, unit=unit)


def real(meaning: str, unit: str = "", *, optional: bool = False) -> Column:
    """A column of real numbers."""
    return Column("real", optional=optional, meaning=meaning, unit=unit)


def flag(meaning: str) -> Column:
    """A column of yes and no."""
    return Column("flag", meaning=meaning)


def check(table: Checked, schema: Schema) -> Checked:
    """Return the table unchanged if it keeps the schema; raise TableError if not."""
    names = [str(name) for name, _ in table.items()]
    missing = [c for c in schema.columns if c not in names]
    extra = [c for c in names if c not in schema.columns]
    if missing or extra:
        raise _broken(schema, "exactly its columns", f"missing {missing}, extra {extra}")
    for name, column in schema.columns.items():
        _check_column(table[name], name, column, schema)
    return table


def _check_column(values: Any, name: str, column: Column, schema: Schema) -> None:
    kind = values.dtype.kind if hasattr(values.dtype, "kind") else "O"
    if kind not in _KINDS[column.kind] and len(values):
        raise _broken(schema, f"{name} of kind {column.kind}", f"dtype {values.dtype}")
    # Nothing is missing where a value is itself, in any kind of column, but of pandas' own kinds.
    empty = values.isna() if hasattr(values, "isna") else values != values
    if not column.optional and empty.any():
        raise _broken(schema, f"a value in every row of {name}", f"{int(empty.sum())} empty")
    if column.values:
        present = values[~empty]
        each = present.unique() if hasattr(present, "unique") else present
        odd = sorted(set(map(str, set(each.tolist()))) - column.values)
        if odd:
            raise _broken(schema, f"{name} among {sorted(column.values)}", name_some(odd))


def check_choices(name: str, given: Sequence[str], allowed: Sequence[str]) -> list[str]:
    """Return the values without blanks and repeats if all are allowed; raise SpecError if not."""
    values = list(dict.fromkeys(value.strip() for value in given if value.strip()))
    odd = [value for value in values if value not in allowed]
    if odd or not values:
        raise SpecError(
            name,
            expected=f"some of {', '.join(allowed)}",
            found=name_some(odd) or "nothing",
            todo="choose among those",
        )
    return values


def _broken(schema: Schema, expected: str, found: str) -> TableError:
    return TableError(
        f"table {schema.name}", expected=expected, found=found, todo="report it: the analysis is at fault"
    )
