"""Annotations in lines of fields: Something-Something v1, Jester, EPIC-Kitchens, Kinetics."""

from __future__ import annotations

from pathlib import Path

import pytest

from gst_analysis.clips.records import ClipRecord, load_records
from gst_analysis.errors import DataError
from tests.clips.annotation_files import EPIC_55, brief, touch, write


def test_something_v1_sorts_its_labels_as_trn_does(root: Path, tmp_path: Path) -> None:
    labels = write(tmp_path / "labels.csv", "Turning something\nHolding something\n")
    train = write(tmp_path / "train.csv", "100218;Turning something\n24413;Holding something\n")
    touch(root, "100218/", "24413/")
    records = load_records(train, root=root, labels=labels)
    assert brief(records) == [("100218", 1, "Turning something"), ("24413", 0, "Holding something")]
    assert records.class_names == ("Holding something", "Turning something")
    assert [record.path for record in records] == [root / "100218", root / "24413"]
    assert "format detected from the content: something-v1" in records.notes
    assert any("sorted alphabetically" in note for note in records.notes)
    by_file = load_records(train, root=root, labels=labels, label_order="file")
    assert [record.label for record in by_file] == [0, 1]
    assert any("lines of labels.csv" in note for note in by_file.notes)


def test_something_v1_test_set_has_no_labels(root: Path, tmp_path: Path) -> None:
    records = load_records(write(tmp_path / "test.csv", "3\n17\n"), root=root)
    assert brief(records) == [("3", None, None), ("17", None, None)]
    assert records.class_names == ()


def test_jester(root: Path, tmp_path: Path) -> None:
    write(tmp_path / "jester-v1-labels.csv", "Swiping Left\nDrumming Fingers\n")
    train = write(tmp_path / "jester-v1-train.csv", "34870;Drumming Fingers\r\n12;Swiping Left\r\n")
    records = load_records(train, format="jester", root=root)
    assert brief(records) == [("34870", 0, "Drumming Fingers"), ("12", 1, "Swiping Left")]


def test_epic_kitchens_55_from_frames(root: Path, tmp_path: Path) -> None:
    touch(root, "P01/rgb_frames/P01_01/")
    records = load_records(write(tmp_path / "EPIC_train_action_labels.csv", EPIC_55), root=root)
    assert records[0] == ClipRecord("0", root / "P01/rgb_frames/P01_01", 2, "open", None, 7, 202, 0.14, 3.37)
    assert records[1].start_s == 60
    assert records.class_names == ("take", "class 1", "open"), "the commonest verb of each class"


def test_epic_kitchens_100_with_its_verb_classes(root: Path, tmp_path: Path) -> None:
    text = (
        "narration_id,participant_id,video_id,narration_timestamp,start_timestamp,stop_timestamp,start_frame,"
        "stop_frame,narration,verb,verb_class,noun,noun_class,all_nouns,all_noun_classes\n"
        "P01_11_0,P01,P01_11,00:00:00.560,00:00:00.00,00:00:01.89,1,113,take plate,take,0,plate,2,"
        "['plate'],[2]\n"
    )
    write(
        tmp_path / "EPIC_100_verb_classes.csv",
        "id,key,instances,category\n0,take,\"['take', 'grab']\",retrieve\n",
    )
    touch(root, "P01/videos/P01_11.MP4")
    [record] = load_records(write(tmp_path / "EPIC_100_validation.csv", text), root=root)
    assert record == ClipRecord(
        "P01_11_0", root / "P01/videos/P01_11.MP4", 0, "take", None, 0, 113, 0.0, 1.89
    )


def test_kinetics_trimmed_in_class_folders_and_whole(root: Path, tmp_path: Path) -> None:
    text = (
        "label,youtube_id,time_start,time_end,split\n"
        "abseiling,yq_M1PMw2hY,38,48,val\n"
        '"playing ""risk"", again",-bcdefghijk,0.0,10.0,val\n'
    )
    touch(root, "abseiling/yq_M1PMw2hY_000038_000048.mp4", "-bcdefghijk.webm")
    records = load_records(write(tmp_path / "val.csv", text), root=root)
    trimmed, whole = records
    assert trimmed.path == root / "abseiling/yq_M1PMw2hY_000038_000048.mp4"
    assert trimmed.start_s is None
    assert (whole.clip, whole.label_text) == ("-bcdefghijk_000000_000010", 'playing "risk", again')
    assert whole.path == root / "-bcdefghijk.webm"
    assert (whole.start_s, whole.stop_s) == (0.0, 10.0)
    assert records.class_names == ("abseiling", 'playing "risk", again')


def test_kinetics_without_labels_and_by_subset(root: Path, tmp_path: Path) -> None:
    test = write(tmp_path / "test.csv", "youtube_id,time_start,time_end,split\nabc,1,11,test\n")
    [record] = load_records(test, root=root)
    assert record.label is None
    assert record.path == root / "abc_000001_000011", "a missing clip is looked for where it should be"
    both = write(
        tmp_path / "all.csv", "label,youtube_id,time_start,time_end,split\na,x,1,2,train\nb,y,1,2,val\n"
    )
    with pytest.raises(DataError, match="expected a subset among train, val; found none; choose one of them"):
        load_records(both, root=root)
    records = load_records(both, root=root, subset="val")
    assert [record.label_text for record in records] == ["b"]
    assert "1 entry of other subsets left out" in records.notes
    assert (records.class_names, records[0].label) == (("a", "b"), 1), "the subsets share their classes"


def test_a_subset_by_custom_and_all_of_them(root: Path, tmp_path: Path) -> None:
    rows = "a,x,1,2,train\nb,y,1,2,train\nb,z,1,2,Validate\n,w,1,2,test\n"
    split = write(tmp_path / "all.csv", "label,youtube_id,time_start,time_end,split\n" + rows)
    taken = load_records(split, root=root, usual_subsets=("val", "validate", "test"))
    assert brief(taken) == [("z_000001_000002", 1, "b")]
    assert "subset Validate taken, of train (2), Validate (1), test (1)" in taken.notes
    assert brief(load_records(split, root=root, subset="test", usual_subsets=("val",)))[0][1] is None
    every = load_records(split, root=root, subset="all")
    assert len(every) == 4
    assert "clips of every subset: train (2), Validate (1), test (1)" in every.notes
    with pytest.raises(DataError, match="expected a subset among"):
        load_records(split, root=root, usual_subsets=("validation",))
    plain = load_records(write(tmp_path / "l.txt", "a 5 1\n"), root=root, subset="all")
    assert len(plain) == 1, "there is but one"


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (",label,youtube_id,time_start,time_end", "0,abseiling,abc,1,11"),
        ("label,youtube_id,time_start,time_end,", "abseiling,abc,1,11,"),
        ('"label","youtube_id", time_start,"time_end"', '"abseiling","abc",1,11'),
    ],
    ids=["an index", "a comma at the end", "a quoted header"],
)
def test_kinetics_as_spreadsheets_write_it(header: str, row: str, root: Path, tmp_path: Path) -> None:
    records = load_records(write(tmp_path / "val.csv", f"{header}\n{row}\n"), root=root)
    assert brief(records) == [("abc_000001_000011", 0, "abseiling")]


def test_epic_kitchens_with_a_comma_at_the_end_of_each_line(root: Path, tmp_path: Path) -> None:
    text = EPIC_55.replace("\n", ",\n")
    assert len(load_records(write(tmp_path / "EPIC_train_action_labels.csv", text), root=root)) == 4


@pytest.mark.parametrize("folder", ["val", "valid", "validation", "validate"])
def test_kinetics_validation_clips_whatever_their_folder_is_called(
    folder: str, root: Path, tmp_path: Path
) -> None:
    touch(root, f"{folder}/abc_000001_000011.mp4", "test/def_000001_000011.mp4")
    text = "label,youtube_id,time_start,time_end,split\na,abc,1,11,validate\na,def,1,11,validate\n"
    found, missing = load_records(write(tmp_path / "val.csv", text), root=root)
    assert found.path == root / folder / "abc_000001_000011.mp4"
    assert missing.path == root / "def_000001_000011"
