"""A section of a report: words, figures for both themes, and tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from gst_analysis.files import guard_cells

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go
    from matplotlib.figure import Figure

Drawing = TypeVar("Drawing")
Columns = Mapping[str, tuple[str, Callable[[Any], str]]]
"""By column of the table: its heading, and how a cell is shown."""


@dataclass(frozen=True)
class Words:
    """A section's title, what it shows, and its limits."""

    title: str
    shows: str
    limits: tuple[str, ...] = ()


@dataclass(frozen=True)
class PageFigure:
    """A drawing: a still, for paper and readers without scripts, and plotly's by theme; or HTML by theme."""

    name: str
    caption: str
    stills: Mapping[str, Figure] = field(default_factory=dict)
    live: Mapping[str, go.Figure] = field(default_factory=dict)
    kind: str = "svg"
    """Of the stills: svg, or webp where they are made of photographs."""
    finding: str = ""
    """What it shows of this network, for those who do not see it; the caption where there is none."""
    html: Mapping[str, str] = field(default_factory=dict)
    """What is made of photographs, as elements whose words wrap, by theme. It is put into the page as it is:
    whoever wrote it has escaped the names in it."""

    @property
    def alt(self) -> str:
        """What stands for the drawing in words."""
        return self.finding or self.caption


@dataclass(frozen=True)
class PageTable:
    """Cells as text; `numbers` are the columns to set flush right, `csv` the whole table to download."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    name: str = "table"
    csv: str = ""

    @property
    def numbers(self) -> frozenset[int]:
        """Columns whose cells are all numbers."""
        places = range(len(self.columns))
        return frozenset(c for c in places if self.rows and all(_is_number(row[c]) for row in self.rows))


@dataclass(frozen=True)
class Section:
    """In this order: a heading, what it shows, why it is missing, facts, paragraphs, figures, tables, notes,
    limits, the command that makes it alone, folded text."""

    name: str
    title: str = ""
    headline: str = ""
    """What the page says of it at its very top."""
    text: Sequence[str] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    figures: Sequence[PageFigure] = ()
    tables: Sequence[PageTable] = ()
    notes: Sequence[str] = ()
    folded: Mapping[str, str] = field(default_factory=dict)
    shows: str = ""
    limits: Sequence[str] = ()
    command: str = ""
    command_makes: str = "This section alone"
    missing: str = ""
    """Why it cannot be made for this network, where it cannot."""


def draw_both(draw: Callable[[bool], Drawing]) -> dict[str, Drawing]:
    """A figure for light and one for dark."""
    return {"light": draw(False), "dark": draw(True)}


def make_table(
    name: str,
    table: pd.DataFrame,
    columns: Columns,
    *,
    caption: str = "",
    csv: pd.DataFrame | None = None,
    more: Mapping[str, Sequence[str]] | None = None,
) -> PageTable:
    """Some columns of a table as text, and the whole of it (or of `csv`) to download.

    Args:
        name: of the file to download.
        table: a row for each row.
        columns: which to show, and how.
        caption: above the table.
        csv: the table to download, if it is another one.
        more: columns that are text already.
    """
    cells = [
        (more or {}).get(key) or [show(value) for value in table[key]] for key, (_, show) in columns.items()
    ]
    rows = list(zip(*cells, strict=True))
    whole = guard_cells(table if csv is None else csv).to_csv(index=False, lineterminator="\n")
    return PageTable([heading for heading, _ in columns.values()], rows, caption, name, whole)


def _is_number(cell: str) -> bool:
    """Whether a cell starts like a number; what is not defined is a dash."""
    return cell == "" or cell[0] in "0123456789−–+<." or (cell[0] == "-" and cell[1:2].isdigit())
