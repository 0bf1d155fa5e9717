"""`gst-analyze agreement`: checkpoints with their data sets, one document, the files it lists."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import torch

import gst_analysis as gst
from gst_analysis.analyses.ablation.table import ABLATION
from gst_analysis.analyses.agreement.command import pair_up
from gst_analysis.analyses.agreement.table import CHANNEL_SCORES, SCORE_AGREEMENT
from gst_analysis.cli import run
from gst_analysis.errors import SpecError
from gst_analysis.tables.schema import check
from tests.analyses.labelled_clips import small_model, write_world

QUICK = ["--batch", "4", "--device", "cpu", "--draws", "100", "--interventions", "zero"]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def ckpts(tmp_path: Path) -> list[str]:
    models = {"small": small_model(), "other": small_model(seed=1)}
    return [
        str(gst.save_model(tmp_path / f"{name}.pth", model.module, clip_spec=model.clip_spec))
        for name, model in models.items()
    ]


@pytest.fixture
def world(tmp_path: Path) -> Path:
    return write_world(tmp_path / "world", [0, 1, 2, 3])


@pytest.mark.slow
def test_scores_are_compared_over_checkpoints(ckpts: list[str], world: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    result = gst.score_agreement(
        [(path, world) for path in ckpts], draws=100, progress=lambda *step: told.append(step)
    )
    assert told == [(0, 2, "world/small"), (1, 2, "world/other")]
    assert set(result.table["checkpoint"]) == {"world/small", "world/other", "all"}
    taylor = result.table.query("checkpoint == 'all' and score == 'taylor' and aggregate == 'sum'")
    assert (taylor["checkpoints"] == 2).all()
    assert set(result.provenance.sources) >= {"world/small", "world/other"}
    assert set(result.summary.ablations) == {"world/small", "world/other"}
    files = result.save(tmp_path / "out", ["png", "csv"])
    assert set(files) == {"csv", "channel_scores.csv", "ablation.csv", "png"}
    assert all(Path(file).stat().st_size for file in files.values())
    for table, schema in zip(
        result.tables.values(), (SCORE_AGREEMENT, CHANNEL_SCORES, ABLATION), strict=True
    ):
        check(table, schema)
    labels = [result.plot(measure=name).get_supxlabel() for name in ("logit_drop", "loss_rise")]
    assert labels == [
        "rank correlation with the fall of the true class's logit",
        "rank correlation with the rise of the cross entropy",
    ]
    assert result.plot().get_supxlabel() == labels[1]


def test_the_command_prints_one_document_and_means(
    ckpts: list[str], world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["agreement", ckpts[0], f"{ckpts[1]}={world}", *QUICK, "--out", str(tmp_path / "out")]
    for file in (world / "videos" / "clip02").iterdir():
        file.write_bytes(b"")
    assert run([*words, "--formats", "csv,json", "--json"]) == 1
    record = json.loads(capsys.readouterr().out)
    assert list(record["failures"]) == ["world/small: clip02", "world/other: clip02"]
    assert len(record["rows"]) == len(pd.read_csv(record["files"]["csv"]))
    assert {summary["clips"] for summary in record["summary"]["ablations"].values()} == {3}
    assert run([*words, "--formats", "csv"]) == 1
    printed = capsys.readouterr().out
    assert "world/other: 3 clips" in printed
    assert "rank correlation with loss_rise, sum" in printed
    assert "taylor" in printed
    assert "could not be read: world/small: clip02" in printed


def test_checkpoints_share_the_world_of_the_next(capsys: pytest.CaptureFixture[str]) -> None:
    assert pair_up(["a", "b=x", "c=y=z"]) == [("a", "x"), ("b", "x"), ("c", "y=z")]
    with pytest.raises(SpecError, match="b: expected a data set"):
        pair_up(["a=x", "b"])
    assert run(["agreement", "a.pth"]) == 2
    assert run(["agreement", "a.pth=x", "--aggregate", "most"]) == 2
    assert run(["agreement", "a.pth=x", "--draws", "1"]) == 2
    assert run(["agreement", "a.pth=x"]) == 2
    complaints = capsys.readouterr().err
    assert complaints.count("\n") == 4
    assert all(word in complaints for word in ("write CKPT=ROOT", "aggregate", "draws", "a.pth"))
