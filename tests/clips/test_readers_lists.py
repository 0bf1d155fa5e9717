"""Annotations in lists of clips: EGTEA, HMDB-51, UCF101, and those of TSN, TRN, TSM and MMAction2."""

from __future__ import annotations

from pathlib import Path

import pytest

from gst_analysis.clips.records import ClipRecord, load_records
from gst_analysis.errors import DataError
from tests.clips.annotation_files import brief, touch, write

EGTEA = """\
OP01-R01-PastaSalad-66680-68130-F001597-F001639 2 3 4
OP01-R02-Pizza-10-2000-F000001-F000048 1 9 8 7
"""


def test_egtea_clips_and_whole_videos(root: Path, tmp_path: Path) -> None:
    labels = write(tmp_path / "action_idx.txt", "Take bread 2\nOpen fridge 1\n")
    split = write(tmp_path / "train_split1.txt", EGTEA)
    clip = "OP01-R01-PastaSalad-66680-68130-F001597-F001639"
    touch(root, f"OP01-R01-PastaSalad/{clip}.mp4", "OP01-R02-Pizza.mp4")
    records = load_records(split, root=root, labels=labels)
    assert records[0] == ClipRecord(clip, root / f"OP01-R01-PastaSalad/{clip}.mp4", 1, "Take bread")
    assert records[1].label_text == "Open fridge"
    assert records[1].path == root / "OP01-R02-Pizza.mp4"
    assert (records[1].start_frame, records[1].stop_frame) == (0, 48)
    assert (records[1].start_s, records[1].stop_s) == (0.01, 2.0)


def test_egtea_with_the_verb_first_is_noticed(root: Path, tmp_path: Path) -> None:
    lines = [f"OP01-R01-A-0-9-F1-F{n} {verb} {n} 5" for n, verb in ((2, 1), (3, 1))]
    with pytest.raises(DataError, match="line 2: expected the action in column 2"):
        load_records(write(tmp_path / "split.txt", "\n".join(lines)), root=root)


def test_hmdb51_by_glob(root: Path, tmp_path: Path) -> None:
    splits = tmp_path / "splits"
    write(splits / "brush_hair_test_split1.txt", "April_09.avi 1 \nMay #1.avi 2 \nJune.avi 0 \n")
    write(splits / "wave_test_split1.txt", "Wave_x.avi 1 \n")
    write(splits / "wave_test_split2.txt", "Wave_x.avi 2 \n")
    touch(root, "brush_hair/April_09.avi", "Wave_x.avi")
    train = load_records(splits / "*_test_split1.txt", root=root, subset="train")
    assert brief(train) == [("April_09.avi", 0, "brush_hair"), ("Wave_x.avi", 1, "wave")]
    assert [record.path for record in train] == [root / "brush_hair/April_09.avi", root / "Wave_x.avi"]
    test = load_records(splits / "brush_hair_test_split1.txt", root=root, subset="test")
    assert brief(test) == [("May #1.avi", 0, "brush_hair")]
    assert test.class_names == ("brush_hair", "wave"), "classes of the files beside it count too"
    with pytest.raises(DataError, match="expected a subset among test, train"):
        load_records(splits / "*_test_split1.txt", root=root)


def test_ucf101_train_and_test_lists(root: Path, tmp_path: Path) -> None:
    train = write(
        tmp_path / "trainlist01.txt", "YoYo/v_YoYo_g08_c01.avi 2\r\nBowling/v_Bowling_g08_c01.avi 1\r\n"
    )
    test = write(tmp_path / "testlist01.txt", "YoYo/v_YoYo_g01_c01.avi\r\n")
    touch(root, "YoYo/v_YoYo_g08_c01.avi", "v_Bowling_g08_c01.avi")
    records = load_records(train, root=root)
    assert [r.label for r in records] == [1, 0]
    assert records.class_names == ("Bowling", "YoYo")
    assert records[1].path == root / "v_Bowling_g08_c01.avi"
    write(tmp_path / "classInd.txt", "1 Bowling\r\n2 YoYo\r\n")
    assert brief(load_records(test, root=root)) == [("YoYo/v_YoYo_g01_c01.avi", 1, "YoYo")]


@pytest.mark.parametrize("separator", [" ", "\t"])
def test_lists_of_frame_folders(separator: str, root: Path, tmp_path: Path) -> None:
    rows = [("100218", 42, 134), ("a/b", 3, 0)]
    text = "\n".join(separator.join(map(str, row)) for row in rows)
    touch(root, "100218/", "a/b/")
    records = load_records(write(tmp_path / "train.txt", text), root=root)
    assert records[0] == ClipRecord("100218", root / "100218", 134, num_frames=42)
    assert records[1] == ClipRecord("a/b", root / "a/b", 0, num_frames=3)
    assert "format detected from the content: list" in records.notes


def test_lists_of_videos_and_of_parts(root: Path, tmp_path: Path) -> None:
    touch(root, "playing guitar/x.mp4", "imgs/")
    videos = write(tmp_path / "videos.txt", "playing guitar/x.mp4 3\nmissing.mp4 0\n")
    records = load_records(videos, root=root)
    assert records[0] == ClipRecord("playing guitar/x.mp4", root / "playing guitar/x.mp4", 3)
    assert records[1].path == root / "missing.mp4"
    [part] = load_records(write(tmp_path / "parts.txt", "imgs 2 5 127\n"), root=root)
    assert (part.clip, part.label, part.start_frame, part.stop_frame) == ("imgs@2", 127, 2, 7)
    ucf = write(tmp_path / "ucf.txt", "YoYo/v_YoYo_g08_c01.avi 1\nBow/v_Bow_g08_c01.avi 0\n")
    assert [r.label for r in load_records(ucf, root=root)] == [1, 0], "counted from 0: no UCF-101 split"


def test_lists_with_names(root: Path, tmp_path: Path) -> None:
    write(tmp_path / "category.txt", "Zebra\nApe\n")
    records = load_records(write(tmp_path / "train.txt", "1 5 0\n2 5 1\n3 5 7\n"), root=root)
    assert [r.label_text for r in records] == ["Zebra", "Ape", None]
    assert "1 clip with a class number beyond the 2 classes" in records.notes


def test_hmdb51_malformed(root: Path, tmp_path: Path) -> None:
    bad = write(tmp_path / "wave_test_split1.txt", "a.avi 1\nb.avi 3\n")
    with pytest.raises(DataError, match=r"line 2: expected NAME\.avi and 0, 1 or 2"):
        load_records(bad, root=root)
    with pytest.raises(DataError, match="ACTION_test_splitN"):
        load_records(write(tmp_path / "wave.txt", "a.avi 1\n"), format="hmdb51", root=root)


def test_a_first_clip_may_start_with_a_bracket(root: Path, tmp_path: Path) -> None:
    records = load_records(write(tmp_path / "train.txt", "[a] b.mp4 1\nc.mp4 0\n"), root=root)
    assert brief(records) == [("[a] b.mp4", 1, None), ("c.mp4", 0, None)]
    wave = write(tmp_path / "wave_test_split1.txt", "[a]b.avi 1\n{c}.avi 2\n")
    assert brief(load_records(wave, root=root, subset="train")) == [("[a]b.avi", 0, "wave")]
    with pytest.raises(DataError, match="line 2: expected a path and 1"):
        load_records(write(tmp_path / "val.txt", "[a].mp4 1\nc.mp4 x\n"), root=root)
    with pytest.raises(DataError, match="line 1: expected JSON"):
        load_records(write(tmp_path / "val.json", "[a].mp4 1\n"), root=root)
