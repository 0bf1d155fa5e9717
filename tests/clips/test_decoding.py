"""Sampled frames against one sequential decode, in every container, and what must be refused."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tracemalloc
import wave
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from gst_analysis.clips import video_files
from gst_analysis.clips.decoding import decode_frames, open_clip, probe_clip
from gst_analysis.clips.video_files import VideoFile, turn_upright
from gst_analysis.errors import DataError
from tests.clips.planted_clips import CODECS, cut, decode_all, planted_frame, read_numbers, write_video

FASTSTART = (("movflags", "faststart"),)


@pytest.fixture(scope="module", params=sorted(CODECS))
def film(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("films") / f"film{request.param}", gop=7, frames=40)


def test_sampled_frames_are_those_of_a_sequential_decode(film: Path) -> None:
    reference = decode_all(film)
    assert read_numbers(reference) == list(range(40))
    rng = np.random.default_rng(0)
    for wanted in ([0], [39], [6, 7, 8], [38, 2, 2, 20], *rng.integers(0, 40, (4, 5)).tolist()):
        frames = decode_frames(film, wanted)
        np.testing.assert_array_equal(frames.pixels, reference[wanted])
        np.testing.assert_allclose(frames.seconds, np.array(wanted) / 24, atol=1e-3)
        assert frames.indices.tolist() == wanted
        assert frames.pixels.dtype == np.uint8


def test_a_clip_is_counted_not_believed(film: Path) -> None:
    info = probe_clip(film)
    assert (info.num_frames, info.width, info.height, info.rotation) == (40, 96, 64, 0)
    assert info.fps == pytest.approx(24)
    assert info.seconds == pytest.approx(40 / 24, abs=2e-3)
    assert not info.truncated
    with open_clip(film) as clip:
        clip.verify()


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "libx264"), ("a.webm", "libvpx-vp9"), ("a.mkv", "libx265"), ("a.mp4", "libx265")],
)
def test_long_gaps_are_crossed_by_seeking(
    name: str, codec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_video(tmp_path / name, codec=codec, frames=60, gop=10)
    seen: list[int] = []
    advance = video_files._advance

    def counted(decoder: object, target: int) -> object:
        return advance((seen.append(f.pts) or f for f in decoder), target)  # type: ignore[attr-defined, func-returns-value] # append returns None, and so what follows

    monkeypatch.setattr(video_files, "_advance", counted)
    monkeypatch.setattr(VideoFile, "_read_forward", lambda *_: pytest.fail("read forwards"))
    assert read_numbers(decode_frames(path, [3, 57]).pixels) == [3, 57]
    assert len(seen) < 25, "decoded what lies between"


@pytest.mark.parametrize(
    ("name", "codec"), [("a.avi", "mpeg4"), ("a.mkv", "mpeg4"), ("a.webm", "libvpx"), ("a.ts", "libx264")]
)
def test_where_packets_need_not_be_frames_it_reads_forwards(
    name: str, codec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_video(tmp_path / name, codec=codec, frames=30)
    monkeypatch.setattr(VideoFile, "_read_seeking", lambda *_: pytest.fail("sought"))
    assert read_numbers(decode_frames(path, [29, 4, 17]).pixels) == [29, 4, 17]


@pytest.mark.parametrize("shift", [1, -1, 3 * 512])
def test_frames_without_the_wanted_timestamp_are_not_believed(shift: int, tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", frames=60, gop=10)
    with open_clip(path) as clip:
        assert isinstance(clip, VideoFile)
        clip._index = replace(clip._index, pts=clip._index.pts + shift)
        if shift < 512:
            with pytest.raises(video_files._Inexact):
                clip._read_seeking(np.array([5, 12, 30]))
            assert read_numbers(clip.read([5, 12, 30]).pixels) == [5, 12, 30]
        else:  # the last frames' timestamps do not exist
            with pytest.raises(video_files._Inexact):
                clip._read_seeking(np.array([59]))
            assert read_numbers(clip.read([59]).pixels) == [59]


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".mkv"])
def test_variable_frame_rate_keeps_its_times(suffix: str, tmp_path: Path) -> None:
    pts = (0, 40, 80, 300, 310, 350, 900, 940, 1500, 1600)
    path = write_video(tmp_path / f"vfr{suffix}", frames=10, pts_ms=pts)
    frames = decode_frames(path, [9, 3, 8])
    assert read_numbers(frames.pixels) == [9, 3, 8]
    np.testing.assert_allclose(frames.seconds, [1.6, 0.3, 1.5], atol=2e-3)
    info = probe_clip(path)
    assert info.num_frames == info.promised == 10
    assert info.fps == pytest.approx(9 / 1.6, rel=0.01)


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".mkv", ".avi", ".mpg"])
def test_a_clip_of_one_frame(suffix: str, tmp_path: Path) -> None:
    path = write_video(tmp_path / f"one{suffix}", frames=1)
    assert probe_clip(path).num_frames == 1
    frames = decode_frames(path, [0, 0, 0])
    assert frames.pixels.shape == (3, 64, 96, 3)
    assert frames.seconds.tolist() == [0, 0, 0]


def test_a_webm_without_duration_or_count(tmp_path: Path) -> None:
    path = write_video(tmp_path / "live.webm", muxer=(("live", "1"),))
    with av.open(str(path)) as container:
        assert container.duration is None
        assert container.streams.video[0].frames == 0
    info = probe_clip(path)
    assert (info.num_frames, info.promised) == (48, 48)


def test_odd_sizes_and_a_lying_suffix(tmp_path: Path) -> None:
    path = write_video(tmp_path / "odd.webm", width=101, height=67, frames=5).rename(tmp_path / "odd.mp4")
    assert decode_frames(path, [4]).pixels.shape == (1, 67, 101, 3)
    assert probe_clip(path).codec == "vp9"


@pytest.mark.skipif(
    not hasattr(av.VideoStream, "set_display_rotation"), reason="this PyAV cannot write a display matrix"
)
@pytest.mark.parametrize(
    ("rotation", "hflip"), [(0, False), (90, False), (180, False), (-90, False), (0, True)]
)
def test_rotated_video_comes_out_upright(rotation: int, hflip: bool, tmp_path: Path) -> None:
    path = write_video(tmp_path / "turned.mp4", frames=3, rotation=rotation, hflip=hflip)
    stored = decode_all(path)[2]
    with av.open(str(path)) as container:
        degrees = next(container.decode(video=0)).rotation
    upright = np.rot90(stored, degrees // 90) if not hflip else stored[:, ::-1]
    frames = decode_frames(path, [2])
    np.testing.assert_array_equal(frames.pixels[0], upright)
    info = probe_clip(path)
    assert (info.height, info.width) == upright.shape[:2]
    assert hflip or abs(info.rotation) == abs(rotation)


@pytest.mark.parametrize(
    "matrix",
    [(1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0), (-1, 0, 0, 1), (1, 0, 0, -1), (0, 1, 1, 0)],
)
def test_upright_is_where_the_matrix_sends_each_pixel(matrix: tuple[int, int, int, int]) -> None:
    a, b, c, d = matrix
    pixels = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    shown = turn_upright(pixels, matrix)
    y, x = np.mgrid[:4, :6]
    across, down = a * x + c * y, b * x + d * y
    np.testing.assert_array_equal(shown[down - down.min(), across - across.min()], pixels)


def test_a_slanted_matrix_leaves_the_frame() -> None:
    pixels = planted_frame(3)
    assert turn_upright(pixels, (1, 1, -1, 1)) is pixels


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("name", ["a.mp4", "a.webm", "a.mkv", "a.avi"])
def test_truncated_files_are_detected(name: str, share: float, tmp_path: Path) -> None:
    muxer = FASTSTART if name.endswith(".mp4") else ()
    path = write_video(tmp_path / name, noise=True, muxer=muxer)
    assert decode_frames(path, [47]).indices.tolist() == [47]
    short = cut(path, share)
    assert len(decode_all_that_can_be(short)) < 48, "nothing was lost"
    with pytest.raises(DataError, match=r"truncated one that lacks about \d+ frames"):
        decode_frames(short, [0])


def decode_all_that_can_be(path: Path) -> list[int | None]:
    pts = []
    with av.open(str(path)) as container:
        try:
            pts += [frame.pts for frame in container.decode(video=0)]
        except av.FFmpegError:
            return pts
    return pts


def test_the_promise_of_a_truncated_file(tmp_path: Path) -> None:
    info = probe_clip(cut(write_video(tmp_path / "a.webm", noise=True), 0.5))
    assert info.truncated
    assert 15 < info.num_frames < 33
    assert info.promised == 48


def test_an_mp4_whose_index_is_lost(tmp_path: Path) -> None:
    path = cut(write_video(tmp_path / "a.mp4", noise=True), 0.6)
    with pytest.raises(DataError, match="expected a video file that can be decoded"):
        probe_clip(path)


def test_an_edit_list_hides_frames_and_is_no_truncation(tmp_path: Path) -> None:
    """A phone trims a film by an edit list: the samples stay, the player skips those outside."""
    whole = write_video(tmp_path / "whole.mp4", frames=30, gop=10, b_frames=0)
    path = tmp_path / "trimmed.mp4"
    with av.open(str(whole)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                assert packet.pts is not None
                assert packet.duration is not None
                packet.pts -= 5 * packet.duration
                packet.dts -= 5 * packet.duration
                packet.stream = stream
                target.mux(packet)
    assert read_numbers(decode_all(path)) == list(range(5, 30))
    content = path.read_bytes()
    at = content.index(b"elst") + 12  # after the version, flags and count: the edit's duration
    shorter = int.from_bytes(content[at : at + 4], "big") * 10 // 25
    path.write_bytes(content[:at] + shorter.to_bytes(4, "big") + content[at + 4 :])
    shown = read_numbers(decode_all(path))
    assert len(shown) < 25, "the edit list was not heeded"
    info = probe_clip(path)
    assert (info.num_frames, info.promised) == (len(shown), len(shown))
    assert read_numbers(decode_frames(path, [0, 7]).pixels) == [shown[0], shown[7]]


@pytest.mark.parametrize(
    "content", [b"", b"\0" * 5000, bytes(range(256)) * 40], ids=["empty", "zeros", "bytes"]
)
def test_what_is_no_video(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(DataError, match="expected a video file that can be decoded") as caught:
        decode_frames(path, [0])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["headless.mkv", "headless.mp4"])
def test_a_film_that_starts_between_keyframes(name: str, tmp_path: Path) -> None:
    """A recording that was cut out of a stream: its first packets cannot be decoded, so count frames."""
    whole = write_video(tmp_path / "whole.mp4", frames=30, gop=10, b_frames=0)
    path = tmp_path / name
    with av.open(str(whole)) as source, av.open(str(path), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in list(source.demux(video=0))[4:]:
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    reference = decode_all(path)
    assert len(reference) < 26, "no frame was lost"
    assert probe_clip(path).num_frames == len(reference)
    np.testing.assert_array_equal(decode_frames(path, [0, 13]).pixels, reference[[0, 13]])


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are counted in /proc")
def test_no_thread_outlives_a_decode(tmp_path: Path) -> None:
    """A frame freed in a forked worker must not wait for threads that only its parent had."""
    path = write_video(tmp_path / "a.mp4", frames=20)
    gc.collect()
    gc.disable()
    try:
        before = len(os.listdir("/proc/self/task"))
        decode_frames(path, [1, 7, 19])
        assert len(os.listdir("/proc/self/task")) <= before
    finally:
        gc.enable()


def test_a_playlist_opens_no_other_file(tmp_path: Path) -> None:
    write_video(tmp_path / "other.mp4", frames=3)
    path = tmp_path / "list.mp4"
    path.write_text("ffconcat version 1.0\nfile other.mp4\n")
    with av.open(str(path)) as container:
        assert container.format.name == "concat", "FFmpeg itself follows it"
    with pytest.raises(DataError):
        decode_frames(path, [0])


def test_sound_alone_is_no_clip(tmp_path: Path) -> None:
    path = tmp_path / "sound.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.rate = 8000
        container.mux(stream.encode(frame))
    with pytest.raises(DataError, match="expected a video stream"):
        decode_frames(path, [0])
    with wave.open(str(tmp_path / "sound.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(1600))
    with pytest.raises(DataError):
        decode_frames(tmp_path / "sound.wav", [0])


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing there"):
        probe_clip(tmp_path / "a.mp4")


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
@pytest.mark.parametrize("wanted", [[40], [-1], [], [[1, 2]]])
def test_positions_outside_the_clip(suffix: str, wanted: list[int], tmp_path: Path) -> None:
    path = write_video(tmp_path / f"a{suffix}", frames=40)
    with pytest.raises(DataError):
        decode_frames(path, wanted)


def test_damaged_bytes_end_in_frames_or_in_one_line(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    read, refused = 0, []
    for suffix in (".mp4", ".webm", ".avi"):
        whole = np.frombuffer(
            write_video(tmp_path / f"a{suffix}", frames=20, noise=True).read_bytes(), np.uint8
        )
        for trial in range(25):
            content = whole.copy()
            places = rng.integers(0, len(content) if trial % 2 else 1000, size=[1, 5, 50][trial % 3])
            content[places] = rng.integers(0, 256, len(places))
            (tmp_path / f"b{suffix}").write_bytes(content.tobytes())
            try:
                assert decode_frames(tmp_path / f"b{suffix}", [0, 7, 19]).pixels.shape[0] == 3
                read += 1
            except DataError as error:
                refused.append(str(error))
    assert read
    assert refused
    assert all(message.isprintable() for message in refused)


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_only_wanted_frames_are_kept(suffix: str, tmp_path: Path) -> None:
    path = write_video(tmp_path / f"long{suffix}", frames=400, width=160, height=120)
    frame_bytes = 160 * 120 * 3
    decode_frames(path, [0])
    tracemalloc.start()
    try:
        decode_frames(path, [10, 200, 390])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20 * frame_bytes


def test_records_sampling_decoding_and_checking_never_import_torch() -> None:
    modules = ("records", "sampling", "decoding", "mirroring")
    code = "import sys\n" + "\n".join(f"import gst_analysis.clips.{name}" for name in modules)
    code += "\nsys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
