"""Folders of image files: every naming in use, and what must be refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gst_analysis.clips.decoding import decode_frames, open_clip, probe_clip
from gst_analysis.clips.frame_folders import list_frames
from gst_analysis.errors import DataError
from tests.clips.planted_clips import planted_frame, read_numbers, write_folder


@pytest.mark.parametrize(
    "pattern",
    [
        "{:05d}.jpg",
        "{:06d}.jpg",
        "img_{:05d}.jpg",
        "{}.jpg",
        "frame_{:010d}.jpg",
        "{:05d}.png",
        "img_{}.JPEG",
    ],
)
@pytest.mark.parametrize("first", [0, 1])
def test_frames_come_in_the_order_of_their_numbers(pattern: str, first: int, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "clip", [pattern.format(n + first) for n in range(12)])
    frames = decode_frames(folder, [11, 0, 2, 10, 2])
    assert read_numbers(frames.pixels) == [11, 0, 2, 10, 2]
    assert np.isnan(frames.seconds).all(), "image files do not say when they were taken"
    info = probe_clip(folder)
    assert (info.num_frames, info.width, info.height, info.fps) == (12, 96, 64, None)


def test_png_frames_are_exact(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "clip", ["1.png", "2.png"])
    np.testing.assert_array_equal(decode_frames(folder, [1]).pixels[0], planted_frame(1))


def test_every_fifth_frame_is_a_series_too(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "clip", [f"{5 * n:04d}.jpg" for n in range(4)])
    assert read_numbers(decode_frames(folder, [3]).pixels) == [3]


def test_flow_images_and_other_files_are_left_aside(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "clip", ["img_00001.jpg", "img_00002.jpg"])
    for name in ("flow_x_00001.jpg", "flow_y_00001.jpg"):
        Image.fromarray(planted_frame(99)).save(folder / name)
    for name in ("._img_00003.jpg", "Thumbs.db", "notes.txt", "cover.jpg"):
        (folder / name).write_bytes(b"no image")
    assert [path.name for path in list_frames(folder)] == ["img_00001.jpg", "img_00002.jpg"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "found none"),
        (["a.png", "b.png"], "found none"),
        (["1.jpg", "2.jpg", "4.jpg"], "4.jpg after 2.jpg"),
        (["1.jpg", "01.jpg"], "each once"),
        (["left_1.jpg", "right_1.jpg"], "frames of one kind"),
        (["1.jpg", "1.png"], "frames of one kind"),
    ],
)
def test_folders_that_are_no_clip(names: list[str], message: str, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "clip", names)
    with pytest.raises(DataError, match=message):
        probe_clip(folder)


@pytest.mark.parametrize("keep", [0, 10, 0.5])
def test_a_damaged_image_is_named(keep: float, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "clip", ["1.jpg", "2.jpg", "3.jpg"])
    content = (folder / "2.jpg").read_bytes()
    (folder / "2.jpg").write_bytes(content[: int(keep * len(content)) if keep == 0.5 else int(keep)])
    assert read_numbers(decode_frames(folder, [0, 2]).pixels) == [0, 2]
    with pytest.raises(DataError, match=r"2\.jpg: expected a whole JPEG or PNG image"):
        decode_frames(folder, [1])
    with open_clip(folder) as clip, pytest.raises(DataError, match=r"2\.jpg"):
        clip.verify()


def test_images_of_other_kinds_are_not_opened(tmp_path: Path) -> None:
    folder = tmp_path / "clip"
    folder.mkdir()
    Image.fromarray(planted_frame(1)).save(folder / "1.jpg", format="BMP")
    with pytest.raises(DataError, match="whole JPEG or PNG"):
        decode_frames(folder, [0])


def test_grey_palette_and_transparent_images_become_rgb(tmp_path: Path) -> None:
    folder = tmp_path / "clip"
    folder.mkdir()
    for number, mode in enumerate(["L", "P", "RGBA"]):
        Image.fromarray(planted_frame(number)).convert(mode).save(folder / f"{number}.png")
    frames = decode_frames(folder, [0, 1, 2])
    assert frames.pixels.shape == (3, 64, 96, 3)
    assert read_numbers(frames.pixels) == [0, 1, 2]


def test_the_turn_that_a_camera_notes_is_undone(tmp_path: Path) -> None:
    folder = tmp_path / "clip"
    folder.mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: to be turned clockwise by a quarter
    Image.fromarray(planted_frame(5)).save(folder / "1.png", exif=exif)
    frames = decode_frames(folder, [0])
    np.testing.assert_array_equal(frames.pixels[0], np.rot90(planted_frame(5), -1))


def test_frames_of_two_sizes_are_refused(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "clip", ["1.jpg", "2.jpg"])
    Image.fromarray(planted_frame(2, 100, 64)).save(folder / "3.jpg")
    with pytest.raises(DataError, match="frames of one size"):
        decode_frames(folder, [0, 2])


def test_a_forged_size_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "clip", ["1.png"])
    content = bytearray((folder / "1.png").read_bytes())
    content[16:24] = (9000).to_bytes(4, "big") * 2
    import zlib

    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    (folder / "1.png").write_bytes(content)
    with pytest.raises(DataError, match="9000x9000"):
        decode_frames(folder, [0])


def test_sixteen_bits_of_grey_are_scaled_and_not_cut_off(tmp_path: Path) -> None:
    """Every grey of 8 bits, and steps between, beside the same picture in 8 bits."""
    deep = (np.arange(64 * 96, dtype=np.uint32) * 65535 // (64 * 96 - 1)).reshape(64, 96).astype(np.uint16)
    folder = tmp_path / "clip"
    folder.mkdir()
    Image.fromarray(deep).save(folder / "1.png")
    Image.fromarray((deep >> 8).astype(np.uint8)).save(folder / "2.png")
    Image.fromarray(np.full((64, 96), 7 * 257, dtype=np.uint16)).save(folder / "3.png")
    one, other, flat = decode_frames(folder, [0, 1, 2]).pixels
    np.testing.assert_array_equal(one, other)
    assert set(np.unique(one)) == set(range(256))
    assert set(np.unique(flat)) == {7}
