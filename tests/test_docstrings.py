"""Examples in docstrings do what they say; first lines stand on their own."""

from __future__ import annotations

import ast
import doctest
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import gst_analysis

HOME = Path(gst_analysis.__file__).parent
FILES = sorted(HOME.rglob("*.py"))
LEANING = ("The same", "Those", "Of ", "As ", "Likewise")
"""Beginnings that need the line above to be understood."""


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
