"""Frames for people: the right ones, small enough, and a long video in blocks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gst_analysis.clips import pictures
from gst_analysis.clips.pictures import USUAL_RATE, iterate_frames, load_thumbnails, measure_rate
from gst_analysis.clips.records import ClipRecord
from gst_analysis.errors import DataError
from tests.clips.planted_clips import read_number, read_numbers, write_video
from tests.inference.fakes import write_greys


def test_thumbnails_are_the_frames_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_video(path, frames=30)
    shown = load_thumbnails(path, [4, 29, 4, 0])
    assert [read_number(picture) for picture in shown] == [4, 29, 4, 0]
    small = load_thumbnails(path, [4], side=48)[0]
    assert small.shape == (32, 48, 3)


@pytest.mark.parametrize("name", ["a.mp4", "a.webm", "a.avi"])
def test_all_frames_come_in_blocks_each_once(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "_BLOCK_BYTES", 9 * 96 * 64 * 3)
    write_video(tmp_path / name, frames=30)
    blocks = list(iterate_frames(ClipRecord("a", tmp_path / name)))
    assert [len(block) for block in blocks] == [9, 9, 9, 3]
    assert [n for block in blocks for n in read_numbers(block.pixels)] == list(range(30))
    assert np.concatenate([block.indices for block in blocks]).tolist() == list(range(30))


def test_a_large_video_is_reduced_while_it_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "LONGEST", 48)
    write_video(tmp_path / "a.mp4", frames=30)
    (block,) = iterate_frames(ClipRecord("a", tmp_path / "a.mp4"))
    assert block.pixels.shape == (30, 32, 48, 3)
    assert read_numbers(block.pixels.repeat(2, axis=1).repeat(2, axis=2)) == list(range(30))
    shown = load_thumbnails(tmp_path / "a.mp4", [4, 29, 4, 0])
    assert [read_number(picture.repeat(2, 0).repeat(2, 1)) for picture in shown] == [4, 29, 4, 0]
    assert shown[0].shape == (32, 48, 3)


def test_a_part_of_a_video_is_read_alone(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", frames=30)
    part = ClipRecord("a", tmp_path / "a.mp4", start_frame=10, stop_frame=14)
    (block,) = iterate_frames(part)
    assert read_numbers(block.pixels) == [10, 11, 12, 13]


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
