"""Clips that stay at hand: opened once, read once, and anew when they have changed."""

from __future__ import annotations

import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from gst_analysis.clips import opened as opened_clips
from gst_analysis.clips.decoding import open_media
from gst_analysis.clips.media import Indices
from gst_analysis.clips.opened import OpenedClips
from gst_analysis.clips.records import ClipRecord
from gst_analysis.clips.spans import read_frames
from gst_analysis.errors import DataError
from tests.clips.planted_clips import write_folder, write_video

NAMES = [f"{number:05}.png" for number in range(1, 10)]


def choose(*places: int) -> object:
    return lambda total: np.array(places, dtype=np.int64)


@pytest.fixture
def openings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows with every clip that is opened."""
    seen: list[str] = []

    def note(path: Path, *, flow: bool) -> object:
        seen.append(str(path))
        return open_media(path, flow=flow)

    monkeypatch.setattr(opened_clips, "open_media", note)
    return seen


@pytest.mark.parametrize("kind", ["video", "folder"])
def test_frames_are_those_of_a_plain_reading(tmp_path: Path, openings: list[str], kind: str) -> None:
    path = (
        write_video(tmp_path / "a.mp4", frames=9) if kind == "video" else write_folder(tmp_path / "a", NAMES)
    )
    record, clips = ClipRecord("a", path, start_frame=1, stop_frame=7), OpenedClips()
    plain = read_frames(record, choose(0, 3, 3, 5))  # type: ignore[arg-type] # it chooses
    for _ in range(2):
        found = clips.read(record, choose(0, 3, 3, 5))  # type: ignore[arg-type] # likewise
        np.testing.assert_array_equal(found.pixels, plain.pixels)
        np.testing.assert_array_equal(found.indices, [1, 4, 4, 6])
        np.testing.assert_array_equal(found.seconds, plain.seconds)
    np.testing.assert_array_equal(clips.look(path, 4), plain.pixels[1])  # in memory
    np.testing.assert_array_equal(clips.look(path, 2), read_frames(record, choose(1)).pixels[0])  # type: ignore[arg-type] # it chooses
    assert openings == [str(path)]


def test_what_was_read_is_not_decoded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, clips = write_video(tmp_path / "a.mp4", frames=6), OpenedClips()
    record = ClipRecord("a", path)
    first = clips.read(record, choose(1, 3))  # type: ignore[arg-type] # it chooses
    monkeypatch.setattr(type(clips.open(path)), "read", lambda *_: pytest.fail("read again"))
    assert clips.read(record, choose(1, 3)) is first  # type: ignore[arg-type] # it chooses
    np.testing.assert_array_equal(clips.look(path, 3), first.pixels[1])


def test_memory_is_bounded(tmp_path: Path, openings: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [write_video(tmp_path / f"{name}.mp4", frames=4) for name in "abc"]
    size = read_frames(ClipRecord("a", paths[0]), choose(0)).pixels.nbytes  # type: ignore[arg-type] # it chooses
    clips = OpenedClips(frame_bytes=2 * size)
    for path in paths:
        clips.read(ClipRecord(path.name, path), choose(0))  # type: ignore[arg-type] # it chooses
    assert [key[0] for key in clips._frames] == [str(path) for path in paths[1:]]
    clips.read(ClipRecord("a", paths[0]), choose(0, 1, 2))  # type: ignore[arg-type] # too large to be kept
    assert len(clips._frames) == 2
    monkeypatch.setattr(opened_clips, "_MOST_CLIPS", 1)
    clips, before = OpenedClips(), len(openings)
    for path in (paths[0], paths[1], paths[1], paths[0]):
        clips.open(path)
    assert openings[before:] == [str(paths[0]), str(paths[1]), str(paths[0])]


def test_a_clip_that_has_changed_is_opened_anew(tmp_path: Path, openings: list[str]) -> None:
    path, clips = write_video(tmp_path / "a.mp4", frames=6), OpenedClips()
    record = ClipRecord("a", path)
    assert len(clips.read(record, lambda total: np.arange(total))) == 6
    write_video(path, frames=4)
    os.utime(path, (1, 1))
    assert len(clips.read(record, lambda total: np.arange(total))) == 4
    assert len(openings) == 2
    path.unlink()
    for fail in (lambda: clips.open(path), lambda: clips.look(path, 0)):
        with pytest.raises(DataError, match="nothing there"):
            fail()


def test_several_threads_read_one_clip(tmp_path: Path) -> None:
    path, clips = write_video(tmp_path / "a.mp4", frames=24), OpenedClips(frame_bytes=0)
    record = ClipRecord("a", path)

    def read(place: int) -> np.ndarray:
        def pick(_: int) -> Indices:
            return np.array([place])

        return clips.read(record, pick).pixels[0]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(read, list(range(24)) * 3))
    for place, pixels in enumerate(found):
        np.testing.assert_array_equal(pixels, found[place % 24])
        np.testing.assert_array_equal(pixels, clips.look(path, place % 24))


def test_nothing_of_it_travels(tmp_path: Path) -> None:
    path, clips = write_video(tmp_path / "a.mp4", frames=3), OpenedClips()
    clips.look(path, 0)
    there = pickle.loads(pickle.dumps(clips))
    assert not there._clips
    np.testing.assert_array_equal(there.look(path, 1), clips.look(path, 1))
