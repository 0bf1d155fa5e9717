"""`gst-analyze ablate`: one JSON document, the files it lists, exit codes."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pandas as pd
import pytest
import torch

from gst_analysis.analyses import ablation
from gst_analysis.analyses.ablation.command import print_ablation
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.cli import run
from tests.analyses.labelled_clips import small_model, write_world

QUICK = ["--batch", "4", "--device", "cpu", "--draws", "100", "--formats", "png,csv"]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def ckpt(tmp_path: Path) -> str:
    model = small_model()
    return str(save_model(tmp_path / "small.pth", model.module, clip_spec=model.clip_spec))


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """A data set of four clips in Something-Something v2's layout, one of which can be lost."""
    return write_world(tmp_path / "world", [0, 1, 2, 3])


def test_json_is_one_document_and_names_its_files(
    ckpt: str, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert run(["ablate", ckpt, str(world), "--out", str(out), "--json", *QUICK]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["clips"] == 4
    assert record["failures"] == {}
    assert sorted(Path(file).name for file in record["files"].values()) == ["ablation.csv", "ablation.png"]
    assert [block["block"] for block in record["blocks"]] == [
        f"layer{s}.{i}" for s in (1, 2, 3, 4) for i in (0, 1)
    ]
    table = pd.read_csv(out / "ablation.csv")
    spatial = record["blocks"][2]["groups"]["spatial"]
    row = table.query("layer == 'layer2.0.bn2' and group == 'spatial' and intervention == 'mean'").iloc[0]
    assert spatial["channels"] == row["channels"]
    found = spatial["interventions"]["mean"]["loss_rise"]
    assert (found["value"], found["low"], found["high"]) == pytest.approx(
        (row["loss_rise"], row["loss_rise_low"], row["loss_rise_high"])
    )


def test_text_names_every_batch_norm(
    ckpt: str, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = [*QUICK, "--interventions", "zero", "--limit", "3", "--out", str(tmp_path / "out")]
    assert run(["ablate", ckpt, str(world), *few]) == 0
    printed = capsys.readouterr().out
    assert "layer4.1.bn2" in printed
    assert "3 clips" in printed


def test_one_clip_is_sure_of_nothing(
    ckpt: str, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """However far it falls: every resample of one clip is the clip itself."""
    result = ablation.ablate(ckpt, world, limit=1, interventions=("zero",))
    ends = {"accuracy_drop": 1.0, "accuracy_drop_low": 1.0, "accuracy_drop_high": 1.0}
    sure = dataclasses.replace(result, table=result.table.assign(**ends))
    print_ablation(sure)
    printed = capsys.readouterr().out
    assert "100.0" in printed
    assert "*" not in printed
    assert result.notes[-1] == "one clip: intervals say nothing of others"
    several = dataclasses.replace(sure, summary=dataclasses.replace(result.summary, clips=2))
    print_ablation(several)
    assert "100.0*" in capsys.readouterr().out


def test_lost_clips_are_listed_and_exit_with_1(
    ckpt: str, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in (world / "videos" / "clip02").iterdir():
        file.write_bytes(b"")
    words = ["ablate", ckpt, str(world), "--out", str(tmp_path / "out"), "--interventions", "zero", *QUICK]
    assert run([*words, "--json"]) == 1
    record = json.loads(capsys.readouterr().out)
    assert list(record["failures"]) == ["clip02"]
    assert record["clips"] == 3


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--interventions", "freeze"], "interventions"),
        (["--measure", "luck"], "measure"),
        (["--formats", "gif"], "formats"),
        (["--limit", "0"], "number of clips"),
        (["--draws", "1"], "draws"),
        (["--batch", "0"], "batch"),
    ],
)
def test_bad_settings_are_one_line(
    words: list[str], complaint: str, ckpt: str, world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["ablate", ckpt, str(world), *words]) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1


def test_bad_data_is_one_line(
    ckpt: str, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (world / "another_val.json").write_text("[]")
    assert run(["ablate", ckpt, str(world)]) == 2
    assert "one validation list" in capsys.readouterr().err
    assert run(["ablate", ckpt, str(tmp_path / "nowhere.json")]) == 2
    assert run(["ablate", str(tmp_path / "no.pth"), str(world)]) == 2
    assert capsys.readouterr().err.count("\n") == 2
