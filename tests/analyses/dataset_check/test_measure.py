"""check_dataset against a dataset whose every fault is planted."""

from __future__ import annotations

import importlib
import json
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from gst_analysis.analyses.dataset_check import check_dataset
from gst_analysis.analyses.dataset_check.measure import CheckSettings, measure_dataset
from gst_analysis.analyses.dataset_check.table import DATASET_CHECK, DatasetSummary
from gst_analysis.clips.decoding import open_clip
from gst_analysis.clips.records import ClipRecord, RecordList, load_records
from gst_analysis.errors import DataError
from gst_analysis.tables.schema import check
from tests.clips.annotation_files import close
from tests.clips.planted_clips import cut, write_folder, write_video
from tests.untyped import untyped

NAMES = ("A", "B")


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("checked")
    for name in ("good.mp4", "good.webm", "good.avi", "mislabelled.mp4", "late.mp4", "beyond.mp4"):
        write_video(where / name, frames=20)
    write_video(where / "short.mp4", frames=2)
    cut(write_video(where / "torn.webm", noise=True), 0.5).rename(where / "torn.webm")
    cut(write_video(where / "lost.mp4", noise=True), 0.5).rename(where / "lost.mp4")
    write_folder(where / "folder", [f"{n:05d}.jpg" for n in range(5)])
    write_folder(where / "holes", ["1.jpg", "2.jpg", "4.jpg"])
    (where / "empty.mp4").write_bytes(b"")
    return where


PLANTED = {
    "missing": ("missing", None, None),
    "torn": ("truncated", None, None),
    "late": ("truncated", 20, 90),
    "lost": ("unreadable", None, None),
    "empty": ("unreadable", None, None),
    "holes": ("unreadable", None, 3),
    "short": ("too short", 2, None),
    "mislabelled": ("mislabelled", None, None),
    "beyond": ("mislabelled", None, None),
}


@pytest.fixture(scope="module")
def records(planted: Path) -> RecordList:
    names = ["good.mp4", "good.webm", "good.avi", "folder", *PLANTED]
    numbers = {"late": 90, "holes": 3}
    rows = []
    for name in names:
        path = next(iter(sorted(planted.glob(f"{name}*"))), planted / name)
        label, text = {"mislabelled": (None, "C"), "beyond": (2, None)}.get(name, (1, "B"))
        rows.append(ClipRecord(name, path, label, text, num_frames=numbers.get(name)))
    return RecordList(tuple(rows), NAMES, sources={"list.txt": "abc"})


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("frames", [8, 0])
def test_every_planted_fault_is_found_and_no_other(records: RecordList, workers: int, frames: int) -> None:
    result = measure_dataset(records, settings=CheckSettings(frames=frames), workers=workers)
    table = check(result.table, DATASET_CHECK)
    assert dict(zip(table["clip"], table["problem"], strict=True)) == {
        clip: problem for clip, (problem, _, _) in PLANTED.items()
    }
    assert table["clip"].tolist() == [record.clip for record in records if record.clip in PLANTED]
    rows = table.set_index("clip")
    for clip, (_, found, promised) in PLANTED.items():
        if found is not None:
            assert rows.loc[clip, "frames"] == found
        said = untyped(rows.loc[clip, "promised"])
        assert said == promised if promised else pd.isna(said)
    assert 15 < untyped(rows.loc["torn", "frames"]) < 33
    assert rows.loc["mislabelled", "detail"] == "C is not among the 2 classes"
    assert result.summary == DatasetSummary(
        clips=13, sound=4, missing=1, unreadable=3, truncated=2, too_short=1, mislabelled=2
    )
    assert result.provenance.sources == {"list.txt": "abc"}


def test_a_clip_may_have_two_problems(tmp_path: Path) -> None:
    records = RecordList((ClipRecord("a", tmp_path / "a.mp4", None, "C"),), NAMES)
    result = measure_dataset(records)
    assert result.table["problem"].tolist() == ["mislabelled", "missing"]
    assert result.summary.sound == 0


def test_progress_is_told(records: RecordList) -> None:
    parts = [replace(records[n % 4], start_frame=0, stop_frame=5, start_s=n / 1e6) for n in range(80)]
    many = RecordList(tuple(parts), NAMES)
    told: list[tuple[int, int]] = []
    result = measure_dataset(many, workers=2, progress=lambda done, total, _: told.append((done, total)))
    assert told[-1] == (80, 80)
    assert told == sorted(told)
    assert len(told) > 1
    assert result.table.empty
    assert check(result.table, DATASET_CHECK).columns.tolist() == list(DATASET_CHECK.columns)


def test_records_of_one_clip_are_one(planted: Path) -> None:
    """Which label it has, how long it should be, and whether it is a part, come from all of them."""
    one = ClipRecord("good", planted / "good.mp4", num_frames=20)
    whole = (one, replace(one, label=1, label_text="B"), replace(one, clip="again", label=1, label_text="B"))
    result = measure_dataset(RecordList(whole, NAMES))
    assert (result.summary.clips, result.summary.sound) == (1, 1)
    parts = (replace(one, start_frame=0, stop_frame=9), replace(one, start_frame=9, stop_frame=20))
    assert measure_dataset(RecordList((*whole, *parts), NAMES)).summary.sound == 3
    rivals = (*whole, replace(one, label=0, label_text="A"), replace(one, label_text="C"))
    result = measure_dataset(RecordList(rivals, NAMES))
    assert result.table[["problem", "detail", "label"]].to_numpy().tolist() == [
        ["mislabelled", "labelled B and A and C; C is not among the 2 classes", "B"]
    ]
    assert (result.summary.clips, result.summary.sound, result.summary.mislabelled) == (1, 0, 1)
    longer = measure_dataset(RecordList((*whole, replace(one, num_frames=90)), NAMES))
    assert longer.table[["problem", "promised"]].to_numpy().tolist() == [["truncated", 90]]
    unnamed = measure_dataset(RecordList((replace(one, label=3), replace(one, label=4))))
    assert unnamed.table["detail"].tolist() == ["labelled 3 and 4"]


def test_a_thorough_look_finds_what_samples_miss(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "clip", [f"{n}.jpg" for n in range(30)])
    (folder / "5.jpg").write_bytes(b"torn")
    records = RecordList((ClipRecord("clip", folder, 0),), NAMES)
    assert measure_dataset(records, settings=CheckSettings(frames=4)).table.empty
    table = measure_dataset(records, settings=CheckSettings(frames=0)).table
    assert table["problem"].tolist() == ["unreadable"]
    assert "5.jpg" in table["detail"][0]


def test_settings_decide_what_is_short_and_which_labels_are_known(planted: Path) -> None:
    records = RecordList((ClipRecord("a", planted / "short.mp4", 7),))
    assert measure_dataset(records).table["problem"].tolist() == ["too short"]
    settings = CheckSettings(min_frames=2, num_classes=5)
    table = measure_dataset(records, settings=settings).table
    assert table["problem"].tolist() == ["mislabelled"]
    assert table["detail"][0] == "7 is not among the 5 classes"


def test_from_annotations_to_saved_table(planted: Path, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("good.mp4 20 0\nshort.mp4 2 1\nnowhere.mp4 9 1\n")
    records = load_records(tmp_path / "list.txt", root=planted, labels=NAMES)
    result = measure_dataset(records)
    assert result.table["problem"].tolist() == ["too short", "missing"]
    files = result.save(tmp_path / "out")
    saved = pd.read_csv(files["csv"])
    assert saved["clip"].tolist() == ["short.mp4", "nowhere.mp4"]
    assert saved["promised"].tolist() == [2, 9]


def test_a_name_too_long_for_any_disk_is_missing(planted: Path) -> None:
    clips = (ClipRecord("good", planted / "good.mp4"), ClipRecord("x", planted / ("x" * 300)))
    result = measure_dataset(RecordList(clips))
    assert result.table[["clip", "problem"]].to_numpy().tolist() == [["x", "missing"]]
    with pytest.raises(DataError, match="nothing there"), open_clip(planted / ("x" * 300)):
        pass


def test_a_file_cut_off_within_its_index_is_said_to_be_perhaps(planted: Path, tmp_path: Path) -> None:
    """The index of an mp4 stands at its end: what is left of it may list no frame at all."""
    whole = write_video(tmp_path / "whole.mp4", frames=20).read_bytes()
    torn, told = tmp_path / "torn.mp4", []
    for lost in range(60, 140, 4):
        torn.write_bytes(whole[:-lost])
        table = measure_dataset(RecordList((ClipRecord("torn", torn),))).table
        told += table["detail"].tolist()
        assert set(table["problem"]) <= {"unreadable"}
    assert any("cut off within its index" in detail and "fetch it again" in detail for detail in told)


def test_a_clip_that_may_not_be_looked_at_is_not_missing(
    planted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "list.txt").write_text("good 0\nnowhere/x 1\n")
    close(planted, monkeypatch)
    records = load_records(tmp_path / "list.txt", root=planted, labels=NAMES)
    result = measure_dataset(records)
    assert result.table[["clip", "problem", "detail"]].to_numpy().tolist() == [
        ["good", "unreadable", "Permission denied"],
        ["nowhere/x", "unreadable", "Permission denied"],
    ]
    assert (result.summary.missing, result.summary.unreadable) == (0, 2)
    with (
        pytest.raises(DataError, match="found Permission denied; check who may open it"),
        open_clip(planted / "good.mp4"),
    ):
        pass


def _write_list(path: Path, rows: int) -> Path:
    if path.suffix == ".json":
        records = [
            {
                "id": str(row),
                "template": f"Putting [a thing] {row % 9}",
                "label": f"x {row}",
                "more": [str(row)],
            }
            for row in range(rows)
        ]
        path.write_text(json.dumps(records))
    else:
        lines = [f"act {row % 9},video{row},1,11,train" for row in range(rows)]
        path.write_text("\n".join(["label,youtube_id,time_start,time_end,split", *lines]))
    return path


@pytest.mark.parametrize(("name", "most"), [("train.json", 520), ("train.csv", 790)])
def test_what_a_row_of_a_long_list_takes(name: str, most: int, tmp_path: Path) -> None:
    """A million missing clips took a gigabyte and more: 670 bytes a row of JSON, 980 of Kinetics."""
    peaks = []
    for rows in (100, 100, 1_100):  # what modules take is told by the first
        path = _write_list(tmp_path / name, rows)
        tracemalloc.start()
        try:
            found = check_dataset(path, root=tmp_path, workers=1)
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
        assert found.summary.missing == len(found.table) == rows
    assert (peaks[2] - peaks[1]) / 1_000 < most


def test_rows_are_the_same_whatever_pieces_they_come_in(
    records: RecordList, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = measure_dataset(records).table
    module = importlib.import_module("gst_analysis.analyses.dataset_check.measure")
    monkeypatch.setattr(module, "_PIECE", 1)
    pd.testing.assert_frame_equal(measure_dataset(records).table, whole)
