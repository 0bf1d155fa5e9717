"""`saliency` as a contract: one JSON document, files that are there, one line for bad input."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest

import gst_analysis as gst
from gst_analysis.analyses.saliency import saliency_maps
from gst_analysis.cli import run
from tests.analyses.influence.test_command import LABELS, save_net, write_clip
from tests.conftest import list_results
from tests.documents import read_json


def test_the_document_tells_what_was_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    net, clip, out = save_net(tmp_path, labels=LABELS), write_clip(tmp_path), tmp_path / "out"
    kinds = "svg,mp4,csv,parquet,json"
    arguments = ["saliency", net, clip, "--class", "2", "--block", "layer1.1", "--device", "cpu"]
    assert run([*arguments, "--out", str(out), "--formats", kinds, "--json"]) == 0
    record = read_json(capsys)
    assert record["class"]["label"] == LABELS[2]  # type: ignore[index] # a document is what json reads
    assert record["block"] == "layer1.1"
    assert record["map"] == {"frames": 4, "rows": 8, "columns": 8}
    files = record["files"]
    assert isinstance(files, dict)
    assert sorted(files) == sorted(kinds.split(","))
    assert sorted(Path(f).name for f in files.values()) == list_results(out)
    table = pd.read_csv(files["csv"])
    assert len(table) == 4 * 8 * 8 * 3
    heat = table.assign(heat=table["evidence"].clip(lower=0)).groupby(["group", "frame"])["heat"].sum()
    groups = record["groups"]
    assert isinstance(groups, dict)
    for group, found in groups.items():
        np.testing.assert_allclose(found["heat_by_frame"], heat[group])
        assert found["evidence_for"] == pytest.approx(heat[group].sum())


@pytest.mark.slow
def test_the_film_can_be_played_in_a_browser(tmp_path: Path) -> None:
    result = saliency_maps(save_net(tmp_path), write_clip(tmp_path))
    path = result.save(tmp_path / "o", ["mp4"])["mp4"]
    with av.open(path) as film:
        stream = film.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(frames) == 4  # as many as the network saw
    content = Path(path).read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # playing can begin before all is there
    shown = np.stack(list(result.film())).astype(int)
    assert abs(np.stack(frames) - shown).mean() < 6


def test_people_see_the_groups(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["saliency", save_net(tmp_path), write_clip(tmp_path), "--formats", "csv"]
    assert run([*arguments, "--out", str(tmp_path / "o")]) == 0
    printed = capsys.readouterr().out
    assert "temporal" in printed
    assert "layer1.1" in printed
    assert "numbers" in printed  # the checkpoint has no class names


def test_a_family_without_groups_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "saliency",
        save_net(tmp_path, "c3d-resnet26s"),
        write_clip(tmp_path),
        "--formats",
        "png,mp4",
    ]
    assert run([*arguments, "--out", str(tmp_path / "o"), "--json"]) == 0
    record = read_json(capsys)
    assert list(record["groups"]) == ["all"]  # type: ignore[call-overload] # a document is what json reads
    assert any("no spatial and temporal groups" in note for note in record["notes"])  # type: ignore[attr-defined] # a document is what json reads


def test_bad_input_gets_one_line_and_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    (tmp_path / "clips").mkdir()
    for name in ("a.mp4", "b.mp4"):
        write_clip(tmp_path / "clips", name)
    net, clip = save_net(tmp_path, labels=LABELS), write_clip(tmp_path)
    cases = {
        "no clip": ([net, str(tmp_path / "none.mp4")], "nothing there"),
        "a bad clip": ([net, str(tmp_path / "bad.mp4")], "can be decoded"),
        "two clips": ([net, str(tmp_path / "clips")], "expected one clip; found 2"),
        "no such block": ([net, clip, "--block", "layer7.0"], "layer1.0 to layer4.1"),
        "an unknown class": ([net, clip, "--class", "Sleeping"], "0 to 4"),
        "an unknown format": ([net, clip, "--formats", "webp"], "found webp"),
        "a checkpoint that is none": ([clip, clip], "checkpoint"),
    }
    for case, (arguments, words) in cases.items():
        assert run(["saliency", *arguments, "--out", str(tmp_path / "o")]) == 2, case
        printed = capsys.readouterr()
        assert printed.out == "", case
        assert words in printed.err, case
        assert printed.err.count("\n") == 1, case
    assert not (tmp_path / "o").exists()


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    arguments = ["saliency", save_net(tmp_path), write_clip(tmp_path), "--out", str(tmp_path / "file")]
    for kind in ("csv", "mp4"):
        assert run([*arguments, "--formats", kind]) == 2
        assert "choose another place with --out" in capsys.readouterr().err


def test_the_same_clip_gives_the_same_document(tmp_path: Path) -> None:
    model = gst.load_model(save_net(tmp_path))
    clip = write_clip(tmp_path)
    one, other = (json.dumps(saliency_maps(model, clip).to_document()) for _ in range(2))
    assert one == other
