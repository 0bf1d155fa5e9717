"""Which frames of a file a record means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gst_analysis.clips.records import ClipRecord
from gst_analysis.clips.sampling import segment_indices
from gst_analysis.clips.spans import read_frames
from gst_analysis.errors import DataError
from tests.clips.planted_clips import read_numbers, write_folder, write_video


@pytest.fixture(scope="module", params=[".mp4", ".avi"])
def film(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("clips") / f"film{request.param}", frames=48, rate=24)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_folder(tmp_path_factory.mktemp("clips") / "folder", [f"{n + 1:05d}.jpg" for n in range(48)])


def every(total: int) -> np.ndarray:
    return np.arange(total)


def numbers(record: ClipRecord) -> list[int]:
    return read_numbers(read_frames(record, every).pixels)


def test_a_whole_file(film: Path, folder: Path) -> None:
    assert numbers(ClipRecord("a", film)) == list(range(48))
    assert numbers(ClipRecord("a", folder)) == list(range(48))
    assert numbers(ClipRecord("a", film, num_frames=30)) == list(range(30)), "as annotated"
    frames = read_frames(ClipRecord("a", film), lambda total: segment_indices(total, 8))
    assert read_numbers(frames.pixels) == [3, 9, 15, 21, 27, 33, 39, 45]


def test_parts_by_frames_and_by_times(film: Path, folder: Path) -> None:
    part: dict[str, Any] = {"start_frame": 12, "stop_frame": 24}
    assert numbers(ClipRecord("a", folder, **part)) == list(range(12, 24))
    assert numbers(ClipRecord("a", film, **part)) == list(range(12, 24))
    times: dict[str, Any] = {"start_s": 1.0, "stop_s": 1.5}
    assert numbers(ClipRecord("a", film, **times)) == list(range(24, 36))
    both = ClipRecord("a", film, **part, **times)
    assert numbers(both) == list(range(24, 36)), "a video's rate may not be that of the frame numbers"
    assert numbers(ClipRecord("a", folder, **part, **times)) == list(range(12, 24))
    frames = read_frames(both, every)
    assert frames.indices.tolist() == list(range(24, 36))
    np.testing.assert_allclose(frames.seconds, np.arange(24, 36) / 24, atol=1e-6)


def test_a_start_off_by_rounding_keeps_its_frame(film: Path) -> None:
    times = read_frames(ClipRecord("a", film), every).seconds
    start, stop = float(np.nextafter(times[5], 9)), float(np.nextafter(times[9], 9))
    assert numbers(ClipRecord("a", film, start_s=start, stop_s=stop)) == [5, 6, 7, 8]


def test_times_hold_under_a_variable_rate(tmp_path: Path) -> None:
    pts = (0, 40, 80, 300, 310, 350, 900, 940, 1500, 1600)
    film = write_video(tmp_path / "vfr.mp4", frames=10, pts_ms=pts)
    assert numbers(ClipRecord("a", film, start_s=0.3, stop_s=0.95)) == [3, 4, 5, 6, 7]


def test_an_end_that_is_a_frame_off_is_rounding(film: Path, folder: Path) -> None:
    for path in (film, folder):
        assert numbers(ClipRecord("a", path, num_frames=49)) == list(range(48))
        assert numbers(ClipRecord("a", path, num_frames=50)) == list(range(48))
    assert numbers(ClipRecord("a", film, start_s=1.5, stop_s=2.04)) == list(range(36, 48))


@pytest.mark.parametrize(
    "promise",
    [
        {"num_frames": 53},
        {"start_frame": 40, "stop_frame": 52},
        {"start_frame": 48, "stop_frame": 49},
        {"start_s": 1.0, "stop_s": 3.0},
        {"start_s": 5.0, "stop_s": 6.0},
        {"start_s": 1.001, "stop_s": 1.002},
    ],
)
def test_a_file_that_ends_before_its_annotation(promise: dict[str, float], film: Path) -> None:
    with pytest.raises(DataError, match="check that the file is whole"):
        read_frames(ClipRecord("a", film, **promise), every)  # type: ignore[arg-type] # settings by name, of any type


def test_a_part_of_a_video_cannot_be_found_by_time_in_images(folder: Path) -> None:
    with pytest.raises(DataError, match="frame numbers"):
        read_frames(ClipRecord("a", folder, start_s=0.5, stop_s=1.0), every)
