"""`demo`: small here; that it teaches GST order, and not C2D, is a slow test."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gst_analysis.cli import run


def test_a_small_demo_leaves_what_it_lists(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "demo"
    assert run(["demo", "--clips", "60", "--epochs", "1", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "best without any sense of order" in printed
    assert f"gst-analyze evaluate {out}" in printed
    for file in ("gst/last.pth", "c2d/last.pth", "figure-4.png", "world/truth.json"):
        assert (out / file).is_file()


def test_a_folder_with_something_in_it_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    assert run(["demo", "--out", str(tmp_path)]) == 2
    assert "choose another with --out" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.slow
def test_gst_learns_order_where_c2d_does_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["demo", "--out", str(tmp_path / "demo"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["gst_top1"] >= 0.95
    assert found["c2d_top1"] < found["order_blind_top1"] + 0.07
