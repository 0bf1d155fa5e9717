"""The explorer chooses arguments and shows results; it computes nothing and reaches no deeper."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import app
import gst_analysis as gst

FILES = sorted(Path(app.__file__).parent.rglob("*.py"))
ALLOWED = (
    "analyses",
    "checkpoints.apart",
    "checkpoints.naming",
    "checkpoints.sources",
    "clips.class_folders",
    "clips.finding",
    "clips.labelled",
    "clips.labels",
    "clips.locating",
    "clips.records",
    "errors",
    "files",
    "networks.clip_specs",
    "networks.spec_values",
    "networks.specs",
    "numbers",
    "options",
    "planted",
    "processes",
    "progress",
    "reporting",
    "results",
    "rooms",
    "sections",
    "style",
)
"""Modules whose public face a page may use, beside the names of the package itself."""
DEEP = ("measure", "probes", "training", "inference", "loading")


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{name.name}" for name in node.names)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_module_imports_nothing_deeper_than_analyses(file: Path) -> None:
    names = list(imported(ast.parse(file.read_text())))
    assert not [name for name in names if name.split(".")[0] in {"torch", "torchvision", "numpy", "pandas"}]
    ours = [name.removeprefix("gst_analysis.") for name in names if name.startswith("gst_analysis.")]
    odd = [name for name in ours if not name.startswith(ALLOWED) and name not in gst.__all__]
    assert [name for name in odd if name != "__version__"] == []
    assert not [name for name in ours if set(name.split(".")) & set(DEEP)]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_caches_live_in_modules_of_their_own_and_are_bounded(file: Path) -> None:
    decorators = [
        ast.unparse(decorator)
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
        if "cache" in ast.unparse(decorator) or ast.unparse(decorator) == "kept"
    ]
    assert not decorators or file.name.startswith("cached")
    assert not any("cache_data" in text for text in decorators)  # bounded in number alone


def test_streamlit_cannot_take_the_explorer_for_its_older_kind_of_app() -> None:
    assert not Path(app.__file__).with_name("pages").exists()


@pytest.mark.parametrize(
    "file",
    [f for f in FILES if f.parent.name == "views" and f.stem != "__init__"],
    ids=lambda file: file.name,
)
def test_a_page_stays_short(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= 65
