"""`gst-analyze report` on bad input and in bad places: one line, and nothing is lost or half-written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from gst_analysis.cli import run
from tests.conftest import SaveSmall, list_results
from tests.report.pages import leave_all_but, write_world


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["none.pth"], "none.pth"),
        (["TEXT"], "notes.txt"),
        (["STRANGE"], "strange.pth"),
        (["CKPT", "TEXT"], "notes.txt"),
        (["CKPT", "--without", "accuracy,weather"], "weather"),
        (["CKPT", "--without", ""], "found nothing"),
        (["CKPT", "WORLD", "--saliency-clips", "0"], "saliency"),
        (["CKPT", "WORLD", "--slimming-clips", "0"], "slimming"),
        (["CKPT", "nowhere"], "nowhere"),
        (["CKPT", "WORLD", "--traces", "0"], "traces"),
        (["CKPT", "WORLD", "--limit", "0"], "number of clips"),
        (["CKPT", "WORLD", "--batch", "0"], "batch"),
        (["CKPT", "WORLD", "--device", "tpu"], "device"),
        (["CKPT", "OTHER"], "class"),
        (["CKPT", "--root", "x", "--limit", "5"], "beside its root and a number of clips"),
    ],
)
def test_bad_input_is_one_line(
    words: list[str],
    complaint: str,
    ckpt: str,
    world: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if "OTHER" in words:
        write_world(tmp_path / "other", ["a", "b", "c", "d", "e", "f"])
    (tmp_path / "notes.txt").write_text("no weights\n")
    torch.save({"state_dict": {"encoder.weight": torch.ones(3, 3)}}, tmp_path / "strange.pth")
    places = {"CKPT": ckpt, "WORLD": str(world), "OTHER": str(tmp_path / "other")}
    places |= {"TEXT": str(tmp_path / "notes.txt"), "STRANGE": str(tmp_path / "strange.pth")}
    out = tmp_path / "out"
    assert run(["report", *(places.get(word, word) for word in words), "--out", str(out)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert complaint in printed.err
    assert printed.err.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize("place", ["file", "file/below", "taken", "locked"])
def test_a_place_that_cannot_be_written_is_refused_before_the_work(
    place: str, ckpt: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("kept")
    (tmp_path / "taken" / "report.html").mkdir(parents=True)
    monkeypatch.setattr(
        "gst_analysis.checkpoints.sources.open_checkpoint", lambda *_, **__: pytest.fail("work was begun")
    )
    if place == "locked":  # whoever runs the tests may be allowed everything
        monkeypatch.setattr(os, "access", lambda *_: False)
    before = sorted(tmp_path.rglob("*"))
    assert run(["report", ckpt, "--out", str(tmp_path / place)]) == 2
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    assert "a folder that can be written to" in printed.err
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "file").read_text() == "kept"


def test_any_other_report_is_replaced_if_that_was_asked_for(save_small: SaveSmall, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.html").write_text("an older one")
    words = ["report", str(save_small()), "--out", str(tmp_path / "out")]
    words += ["--without", leave_all_but("cost")]
    assert run(words) == 2
    assert (tmp_path / "out" / "report.html").read_text() == "an older one"
    assert run([*words, "--overwrite"]) == 0
    assert list_results(tmp_path / "out") == ["report.html"]
    assert (tmp_path / "out" / "report.html").read_text().startswith("<!doctype html>")
