"""Other Pythons are started in folders of strangers, and import nothing from there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gst_analysis.checkpoints import apart
from gst_analysis.checkpoints.apart_helper import Helper
from gst_analysis.processes import call_python, list_import_paths

HARM = """import pathlib; pathlib.Path(__file__).with_name("ran").touch()\n"""
NAMES = ("array", "selectors", "numpy", "typer", "gst_analysis")


@pytest.fixture
def strange(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with files that whoever imports them runs."""
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text(HARM)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def start(words: list[str], path: str) -> None:
    subprocess.run(words, env={**os.environ, "PYTHONPATH": path}, check=False, capture_output=True)


def test_a_python_of_ours_imports_nothing_from_the_current_folder(
    strange: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    start(call_python("-c", "import array, selectors"), list_import_paths())
    assert not (strange / "ran").exists()
    start([sys.executable, "-c", "import array, selectors"], "")  # what is tried is harm indeed
    assert (strange / "ran").exists()


def test_our_own_package_is_found_wherever_it_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", ["", "/elsewhere"])
    own = str(Path(apart.__file__).parents[2])
    assert list_import_paths().split(os.pathsep) == [own, "/elsewhere"]
    monkeypatch.setattr(sys, "path", ["/first", own])  # which keeps its place: what is first wins
    assert list_import_paths().split(os.pathsep) == ["/first", own]


@pytest.mark.slow
def test_the_helper_that_reads_checkpoints_imports_nothing_from_there(strange: Path) -> None:
    helper = Helper()
    helper.start()
    helper.close()
    assert not (strange / "ran").exists()
