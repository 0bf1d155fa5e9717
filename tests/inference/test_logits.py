"""Frame logits on disk: the same back, whole or not at all, and nothing executed on the way."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import pickle
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gst_analysis.errors import DataError, OutputError
from gst_analysis.inference.logits import FrameLogits, softmax
from gst_analysis.results import Provenance


def make_logits(clips: tuple[str, ...] = ("a", "b/ü", "c\udc80d"), **changes: Any) -> FrameLogits:
    rng = np.random.default_rng(0)
    count = len(clips)
    logits = FrameLogits(
        checkpoint="net",
        clips=clips,
        labels=rng.integers(-1, 4, count),
        logits=rng.normal(size=(count, 3, 4)).astype(np.float32),
        seconds=np.where(rng.random((count, 3)) < 0.3, np.nan, rng.random((count, 3))),
        class_names=("p", "q", "r", "s"),
        failures={"gone.mp4": "gone.mp4: expected a clip; found nothing"},
        notes=("assumed much",),
        provenance=Provenance({"net": "00"}, {"net": {"family": "gst"}}, {"clips": 1}),
        videos=tuple(range(count)),
    )
    return dataclasses.replace(logits, **changes)


@pytest.mark.parametrize("clips", [("a", "b/ü", "c\udc80d"), (), ("x" * 5000, "y")])
def test_what_was_saved_comes_back(tmp_path: Path, clips: tuple[str, ...]) -> None:
    before = make_logits(clips)
    after = FrameLogits.load(before.save(tmp_path / "some.npz"))
    for field in dataclasses.fields(FrameLogits):
        one, other = getattr(before, field.name), getattr(after, field.name)
        if isinstance(one, np.ndarray):
            np.testing.assert_array_equal(one, other)
            assert one.dtype == other.dtype
        else:
            assert one == other
    with np.load(tmp_path / "some.npz", allow_pickle=False) as file:
        assert file["logits"].shape == (len(clips), 3, 4)


def test_clips_that_a_file_names_are_not_opened_and_their_hashes_are_those_of_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"as it was")
    origin = Provenance({"net": "00"}, {"net": {"family": "gst"}}, {}, clips=(str(clip),))
    path = make_logits(provenance=origin).save(tmp_path / "some.npz")
    clip.write_bytes(b"another one")
    monkeypatch.setattr("gst_analysis.results.hash_clip", lambda path: pytest.fail(f"opened {path}"))
    after = FrameLogits.load(path).provenance
    assert after.clips == (str(clip),)
    assert after.clip_hashes == {str(clip): hashlib.sha256(b"as it was").hexdigest()}


def test_a_file_of_before_does_not_tell_of_videos(tmp_path: Path) -> None:
    path = make_logits().save(tmp_path / "some.npz")
    with np.load(path) as file:
        arrays = dict(file)
    record = json.loads(arrays["record"].tobytes())
    assert record.pop("videos") == [0, 1, 2]
    arrays["record"] = np.frombuffer(json.dumps(record).encode(), dtype=np.uint8)
    np.savez(path, **arrays)
    assert FrameLogits.load(path).videos == ()


def test_the_same_logits_make_the_same_arrays_in_the_file(tmp_path: Path) -> None:
    make_logits().save(tmp_path / "a.npz")
    make_logits().save(tmp_path / "b.npz")
    with zipfile.ZipFile(tmp_path / "a.npz") as a, zipfile.ZipFile(tmp_path / "b.npz") as b:
        assert {n: a.read(n) for n in a.namelist()} == {n: b.read(n) for n in b.namelist()}


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_logits().save(tmp_path / "some.npz")
    before = path.read_bytes()

    def fail(file: object, **arrays: object) -> None:
        file.write(b"half")  # type: ignore[attr-defined] # an open file, as an object
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", fail)
    with pytest.raises(KeyboardInterrupt):
        make_logits(("other",)).save(path, overwrite=True)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["some.npz"]


def test_another_file_is_replaced_only_if_that_was_asked_for(tmp_path: Path) -> None:
    path = make_logits().save(tmp_path / "some.npz")
    before = path.read_bytes()
    assert make_logits().save(path) == path
    with pytest.raises(OutputError, match="overwrite=True in Python"):
        make_logits(("other",)).save(path)
    assert path.read_bytes() == before
    assert FrameLogits.load(make_logits(("other",)).save(path, overwrite=True)).clips == ("other",)


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        make_logits().save(tmp_path / "file" / "some.npz")


def test_every_cut_and_many_scratches_are_one_clear_error(tmp_path: Path) -> None:
    whole = make_logits().save(tmp_path / "some.npz").read_bytes()
    rng = np.random.default_rng(0)
    damaged = [whole[:end] for end in range(0, len(whole), 37)]
    for _ in range(300):
        scratched = bytearray(whole)
        for place in rng.integers(0, len(whole), 3):
            scratched[place] = rng.integers(0, 256)
        damaged.append(bytes(scratched))
    refused = 0
    for content in damaged:
        (tmp_path / "bad.npz").write_bytes(content)
        with suppress(DataError):  # any other error fails the test
            FrameLogits.load(tmp_path / "bad.npz")
            refused -= 1
        refused += 1
    assert refused > 0.9 * len(damaged)  # a scratch may miss all that matters


@pytest.mark.parametrize("content", [b"", b"no numbers", os.urandom(4096), b"PK\x03\x04" + bytes(100)])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"bad.npz: expected frame logits"):
        FrameLogits.load(tmp_path / "bad.npz")


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "gone.npz", tmp_path):
        with pytest.raises(DataError):
            FrameLogits.load(path)


class Evil:
    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, ("executed",)


def test_nothing_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_logits().save(tmp_path / "some.npz")
    with np.load(tmp_path / "some.npz") as file:
        arrays = dict(file)
    arrays["logits"] = np.array([Evil()], dtype=object)
    np.savez(tmp_path / "evil.npz", **arrays)
    (tmp_path / "pickle.npz").write_bytes(pickle.dumps(Evil()))
    for name in ("evil.npz", "pickle.npz"):
        with pytest.raises(DataError):
            FrameLogits.load(tmp_path / name)
    assert not (tmp_path / "executed").exists()


def test_a_compressed_file_is_refused_before_it_fills_the_memory(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "bomb.npz", logits=np.zeros((1000, 100, 100), np.float32))
    with pytest.raises(DataError, match="compressed"):
        FrameLogits.load(tmp_path / "bomb.npz")


def rewrite(path: Path, **changes: object) -> None:
    with np.load(path) as file:
        arrays = dict(file)
    record = json.loads(arrays["record"].tobytes())
    for key, value in changes.items():
        if key in arrays:
            arrays[key] = value
        else:
            record[key] = value
    arrays["record"] = np.frombuffer(json.dumps(record).encode(), np.uint8)
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"logits": np.zeros((3, 3, 4))}, "logits of kind float64"),
        ({"logits": np.zeros((3, 12), np.float32)}, "logits of kind float32 with 2 axes"),
        ({"logits": np.full((3, 3, 4), np.inf, np.float32)}, "infinite"),
        ({"logits": np.zeros((3, 3, 0), np.float32)}, "float32 logits"),
        ({"labels": np.array([0, 1])}, "labels and seconds"),
        ({"labels": np.array([0, 1, 4])}, "labels below 4"),
        ({"labels": np.array([0, 1, -2])}, "labels below 4"),
        ({"clips": ["a", "a", "b"]}, "every clip once"),
        ({"clips": ["a", "b", "gone.mp4"]}, "every clip once"),
        ({"clips": ["a"]}, r"\(1, T, K\)"),
        ({"clips": 3}, "TypeError"),
        ({"class_names": ["p"]}, "4 class names or none"),
        ({"failures": []}, "AttributeError"),
        ({"provenance": {"sources": {}}}, "TypeError"),
        ({"format": "another"}, "another format"),
        ({"version": 2}, "another format"),
    ],
)
def test_parts_that_do_not_fit_are_refused(tmp_path: Path, changes: dict[str, object], found: str) -> None:
    path = make_logits(("a", "b", "c")).save(tmp_path / "some.npz")
    rewrite(path, **changes)
    with pytest.raises(DataError, match=found):
        FrameLogits.load(path)


def test_classes_without_names_go_by_their_numbers() -> None:
    assert make_logits().name_class(2) == "r"
    assert make_logits(class_names=()).name_class(2) == "class 2"


def test_softmax_is_softmax_also_of_large_logits() -> None:
    values = np.array([[0.0, np.log(3.0)], [1000.0, 1000.0], [-1e30, 1e30]], dtype=np.float32)
    expected = np.array([[0.25, 0.75], [0.5, 0.5], [0, 1]])
    np.testing.assert_allclose(softmax(values), expected, rtol=1e-6)
