"""Uploaded files: bounded, under made-up names, and gone afterwards."""

from __future__ import annotations

import gc
import io
from collections import namedtuple
from pathlib import Path

import pytest

from app import cached, uploads
from app.uploads import MOST_FILES, Uploads
from gst_analysis.errors import OutputError, UnreadableCheckpoint
from tests.app.conftest import Visit


def keep(files: Uploads, name: str, content: bytes = b"weights") -> str:
    return files.keep(name, io.BytesIO(content), len(content))


@pytest.mark.parametrize(
    "name", ["../../etc/cron.d/x.pth", "C:\\Users\\me\\x.pth", "/root/x.PTH", "x\n.pth", "é" * 300 + ".pth"]
)
def test_no_part_of_a_name_reaches_the_disk(tmp_path: Path, name: str) -> None:
    files = Uploads(tmp_path)
    shown = keep(files, name)
    (place,) = files.folder.iterdir()
    assert files.files == {shown: place}
    assert place.stem not in shown
    assert place.read_bytes() == b"weights"
    assert "/" not in shown
    assert "\n" not in shown
    assert len(shown) < 80
    assert shown.lower().endswith(".pth")


def test_only_this_user_may_look_into_the_folder(tmp_path: Path) -> None:
    assert Uploads(tmp_path).folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["run.py", "archive", "model.pth.exe", ""])
def test_other_kinds_are_refused(tmp_path: Path, name: str) -> None:
    files = Uploads(tmp_path)
    with pytest.raises(UnreadableCheckpoint, match=r"expected a file ending in \.pth"):
        keep(files, name)
    assert not list(files.folder.iterdir())


def test_equal_names_stay_apart_and_their_number_is_bounded(tmp_path: Path) -> None:
    files = Uploads(tmp_path)
    names = [keep(files, "best.pth", bytes([i])) for i in range(MOST_FILES)]
    assert names == ["best.pth", *(f"best ({n}).pth" for n in range(2, MOST_FILES + 1))]
    assert files.files["best (2).pth"].read_bytes() == b"\1"
    with pytest.raises(OutputError, match=f"at most {MOST_FILES} uploaded files"):
        keep(files, "more.pth")
    files.clear()
    assert not list(files.folder.iterdir())
    assert keep(files, "more.pth") == "more.pth"


def test_all_of_a_visitors_files_together_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MOST_BYTES", 2**20)
    files = Uploads(tmp_path)
    keep(files, "one.pth", bytes(2**19))
    with pytest.raises(OutputError, match="at most 1 MB of uploaded files at a time; found more"):
        keep(files, "two.pth", bytes(2**19 + 1))
    assert list(files.files) == ["one.pth"]


def test_a_full_disk_is_said_before_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("app.uploads.shutil.disk_usage", lambda _: usage(2**40, 2**40, uploads.ROOM_TO_LEAVE))
    files = Uploads(tmp_path)
    with pytest.raises(OutputError, match="found too little"):
        keep(files, "large.pth")
    assert not list(files.folder.iterdir())


def test_files_go_with_their_visitor(tmp_path: Path) -> None:
    files = Uploads(tmp_path)
    keep(files, "x.pth")
    folder = files.folder
    del files
    gc.collect()
    assert not folder.exists()


def test_all_files_go_with_the_server() -> None:
    files = Uploads(cached.make_upload_home())
    keep(files, "x.pth")
    home = cached.make_upload_home()
    assert home.stat().st_mode & 0o077 == 0
    cached.remove_uploads()
    assert not home.exists()
    assert Uploads(cached.make_upload_home()).folder.is_dir()
    cached.remove_uploads()


def test_a_file_of_a_wrong_kind_is_refused_in_our_words_and_an_older_error_goes(visit: Visit) -> None:
    page = visit("space_and_time")
    page.file_uploader[0].upload("wrong.pth", b"no weights").run()
    assert "expected a PyTorch" in page.error[0].value
    assert not page.file_uploader[0].proto.type  # what the browser refuses, the server cannot answer
    page.file_uploader[0].upload("notes.docx", b"words").run()
    (told,) = page.error
    assert told.value.replace("\\", "").startswith("notes.docx: expected a file ending in .pth")
