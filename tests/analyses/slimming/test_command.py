"""`gst-analyze slim`: a smaller checkpoint, one JSON document, exit codes; and training goes on from it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import torch

from gst_analysis import load_model
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.cli import run
from gst_analysis.errors import SpecError
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.training.loop import train
from tests.analyses.ablation.test_command import world
from tests.analyses.labelled_clips import small_model
from tests.conftest import list_results
from tests.training.runs import render, tiny
from tests.untyped import design

__all__ = ["world"]
QUICK = ["--batch", "4", "--device", "cpu", "--formats", "png,csv"]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def ckpt(tmp_path: Path) -> str:
    model = small_model()
    return str(save_model(tmp_path / "small.pth", model.module, clip_spec=model.clip_spec))


def test_weights_alone_are_enough(ckpt: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert run(["slim", ckpt, "--params", "0.7", "--out", str(out), "--json", *QUICK]) == 0
    record = json.loads(capsys.readouterr().out)
    assert list_results(out) == ["slimming.csv", "slimming.png", "small-slim.pth"]
    smaller = load_model(record["files"]["small-slim.pth"])
    assert smaller.checkpoint.params == record["after"]["params"] <= 0.7 * record["before"]["params"]
    assert record["after"]["accuracy"] is None
    assert record["curve"] == []
    left = [tuple(group["after"] for group in layer["groups"].values()) for layer in record["widths"]]
    assert tuple(left) == design(smaller.spec).widths
    assert record["widths"][0]["alpha"] == pytest.approx(left[0][1] / sum(left[0]))
    assert run(["inspect", record["files"]["small-slim.pth"]]) == 0
    assert "gst-resnet26s, slimmed" in capsys.readouterr().out
    assert run(["cost", record["files"]["small-slim.pth"], "--frames", "4"]) == 0
    assert "slimmed" in capsys.readouterr().out
    for change in (["--alpha", "1/2"], ["--width", "8"]):
        assert run(["cost", record["files"]["small-slim.pth"], *change]) == 2
        assert "frames and classes alone to be changed" in capsys.readouterr().err


@pytest.mark.parametrize("budget", [["--macs", "0.9"], ["--max-drop", "0.3"]])
def test_with_clips_there_is_a_curve(
    budget: list[str], ckpt: str, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = ["slim", ckpt, str(world), "--score", "taylor", *budget, "--out", str(out), *QUICK]
    assert run([*words, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert {row["method"] for row in record["curve"]} == {"score", "uniform", "random"}
    assert len(pd.read_csv(record["files"]["slimming_curve.csv"])) == len(record["curve"])
    lost = record["before"]["accuracy"]["value"] - record["after"]["accuracy"]["value"]
    if budget[0] == "--macs":
        assert record["after"]["macs"] <= 0.9 * record["before"]["macs"]
        assert run([*words, "--formats", "csv"]) == 0
        assert "layer4.1.bn2" in capsys.readouterr().out
    else:
        assert lost <= 0.3


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "one of macs, params and max-drop"),
        (["--macs", "0.9", "--params", "0.9"], "one of macs, params and max-drop"),
        (["--macs", "1.2"], "between 0 and 1"),
        (["--macs", "0.01"], "share of at least"),
        (["--max-drop", "0.1"], "labelled clips"),
        (["--macs", "0.9", "--score", "taylor"], "labelled clips"),
        (["--macs", "0.9", "--score", "luck"], "score"),
        (["--macs", "0.9", "--formats", "gif"], "formats"),
        (["--macs", "0.9", "--budgets", "0"], "add it, such as --fine-tune 2"),
        (["--macs", "0.9", "--recipe", "demo-gst"], "add it, such as --fine-tune 2"),
        (["--macs", "0.9", "--set", "run.seed=1"], "add it, such as --fine-tune 2"),
        (["--macs", "0.9", "--fine-tune", "1", "--budgets", "0"], "labelled clips"),
    ],
)
def test_bad_settings_are_one_line(
    words: list[str], complaint: str, ckpt: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["slim", ckpt, *words]) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1


def test_a_smaller_network_never_takes_the_place_of_another(
    ckpt: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "sl"
    folder.mkdir()
    smaller = {"net.v2.pth": "net.v2-slim.pth", "X_best.pth.tar": "X_best.pth-slim.pth"}
    for name in ("net.pth", "X_best.pth"):
        (folder / name).write_text("mine")
    for number, (name, slimmed) in enumerate(smaller.items()):
        shutil.copy(ckpt, folder / name)
        words = ["slim", str(folder / name), "--macs", "0.9", "--formats", "csv", "--out", str(folder)]
        assert run([*words, *["--overwrite"] * number]) == 0
        assert (folder / slimmed).is_file()
        assert (folder / name).read_bytes() == Path(ckpt).read_bytes()
    assert {(folder / name).read_text() for name in ("net.pth", "X_best.pth")} == {"mine"}
    assert (folder / "net.v2-slim.pth").is_file()  # what was old of another's answer went, but for networks
    capsys.readouterr()


def test_a_smaller_network_gives_way_only_where_that_is_asked_for(
    ckpt: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = ["slim", ckpt, "--formats", "csv", "--out", str(out)]
    for _ in range(2):  # the same once more is the same bytes
        assert run([*words, "--macs", "0.9"]) == 0
    first = (out / "small-slim.pth").read_bytes()
    table = (out / "slimming.csv").read_bytes()
    capsys.readouterr()
    assert run([*words, "--macs", "0.8"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"this time everything is in {out / 'new-1'}" in error
    assert ((out / "small-slim.pth").read_bytes(), (out / "slimming.csv").read_bytes()) == (first, table)
    second = (out / "new-1" / "small-slim.pth").read_bytes()
    assert run([*words, "--macs", "0.8", "--overwrite"]) == 0
    assert (out / "small-slim.pth").read_bytes() == second != first


def test_networks_that_cannot_be_slimmed(
    tmp_path: Path, ckpt: str, capsys: pytest.CaptureFixture[str]
) -> None:
    basic = small_model("gst-resnet18")
    path = save_model(tmp_path / "basic.pth", basic.module, clip_spec=basic.clip_spec)
    assert run(["slim", str(path), "--macs", "0.9"]) == 2
    assert "no bottlenecks" in capsys.readouterr().err
    assert run(["slim", ckpt, "--macs", "0.9", "--out", str(tmp_path / "out")]) == 0
    assert run(["slim", str(tmp_path / "out" / "small-slim.pth"), "--macs", "0.9"]) == 2
    assert "slimmed before" in capsys.readouterr().err


@pytest.mark.parametrize(("scale", "score"), [(0.0, "invariant"), (1.0, "gamma")])
def test_scores_without_any_spread_order_nothing(
    scale: float, score: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = small_model()
    with torch.no_grad():
        for name, parameter in model.module.named_parameters():
            if name.endswith("bn2.weight"):
                parameter.fill_(scale)
            if name.endswith("bn2.bias"):
                parameter.zero_()
    path = save_model(tmp_path / "flat.pth", model.module, clip_spec=model.clip_spec)
    assert run(["slim", str(path), "--macs", "0.9", "--score", score, "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert f"found {scale:g} for all of them" in error
    assert error.count("\n") == 1


def test_training_goes_on_from_a_slimmed_network(tmp_path: Path) -> None:
    data = render(tmp_path / "static")
    spec = ModelSpec.from_name("gst-resnet26s", width=8, num_classes=12)
    whole = save_model(
        tmp_path / "whole.pth", build_model(spec), clip_spec=ClipSpec(frames=4, resize=32, crop=32)
    )
    assert (
        run(["slim", str(whole), "--macs", "0.8", "--out", str(tmp_path / "slim"), "--formats", "csv"]) == 0
    )
    start = tmp_path / "slim" / "whole-slim.pth"
    config = tiny(data, {"model.weights": str(start), "schedule.epochs": "1", "optimiser.lr": "1e-9"})
    result = train(config, out=tmp_path / "run")
    before, after = load_model(start), load_model(result.files["last"])
    assert after.spec == design(before.spec).replace(num_frames=config.clip.frames)
    assert after.checkpoint.provenance["started_from"]["sha256"] == before.sha256
    assert after.checkpoint.provenance["kept_channels"] == before.checkpoint.provenance["kept_channels"]
    torch.testing.assert_close(
        after.checkpoint.state["layer2.0.conv3.weight"], before.checkpoint.state["layer2.0.conv3.weight"]
    )
    other = save_model(tmp_path / "five.pth", small_model().module)
    with pytest.raises(SpecError, match="a head of 12 classes"):
        train(tiny(data, {"model.weights": str(other)}), out=tmp_path / "other")
    with pytest.raises(SpecError, match=r"model\.weights"):
        tiny(data, {"model.weights": str(other), "model.pretrained": "imagenet"})
