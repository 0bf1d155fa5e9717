"""`gst-analyze order`: one JSON document, what it prints, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from gst_analysis.analyses import order
from gst_analysis.analyses.order.command import print_order, say_summary
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.cli import run
from tests.analyses.labelled_clips import small_model, write_world
from tests.analyses.order.toys import bring_toy, write_ramps

QUICK = ["--batch", "4", "--device", "cpu", "--draws", "100", "--conditions", "shuffled,reversed"]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def test_json_is_one_document_and_a_lost_clip_is_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, out = small_model(), tmp_path / "out"
    ckpt = str(save_model(tmp_path / "small.pth", model.module, clip_spec=model.clip_spec))
    world = write_world(tmp_path / "world", [0, 1, 2, 3])
    for frame in (world / "videos" / "clip03").iterdir():
        frame.unlink()
    words = ["order", ckpt, str(world), "--out", str(out), "--formats", "csv", *QUICK]
    assert run([*words, "--json"]) == 1
    record = json.loads(capsys.readouterr().out)
    assert [row["condition"] for row in record["rows"]] == ["in-order", "shuffled", "reversed"]
    assert record["summary"]["clips"] == 3
    assert record["summary"]["frames"] == 4
    assert record["failures"].keys() == {"clip03"}
    assert len(record["classes"]) == 5
    assert record["reversals"] == []
    names = {"order.csv", "order_classes.csv", "reversals.csv", "order_clips.csv"}
    assert {Path(file).name for file in record["files"].values()} == names


def test_the_terminal_says_what_needs_order_and_which_classes_are_opposites(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    records = write_ramps(tmp_path, [0, 1] * 6)
    found = order.frame_order(bring_toy(), records, conditions=("shuffled", "reversed"), device="cpu")
    print_order(found)
    told = capsys.readouterr().out
    assert "frames in reverse" in told
    assert "100.0% and 100.0%" in told
    assert "name and confusion" in told
    facts = say_summary(found)
    assert facts["in reverse taken for the opposite class"] == "100.0% of 12 clips whose class has one"
    alone = order.frame_order(bring_toy(), records, conditions=("reversed",), device="cpu")
    needs = say_summary(alone)["above-chance accuracy that needs order"]
    assert needs == "withheld: the clips were not shuffled"
