"""Run the notebooks top to bottom, each in this folder, and write their outputs into them.

    python -m notebooks.run [NAME ...] [--check]

With --check nothing is written. What differs from one run to the next for no reason (times, versions of
Python) is left out of the files.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

HERE = Path(__file__).parent
LIMIT_S = 900


def list_notebooks() -> list[Path]:
    """All of them, by name."""
    return sorted(HERE.glob("*.ipynb"))


def run_notebook(path: Path) -> nbformat.NotebookNode:
    """The notebook with fresh outputs.

    Raises:
        CellExecutionError: a cell failed.
    """
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=LIMIT_S, kernel_name="python3", record_timing=False)
    client.execute(cwd=str(HERE))
    notebook.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    for number, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell-{number:02d}", {}
    return notebook


def main(arguments: Sequence[str] | None = None) -> int:
    """Run those that are named, or all; returns how many failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="without .ipynb; all if none is given")
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args(arguments)
    paths = [HERE / f"{name}.ipynb" for name in options.names] or list_notebooks()
    failed = 0
    for path in paths:
        start = monotonic()
        try:
            notebook = run_notebook(path)
        except CellExecutionError as error:
            print(f"{path.stem}: {error}", file=sys.stderr)
            failed += 1
            continue
        if not options.check:
            nbformat.write(notebook, path)
        print(f"{path.stem}: {monotonic() - start:.0f} s")
    return failed


if __name__ == "__main__":
    sys.exit(main())
