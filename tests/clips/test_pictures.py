"""Frames for people: the right ones, small enough, and those of a long video in turn, decoded once."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from av.video.frame import VideoFrame
from PIL import Image

from gst_analysis.clips import pictures, video_files
from gst_analysis.clips.opened import OpenedClips
from gst_analysis.clips.patience import LEAST_S
from gst_analysis.clips.pictures import USUAL_RATE, iterate_frames, load_thumbnails, measure_rate
from gst_analysis.clips.records import ClipRecord
from gst_analysis.clips.video_files import VideoFile
from gst_analysis.errors import DataError
from tests.clips.planted_clips import Pixels, read_number, read_numbers, write_video
from tests.inference.fakes import write_greys


def test_thumbnails_are_the_frames_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_video(path, frames=30)
    shown = load_thumbnails(path, [4, 29, 4, 0])
    assert [read_number(picture) for picture in shown] == [4, 29, 4, 0]
    small = load_thumbnails(path, [4], side=48)[0]
    assert small.shape == (32, 48, 3)


def _read_all(record: ClipRecord) -> tuple[list[int], Pixels]:
    """The places and the pixels that come."""
    places, pictures = zip(*iterate_frames(record), strict=True)
    return list(places), np.stack(pictures)


@pytest.mark.parametrize("name", ["a.mp4", "a.webm", "a.avi"])
def test_all_frames_come_in_turn_and_each_is_decoded_once(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_video(tmp_path / name, frames=30)
    record, decoded = ClipRecord("a", tmp_path / name), []
    at_hand, decode = OpenedClips(), video_files._decode
    _ = at_hand.open(record.path).num_frames  # decodes them all where packets need not be frames

    def count(*opened: Any) -> Iterator[VideoFrame]:
        for frame in decode(*opened):
            decoded.append(frame.pts)
            yield frame

    monkeypatch.setattr(video_files, "_decode", count)
    places, frames = zip(*iterate_frames(record, at_hand=at_hand), strict=True)
    assert list(places) == read_numbers(np.stack(frames)) == list(range(30))
    assert len(decoded) == 30


def test_a_large_video_is_reduced_while_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "LONGEST", 48)
    write_video(tmp_path / "a.mp4", frames=30)
    _, frames = _read_all(ClipRecord("a", tmp_path / "a.mp4"))
    assert frames.shape == (30, 32, 48, 3)
    assert read_numbers(frames.repeat(2, axis=1).repeat(2, axis=2)) == list(range(30))
    shown = load_thumbnails(tmp_path / "a.mp4", [4, 29, 4, 0])
    assert [read_number(picture.repeat(2, 0).repeat(2, 1)) for picture in shown] == [4, 29, 4, 0]
    assert shown[0].shape == (32, 48, 3)


def test_a_part_of_a_video_is_read_alone(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", frames=30)
    part = ClipRecord("a", tmp_path / "a.mp4", start_frame=10, stop_frame=14)
    places, frames = _read_all(part)
    assert places == read_numbers(frames) == [10, 11, 12, 13]


def test_frames_that_are_not_where_the_index_says_are_counted_from_there_on(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", frames=30)
    clip = VideoFile(tmp_path / "a.mp4")
    pts = clip._index.pts.copy()
    pts[12:] += 1
    clip._index = dataclasses.replace(clip._index, pts=pts)
    assert read_numbers(np.stack(list(clip.follow(range(10, 16))))) == list(range(10, 16))


def test_a_film_may_take_its_time_over_each_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_video(tmp_path / "a.mp4", frames=30)
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    for _ in VideoFile(tmp_path / "a.mp4").follow(range(30)):
        clock[0] += 60  # all of it is what drawing takes
    assert clock[0] > LEAST_S * 100


def test_frames_of_two_sizes_are_refused(tmp_path: Path) -> None:
    write_greys(tmp_path / "a", [1, 2])
    Image.new("RGB", (20, 10)).save(sorted((tmp_path / "a").iterdir())[-1])
    with pytest.raises(DataError, match="frames of one size"):
        _read_all(ClipRecord("a", tmp_path / "a"))


def test_the_rate_is_the_clips_own(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", frames=30, rate=30)
    assert measure_rate(ClipRecord("a", tmp_path / "a.mp4")) == pytest.approx(30)
    folder = write_greys(tmp_path / "b", [1, 2])
    assert measure_rate(ClipRecord("b", folder)) == USUAL_RATE
    write_video(tmp_path / "one.mp4", frames=1)
    assert measure_rate(ClipRecord("one", tmp_path / "one.mp4")) == USUAL_RATE


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    with pytest.raises(DataError):
        load_thumbnails(tmp_path / "bad.mp4", [0])
    with pytest.raises(DataError):
        list(iterate_frames(ClipRecord("gone", tmp_path / "gone.mp4")))
