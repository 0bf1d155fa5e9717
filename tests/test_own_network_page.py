"""A network of one's own, by the lines and the code of docs/own-network.md."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import gst_analysis as gst
from gst_analysis.analyses import list_analyses
from gst_analysis.cli import run
from gst_analysis.networks.capabilities import why_not

PAGE = (Path(__file__).parents[1] / "docs" / "own-network.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
LINES = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The reader's folder, with the module of the page in it."""
    (tmp_path / "my_network.py").write_text(PYTHON[0], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    torch.manual_seed(0)
    yield tmp_path
    sys.modules.pop("my_network", None)


def run_code(code: str, known: dict[str, Any]) -> Any:
    """Run a block of the page, and give the value of its last line."""
    *before, last = code.strip().splitlines()
    exec("\n".join(before), known)
    return eval(last, known)


def test_the_network_of_the_page_is_one_and_can_be_asked_what_the_page_says(folder: Path) -> None:
    known: dict[str, Any] = {}
    told = run_code(PYTHON[1], known)
    assert set(told.values()) == {"passed"}
    network: gst.Network = known["network"]
    assert [place.name for place in network.anatomy.places] == ["blocks.0", "blocks.1"]
    for about in list_analyses():
        asks = [reason for ask in about.asks if (reason := why_not(network.spec, network.anatomy, ask))]
        answer = f"no: {asks[0]}" if asks else "yes"
        row = f"| {about.title} | {answer} |\n"
        assert row in PAGE, f"docs/own-network.md lacks the line {row}"


@pytest.mark.slow
def test_the_lines_of_the_page_do_what_it_says(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for line in LINES:
        assert run(shlex.split(line)[1:]) == 0, line
        printed = capsys.readouterr()
        if " inspect " in line:
            assert re.search(r"places that can be looked at +│ 2 ", printed.out)
            assert "spatial, temporal" in printed.out
    for name in ("figure-4/bn_scales.png", "order", "ablation", "trace"):
        assert (folder / name).exists()
    known: dict[str, Any] = {}
    for code in PYTHON[1:]:
        run_code(code, known)
