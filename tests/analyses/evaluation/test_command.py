"""`predict` and `evaluate`: the contract, any video at hand, and a failure that stops nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pandas as pd
import pytest

from gst_analysis.checkpoints.loading import load_model
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.cli import run
from gst_analysis.inference.logits import FrameLogits
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.planted.making import make_world
from gst_analysis.planted.worlds import WorldConfig
from tests.conftest import list_results

Run = Callable[..., tuple[int, Any]]
SIZE = 64


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = WorldConfig(world="temporal", clips=30, frames=8, size=SIZE, difficulty="easy")
    return make_world(tmp_path_factory.mktemp("world") / "w", config, workers=1).folder


@pytest.fixture(scope="module")
def checkpoint(world: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    labels = list(json.loads((world / "labels.json").read_text()))
    network = build_model(ModelSpec.from_name("gst-resnet26s", width=8, num_classes=len(labels)))
    spec = ClipSpec(frames=8, resize=SIZE, crop=SIZE)
    path = tmp_path_factory.mktemp("model") / "gst.pth"
    return str(save_model(path, network, clip_spec=spec, labels=labels))


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command with --json: its exit code and its document, or its one line of complaint."""

    def run_json(*arguments: str) -> tuple[int, Any]:
        code = run([*arguments, "--json"])
        printed = capsys.readouterr()
        if code == 2:
            assert printed.out == ""
            assert printed.err.count("\n") == 1
            return code, printed.err
        return code, json.loads(printed.out)

    return run_json


def write_video(path: Path, *, frames: int, size: tuple[int, int], rate: int | Fraction) -> str:
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for _ in range(frames):
            pixels = rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
            file.mux(stream.encode(av.VideoFrame.from_ndarray(pixels)))
        file.mux(stream.encode())
    return str(path)


def test_predict_says_what_the_network_says(checkpoint: str, world: Path, call: Run, tmp_path: Path) -> None:
    clips = [str(path) for path in sorted((world / "videos").iterdir())[:3]]
    code, found = call("predict", checkpoint, *clips, "--top", "2", "--out", str(tmp_path / "out"))
    assert code == 0
    assert [clip["clip"] for clip in found["clips"]] == clips
    logits = FrameLogits.load(found["files"]["frame_logits.npz"])
    labels = load_model(checkpoint).labels
    assert labels is not None
    for clip, rows in zip(found["clips"], logits.clip_logits, strict=True):
        chances = np.exp(rows) / np.exp(rows).sum()
        first, second = np.argsort(-rows)[:2]
        told = clip["predictions"]
        assert [told[0]["class_id"], told[1]["class_id"]] == [first, second]
        assert [row["rank"] for row in told] == [1, 2]
        assert told[0]["label"] == labels[first]
        assert told[0]["probability"] == pytest.approx(chances[first], abs=1e-6)
    assert found["sha256"] == load_model(checkpoint).sha256
    table = pd.read_csv(found["files"]["csv"])
    assert list(table["class_id"][::2]) == [clip["predictions"][0]["class_id"] for clip in found["clips"]]


@pytest.mark.parametrize(
    ("frames", "size", "rate"),
    [(1, (64, 48), 25), (5, (48, 96), 1), (40, (34, 130), 30), (12, (322, 178), Fraction(30000, 1001))],
    ids=["one frame", "portrait at 1 fps", "narrow", "odd rate"],
)
def test_any_video_at_hand(
    checkpoint: str, call: Run, tmp_path: Path, frames: int, size: tuple[int, int], rate: int | Fraction
) -> None:
    clip = write_video(tmp_path / "clip.mp4", frames=frames, size=size, rate=rate)
    code, found = call("predict", checkpoint, clip)
    assert code == 0
    assert sum(row["probability"] for row in found["clips"][0]["predictions"]) <= 1 + 1e-6


def test_a_clip_that_cannot_be_read_stops_no_other(
    checkpoint: str, world: Path, call: Run, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    clip = str(next((world / "videos").iterdir()))
    code, found = call("predict", checkpoint, str(broken), clip)
    assert code == 1
    assert [one["clip"] for one in found["clips"]] == [clip]
    assert list(found["failures"]) == [str(broken)]
    assert call("predict", checkpoint, str(broken))[0] == 2


def test_evaluate_counts_what_predict_says(checkpoint: str, world: Path, call: Run, tmp_path: Path) -> None:
    code, found = call("evaluate", checkpoint, str(world), "--out", str(tmp_path / "out"))
    assert code == 0
    truth = json.loads((world / "validation.json").read_text())
    clips = [str(next((world / "videos").glob(f"{row['id']}.*"))) for row in truth]
    said = call("predict", checkpoint, *clips, "--top", "5")[1]["clips"]
    plain = [row["template"].replace("[", "").replace("]", "") for row in truth]
    right = [s["predictions"][0]["label"] == t for s, t in zip(said, plain, strict=True)]
    among = [t in {row["label"] for row in s["predictions"]} for s, t in zip(said, plain, strict=True)]
    assert found["top1"] == pytest.approx(np.mean(right))
    assert found["top5"] == pytest.approx(np.mean(among))
    assert found["intervals"]["top1"]["low"] < found["top1"] < found["intervals"]["top1"]["high"]
    assert found["clips"] == len(truth) == sum(row["clips"] for row in found["per_class"])
    assert {Path(path).name for path in found["files"].values()} == set(list_results(tmp_path / "out"))
    confusion = pd.read_csv(found["files"]["confusion.csv"])
    diagonal = confusion[confusion["true_id"] == confusion["predicted_id"]]["clips"].sum()
    assert diagonal == sum(right)


def test_people_read_tables(checkpoint: str, world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = str(next((world / "videos").iterdir()))
    assert run(["predict", checkpoint, clip]) == 0
    assert "%" in capsys.readouterr().out
    assert run(["evaluate", checkpoint, str(world), "--formats", "csv", "--out", str(world / "e")]) == 0
    printed = capsys.readouterr().out
    assert "top-1" in printed
    assert "95% confidence interval" in printed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["predict", "{ckpt}", "nothing.mp4"], "nothing there"),
        (["predict", "{ckpt}", "{clip}", "--top", "0"], "top_k"),
        (["predict", "{ckpt}", "{clip}", "--crops", "2"], "crops"),
        (["predict", "{ckpt}", "{clip}", "--device", "abacus"], "device"),
        (["predict", "{ckpt}", "{clip}", "--formats", "docx"], "formats"),
        (["predict", "{clip}", "{clip}"], "checkpoint"),
        (["evaluate", "{ckpt}", "{empty}"], "validation list"),
        (["evaluate", "{other}", "{world}"], "12"),
    ],
)
def test_bad_input_is_one_line(
    checkpoint: str, world: Path, call: Run, tmp_path: Path, arguments: list[str], said: str
) -> None:
    (tmp_path / "empty").mkdir()
    other = save_model(
        tmp_path / "other.pth", build_model(ModelSpec.from_name("c2d-resnet26s", width=8, num_classes=3))
    )
    names = {
        "ckpt": checkpoint,
        "clip": str(next((world / "videos").iterdir())),
        "world": str(world),
        "empty": str(tmp_path / "empty"),
        "other": str(other),
    }
    code, line = call(*(argument.format(**names) for argument in arguments))
    assert code == 2
    assert said in line


def test_evaluate_says_what_was_assumed_of_the_data(
    checkpoint: str, world: Path, call: Run, tmp_path: Path
) -> None:
    rows = json.loads((world / "validation.json").read_text())
    twice = tmp_path / "validation.json"
    twice.write_text(json.dumps([*rows, rows[0]]))
    (tmp_path / "labels.json").write_bytes((world / "labels.json").read_bytes())
    told = ("evaluate", checkpoint, str(twice), "--root", str(world / "videos"), "--formats", "csv")
    code, found = call(*told, "--out", str(tmp_path / "out"))
    assert code == 0
    assert found["clips"] == len(rows) + 1
    assert f"clips listed more than once: {rows[0]['id']}" in found["notes"]
    assert "format detected from the content: something-v2" in found["notes"]
    code, found = call(*told, "--limit", "2", "--out", str(tmp_path / "few"))
    assert any("2 of" in note and "drawn with seed" in note for note in found["notes"])


def test_names_of_any_bytes_can_be_printed_and_written(
    checkpoint: str, world: Path, call: Run, tmp_path: Path
) -> None:
    """Linux takes any bytes as a name; these are those of Latin-1."""
    clip = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.mp4"))
    network = Path(os.fsdecode(os.fsencode(tmp_path) + b"/r\xe9seau.pth"))
    try:
        clip.write_bytes(next((world / "videos").iterdir()).read_bytes())
    except OSError:
        pytest.skip("this disk takes only names that are text")
    network.write_bytes(Path(checkpoint).read_bytes())
    code, found = call("predict", str(network), str(clip), "--out", str(tmp_path / "predict"))
    assert code == 0
    assert found["checkpoint"] == "r\ufffdseau"
    assert [one["clip"] for one in found["clips"]] == [f"{tmp_path}/caf\ufffd.mp4"]
    code, found = call("bn-hist", str(network), "--out", str(tmp_path / "scales"), "--formats", "csv,parquet")
    assert code == 0
    assert set(pd.read_parquet(tmp_path / "scales" / "bn_scales.parquet")["checkpoint"]) == {"r\ufffdseau"}


def test_ctrl_c_says_so(
    checkpoint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gst_analysis.checkpoints.sources.open_model", stop)
    assert run(["predict", checkpoint, checkpoint]) == 130
    assert capsys.readouterr().err.strip() == "gst-analyze: interrupted"


@pytest.fixture
def one_list(world: Path, tmp_path: Path) -> Path:
    """A world's clips as Kinetics writes them: one csv that lists them all, with a column `split`."""
    lines = ["label,youtube_id,time_start,time_end,split"]
    for subset, name in (("train", "train.json"), ("val", "validation.json")):
        for row in json.loads((world / name).read_text()):
            label = row["template"].replace("[", "").replace("]", "")
            lines.append(f"{label},{row['id']},0,9,{subset}")
            clip = next((world / "videos").glob(f"{row['id']}.*"))
            copy = tmp_path / "videos" / subset / f"{row['id']}_000000_000009{clip.suffix}"
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(clip.read_bytes())
    (tmp_path / "all.csv").write_text("\n".join(lines))
    return tmp_path / "all.csv"


def test_of_a_list_of_all_clips_those_for_validation_are_evaluated(
    checkpoint: str, one_list: Path, call: Run, tmp_path: Path
) -> None:
    told = ("evaluate", checkpoint, str(one_list), "--formats", "csv", "--out", str(tmp_path / "out"))
    code, found = call(*told)
    assert (code, found["clips"]) == (0, 12)
    assert "subset val taken, of train (18), val (12)" in found["notes"]
    code, found = call(*told, "--subset", "train", "--limit", "5")
    assert (code, found["clips"]) == (0, 5)
    assert any("5 of 18 clips" in note for note in found["notes"])
    code, found = call("dataset-check", str(one_list))
    assert (code, found["summary"]["sound"]) == (0, 30)
    assert "clips of every subset: train (18), val (12)" in found["notes"]
    assert call("dataset-check", str(one_list), "--subset", "val")[1]["summary"]["sound"] == 12


@pytest.mark.parametrize("command", ["evaluate", "ablate", "slim", "report", "trace", "dataset-check"])
def test_every_command_with_labelled_clips_can_be_told_the_subset(
    command: str, checkpoint: str, one_list: Path, call: Run, tmp_path: Path
) -> None:
    given = {
        "trace": (checkpoint, "--dataset", str(one_list)),
        "dataset-check": (str(one_list),),
        "slim": (checkpoint, str(one_list), "--macs", "0.8"),
    }
    clips = given.get(command, (checkpoint, str(one_list)))
    code, line = call(command, *clips, "--subset", "test", "--out", str(tmp_path / "out"))
    assert code == 2
    assert "expected a subset among train, val; found subset 'test'" in line
