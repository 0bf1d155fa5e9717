"""Folders of optical flow: every naming in use, what is read of them, and what must be refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gst_analysis.clips.dataset import ReadingPlan, load_views
from gst_analysis.clips.decoding import open_clip
from gst_analysis.clips.flow_folders import STILL
from gst_analysis.clips.opened import OpenedClips
from gst_analysis.clips.records import ClipRecord
from gst_analysis.clips.spans import read_flow, read_frames
from gst_analysis.clips.transforms import mirror_clips
from gst_analysis.errors import DataError
from gst_analysis.networks.clip_specs import ClipSpec

PAIRS = ("flow_{}_{:05d}.png", "{}_{:05d}.png", "000123-{}_{:05d}.png", "{}{:05d}.png")


def write_flow(
    folder: Path, pattern: str = PAIRS[0], *, steps: int = 12, size: int = 40, first: int = 0
) -> Path:
    """Step n moves n across and 100 + n down, both from `first` on."""
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(steps):
        for axis, value in (("x", first + n), ("y", first + 100 + n)):
            Image.fromarray(np.full((size, size), value, dtype=np.uint8)).save(
                folder / pattern.format(axis, n + 1)
            )
    return folder


@pytest.mark.parametrize("pattern", PAIRS)
def test_the_images_across_and_down_are_one_frame(pattern: str, tmp_path: Path) -> None:
    folder = write_flow(tmp_path / "clip", pattern)
    for n in range(3):  # colour frames beside them are left aside
        Image.fromarray(np.full((40, 40, 3), 7, dtype=np.uint8)).save(folder / f"img_{n:05d}.png")
    with open_clip(folder, flow=True) as clip:
        assert clip.num_frames == 12
        frames = clip.read([11, 0, 3])
    assert frames.pixels.shape == (3, 40, 40, 3)
    assert frames.pixels[:, 0, 0].tolist() == [[11, 111, STILL], [0, 100, STILL], [3, 103, STILL]]
    assert read_frames(ClipRecord("clip", folder), lambda total: np.arange(total)).pixels.max() == 7


def test_u_and_v_are_across_and_down(tmp_path: Path) -> None:
    folder = write_flow(tmp_path / "clip", "{}_{:03d}.png", steps=2)
    for path in list(folder.iterdir()):
        path.rename(folder / path.name.replace("x_", "u_").replace("y_", "v_"))
    with open_clip(folder, flow=True) as clip:
        assert clip.read([1]).pixels[0, 0, 0].tolist() == [1, 101, STILL]


def test_one_image_may_hold_both(tmp_path: Path) -> None:
    """As TSM's lists of Something-Something v2 have it: red is across, green is down, blue is blank."""
    for n in range(3):
        Image.fromarray(np.full((40, 40, 3), (n, 50 + n, 0), dtype=np.uint8)).save(tmp_path / f"{n:06d}.png")
    with open_clip(tmp_path, flow=True) as clip:
        assert clip.read([2]).pixels[0, 0, 0].tolist() == [2, 52, STILL]


def _colours(folder: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "00001.png")


def _without_one(folder: Path) -> None:
    (write_flow(folder) / "flow_y_00012.png").unlink()


def _of_two_sizes(folder: Path) -> None:
    Image.fromarray(np.zeros((20, 20), dtype=np.uint8)).save(write_flow(folder) / "flow_y_00001.png")


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (_colours, "three colours"),
        (_without_one, "12 images across and 11 down"),
        (_of_two_sizes, "20x20 and 40x40"),
        (lambda folder: (folder / "notes.txt").write_text("no image"), "no images"),
    ],
)
def test_what_is_no_flow_is_refused(make: Callable[[Path], object], found: str, tmp_path: Path) -> None:
    make(tmp_path)
    with pytest.raises(DataError, match=found):
        read_flow(ClipRecord("clip", tmp_path), lambda total: np.arange(total))


def test_a_video_file_is_no_flow_and_flow_is_no_colour(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"video")
    with pytest.raises(DataError, match="a folder of optical flow"):
        read_flow(ClipRecord("clip", tmp_path / "clip.mp4"), lambda total: np.arange(total))
    folder = write_flow(tmp_path / "clip")
    with pytest.raises(DataError, match="frames of one kind"):
        read_frames(ClipRecord("clip", folder), lambda total: np.arange(total))


def test_a_network_of_flow_is_given_whole_stacks(tmp_path: Path) -> None:
    """Five neighbouring steps from the middle of each segment, as TSN takes them: from 2 and 6 of 12."""
    spec = ClipSpec(10, "segments-of-5", resize=40, crop=40, mean=(0, 0, 0), std=(1, 1, 1), colours="flow")
    record = ClipRecord("clip", write_flow(tmp_path / "clip"))
    plan = ReadingPlan(spec, normalise=False)
    views, _ = load_views(record, plan)
    assert views[0, :, 0, 0, 0].tolist() == [2, 3, 4, 5, 6, 6, 7, 8, 9, 10]
    again, _ = load_views(record, plan, read=OpenedClips(flow=True).read)
    assert torch.equal(views, again)


def test_in_a_mirror_motion_across_turns_round() -> None:
    clips = torch.arange(24, dtype=torch.uint8).view(1, 3, 2, 4)
    flow = mirror_clips(clips, ClipSpec(colours="flow"))
    plain = clips.flip(-1)
    assert torch.equal(flow[:, 0], 255 - plain[:, 0])
    assert torch.equal(flow[:, 1:], plain[:, 1:])
    assert torch.equal(mirror_clips(clips, ClipSpec()), plain)
