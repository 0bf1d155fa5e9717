"""What `gst-analyze cost` and `paper-audit` print, write and refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from gst_analysis.analyses import cost
from gst_analysis.analyses.cost.paper_audit import tabulate_published_costs
from gst_analysis.checkpoints.loading import load_checkpoint
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.cli import run
from gst_analysis.networks.clip_specs import ClipSpec
from tests.conftest import SaveSmall, build_small
from tests.documents import read_json


def test_cost_prints_the_papers_network(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--alpha", "1/4", "--frames", "8", "--size", "224", "--classes", "174", "--json"]
    assert run(["cost", "gst-resnet50", *arguments]) == 0
    record = read_json(capsys)
    assert (record["params"], record["macs"], record["flops"]) == (21_035_246, 29_000_564_736, 58_001_129_472)
    groups = record["groups"]
    assert isinstance(groups, dict)
    assert sorted(groups) == ["shared", "spatial", "temporal"]
    for quantity in ("params", "macs"):
        assert sum(part[quantity] for part in groups.values()) == record[quantity]


def test_cost_of_a_checkpoint_is_that_of_its_spec(
    save_small: SaveSmall, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["cost", str(save_small()), "--size", "64", "--json"]) == 0
    of_file = read_json(capsys)
    assert run(["cost", "gst-resnet26s", "--width", "16", "--classes", "5", "--size", "64", "--json"]) == 0
    assert read_json(capsys) == of_file


def test_cost_places_a_network_of_known_accuracy_among_published_results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["cost", "gst-resnet50", "--top1", "30", "--top1-on", "something-v1"]
    assert run([*words, "--json"]) == 0
    placed = read_json(capsys)["placed"]
    assert isinstance(placed, dict)
    rows = tabulate_published_costs().query(
        "dataset == 'something-v1' and split != 'test' and gmacs == gmacs"
    )
    ahead = rows.query(f"top1 > 30 and gmacs <= {placed['gmacs']}")
    assert (placed["top1"], placed["results"], placed["ahead"]) == (30, len(rows), len(ahead))
    assert len(ahead) > 1
    assert run([*words, "--out", str(tmp_path), "--formats", "svg"]) == 0
    assert f"{len(ahead)} are more accurate for no more" in capsys.readouterr().out
    assert {path.name for path in tmp_path.glob("*.svg")} == {"accuracy_over_cost.svg", "cost.svg"}
    assert "30 % top-1, as told" in (tmp_path / "accuracy_over_cost.svg").read_text()
    assert run(["cost", "gst-resnet50", "--top1", "nan"]) == 2
    assert "a number from 0 to 100" in capsys.readouterr().err


def test_cost_of_a_checkpoint_is_of_the_clips_that_it_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = ClipSpec(frames=3, resize=50, crop=48)
    path = str(save_model(tmp_path / "small.pth", build_small("gst-resnet26s"), clip_spec=clip))
    assert run(["cost", path, "--json"]) == 0
    own = read_json(capsys)
    for words in (["--size", "48", "--frames", "3"], []):
        assert run(["cost", path, *words, "--json"]) == 0
        assert read_json(capsys) == own
    assert own["size"] == 48
    assert run(["cost", path, "--size", "64", "--frames", "5", "--alpha", "1/2"]) == 0
    printed = capsys.readouterr().out
    assert "GST resnet26s α=1/2, 5 classes, 5 frames of 64²" in printed
    assert cost.cost(path).summary == cost.cost(load_checkpoint(path)).summary
    assert cost.cost(path).summary.macs == own["macs"]


def test_paper_audit_flags_exactly_what_contradicts_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["paper-audit", "--json"]) == 0
    rows = read_json(capsys)["rows"]
    assert isinstance(rows, list)
    flagged = {(row["method"], row["printed"]) for row in rows if row["verdict"] == "contradicts"}
    assert flagged == {("C3D 3x3x3", 42.5), ("P3D", 29.4)}
    assert run(["paper-audit"]) == 0
    assert "contradicts" in capsys.readouterr().out
