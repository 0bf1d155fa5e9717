"""The documentation: written from the program where it can be, and a site that builds without a warning."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import gst_analysis as gst
from docs import analyses_table, cli_reference
from gst_analysis.cli import app

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))


def test_the_command_line_page_is_what_the_program_says() -> None:
    written = cli_reference.PAGE.read_text(encoding="utf-8")
    assert written == cli_reference.build_page(), "run python -m docs.cli_reference"


def test_the_page_of_analyses_is_what_the_list_says() -> None:
    written = analyses_table.PAGE.read_text(encoding="utf-8")
    assert written == analyses_table.build_page(), "run python -m docs.analyses_table"


def test_the_command_line_page_has_every_command_option_and_example() -> None:
    page = cli_reference.build_page()
    for info in app.registered_commands:
        assert info.callback is not None
        name = info.name or info.callback.__name__
        section = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        assert "Example: gst-analyze" in (info.epilog or "")
        assert (info.epilog or "").removeprefix("Example: ") in section
        assert "--json" in section


def test_the_command_line_page_names_options_as_the_program_takes_them() -> None:
    """By the parser itself, not by what the page's writer reads."""
    page = cli_reference.build_page()
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined] # a group has them
    for name, command in commands.items():
        section = page.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `--")]
        written = {word for row in rows for word in re.findall(r"--[a-z][a-z0-9-]*", row)}
        taken = {word for p in command.params for word in (*p.opts, *p.secondary_opts) if word[:2] == "--"}
        assert written == taken - {"--help"}, name


def test_a_changed_option_changes_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    before = cli_reference.build_page()
    info = next(info for info in app.registered_commands if info.name == "bn-hist")
    assert info.callback is not None
    signature = inspect.signature(info.callback)
    changed = [
        one.replace(default="other") if one.name == "by" else one for one in signature.parameters.values()
    ]
    monkeypatch.setattr(info.callback, "__signature__", signature.replace(parameters=changed), raising=False)
    assert cli_reference.build_page() != before


def test_the_python_page_has_every_public_name() -> None:
    named = re.findall(r"^::: gst_analysis\.(\w+)$", (DOCS / "api.md").read_text(), re.MULTILINE)
    assert sorted(named) == sorted(gst.__all__)


def test_every_page_is_in_the_navigation() -> None:
    listed = re.findall(r": (\S+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    assert sorted(listed) == [page.name for page in PAGES], "add it to nav in mkdocs.yml"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_fetches_nothing(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    pytest.importorskip("mkdocstrings")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    pages = {page.stem: page.read_text(encoding="utf-8") for page in tmp_path.glob("*.html")}
    assert {page.stem for page in PAGES} <= set(pages)
    for text in pages.values():
        assert re.findall(r"<(?:script|link|img)[^>]*(?:src|href)=\"(?:https?:)?//[^\"]+", text) == []
    assert "Load any supported checkpoint" in pages["api"]
    assert "doctest" not in pages["api"]
    assert not list(tmp_path.glob("**/*.py"))
