"""Frames kept on disk: whatever becomes of the files and of their folder."""

from __future__ import annotations

import dataclasses
import logging
import multiprocessing
import os
import shutil
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.random import default_rng

from gst_analysis.clips.records import ClipRecord, RecordList
from gst_analysis.errors import OutputError
from gst_analysis.files import write_draft
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.training import kept_files, kept_frames
from gst_analysis.training.kept_files import Form
from gst_analysis.training.kept_frames import identify, open_kept_frames
from gst_analysis.training.kept_room import FolderRoom
from gst_analysis.training.loaders import build_dataset, build_loader, end_workers
from gst_analysis.training.sources import load_sources
from tests.training.kept import FORMS, all_of, equal, files, keep, settings
from tests.training.runs import tiny


@pytest.mark.parametrize("form", FORMS)
def test_what_was_damaged_is_made_anew_and_said_once(
    form: Form, records: RecordList, tmp_path: Path, notices: pytest.LogCaptureFixture
) -> None:
    first = keep(tmp_path, form)
    whole = [first(record, all_of) for record in records]
    paths = files(tmp_path)
    contents = [path.read_bytes() for path in paths]
    for number, path in enumerate(paths):
        content = contents[number]
        flipped = bytearray(content)
        flipped[number * len(content) // len(paths)] ^= 1
        longer, swapped = content + b"x", contents[number - 1]
        cut = content[: number * 40]
        path.write_bytes([cut, bytes(flipped), b"", longer, b"\xff" * 300, swapped][number % 6])
    again = keep(tmp_path, form)
    for _ in range(2):
        assert all(map(equal, [again(record, all_of) for record in records], whole))
    assert [path.read_bytes() for path in paths] == contents
    assert len(notices.messages) == 1
    assert "are damaged" in notices.messages[0]
    assert not list(tmp_path.rglob(".*"))


def test_what_is_in_the_way_is_left_there(
    records: RecordList, tmp_path: Path, notices: pytest.LogCaptureFixture
) -> None:
    whole = keep(tmp_path)(records[0], all_of)
    (path,) = files(tmp_path)
    for block, gives_way in ((os.mkfifo, True), (os.mkdir, False)):
        path.unlink()
        block(path)
        notices.clear()
        kept = keep(tmp_path)
        assert all(equal(kept(records[0], all_of), whole) for _ in range(2))
        assert "are damaged" in notices.messages[0]
        assert path.is_file() == gives_way


def test_every_bit_is_checked(records: RecordList, tmp_path: Path) -> None:
    """Whatever byte of a file changes, the frames do not."""
    record = records[0]
    kept = keep(tmp_path, spec=ClipSpec(2, resize=16, crop=16))
    whole = kept(record, all_of)
    (path,) = files(tmp_path)
    content = path.read_bytes()
    rng = default_rng(0)
    for place in [*range(0, 64, 8), *rng.integers(64, len(content), 8).tolist()]:
        changed = bytearray(content)
        changed[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(changed)
        assert equal(kept(record, all_of), whole)
        assert path.read_bytes() == content


TABLES: dict[str, tuple[list[int], int, int, int]] = {
    "frames that end before they begin": ([24, 12, 24], 2, 2, 0),
    "an end beyond any file": ([2**63 + 5, 24], 2, 2, 0),
    "a sum that wraps": ([12, 2**64 - 1, 24], 2, 2, 0),
    "no pixels": ([0, 24], 0, 0, 0),
    "an index beyond any video": ([12, 24], 2, 2, 2**63 - 1),
    "an index before any video": ([12, 24], 2, 2, -(2**63)),
    "pixels without end": ([12, 24], 2**32 - 1, 2**32 - 1, 0),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_that_lies_with_the_right_checksum_is_damaged(name: str, tmp_path: Path) -> None:
    ends, height, width, start = TABLES[name]
    table = np.zeros(len(ends), kept_files._ENTRY)
    table["end"] = ends
    identity, contents = b"i" * 32, bytes(24)
    table["checksum"] = zlib.crc32(contents[:12])
    head = kept_files._HEAD.pack(kept_files._MAGIC, identity, len(ends), height, width, start)
    lead = head + table.tobytes()
    path = tmp_path / "a.frames"
    path.write_bytes(lead + kept_files._CHECKSUM.pack(zlib.crc32(lead)) + contents)
    with pytest.raises(kept_files.Damaged):
        kept_files.load_kept(path, identity, "raw", np.arange)


def test_a_changed_video_is_decoded_anew(records: RecordList, tmp_path: Path) -> None:
    video = tmp_path / "clip.mp4"
    shutil.copy(records[0].path, video)
    record, kept = dataclasses.replace(records[0], path=video), keep(tmp_path / "kept")
    old = kept(record, all_of)
    before = video.stat()
    shutil.copy(records[1].path, video)
    os.utime(video, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    new = kept(record, all_of)
    assert not equal(old, new)
    assert equal(new, kept(dataclasses.replace(records[1], clip=record.clip), all_of))
    assert len(files(tmp_path / "kept")) == 2


def test_a_changed_image_in_a_folder_is_seen(folders: Path, tmp_path: Path) -> None:
    records = load_sources(tiny(folders, {"data.clips": "frames"})).train
    copy = tmp_path / "clip"
    shutil.copytree(records[0].path, copy)
    before = identify(copy)
    assert before == identify(copy) is not None
    image = sorted(copy.iterdir())[3]
    image.write_bytes(image.read_bytes() + b"\0")  # in place: the folder itself is as old as before
    assert identify(copy) != before


def test_other_forms_sizes_and_parts_lie_apart(records: RecordList, tmp_path: Path) -> None:
    record = records[0]
    part = dataclasses.replace(record, start_frame=2, stop_frame=6, num_frames=None)
    seen = [
        keep(tmp_path, form, spec=ClipSpec(2, resize=size, crop=size))(one, all_of)
        for form in FORMS
        for size in (16, 32)
        for one in (record, part)
    ]
    assert len(files(tmp_path)) == len(seen) == 8
    assert seen[3].indices.tolist() == [2, 3, 4, 5]
    np.testing.assert_array_equal(seen[3].pixels, seen[2].pixels[2:6])
    np.testing.assert_array_equal(seen[3].seconds, seen[2].seconds[2:6])


@pytest.mark.parametrize("form", FORMS)
def test_what_does_not_fit_is_decoded_and_said_once(
    form: Form, records: RecordList, tmp_path: Path, notices: pytest.LogCaptureFixture
) -> None:
    free = keep(tmp_path / f"free-{form}", form)
    whole = [free(record, all_of) for record in records]
    some = keep(tmp_path / form, form, mib=0.05)
    for _ in range(2):
        assert all(equal(some(r, all_of), a) for r, a in zip(records, whole, strict=True))
    held = sum(path.stat().st_size for path in files(tmp_path / form))
    assert 0.02 * 2**20 < held <= 0.05 * 2**20
    assert 0 < len(files(tmp_path / form)) < len(records)
    assert len(notices.messages) == 1
    assert "take all of data.cache_mib" in notices.messages[0]
    assert FolderRoom(tmp_path / form, 2**20).measure() == held


def test_clips_that_would_fill_the_memory_are_not_kept(
    records: RecordList, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = keep(tmp_path / "a")(records[0], all_of)
    monkeypatch.setattr(kept_frames, "MOST_BYTES", 8 * 32 * 32 * 3 - 1)
    kept = keep(tmp_path / "b")
    assert equal(kept(records[0], all_of), whole)
    assert not files(tmp_path / "b")


def test_large_frames_are_packed_a_block_at_a_time(
    records: RecordList, folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_folders = load_sources(tiny(folders, {"data.clips": "frames"})).train
    for number, record in enumerate((records[0], in_folders[0])):
        part = dataclasses.replace(record, start_frame=0, stop_frame=8)
        whole = keep(tmp_path / f"{number}")(part, all_of)
        monkeypatch.setattr(kept_frames, "_LEAST_BLOCK", 3)
        monkeypatch.setattr(kept_frames, "_BLOCK_BYTES", 1)
        assert equal(keep(tmp_path / f"{number}-blocks")(part, all_of), whole)
        assert (
            files(tmp_path / f"{number}")[0].read_bytes()
            == files(tmp_path / f"{number}-blocks")[0].read_bytes()
        )
        monkeypatch.undo()


def _read_all(folder: Path, records: RecordList, mib: float, start: float) -> None:
    kept = keep(folder, mib=mib)
    time.sleep(max(0.0, start - time.time()))
    for record in records:
        kept(record, all_of)


def test_processes_that_fill_one_folder_keep_to_its_bound(records: RecordList, tmp_path: Path) -> None:
    whole = [keep(tmp_path / "alone")(record, all_of) for record in records]
    for mib in (0.1, 100):
        folder = tmp_path / f"shared-{mib}"
        context = multiprocessing.get_context("fork")
        start = time.time() + 0.05
        crowd = [context.Process(target=_read_all, args=(folder, records, mib, start)) for _ in range(2)]
        for one in crowd:
            one.start()
        for one in crowd:
            one.join()
        assert [one.exitcode for one in crowd] == [0, 0]
        assert FolderRoom(folder, 1).measure() <= mib * 2**20
        assert not [path for path in folder.rglob(".*") if path.is_file()]
        assert len(files(folder)) == 12 if mib == 100 else 0 < len(files(folder)) < 12
        after = keep(folder)
        assert all(equal(after(r, all_of), a) for r, a in zip(records, whole, strict=True))


def test_workers_fill_it_and_say_a_thing_once(
    small: Path, records: RecordList, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config = tiny(small, settings(tmp_path, "raw", data__workers="2"))
    kept = keep(tmp_path / "gst-frames", mib=0.1)
    dataset = build_dataset(records, config, train=True, kept=kept)
    plain = build_dataset(records, tiny(small), train=True)
    loader = build_loader(dataset, [[n, n + 1] for n in range(0, 12, 2)], config, torch.device("cpu"))  # type: ignore[arg-type] # lists of places, which a sampler would give
    handler = logging.StreamHandler()
    logging.getLogger("gst_analysis.notices").addHandler(handler)
    try:
        for _ in range(2):
            assert sum(len(batch.labels) for batch in loader) == len(plain) == 12
    finally:
        logging.getLogger("gst_analysis.notices").removeHandler(handler)
        end_workers(loader)
    assert 0 < len(files(tmp_path)) < 12
    assert capfd.readouterr().err.count("take all of data.cache_mib") == 1


@pytest.mark.parametrize("name", ["a\nb", "..", "x" * 200, "\x1b[31m", "nul\u202e", "-rf", "$(x)"])
def test_names_are_never_paths(name: str, records: RecordList, tmp_path: Path) -> None:
    video = tmp_path / "videos" / name / f"{name}.mp4"
    video.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(records[0].path, video)
    kept = keep(tmp_path / "kept")
    frames = kept(ClipRecord(f"../../{name}", video), all_of)
    (path,) = files(tmp_path)
    assert path.parent.parent == tmp_path / "kept" / "raw-32"
    assert set(path.stem) <= set("0123456789abcdef")
    path.write_bytes(b"")
    assert equal(kept(ClipRecord(f"../../{name}", video), all_of), frames)


def test_a_folder_that_cannot_be_written_to_is_said(
    small: Path,
    records: RecordList,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    notices: pytest.LogCaptureFixture,
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(OutputError, match=r"a folder that frames can be kept in; .* data\.cache_folder"):
        open_kept_frames(tiny(small, settings(file, "raw")))

    def refuse(*_: object, **__: object) -> None:
        raise OutputError("x", expected="room", found="No space left on device", todo="make room")

    monkeypatch.setattr("gst_analysis.training.kept_files.write_whole", refuse)
    kept = keep(tmp_path / "kept")
    assert all(kept(record, all_of).pixels.shape == (8, 32, 32, 3) for record in records)
    assert len(notices.messages) == 1
    assert "No space left on device" in notices.messages[0]
    assert kept.room.measure() == 0
    assert (tmp_path / "kept" / "taken").read_text() == "0"


def test_it_lies_in_the_users_cache_and_may_be_deleted_at_any_time(
    small: Path,
    records: RecordList,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    notices: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    kept = open_kept_frames(tiny(small, {"data.cache": "raw"}))
    assert kept is not None
    folder = tmp_path / "gst-analysis" / "frames"
    first = [kept(record, all_of) for record in records[:4]]
    assert len(files(folder)) == 4
    kept.tell()
    size = sum(path.stat().st_size for path in files(folder)) / 2**20
    assert notices.messages[-1].startswith(f"frames are kept in {folder} ({size:.1f} of at most 2,048 MiB)")
    shutil.rmtree(folder)
    assert all(map(equal, [kept(record, all_of) for record in records[:4]], first))
    assert len(files(folder)) == 4
    assert (folder.stat().st_mode & 0o777) == 0o700


def test_drafts_of_killed_processes_are_removed(tmp_path: Path) -> None:
    kept = tmp_path / "raw-32" / "0a"
    draft = write_draft(kept / f"{'0a' * 32}.frames", lambda file: file.write(b"12345"))
    old, another = kept / f"{draft.name[:-8]}abcd_123", kept / ".bashrc"  # which a link could lead to
    for file in (old, another):
        file.write_bytes(b"12345")
        os.utime(file, (0, 0))
    assert FolderRoom(tmp_path, 100).measure() == 10
    assert not old.exists()
    assert draft.exists()
    assert another.exists()
    room = FolderRoom(tmp_path, 100)
    assert room.take(90)
    assert not room.take(1)
    (tmp_path / "taken").write_text("many")  # changed by hand: counted anew
    assert room.take(90)


@pytest.mark.parametrize("kind", ["symbolic", "hard", "pipe"])
def test_the_note_of_the_room_is_no_link_and_no_pipe(tmp_path: Path, kind: str) -> None:
    precious, room = tmp_path / "precious", tmp_path / "room"
    precious.write_text("mine")
    room.mkdir()
    if kind == "pipe":
        os.mkfifo(room / "taken")
    else:
        (os.symlink if kind == "symbolic" else os.link)(precious, room / "taken")
    found = FolderRoom(room, 100)
    assert found.measure() in (0, 4)
    with pytest.raises(PermissionError):
        found.take(5)
    assert precious.read_text() == "mine"
