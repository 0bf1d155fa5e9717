"""A network of the user's own on the command line: --network MODULE:FUNCTION --weights FILE."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import torch

from gst_analysis.cli import run
from gst_analysis.console.options import put_weights_first
from tests.networks.brought import bring

CODE = "tests.networks.test_brought:build_brought"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "w.pth"
    torch.save(bring("three-d", seed=2).module.state_dict(), path)
    return path


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        (["net.pth", "clip.mp4"], ["net.pth", "clip.mp4"]),
        (["clip.mp4", "--network", "a:b"], ["-", "clip.mp4", "--network", "a:b"]),
        (["--network=a:b", "--weights", "w.pth", "clip.mp4"], ["w.pth", "--network=a:b", "clip.mp4"]),
        (["clip.mp4", "--weights=w.pth", "--network=a:b"], ["w.pth", "clip.mp4", "--network=a:b"]),
    ],
)
def test_weights_stand_where_the_checkpoint_would(given: list[str], taken: list[str]) -> None:
    assert put_weights_first(given) == taken


def test_own_code_is_inspected_with_the_weights_of_a_file(
    weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["inspect", "--network", CODE, "--json"]) == 0
    bare = json.loads(capsys.readouterr().out)
    assert run(["inspect", "--network", CODE, "--weights", str(weights), "--json"]) == 0
    filled = json.loads(capsys.readouterr().out)
    assert (bare["output"], bare["sha256"], filled["name"]) == ("clip", "", bare["name"])
    assert filled["sha256"]
    assert filled["file"].endswith("w.pth")


def test_figure_4_of_own_code_is_of_the_weights_in_the_file(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["bn-hist", "--network", CODE, "--weights", str(weights), "--out", str(tmp_path)]
    assert run([*words, "--formats", "csv"]) == 0
    capsys.readouterr()
    table = pd.read_csv(tmp_path / "bn_scales.csv").set_index(["layer", "channel"])
    gamma = bring("three-d", seed=2).module.state_dict()["blocks.0.space_norm.weight"]
    assert table.loc["blocks.0.space_norm"]["gamma"].tolist() == pytest.approx(gamma.tolist())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["inspect", "--network", "no_such:build"], "network no_such:build: expected a function"),
        (["inspect", "--network", "os"], "expected package.module:function"),
        (["inspect", "--network", CODE, "--weights", "none.pth"], "none.pth: expected a checkpoint file"),
        (["inspect", "net.pth", "--weights", "w.pth"], "--weights: expected --network beside it"),
    ],
)
def test_bad_own_code_is_one_line(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
