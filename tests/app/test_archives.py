"""Archives that visitors send: the good become data sets, the others one line each."""

from __future__ import annotations

import gzip
import io
import json
import struct
import tarfile
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from app import archives, labelled_uploads
from app.labelled_uploads import LabelledUploads
from app.sent_clips import split_classes
from gst_analysis.analyses.evaluation import EvaluationOptions, evaluate
from gst_analysis.clips.labelled import load_labelled_clips
from gst_analysis.errors import DataError, GstError
from tests.analyses.labelled_clips import small_model, write_world

VIDEO = b"not a video, but nobody looks here"
Make = Callable[[], bytes]


def zip_of(files: Mapping[str, bytes], **settings: int) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = settings.get("mode", 0o100600) << 16
            archive.writestr(info, content)
    return made.getvalue()


def tar_of(files: Mapping[str, bytes], *others: tarfile.TarInfo, form: int = tarfile.PAX_FORMAT) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=form) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for other in others:
            archive.addfile(other)
    return made.getvalue()


def odd(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def huge(name: str, size: int) -> bytes:
    """A header alone, of a file that would be larger than any disk."""
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT)


def doubled() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("a/1.mp4", VIDEO)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a/1.mp4", b"other")
    return made.getvalue()


def with_flag(content: bytes, place: bytes, offset: int, value: bytes) -> bytes:
    """An archive with some bytes of the directory's only entry changed."""
    start = content.index(place) + offset
    return content[:start] + value + content[start + len(value) :]


def extended(body: bytes) -> bytes:
    """A tar archive that begins with an extended header of such content."""
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, len(body)
    return info.tobuf(tarfile.GNU_FORMAT) + body + bytes(-len(body) % 512) + tar_of({"a/1.mp4": VIDEO})


GOOD = {"opening/1.mp4": VIDEO, "closing/2.mp4": VIDEO + b"."}
CENTRAL = b"PK\1\2"
HOSTILE: dict[str, tuple[Make, str]] = {
    "a bomb in a zip": (lambda: zip_of({"a/1.mp4": bytes(9 * 2**20)}), "than 100 times"),
    "a bomb in a gz": (lambda: gzip.compress(tar_of({"a/1.mp4": bytes(9 * 2**20)}), 1), "than 100 times"),
    "a header of a terabyte": (lambda: gzip.compress(huge("a/1.mp4", 2**40)), "at most 500 files"),
    "out of the folder": (lambda: zip_of({"../../etc/1.mp4": VIDEO}), "one that leads out of it"),
    "from the root": (lambda: tar_of({"/etc/1.mp4": VIDEO}), "one that leads out of it"),
    "by a drive": (lambda: zip_of({"C:\\x\\1.mp4": VIDEO}), "one that leads out of it"),
    "a link in a zip": (lambda: zip_of({"a/1.mp4": b"/etc/passwd"}, mode=0o120777), "a link"),
    "a link in a tar": (lambda: tar_of(GOOD, odd("a/3.mp4", tarfile.SYMTYPE, "/etc/passwd")), "a link"),
    "a hard link": (lambda: tar_of(GOOD, odd("a/3.mp4", tarfile.LNKTYPE, "opening/1.mp4")), "a link"),
    "a pipe": (lambda: tar_of(GOOD, odd("a/3.mp4", tarfile.FIFOTYPE)), "a link"),
    "a device": (lambda: tar_of(GOOD, odd("a/3.mp4", tarfile.CHRTYPE)), "a link"),
    "a sparse file": (lambda: tar_of(GOOD, odd("a/3.mp4", tarfile.GNUTYPE_SPARSE)), "a link"),
    "one name twice": (doubled, "two of one name"),
    "many files in a tar": (lambda: huge("a", 0) * 600 + bytes(1024), "at most 500 files"),
    "many files in a zip": (
        lambda: (
            (zip_of({"a/1.mp4": VIDEO})[:-22])
            + b"PK\5\6"
            + struct.pack("<4H2LH", 0, 0, 65535, 65535, 10 * 2**20, 0, 0)
        ),
        "expected",
    ),
    "a size too small": (
        lambda: with_flag(zip_of({"a/1.mp4": VIDEO * 9, "b/2.mp4": VIDEO}), CENTRAL, 24, b"\5\0\0\0"),
        "expected a whole zip",
    ),
    "a size too large": (
        lambda: with_flag(zip_of({"a/1.mp4": VIDEO, "b/2.mp4": VIDEO}), CENTRAL, 24, b"\0\7\0\0"),
        "expected",
    ),
    # Python's reader takes 10 s for these, and a quarter of an hour for ten times as many.
    "a number of 50,000 digits in a header": (
        lambda: extended(b"1" * 50_000),
        "found a number of a hundred digits",
    ),
    "a header of a megabyte": (lambda: extended(b"9 a=bcde\n" * 100_000), "found one of more than 64 KB"),
    "headers without end": (
        lambda: gzip.compress(extended(b"9 a=bcde\n" * 7_000)[:-10_240] * 40),
        "at most 500 files",
    ),
    "a sparse file in the newer form": (lambda: extended(b"22 GNU.sparse.major=1\n"), "found a sparse file"),
    "encrypted": (lambda: with_flag(zip_of({"a/1.mp4": VIDEO}), CENTRAL, 8, b"\1\0"), "encrypted"),
    "another compression": (
        lambda: with_flag(zip_of({"a/1.mp4": VIDEO}), CENTRAL, 10, b"\14\0"),
        "another compression",
    ),
    "cut off, a zip": (lambda: zip_of(GOOD)[:-30], "broken or cut off"),
    "cut off, a tar": (lambda: tar_of(GOOD)[:700], "broken or cut off"),
    "cut off, a tar's end": (lambda: tar_of(GOOD)[:1024] + b"x" * 512, "broken or cut off"),
    "cut off, a gz": (lambda: gzip.compress(tar_of(GOOD))[:60], "broken or cut off"),
    "no archive": (lambda: VIDEO * 100, "broken or cut off"),
    "nothing": (lambda: b"", "broken or cut off"),
    "signs of a terminal": (lambda: zip_of({"\x1b[31m/1.mp4": VIDEO}), "signs that cannot be shown"),
    "words of a page": (lambda: zip_of({"<script>alert(1)<": VIDEO}), "found none among 1 files"),
    "an archive within": (lambda: zip_of({"a/inner.zip": zip_of(GOOD)}), "found none among 1 files"),
    "no class": (lambda: zip_of({"1.mp4": VIDEO, "2.mp4": VIDEO}), "clips without either"),
    "two lists": (lambda: zip_of({**GOOD, "val.txt": b"", "valid.txt": b""}), "found 2 lists"),
    "a list of others": (lambda: zip_of({**GOOD, "val.txt": b"9.mp4 0\n"}), "none of them in it"),
    "a list of secrets": (lambda: zip_of({**GOOD, "val.json": b'{"pass": "word"}'}), "val.json, record 1"),
    "a broken list": (lambda: zip_of({**GOOD, "x/val.txt": b"opening/1.mp4\n"}), "val.txt, line 1: expected"),
}


@pytest.fixture
def sent(tmp_path: Path) -> LabelledUploads:
    return LabelledUploads(tmp_path)


def send(sent: LabelledUploads, content: bytes, name: str = "clips.zip") -> str:
    shown = sent.keep([(name, io.BytesIO(content), len(content))])
    sent.sets[shown].read()
    return shown


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_archive_is_one_line_and_leaves_no_file(
    case: str, sent: LabelledUploads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MOST_MEMBERS", 500)
    make, said = HOSTILE[case]
    with pytest.raises(GstError) as caught:
        send(sent, make(), "<script>\x1b[0m.zip")
    line = caught.value.say_discreetly()
    assert said in line
    assert line.isprintable()
    assert "<script>" not in line
    assert "word" not in line
    assert str(tmp_path) not in line  # whoever sent it is not shown where it lies here
    sent.clear()
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


@pytest.mark.parametrize("pack", [zip_of, tar_of, lambda files: gzip.compress(tar_of(files))])
def test_folders_are_classes_as_they_are_on_a_disk(
    pack: Callable[[Mapping[str, bytes]], bytes], sent: LabelledUploads, tmp_path: Path
) -> None:
    names = ("train/opening/1.mp4", "train/closing/2.mp4", "val/closing/2.mp4", "val/opening/<b>.mp4")
    for name in names:
        (tmp_path / "set" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "set" / name).write_bytes(name.encode())
    extra = {"mine/__MACOSX/val/opening/._3.mp4": b"", "mine/README.md": b"hello"}
    found = sent.sets[send(sent, pack({f"mine/{name}": name.encode() for name in names} | extra))]
    records, there = found.read(), load_labelled_clips(tmp_path / "set")
    assert records.class_names == there.class_names == ("closing", "opening")
    ours, theirs = ([(r.label, r.path.read_bytes()) for r in found] for found in (records, there))
    assert ours == theirs
    assert all(record.path.stem.isdecimal() for record in records)
    assert found.read(["opening", "sitting", "closing"]).records[0].label == 2


def test_a_list_finds_its_clips_by_the_ends_of_their_names(sent: LabelledUploads) -> None:
    clips = [
        {"id": "7", "label": "opening it", "template": "opening it"},
        {"id": "8", "template": "closing it"},
    ]
    files = {
        "set/videos/7.webm": b"seven",
        "set/videos/9.webm": b"nine",
        "set/validation.json": json.dumps([one | {"label": one["template"]} for one in clips]).encode(),
        "set/labels.json": b'{"closing it": "1", "opening it": "0"}',
    }
    records = sent.sets[send(sent, zip_of(files))].read()
    assert [(r.clip, r.label, r.path.read_bytes()) for r in records] == [("7", 0, b"seven")]
    assert "1 of 2 listed clips were not sent" in records.notes


def test_pictures_keep_their_order_and_flow_is_left(sent: LabelledUploads) -> None:
    pictures = {
        f"{kind}/one/{name}_{number}.jpg": f"{name}{number}".encode()
        for kind in ("a", "b")
        for name in ("img", "flow_x")
        for number in (10, 9)
    }
    record = sent.sets[send(sent, zip_of(pictures))].read()[0]
    assert [file.read_bytes() for file in sorted(record.path.iterdir())] == [b"img9", b"img10"]


def test_a_clip_of_an_unknown_class_is_named_with_what_its_list_says(sent: LabelledUploads) -> None:
    clips = [{"id": "7", "template": "opening it"}, {"id": "8", "template": "[dancing] wildly"}]
    files = {
        "videos/7.webm": b"seven",
        "videos/8.webm": b"eight",
        "validation.json": json.dumps([one | {"label": one["template"]} for one in clips]).encode(),
        "labels.json": b'{"closing it": "1", "opening it": "0"}',
    }
    with pytest.raises(DataError, match="expected one of 2 classes for every clip") as caught:
        send(sent, zip_of(files))
    assert "found 1 clip without: 8 (dancing wildly)" in caught.value.say_discreetly()


def test_clips_with_a_list_need_no_archive(sent: LabelledUploads) -> None:
    files = {"1.mp4": b"one", "2.mp4": b"two", "mine.txt": b"/data/1.mp4 1\n/data/2.mp4 0\n"}
    name = sent.keep([(name, io.BytesIO(content), len(content)) for name, content in files.items()])
    assert name == "mine.txt"
    assert [(r.label, r.path.read_bytes()) for r in sent.sets[name].read()] == [(1, b"one"), (0, b"two")]


def test_a_visitor_keeps_few_and_gives_them_back(
    sent: LabelledUploads, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(labelled_uploads.MOST_SETS):
        send(sent, zip_of(GOOD), f"{number}.zip")
    send(sent, zip_of(GOOD), "0.zip")  # again: in place of the first
    with pytest.raises(GstError, match="at most 2 data sets"):
        send(sent, zip_of(GOOD), "more.zip")
    folder = sent.folder
    sent.clear()
    assert not list(folder.iterdir())
    monkeypatch.setattr(archives, "MOST_BYTES", 50)
    with pytest.raises(DataError, match="found more"):
        send(sent, zip_of(GOOD))


def test_as_many_clips_as_are_taken_are_read_at_once(sent: LabelledUploads) -> None:
    """Their folders were counted anew for each: 19,000 took over five minutes."""
    clips = [f"all/c{number % 7}/{number}.mp4" for number in range(19_000)]
    began = time.process_time()
    found = split_classes(clips)
    assert time.process_time() - began < 2
    assert found[clips[8]] == ("", "c1")


def test_an_archive_is_evaluated_as_its_folder_is(sent: LabelledUploads, tmp_path: Path) -> None:
    write_world(tmp_path / "world", [0, 1, 2, 3])
    model, options = small_model(), EvaluationOptions(device="cpu")
    files = [file for file in sorted((tmp_path / "world").rglob("*")) if file.is_file()]
    packed = zip_of({str(file.relative_to(tmp_path)): file.read_bytes() for file in files})
    ours = evaluate(model, sent.sets[send(sent, packed)].read(), options=options)
    theirs = evaluate(model, tmp_path / "world", options=options)
    assert ours.summary == theirs.summary
    assert ours.table.equals(theirs.table)
    assert ours.table["clips"].sum() == 4
