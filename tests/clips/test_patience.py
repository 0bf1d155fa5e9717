"""Clips that take too long, are too large, end too early or are no files: one line, and the batch goes on."""

from __future__ import annotations

import contextlib
import io
import os
import time
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from gst_analysis.cli import run
from gst_analysis.clips import frame_folders, media
from gst_analysis.clips.decoding import open_clip, probe_clip
from gst_analysis.clips.endings import is_cut_off
from gst_analysis.clips.patience import LEAST_S, VARIABLE, Patience
from gst_analysis.errors import DataError
from gst_analysis.results import hash_clip
from tests.hostile.videos import CONTAINERS, encode


@pytest.fixture
def frames(tmp_path: Path) -> Path:
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(4):
        Image.fromarray(np.full((20, 30, 3), number, np.uint8)).save(folder / f"{number}.png")
    return folder


def test_a_clip_has_as_long_as_its_size_explains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(bytes(3_000_000))
    assert Patience(path).seconds == LEAST_S + 3
    monkeypatch.setenv(VARIABLE, "0.001")
    patience = Patience(path)
    assert list(patience.watch([1])) == [1]
    time.sleep(0.002)
    with pytest.raises(DataError, match=r"a\.mp4: expected a clip that can be read within 0\.001 s"):
        list(patience.watch([1]))


@pytest.mark.parametrize("seconds", ["x", "0", "-1", "inf", ""])
def test_a_time_that_is_none_is_refused(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", f"--clip-timeout={seconds}"]) == 2
    assert "--clip-timeout: expected a number of seconds" in capsys.readouterr().err
    assert VARIABLE not in os.environ


def test_the_batch_goes_on_without_a_clip_that_takes_too_long(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.flv", "b.mp4"):
        (tmp_path / name).write_bytes(encode(name[2:]))
    (tmp_path / "list.txt").write_text("a.flv 0\nb.mp4 1\n")
    words = ["dataset-check", str(tmp_path / "list.txt"), "--format", "list"]
    assert run(words) == 0
    capsys.readouterr()
    assert run([*words, "--clip-timeout", "1e-9"]) == 1
    printed = capsys.readouterr().out
    assert "0 of 2 clips are sound" in printed
    assert VARIABLE not in os.environ


@pytest.mark.parametrize("ending", ["gif", "flv", "ts", "mpg"])
def test_a_file_that_was_cut_off_is_known_by_its_end(ending: str, tmp_path: Path) -> None:
    whole, path = encode(ending), tmp_path / f"a.{ending}"
    path.write_bytes(whole)
    with open_clip(path) as clip:
        assert clip.missing == 0
    cuts = [len(whole) * n // 40 + 7 for n in range(8, 39)]
    seen = []
    for cut in cuts:
        path.write_bytes(whole[:cut])
        seen += [cut] if is_cut_off(path, CONTAINERS[ending][0]) else []
    assert len(seen) >= len(cuts) - 2  # by chance a cut may look like an end
    path.write_bytes(whole[: seen[-1]])
    with open_clip(path) as clip, pytest.raises(DataError, match="truncated one that lacks about"):
        clip.read([0])


def test_no_pipe_is_opened(frames: Path, tmp_path: Path) -> None:
    (frames / "2.png").unlink()
    os.mkfifo(frames / "2.png")
    os.mkfifo(tmp_path / "clip.mp4")
    with open_clip(frames) as clip, pytest.raises(DataError, match=r"2\.png: expected a file; found a pipe"):
        clip.read([2])
    with pytest.raises(DataError, match="found a pipe"), open_clip(tmp_path / "clip.mp4"):
        pass


def test_no_disk_of_holes_is_read_to_its_end(tmp_path: Path) -> None:
    with (path := tmp_path / "clip.mp4").open("wb") as file:
        file.truncate(100_000_000)
    with pytest.raises(DataError, match="100,000,000 bytes, of which the disk holds 0"), open_clip(path):
        pass
    assert hash_clip(path) == ""  # which comes first where a clip's provenance is told


@pytest.mark.parametrize(
    ("limit", "message"), [("MAX_PIXELS", "found 30x20"), ("MAX_BYTES", "4 frames of 30x20")]
)
def test_frames_that_are_too_large_are_refused_with_their_size(
    limit: str, message: str, frames: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media, limit, 599 if limit == "MAX_PIXELS" else 7199)
    with open_clip(frames) as clip, pytest.raises(DataError, match=message):
        clip.read(range(4))


def paint_again(times: int, size: tuple[int, int] = (64, 48)) -> bytes:
    """A progressive JPEG whose last scan stands in it many times: each takes few bytes, and long."""
    buffer = io.BytesIO()
    Image.new("RGB", size).save(buffer, "JPEG", progressive=True)
    content = buffer.getvalue()
    last = content.rindex(b"\xff\xda")
    return content[:last] + content[last:-2] * times + content[-2:]


def test_a_frame_that_is_painted_without_end_is_not_begun(
    frames: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_folders, "MAX_PAINTED", 64 * 48 * 100)
    for times, message in ((50, "frames of one size"), (200, "at most 100 scans of 64x48; found 2")):
        (frames / "2.png").write_bytes(paint_again(times))
        with open_clip(frames) as clip, pytest.raises(DataError, match=message):
            clip.read(range(4))


def test_nor_is_one_of_a_film(tmp_path: Path) -> None:
    path = tmp_path / "clip.avi"
    for times, sound in ((10, True), (100, False)):
        with av.open(str(path), "w", format="avi") as container:
            stream = container.add_stream("mjpeg", rate=25)
            assert isinstance(stream, av.VideoStream)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
            for number in range(3):
                packet = av.Packet(paint_again(times))
                packet.stream, packet.pts, packet.dts = stream, number, number
                container.mux(packet)
        with (
            contextlib.nullcontext()
            if sound
            else pytest.raises(DataError, match="at most 32 scans; found one")
        ):
            assert probe_clip(path).width == 64
