"""Tables that become pandas frames when somebody asks for them. Neither pandas nor numpy at import.

A class that `holds_tables` may be given columns where it has a frame. Whoever reads the attribute gets a
frame, which is made then and kept; `held_columns` gives the columns without making one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from gst_analysis.rooms import Door

if TYPE_CHECKING:
    from gst_analysis.tables import columns
    from gst_analysis.tables.columns import Columns, Table
else:
    columns = Door("gst_analysis.tables.columns")

Holder = TypeVar("Holder")


class HeldTable:
    """An attribute that is a frame for whoever reads it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, holder: object, owner: type | None = None) -> Any:
        if holder is None or self._name not in vars(holder):  # dataclasses ask a class for its default
            raise AttributeError(self._name)
        table = vars(holder)[self._name]
        if isinstance(table, columns.Columns):
            table = vars(holder)[self._name] = table.to_frame()
        return table

    def __set__(self, holder: object, table: Table | None) -> None:
        vars(holder)[self._name] = table


def holds_tables(*names: str) -> Callable[[type[Holder]], type[Holder]]:
    """Make fields of a dataclass hold columns, too; to be written above `@dataclass`."""

    def change(holder: type[Holder]) -> type[Holder]:
        for name in names:
            setattr(holder, name, HeldTable(name))
        return holder

    return change


def held_columns(holder: object, name: str = "table") -> Columns:
    """An attribute that holds a table, as columns."""
    return columns.Columns.of(vars(holder)[name])
