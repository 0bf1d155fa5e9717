"""Data sets as people have them are found: clips beside, above or below their lists, and without any list."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from gst_analysis.analyses.dataset_check import DatasetCheckOptions
from gst_analysis.analyses.dataset_check.command import MOST_ROWS, print_dataset_check
from gst_analysis.analyses.dataset_check.measure import list_clips
from gst_analysis.analyses.dataset_check.table import DatasetCheck, DatasetSummary
from gst_analysis.clips.labelled import ClipChoice, load_labelled_clips
from gst_analysis.clips.records import RecordList, load_records
from gst_analysis.errors import DataError, SpecError
from gst_analysis.results import Provenance
from gst_analysis.training.recipes import load_config
from gst_analysis.training.sources import load_sources


def lay(folder: Path, *names: str, text: str = "") -> Path:
    """Files with nothing in them, or with a text."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def exist(records: RecordList) -> bool:
    return len(records) > 0 and all(record.path.exists() for record in records)


LISTED = "a 0\nb 1\n"


@pytest.mark.parametrize("place", ["", "videos/", "clips-of-ours/"])
def test_clips_are_found_near_their_list(place: str, tmp_path: Path) -> None:
    lay(lay(tmp_path, "val.txt", text=LISTED), f"{place}a.mp4", f"{place}b.mp4")
    found = load_labelled_clips(tmp_path)
    assert exist(found)
    assert any("clips found in" in note for note in found.notes) is (place == "clips-of-ours/")
    # What is checked is what is trained on.
    assert [one.path for one in list_clips([tmp_path], DatasetCheckOptions(), None)[0]] == [
        one.path for one in found
    ]
    config = load_config("planted-temporal", {"data.root": tmp_path, "data.train": "val.txt"})
    trained = load_sources(config.__class__(data=config.data.__class__(str(tmp_path), "val.txt", None)))
    assert [one.path for one in trained.train] == [one.path for one in found]


def test_lists_a_folder_down_as_ucf_has_them(tmp_path: Path) -> None:
    clip = "Archery/v_Archery_g01_c01.avi"
    lay(lay(tmp_path, "ucfTrainTestlist/testlist01.txt", text=clip), f"UCF-101/{clip}")
    assert exist(load_labelled_clips(tmp_path))


@pytest.mark.parametrize("split", ["", "val/", "validate/"])
@pytest.mark.parametrize("label", ["", "push up/", "push_up/"])
def test_trees_of_kinetics(split: str, label: str, tmp_path: Path) -> None:
    table = "label,youtube_id,time_start,time_end,split\npush up,abcdefghijk,1,11,val\n"
    lay(lay(tmp_path, "val.csv", text=table), f"{split}{label}abcdefghijk_000001_000011.mp4")
    assert exist(load_labelled_clips(tmp_path))


def test_where_nothing_is_found_the_folders_are_said(tmp_path: Path) -> None:
    lay(lay(tmp_path, "val.txt", text=LISTED), "elsewhere/c.mp4")
    (note,) = [one for one in load_labelled_clips(tmp_path).notes if "--root" in one]
    assert f"tried {tmp_path}, {tmp_path / 'elsewhere'}: name the folder" in note


def test_nothing_outside_what_was_named_is_looked_at(tmp_path: Path) -> None:
    lay(lay(tmp_path, "lists/val.txt", text=LISTED), "a.mp4", "b.mp4", "videos/a.mp4")
    assert not exist(load_labelled_clips(tmp_path / "lists" / "val.txt"))
    assert not exist(load_labelled_clips(tmp_path / "lists"))
    assert exist(load_labelled_clips(tmp_path / "lists", ClipChoice(root=tmp_path)))


def test_folders_of_classes_need_no_list(tmp_path: Path) -> None:
    lay(
        tmp_path,
        "train/open/a.mp4",
        "train/close/b.mp4",
        "train/lift/c.mp4",
        "val/open/d.mp4",
        "val/lift/e.mp4",
    )
    found = load_labelled_clips(tmp_path)
    assert found.class_names == ("close", "lift", "open")
    assert [(one.clip, one.label) for one in found] == [("lift/e.mp4", 1), ("open/d.mp4", 2)]
    assert exist(found)
    assert found.sources
    assert len(list_clips([tmp_path], DatasetCheckOptions(), None)[0]) == 5
    data = load_config("planted-temporal").data.__class__(str(tmp_path), "train", "val")
    config = load_config("something-v2-gst-r50-8f")
    both = load_sources(config.__class__(data=data))
    assert (both.num_classes, both.labels) == (3, ("close", "lift", "open"))
    assert both.validation is not None
    assert [one.label for one in both.validation] == [1, 2]
    with pytest.raises(SpecError, match="its folders are the classes"):
        load_labelled_clips(tmp_path, ClipChoice(subset="val"))


def test_folders_are_numbered_as_the_network_has_its_classes(tmp_path: Path) -> None:
    lay(tmp_path, "open/a.mp4", "push_up/b.mp4")
    classes = ("push up", "close", "open")
    found = load_labelled_clips(tmp_path, classes=classes)
    assert (found.class_names, [one.label for one in found]) == (classes, [2, 0])
    assert load_labelled_clips(tmp_path, classes=("open", "close")).class_names == ("open", "push_up")


def test_folders_of_classes_without_splits(tmp_path: Path) -> None:
    lay(tmp_path, "open/a.mp4", "open/deeper/b.mp4", "close/frames/0001.jpg", "empty/notes.md")
    found = load_labelled_clips(tmp_path)
    assert [(one.clip, one.label_text) for one in found] == [
        ("close/frames", "close"),
        ("open/a.mp4", "open"),
        ("open/deeper/b.mp4", "open"),
    ]
    with pytest.raises(DataError, match="expected one validation list"):
        load_labelled_clips(tmp_path / "empty")


def test_many_missing_clips_are_summed_up(capsys: pytest.CaptureFixture[str]) -> None:
    row = {"path": "x", "frames": None, "promised": None, "label": "", "detail": "nothing at that path"}
    rows = [{"clip": f"clip-{i:04d}", "problem": "missing", **row} for i in range(5000)]
    table = pd.DataFrame([*rows, {"clip": "odd", "problem": "truncated", **row}])
    summary = DatasetSummary(5001, 0, 5000, 0, 1, 0, 0)
    print_dataset_check(DatasetCheck(table, summary, Provenance({}, {}, {})))
    printed = capsys.readouterr().out
    assert printed.count("clip-") == MOST_ROWS
    assert "4,990 more clips are missing; --out writes every one into a table" in printed
    assert "odd" in printed


def test_a_long_list_tells_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gst_analysis.clips.records._FEW_THOUSAND", 2)
    lay(tmp_path, "val.txt", text="a 0\n" * 5)
    told: list[tuple[int, int, str]] = []
    load_records(tmp_path / "val.txt", progress=lambda *at: told.append(at))
    assert told == [(done, 5, "reading the list") for done in (0, 2, 4)]
