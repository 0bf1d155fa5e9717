"""`influence` as a contract: one JSON document, files that are there, one line for bad input."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import gst_analysis as gst
from gst_analysis.analyses.influence import frame_influence
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.checkpoints.sources import open_model
from gst_analysis.cli import run
from gst_analysis.networks.clip_specs import ClipSpec
from tests.clips.planted_clips import write_video
from tests.conftest import build_small, list_results
from tests.documents import read_json

LABELS = [f"Doing something {n}" for n in range(5)]


def save_net(folder: Path, name: str = "gst-resnet26s", *, labels: list[str] | None = None) -> str:
    spec = ClipSpec(frames=4, resize=32, crop=32)
    return str(save_model(folder / "net.pth", build_small(name), clip_spec=spec, labels=labels))


def write_clip(folder: Path, name: str = "a.mp4", frames: int = 10) -> str:
    return str(write_video(folder / name, frames=frames, width=48, height=40))


def test_the_document_holds_every_matrix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net, clips = save_net(tmp_path), [write_clip(tmp_path, name) for name in ("a.mp4", "b.mp4")]
    kinds = "svg,html,csv,parquet,json"
    out = tmp_path / "out"
    assert (
        run(["influence", net, *clips, "--out", str(out), "--formats", kinds, "--device", "cpu", "--json"])
        == 0
    )
    record = read_json(capsys)
    assert (record["clips"], record["frames"], record["half_width"]) == (2, 4, 8)
    assert record["source"]["path"] == net  # type: ignore[index] # a document is what json reads
    files = record["files"]
    assert isinstance(files, dict)
    assert sorted(Path(f).name for f in files.values()) == list_results(out)
    table = pd.read_csv(files["csv"])
    methods = record["methods"]
    assert isinstance(methods, dict)
    assert list(methods) == ["gradient", "occlusion-mean", "occlusion-neighbour"]
    for method, rows in table.groupby("method"):
        np.testing.assert_allclose(np.ravel(methods[method]["share"]), rows["share"])
    assert [block["half_width"] for block in record["blocks"]] == list(range(1, 9))  # type: ignore[attr-defined] # a document is what json reads


def test_people_see_shares_and_agreement(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["influence", save_net(tmp_path, "tsm-resnet26s"), write_clip(tmp_path), "--formats", "csv"]
    assert run([*arguments, "--out", str(tmp_path / "o")]) == 0
    printed = capsys.readouterr().out
    assert "rank correlation of gradient and occlusion-mean" in printed
    assert "layer4.1" in printed
    assert "±8" in printed
    assert str(tmp_path / "o" / "influence.csv") in printed


def test_bad_clips_are_named_and_the_rest_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    bad, good = str(tmp_path / "bad.mp4"), write_clip(tmp_path)
    arguments = ["influence", save_net(tmp_path), bad, good, "--formats", "csv", "--out", str(tmp_path / "o")]
    assert run([*arguments, "--json"]) == 1
    record = read_json(capsys)
    assert record["clips"] == 1
    assert list(record["failures"]) == [bad]  # type: ignore[call-overload] # a document is what json reads
    assert run(arguments) == 1
    assert "could not be read" in capsys.readouterr().out


def bad_input(folder: Path) -> dict[str, tuple[list[str], str]]:
    (folder / "bad.mp4").write_bytes(b"no video")
    (folder / "bad.pth").write_bytes(b"no checkpoint")
    net, clip, bad = save_net(folder, labels=LABELS), write_clip(folder), str(folder / "bad.mp4")
    return {
        "no clip": ([net, str(folder / "none.mp4")], "nothing there"),
        "only a bad clip": ([net, bad], "at least one clip that can be read"),
        "a bad checkpoint": ([str(folder / "bad.pth"), clip], "bad.pth"),
        "an unknown class": ([net, clip, "--class", "Doing somethin 3"], "did you mean 'Doing something 3'?"),
        "a class number too large": ([net, clip, "--class", "5"], "0 to 4"),
        "no frames": ([net, clip, "--frames", "0"], "at least 1"),
        "no clips wanted": ([net, clip, "--limit", "0"], "at least 1"),
        "an unknown format": ([net, clip, "--formats", "gif"], "found gif"),
        "an unknown device": ([net, clip, "--device", "tpu"], "device"),
    }


def test_bad_input_gets_one_line_and_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for case, (arguments, words) in bad_input(tmp_path).items():
        assert run(["influence", *arguments, "--out", str(tmp_path / "o")]) == 2, case
        printed = capsys.readouterr()
        assert printed.out == "", case
        assert words in printed.err, case
        assert printed.err.startswith("gst-analyze: ")
        assert printed.err.count("\n") == 1, case
    assert not (tmp_path / "o").exists()


def test_frames_class_and_limit_are_heard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net = save_net(tmp_path, labels=LABELS)
    (tmp_path / "clips").mkdir()
    for n in range(5):
        write_clip(tmp_path / "clips", f"{n}.mp4")
    arguments = ["influence", net, str(tmp_path / "clips"), "--formats", "json", "--out", str(tmp_path / "o")]
    assert run([*arguments, "--frames", "1", "--limit", "2", "--class", "doing something 3", "--json"]) == 0
    record = read_json(capsys)
    assert (record["clips"], record["frames"]) == (2, 1)
    saved = json.loads((tmp_path / "o" / "influence.json").read_text())
    assert saved["provenance"]["settings"]["class_id"] == 3


def test_the_workflow_takes_loaded_models_and_draws(tmp_path: Path) -> None:
    model = gst.load_model(save_net(tmp_path))
    result = frame_influence(model, write_clip(tmp_path))
    assert len(result.plot().axes) == 5
    assert len(result.plot_interactive(dark=True).data) == 4
    assert "<table" in result._repr_html_()
    assert open_model(model) is model
    assert open_model(model.checkpoint, num_frames=2).clip_spec.frames == 2
    assert model.clip_spec.frames == 4
