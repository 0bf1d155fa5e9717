"""`gst-analyze trace`: the JSON contract, files, data sets in pieces, and bad input in one line."""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path
from typing import Any

import av
import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import gst_analysis as gst
from gst_analysis.analyses.influence.table import INFLUENCE
from gst_analysis.analyses.traces import Traces
from gst_analysis.analyses.traces.table import FRAME_TRACES, STATE_CHANGES, TRACE_INFLUENCE, TRACED_CLIPS
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.cli import run
from gst_analysis.clips.records import ClipRecord, RecordList
from gst_analysis.errors import OutputError, SpecError
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.planted.making import WorldConfig, make_world
from gst_analysis.tables.schema import check
from tests.clips.planted_clips import write_video
from tests.conftest import list_results
from tests.inference.fakes import write_greys


@pytest.fixture(autouse=True)
def _one_thread() -> object:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("worlds") / "state-change"
    make_world(
        folder, WorldConfig("state-change", clips=16, train_fraction=0.5, size=32, frames=16), workers=1
    )
    return folder


@pytest.fixture(scope="module")
def ckpt(world: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A narrow network with the world's class names, whose logits differ from frame to frame."""
    labels = sorted(json.loads((world / "labels.json").read_text()))
    return str(save_network(tmp_path_factory.mktemp("net") / "net.pth", labels))


def save_network(path: Path, labels: list[str] | None, *, classes: int = 8, frames: int = 8) -> Path:
    torch.manual_seed(0)
    network = build_model(
        ModelSpec.from_name("gst-resnet26s", width=8, num_classes=classes, num_frames=frames)
    ).eval()
    torch.nn.init.normal_(network.fc.weight, 0, 3)
    return save_model(path, network, clip_spec=ClipSpec(frames=frames, resize=32, crop=32), labels=labels)


def trace(*arguments: object, out: Path, code: int = 0) -> None:
    assert run(["trace", *map(str, arguments), "--device", "cpu", "--out", str(out)]) == code


def read_json(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    printed = capsys.readouterr()
    assert all(": validation.json (a list of" in line for line in printed.err.splitlines())
    document = json.loads(printed.out)
    assert isinstance(document, dict)
    return document


@pytest.mark.parametrize("mode", ["frame", "prefix", "leave-one-out", "window"])
def test_the_contract(
    ckpt: str, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], mode: str
) -> None:
    clips = [world / "videos" / f"{n}.mp4" for n in (1, 2)]
    trace(ckpt, *clips, "--mode", mode, "--formats", "csv,parquet,json", "--json", out=tmp_path)
    record = read_json(capsys)
    assert record["mode"] == mode
    assert [clip["clip"] for clip in record["clips"]] == [str(clip) for clip in clips]
    table = check(pd.read_parquet(tmp_path / "frame_traces.parquet"), FRAME_TRACES)
    check(pd.read_parquet(tmp_path / "traced_clips.parquet").astype({"true_id": "Int64"}), TRACED_CLIPS)
    for clip in record["clips"]:
        rows = table[(table["clip"] == clip["clip"]) & (table["rank"] == 1)].sort_values("frame")
        assert [f["label"] for f in clip["frames"]] == list(rows["label"])
        np.testing.assert_allclose([f["probability"] for f in clip["frames"]], rows["probability"])
        np.testing.assert_allclose([f["seconds"] for f in clip["frames"]], rows["seconds"])
        assert [f["frame"] for f in clip["frames"]] == list(range(len(rows)))
        assert set(clip["video"]) >= {"label", "probability"}
        for change in clip["change_points"]:
            assert set(change) >= {"frame", "seconds", "from_label", "to_label", "confidence"}
            assert clip["frames"][change["frame"]]["label"] == change["to_label"]
    assert sorted(Path(f).name for f in record["files"].values()) == list_results(tmp_path)


@pytest.mark.slow
def test_every_format_is_written_and_listed(
    ckpt: str, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kinds = "png,svg,pdf,html,mp4,webm,csv,parquet,json"
    trace(ckpt, world / "videos" / "3.mp4", "--formats", kinds, "--json", out=tmp_path)
    record = read_json(capsys)
    (clip,) = record["clips"]
    assert set(clip["files"]) == {"png", "svg", "pdf", "html", "mp4", "webm"}
    assert all(Path(path).stat().st_size > 1000 for path in clip["files"].values())
    assert {Path(path).name for path in clip["files"].values()} >= {"trace-3.png", "trace-3.mp4"}
    page = Path(clip["files"]["html"]).read_text(encoding="utf-8")
    assert '<html lang="en">\n<head><title>trace-3</title>' in page


def test_the_text_for_people(
    ckpt: str, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace(ckpt, world / "videos" / "3.mp4", "--mode", "leave-one-out", "--formats", "csv", out=tmp_path)
    printed = capsys.readouterr().out
    assert "leave-one-out" in printed
    assert "frame_traces.csv" in printed


def test_a_data_set_has_true_labels(
    ckpt: str, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace(ckpt, "--dataset", world, "--limit", 3, "--formats", "csv", "--json", out=tmp_path)
    record = read_json(capsys)
    truth = {row["id"]: row["label"] for row in json.loads((world / "truth.json").read_text())["clips"]}
    assert len(record["clips"]) == 3
    for clip in record["clips"]:
        assert clip["truth"] == truth[clip["clip"]]
    right = sum(c["video"]["label"] == c["truth"] for c in record["clips"])
    assert record["summary"]["right_clips"] == right


@pytest.mark.slow
def test_pieces_hold_what_the_whole_holds(
    ckpt: str,
    world: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gst_analysis.tables.pieces._ROWS", 100)
    monkeypatch.setattr("gst_analysis.analyses.traces.measure._CHUNK", 3)
    args = ("--dataset", world, "--formats", "csv,parquet,json", "--no-influence", "--json")
    trace(ckpt, *args, "--stream", out=tmp_path / "pieces")
    pieces = read_json(capsys)
    trace(ckpt, *args, out=tmp_path / "whole")
    whole_run = read_json(capsys)
    assert pieces["clips"] == []
    assert pieces["summary"] == whole_run["summary"]
    assert sorted(pieces["files"]) == sorted(whole_run["files"])
    names = [f"{stem}.{kind}" for stem in ("traced_clips", "state_changes") for kind in KINDS]
    assert sorted(pieces["files"]) == sorted([*names, *KINDS, "json"])
    for stem in ("frame_traces", "traced_clips", "state_changes"):
        one, other = (read_table(tmp_path / part / f"{stem}.csv") for part in ("pieces", "whole"))
        pd.testing.assert_frame_equal(one, other)
        read = pd.read_parquet(tmp_path / "pieces" / f"{stem}.parquet")
        pd.testing.assert_frame_equal(read, one, check_dtype=False)


KINDS = ("csv", "parquet")


def read_table(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype={"clip": str}, keep_default_na=False, na_values={"seconds": [""]})


def test_the_rest_goes_on_and_failures_are_listed(
    ckpt: str, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    clips = (world / "videos" / "1.mp4", tmp_path / "bad.mp4", world / "videos" / "2.mp4")
    for more in ((), ("--stream",)):
        trace(ckpt, *clips, "--formats", "csv", "--json", *more, out=tmp_path / "o", code=1)
        record = read_json(capsys)
        assert list(record["failures"]) == [str(tmp_path / "bad.mp4")]
        assert record["summary"]["clips"] == 2
    trace(ckpt, *clips, "--formats", "csv", out=tmp_path / "o", code=1)
    assert f"not traced: {tmp_path / 'bad.mp4'}: " in capsys.readouterr().out


def test_a_frame_that_breaks_the_drawing_is_listed_too(
    ckpt: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only the frames that are sampled are read before; the video needs them all."""
    folder = write_greys(tmp_path / "frames", [5 * n for n in range(24)])
    (folder / "00003.png").write_bytes(b"broken")  # not sampled: 2, 5, 8, … are
    trace(ckpt, folder, "--formats", "mp4", "--json", out=tmp_path / "o", code=1)
    record = read_json(capsys)
    assert len(record["clips"]) == 1
    assert list(record["failures"]) == [str(folder)]
    assert not list((tmp_path / "o").glob("*.mp4"))


def complain(capsys: pytest.CaptureFixture[str]) -> str:
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("gst-analyze: ")
    assert printed.err.count("\n") == 1
    return printed.err


BAD = {
    "no clips": ([], "clips, or a data set"),
    "clips and a data set": (["a.mp4", "--dataset", "x"], "found both"),
    "no such clip": (["nowhere.mp4"], "nothing there"),
    "no such mode": (["CLIP", "--mode", "sideways"], "some of frame, prefix, leave-one-out, still, window"),
    "a window in another mode": (["CLIP", "--window", "8"], "mode window"),
    "a margin beyond 1": (["CLIP", "--margin", "3"], "from 0 to 1"),
    "no hold": (["CLIP", "--hold", "0"], "at least 1"),
    "no classes": (["CLIP", "--top", "0"], "top_k"),
    "an unknown format": (["CLIP", "--formats", "gif"], "found gif"),
    "a limit without a data set": (["CLIP", "--limit", "2"], "--dataset"),
    "no such device": (["CLIP", "--device", "tpu"], "device"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_arguments_get_one_line_and_exit_2(
    ckpt: str, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    arguments, words = BAD[case]
    clip = str(world / "videos" / "1.mp4")
    given = [clip if word == "CLIP" else word for word in arguments]
    device = [] if "--device" in given else ["--device", "cpu"]
    assert run(["trace", ckpt, *given, *device, "--out", str(tmp_path / "o")]) == 2
    assert words in complain(capsys)
    assert not (tmp_path / "o").exists()


def test_bad_clips_and_checkpoints_get_one_line_and_exit_2(
    ckpt: str, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = world / "videos" / "1.mp4"
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    for more in ((), ("--stream",), ("--mode", "window")):
        trace(ckpt, tmp_path / "bad.mp4", *more, out=tmp_path / "o", code=2)
        assert "can be decoded" in complain(capsys)
    trace(tmp_path / "none.pth", clip, out=tmp_path / "o", code=2)
    assert "no such file" in complain(capsys)
    other = save_network(tmp_path / "other.pth", list("abcdefgh"))
    trace(other, "--dataset", world, out=tmp_path / "o", code=2)
    assert "class names" in complain(capsys)
    fewer = save_network(tmp_path / "fewer.pth", None, classes=5)
    trace(fewer, "--dataset", world, out=tmp_path / "o", code=2)
    assert "5 classes" in complain(capsys)
    single = save_network(tmp_path / "single.pth", None, frames=1)
    for mode in ("frame", "prefix", "leave-one-out"):
        trace(single, clip, "--mode", mode, out=tmp_path / "o", code=2)
        assert "at least 2 frames" in complain(capsys)
    write_video(tmp_path / "one.mp4", frames=1, width=64, height=64)
    for mode in ("frame", "prefix", "leave-one-out", "window"):
        trace(ckpt, tmp_path / "one.mp4", "--mode", mode, out=tmp_path / "o", code=2)
        assert "at least 2 different frames" in complain(capsys)
    (tmp_path / "file").touch()
    for more in (("--formats", "png"), ("--stream",)):
        trace(ckpt, clip, *more, out=tmp_path / "file", code=2)
        assert "choose another place with --out" in complain(capsys)


@pytest.mark.slow
def test_few_frames_one_frame_and_no_names_are_said(
    ckpt: str, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for frames in (1, 2):
        write_video(tmp_path / f"{frames}.mp4", frames=frames, width=64, height=64)
    clips = [tmp_path / "1.mp4", tmp_path / "2.mp4"]
    trace(ckpt, *clips, "--formats", "png", "--json", out=tmp_path / "o", code=1)
    record = read_json(capsys)
    (clip,) = record["clips"]
    assert "only 2 of the 8 frames" in clip["notes"][0]
    assert list(record["failures"]) == [str(clips[0])]
    unnamed = save_network(tmp_path / "unnamed.pth", None)
    trace(unnamed, world / "videos" / "1.mp4", "--formats", "png,html,mp4", "--json", out=tmp_path / "u")
    record = read_json(capsys)
    assert any("numbers" in note for note in record["notes"])
    assert {frame["label"] for frame in record["clips"][0]["frames"]} <= set("01234567")
    single = save_network(tmp_path / "single.pth", None, frames=1)
    clip_path = world / "videos" / "1.mp4"
    trace(single, clip_path, "--mode", "window", "--formats", "png", "--json", out=tmp_path / "s")
    assert len(read_json(capsys)["clips"][0]["frames"]) > 1


def test_what_logits_are_made_of_stands_beside_every_trace(
    ckpt: str, world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clips = [world / "videos" / f"{n}.mp4" for n in (1, 2)]
    trace(ckpt, *clips, "--formats", "png,csv", "--json", out=tmp_path / "with")
    record = read_json(capsys)
    table = check(
        pd.read_csv(tmp_path / "with" / "trace_influence.csv", dtype={"label": str}), TRACE_INFLUENCE
    )
    for clip in record["clips"]:
        rows = table[table["clip"] == clip["clip"]]
        matrix = np.array(clip["influence"])
        np.testing.assert_allclose(matrix.ravel(), rows["share"])
        assert clip["own_share"] == pytest.approx(np.diag(matrix).mean())
        assert matrix.sum(axis=1) == pytest.approx(np.ones(8))
        leaders = [frame["class_id"] for frame in clip["frames"]]
        assert rows.drop_duplicates("output_frame")["class_id"].tolist() == leaders
    own = np.mean([clip["own_share"] for clip in record["clips"]])
    assert record["summary"]["own_share"] == pytest.approx(own)
    assert str(record["influence"]).startswith(f"{own:.0%} of what moves a frame's logit is that frame")
    trace(ckpt, *clips, "--no-influence", "--formats", "png,csv", "--json", out=tmp_path / "without")
    record = read_json(capsys)
    assert record["influence"] is None
    assert record["clips"][0]["influence"] is None
    assert not (tmp_path / "without" / "trace_influence.csv").exists()
    widths = []
    for name in ("with", "without"):
        with Image.open(tmp_path / name / "trace-0001-1.png") as drawn:
            widths.append(drawn.width)
    assert widths[0] > widths[1]


@pytest.mark.parametrize("mode", ["frame", "prefix", "window"])
def test_of_a_whole_data_set_a_few_clips_say_what_logits_are_made_of(
    ckpt: str,
    world: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
) -> None:
    folders = importlib.import_module("gst_analysis.analyses.traces.folders")  # not the room's door to it
    monkeypatch.setattr(folders, "SAMPLED", 2)
    args: tuple[Any, ...] = ("--dataset", world, "--limit", 4, "--mode", mode, "--json")
    args = ("--step", 4, *args) if mode == "window" else args
    kinds = "csv,png,json" if mode == "frame" else "csv,json"  # what is drawn is the same in every mode
    trace(ckpt, *args, "--formats", kinds, "--stream", out=tmp_path / "pieces")
    pieces = read_json(capsys)
    assert "the mean over 2 clips" in str(pieces["influence"])
    table = check(pd.read_csv(tmp_path / "pieces" / "influence.csv"), INFLUENCE)
    trace(ckpt, *args, "--formats", "csv", out=tmp_path / "whole")
    clips = read_json(capsys)["clips"]
    assert len(clips) == 4
    chosen = [clips[place]["influence"] for place in (0, len(clips) // 2)]
    np.testing.assert_allclose(table["share"], np.mean(chosen, axis=0).ravel(), atol=1e-12)
    if mode == "frame":
        assert (tmp_path / "pieces" / "influence.png").stat().st_size > 1000
        trace(ckpt, *args, "--formats", kinds, "--stream", "--no-influence", out=tmp_path / "bare")
        assert read_json(capsys)["influence"] is None
        assert not list((tmp_path / "bare").glob("influence*"))


def test_a_bare_path_is_called_by_its_file(ckpt: str, world: Path, tmp_path: Path) -> None:
    for place in ("one/x", "two/x"):
        (tmp_path / place).mkdir(parents=True)
        shutil.copy(world / "videos" / "1.mp4", tmp_path / place / "a.mp4")
    shutil.copy(world / "videos" / "1.mp4", tmp_path / "one" / "b.mp4")
    paths = [tmp_path / "one/x/a.mp4", tmp_path / "two/x/a.mp4", tmp_path / "one/b.mp4"]
    result = gst.trace(ckpt, paths, influence=False)
    titles = [result.story(str(path)).clip for path in paths]
    assert titles == [str(Path("one/x/a.mp4")), str(Path("two/x/a.mp4")), "b.mp4"]
    assert set(result.table["clip"]) == set(map(str, paths))  # tables keep the whole path
    assert any(text.get_text().startswith("b.mp4") for text in result.plot(str(paths[2])).axes[0].texts)
    named = RecordList((ClipRecord("some/id", paths[0]),))
    assert gst.trace(ckpt, named, influence=False).story().clip == "some/id"


def test_a_video_of_uneven_frames_keeps_its_times(ckpt: str, tmp_path: Path) -> None:
    times = (0, 40, 80, 200, 240, 400, 440, 480, 640, 700)
    write_video(tmp_path / "uneven.mp4", frames=10, width=64, height=64, pts_ms=times)
    result = gst.trace(ckpt, tmp_path / "uneven.mp4", influence=False)
    for kind in ("mp4", "webm"):
        with av.open(result.save_video(tmp_path / f"film.{kind}")) as film:
            shown = [frame.time for frame in film.decode(video=0)]
        np.testing.assert_allclose(np.array(shown) - shown[0], np.array(times) / 1000, atol=0.0015)


def test_a_result_draws_its_clips(ckpt: str, world: Path, tmp_path: Path) -> None:
    result = gst.trace(ckpt, [world / "videos" / f"{n}.mp4" for n in (1, 2)])
    assert isinstance(result, Traces)
    name = str(world / "videos" / "2.mp4")
    assert result.plot(name).axes[0].images
    assert result.plot_interactive(name).data
    film = Path(result.save_video(tmp_path / "a.webm", name))
    assert film.stat().st_size > 1000
    film.write_text("mine")
    with pytest.raises(OutputError, match="found another file"):
        result.save_video(film, name)
    assert film.read_text() == "mine"
    with pytest.raises(SpecError, match="clip: expected one of"):
        result.plot()
    with pytest.raises(SpecError, match="clip: expected one of"):
        result.plot("another")
    assert check(result.changes, STATE_CHANGES) is result.changes
