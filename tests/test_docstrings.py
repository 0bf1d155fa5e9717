"""Examples in docstrings do what they say; first lines stand on their own; exceptions give their reason."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import gst_analysis

HOME = Path(gst_analysis.__file__).parent
FILES = sorted(HOME.rglob("*.py"))
LEANING = ("The same", "Those", "Of ", "As ", "Likewise")
"""Beginnings that need the line above to be understood."""
EXCEPTION = re.compile(r"# (?:noqa|type: ignore|pragma: no cover)(?P<why>.*)$", re.MULTILINE)
GIVEN = re.compile(r"(?:: [A-Z0-9, ]+|\[[^]]*\])? +# .*\w")
"""Which rule is left out, if it is said, and why."""


def name_module(file: Path) -> str:
    parts = file.relative_to(HOME.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def list_docstrings(file: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            text = ast.get_docstring(node)
            if text:
                yield getattr(node, "name", file.stem), text


@pytest.mark.parametrize(
    "file", [file for file in FILES if ">>> " in file.read_text()], ids=lambda file: name_module(file)
)
def test_examples_do_what_they_say(file: Path) -> None:
    found = doctest.testmod(importlib.import_module(name_module(file)))
    assert found.failed == 0


def test_first_lines_stand_on_their_own() -> None:
    leaning = [
        f"{name_module(file)}.{name}: {text.splitlines()[0]}"
        for file in FILES
        for name, text in list_docstrings(file)
        if text.startswith(LEANING)
    ]
    assert leaning == []


def test_an_exception_to_a_linter_gives_its_reason_in_its_line() -> None:
    root = HOME.parent
    files = [
        file
        for part in ("gst_analysis", "app", "tests", "benchmarks", "docs")
        for file in (root / part).rglob("*.py")
    ]
    bare = [
        f"{file.relative_to(root)}: {found[0]}"
        for file in files
        if file != Path(__file__)
        for found in EXCEPTION.finditer(file.read_text(encoding="utf-8"))
        if not GIVEN.match(found["why"])
    ]
    assert len(files) > 1000
    assert bare == []
