"""From a trainer's file and a folder of videos to answers: the lines of docs/own-checkpoint.md."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from gst_analysis.cli import run
from gst_analysis.planted import making
from gst_analysis.planted.worlds import WorldConfig
from tests.checkpoints import foreign

PAGE = (Path(__file__).parents[1] / "docs" / "own-checkpoint.md").read_text(encoding="utf-8")
LINES = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.S) for line in block.splitlines() if line]
CLASSES = ("opening", "closing")


def lay_out(folder: Path) -> None:
    """What a newcomer has: a checkpoint of the official code, names of its classes, and videos by class."""
    config = WorldConfig(world="temporal", clips=24, frames=20, size=64, difficulty="easy")
    world = making.make_world(folder / "world", config, workers=1)
    for number, clip in enumerate(world.clips[:4]):
        place = folder / "videos" / CLASSES[number // 2]
        place.mkdir(parents=True, exist_ok=True)
        shutil.copy(
            next((folder / "world" / "videos").glob(f"{clip.id}.*")), place / f"{'ab'[number % 2]}.mp4"
        )
    state = foreign.gst_video(planes=16, classes=len(CLASSES))
    kept = {"epoch": 50, "arch": "resnet50", "state_dict": state, "best_prec1": np.float64(45.2)}
    torch.save(kept, folder / "model_best.pth.tar")
    (folder / "classes.txt").write_text("\n".join(CLASSES) + "\n", encoding="utf-8")


def test_the_page_has_eight_lines() -> None:
    assert len(LINES) == 8
    assert [line.split()[1] for line in LINES] == [
        *("inspect", "adopt", "dataset-check", "predict", "bn-hist", "trace", "order", "report")
    ]


@pytest.mark.slow
def test_a_newcomer_gets_there_with_eight_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    lay_out(tmp_path)
    printed = {}
    for line in LINES:
        words = shlex.split(line)[1:]
        assert run(words) == 0, line
        printed[words[0]] = capsys.readouterr()
        assert printed[words[0]].err == ""
    assert "assumed 8" in printed["inspect"].out
    assert "assumed" not in printed["adopt"].out.replace("ImageNet mean and std", "")
    assert "4 of 4 clips are sound" in printed["dataset-check"].out
    assert any(name in printed["predict"].out for name in CLASSES)
    record = json.loads(Path("figure-4/bn_scales.json").read_text(encoding="utf-8"))
    assert record
    assert list(Path("figure-5").glob("*.png"))
    assert list(Path("order").glob("order*.csv"))
    page = Path("report/report.html").read_text(encoding="utf-8")
    assert "opening" in page
    assert "assumed 8" not in page
