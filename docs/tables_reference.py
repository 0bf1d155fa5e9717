"""The columns of every table as a page, from the schemas that the tables are checked against.

    python -m docs.tables_reference       # writes docs/tables.md

A test fails when the page and the schemas differ, or a schema of the code is not on the page.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from gst_analysis import analyses
from gst_analysis.results import Result
from gst_analysis.rooms import About
from gst_analysis.tables import Column, Schema

PAGE = Path(__file__).with_name("tables.md")
KINDS = {"text": "text", "whole": "whole number", "real": "number", "flag": "yes or no"}
_HEAD = """\
# The columns of every table

<!-- Written by python -m docs.tables_reference from the schemas in the code; do not edit. -->

What an analysis finds is a table, or several: in Python `.table` and `.tables`, in files csv and parquet,
and the rows of [what `--json` prints](json.md). Each is checked against its schema whenever it is made.
*optional*: may be missing, an empty cell in csv and null in JSON. What is said of columns that follow one
another, such as `accuracy`, `accuracy_low` and `accuracy_high`, is to be read in that order.

Units: a **share** is a part of one, and a difference of shares is one, too; **index** is a place or a
name in numbers, which nothing is to be calculated with; γ, activation and weight are in the network's own
units; the unit of a count is what is counted; **1** is a plain number.
"""


def build_page() -> str:
    """The whole page as text."""
    parts = [_HEAD]
    for title, home, modules in _list_homes():
        schemas = list(find_schemas(modules))
        if schemas:
            stems = _find_stems(modules)
            parts += [f"## {title}", home, *(_describe(one, stems.get(one.name, [])) for one in schemas)]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def find_schemas(modules: list[ModuleType]) -> Iterator[Schema]:
    """Schemas that some modules hold, each once, without those that they only use."""
    seen = set[str]()
    for module in modules:
        source = Path(str(module.__file__)).read_text(encoding="utf-8")
        for value in vars(module).values():
            if isinstance(value, Schema) and value.name not in seen and f'"{value.name}",' in source:
                seen.add(value.name)
                yield value


def _list_homes() -> Iterator[tuple[str, str, list[ModuleType]]]:
    """Title, command and modules of every room that keeps a table, and of training."""
    for about in analyses.list_analyses():
        yield about.title, _name_home(about), _import_tables(about.room)
    yield "Training", "`gst-analyze train`, `gst.train`", _import_tables("gst_analysis.training")


def _name_home(about: About) -> str:
    return f"[`gst-analyze {about.command}`](cli.md#{about.command}), `gst.{about.run.__name__}`"


def _import_tables(room: str) -> list[ModuleType]:
    """A room's modules of tables: `table.py` and what lies beside it for being long, and results."""
    folder = Path(str(importlib.import_module(room).__file__)).parent
    names = sorted(path.stem for path in folder.glob("*.py") if path.stem.endswith(("table", "result")))
    return [importlib.import_module(f"{room}.{name}") for name in sorted(names, key="table".__ne__)]


def _find_stems(modules: list[ModuleType]) -> dict[str, list[str]]:
    """What the files of each table are called, by its schema's name."""
    stems: dict[str, list[str]] = {}
    for module in modules:
        for kind in vars(module).values():
            if isinstance(kind, type) and issubclass(kind, Result) and kind.__module__ == module.__name__:
                for stem, schema in kind.schemas.items():
                    stems.setdefault(schema.name, []).append(stem)
    return stems


def _describe(schema: Schema, stems: list[str]) -> str:
    files = " and ".join(f"`{stem}.csv`" for stem in dict.fromkeys(stems))
    rows = "\n".join(_write_row(name, column) for name, column in schema.columns.items())
    written = f"In {files}.\n\n" if files else ""
    return f"### {schema.name}\n\n{written}| column | type | unit | meaning |\n|---|---|---|---|\n{rows}"


def _write_row(name: str, column: Column) -> str:
    kind = KINDS[column.kind] + (", optional" if column.optional else "")
    words = ", ".join(f"`{value}`" if value else "nothing" for value in sorted(column.values))
    meaning = f"{column.meaning}; one of {words}" if words else column.meaning
    return f"| `{name}` | {kind} | {column.unit or '–'} | {meaning.replace('|', chr(92) + '|')} |"


if __name__ == "__main__":
    PAGE.write_text(build_page(), encoding="utf-8")
