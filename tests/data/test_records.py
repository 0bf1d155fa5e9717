"""Every data set's annotations: a small file of each form, read into records."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gst_analysis.data.detection import FORMATS
from gst_analysis.data.records import ClipRecord, RecordList, load_records
from gst_analysis.errors import DataError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "clips").mkdir()
    return tmp_path / "clips"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


def touch(root: Path, *names: str) -> None:
    for name in names:
        if name.endswith("/"):
            (root / name).mkdir(parents=True)
        else:
            write(root / name, "")


def brief(records: RecordList) -> list[tuple[str, int | None, str | None]]:
    return [(record.clip, record.label, record.label_text) for record in records]


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


def test_something_v2(root: Path, tmp_path: Path) -> None:
    entries = [
        {
            "id": "45",
            "label": "putting wood onto cable",
            "template": "Putting [something] onto [something]",
            "placeholders": ["wood", "cable"],
        },
        {"id": 9, "template": "Holding [something]"},
    ]
    train = write(tmp_path / "train.json", json.dumps(entries))
    write(tmp_path / "labels.json", '{"Holding something": "1", "Putting something onto something": "0"}')
    touch(root, "45.webm", "9.mp4")
    records = load_records(train, root=root)
    assert brief(records) == [("45", 0, "Putting something onto something"), ("9", 1, "Holding something")]
    assert [record.path.name for record in records] == ["45.webm", "9.mp4"]
    assert "class order as numbered in labels.json" in records.notes, "the label file beside it is used"
    assert str(train) in (records.sources or {})


def test_something_v2_answers_and_test_set(root: Path, tmp_path: Path) -> None:
    labels = write(tmp_path / "labels.json", '{"Holding something": "0", "Lifting something": "1"}')
    answers = write(tmp_path / "test-answers.csv", "3;Lifting something\n4;Holding something\n")
    assert [r.label for r in load_records(answers, root=root, labels=labels)] == [1, 0]
    test = write(tmp_path / "test.json", '[{"id": "3"}, {"id": "4"}]')
    assert brief(load_records(test, root=root)) == [("3", None, None), ("4", None, None)]


def test_jester(root: Path, tmp_path: Path) -> None:
    write(tmp_path / "jester-v1-labels.csv", "Swiping Left\nDrumming Fingers\n")
    train = write(tmp_path / "jester-v1-train.csv", "34870;Drumming Fingers\r\n12;Swiping Left\r\n")
    records = load_records(train, format="jester", root=root)
    assert brief(records) == [("34870", 0, "Drumming Fingers"), ("12", 1, "Swiping Left")]


@pytest.mark.parametrize("suffix", ["", "_V2"])
def test_diving48(suffix: str, root: Path, tmp_path: Path) -> None:
    entries = [{"vid_name": "abc_00001", "label": 1, "start_frame": 0, "end_frame": 133}]
    write(tmp_path / "Diving48_vocab.json", '[["Back", "15som", "PIKE"], ["Forward", "Dive", "STR"]]')
    train = write(tmp_path / f"Diving48{suffix}_train.json", json.dumps(entries))
    touch(root, "abc_00001.mp4")
    [record] = load_records(train, root=root)
    assert record == ClipRecord("abc_00001", root / "abc_00001.mp4", 1, "Forward Dive STR", num_frames=133)


EPIC_55 = """\
uid,participant_id,video_id,narration,start_timestamp,stop_timestamp,start_frame,stop_frame,verb,verb_class,\
noun,noun_class,all_nouns,all_noun_classes
0,P01,P01_01,open door,00:00:00.14,00:00:03.37,8,202,open,2,door,8,['door'],[8]
1,P01,P01_01,"take cup, then",00:01:00.00,00:01:02.5,3597,3746,take,0,cup,13,"['cup', 'lid']","[13, 5]"
2,P01,P01_01,grab cup,00:02:00.00,00:02:02.5,7197,7346,grab,0,cup,13,['cup'],[13]
3,P01,P01_01,take cup,00:03:00.00,00:03:02.5,9197,9346,take,0,cup,13,['cup'],[13]
"""


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
    with pytest.raises(DataError, match="expected a subset among train, val"):
        load_records(both, root=root)
    records = load_records(both, root=root, subset="val")
    assert [record.label_text for record in records] == ["b"]
    assert "1 entries of other subsets left out" in records.notes


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
    assert "1 clips have a class number beyond the 2 classes" in records.notes


def test_labels_as_given(root: Path, tmp_path: Path) -> None:
    train = write(tmp_path / "train.csv", "1;B\n2;A\n")
    records = load_records(train, root=root, labels=["B", "A"])
    assert [r.label for r in records] == [0, 1]
    assert "class order: as given" in records.notes


def test_unknown_labels_are_kept_and_told(root: Path, tmp_path: Path) -> None:
    train = write(tmp_path / "train.csv", "1;Holding somthing\n2;Holding something\n")
    records = load_records(train, root=root, labels=["Holding something", "Other"])
    assert brief(records)[0] == ("1", None, "Holding somthing")
    assert any("nearest to the first: Holding something" in note for note in records.notes)


def test_clips_listed_twice_are_told(root: Path, tmp_path: Path) -> None:
    records = load_records(write(tmp_path / "train.txt", "1 5 0\n1 5 0\n"), root=root)
    assert len(records) == 2
    assert "clips listed more than once: 1" in records.notes


MALFORMED = {
    "list": [
        ("a 5 0\nb 5\n", "line 2: expected a path and 2 whole numbers"),
        ("a 5 0\n\nb 5 x\n", "line 3: expected a path and 2"),
        ("a 0 0\n", "line 1: expected at least 1 frame"),
        ("just words\n", "line 1: expected a path and 1 to 3"),
        ("v.mp4 0 2 4 6\n", "line 1: expected a path and 1 to 3"),
        ("a 5 99999999999999999999\n", "line 1"),
    ],
    "something-v1": [
        ("1;A\n;B\n", "line 2: expected `id;label text`"),
        ("1;A\n2\n", "line 2: expected a label on every line or on none"),
        ("1;A\n2;\n", "line 2: expected `id;label text`"),
    ],
    "something-v2": [
        ('[{"id": "1"}, {"label": "x"}]', "record 2: expected an id"),
        ('[{"id": "1", "template": 5}]', "record 1: expected a template"),
        ('{"a": 1}', "expected a JSON list"),
        ('[{"id": "1"},\n 7]', "record 2: expected a record"),
        ('[\n{"id": "1"}\n{"id": "2"}]', "line 3: expected JSON"),
        ("[" * 100_000, "expected JSON"),
    ],
    "diving48": [
        ('[{"vid_name": "a", "label": "x"}]', "record 1: expected label as a whole number"),
        ('[{"vid_name": "a", "label": -1}]', "record 1: expected label as a whole number"),
        (
            '[{"vid_name": "a", "label": 1, "start_frame": 9, "end_frame": 3}]',
            "record 1: expected an end_frame",
        ),
        ('[{"label": 1}]', "record 1: expected a vid_name"),
    ],
    "kinetics": [
        ("label,youtube_id,time_start\na,b,1\n", "line 1: expected a header with youtube_id"),
        ("youtube_id,time_start,time_end\na,1,2\nb,x,2\n", "line 3: expected time_start as a whole number"),
        ("youtube_id,time_start,time_end\na,5,5\n", "line 2: expected a stop time after the start"),
        ("youtube_id,time_start,time_end\na,1,2,3\n", "line 2: expected 3 columns"),
        ("youtube_id,time_start,time_end\na,1\n", "line 2: expected 3 columns"),
        ("youtube_id,time_start,time_end\n,1,2\n", "line 2: expected a value in column youtube_id"),
        ('youtube_id,time_start,time_end\n"a,1,2\n', "expected comma-separated values"),
    ],
    "epic-kitchens": [
        (EPIC_55.replace("00:00:03.37", "3.37"), "line 2: expected stop as HH:MM:SS"),
        (EPIC_55.replace("open,2,", "open,two,"), "line 2: expected verb_class as a whole number"),
        (EPIC_55.replace("8,202,", "203,202,"), "line 2: expected a stop frame after the start"),
    ],
    "egtea": [
        ("OP01-R01-A-0-9-F1-F2 0 1 1\n", "line 1: expected VIDEO-ms-ms-Fn-Fn action"),
        ("OP01-R01-A-9-0-F1-F2 1 1 1\n", "line 1: expected a stop time after the start"),
        ("OP01-R01-A 1 1 1\n", "line 1: expected VIDEO"),
    ],
    "ucf101": [
        ("YoYo/v_YoYo_g08_c01.avi 0\n", "line 1: expected a class from 1"),
        ("YoYo/other.avi 1\n", "line 1: expected Action/v_Action"),
    ],
}


@pytest.mark.parametrize(
    ("name", "text", "message"), [(name, *case) for name, cases in MALFORMED.items() for case in cases]
)
def test_a_malformed_line_is_named(name: str, text: str, message: str, root: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message) as caught:
        load_records(write(tmp_path / "annotation.txt", text), format=name, root=root)
    assert "annotation.txt" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_hmdb51_malformed(root: Path, tmp_path: Path) -> None:
    bad = write(tmp_path / "wave_test_split1.txt", "a.avi 1\nb.avi 3\n")
    with pytest.raises(DataError, match=r"line 2: expected NAME\.avi and 0, 1 or 2"):
        load_records(bad, root=root)
    with pytest.raises(DataError, match="ACTION_test_splitN"):
        load_records(write(tmp_path / "wave.txt", "a.avi 1\n"), format="hmdb51", root=root)


LINES = st.lists(
    st.lists(
        st.one_of(
            st.text(max_size=8),
            st.sampled_from(
                [
                    "1",
                    "-1",
                    "0",
                    "a.avi",
                    "../x",
                    "YoYo/v_YoYo_g01_c01.avi",
                    "OP01-R01-A-0-9-F1-F2",
                    '"',
                    "{",
                    "[",
                ]
            ),
        ),
        max_size=5,
    ),
    max_size=4,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LINES, st.sampled_from([" ", "\t", ",", ";", ": "]), st.sampled_from([None, *FORMATS]))
def test_whatever_a_file_holds_it_is_read_or_refused_in_one_line(
    root: Path, tmp_path: Path, lines: list[list[str]], separator: str, name: str | None
) -> None:
    text = "\n".join(separator.join(line) for line in lines)
    path = tmp_path / "x_test_split1.txt"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    message, records = "", None
    try:
        records = load_records(path, format=name, root=root)
    except DataError as error:
        message = str(error)
    assert message.isprintable()
    assert all(record.path.is_relative_to(root) and record.path != root for record in records or ())


@pytest.mark.parametrize(
    "path", ["../secret", "/etc/passwd", "a/../../secret", "..", ".", "..\\secret", "a\0b"]
)
def test_paths_that_leave_the_root_are_refused(path: str, root: Path, tmp_path: Path) -> None:
    touch(tmp_path, "secret")
    annotations = {
        "list": f"ok 5 1\n{path}\t5\t1\n".replace("ok 5 1", "ok\t5\t1"),
        "something-v1": f"ok;A\n{path};A\n",
        "something-v2": json.dumps([{"id": "ok"}, {"id": path}]),
        "diving48": json.dumps([{"vid_name": "ok", "label": 0}, {"vid_name": path, "label": 0}]),
    }
    for name, text in annotations.items():
        with pytest.raises(DataError, match=r"(line|record) 2: expected a clip below"):
            load_records(write(tmp_path / "annotation", text), format=name, root=root)


def test_other_formats_keep_to_the_root_too(root: Path, tmp_path: Path) -> None:
    header = "label,youtube_id,time_start,time_end\n"
    for row in ("a,../x,1,2", "../../a,x,1,2"):
        with pytest.raises(DataError, match="expected a clip below"):
            load_records(write(tmp_path / "k.csv", header + row + "\n"), root=root)
    epic = EPIC_55.replace("P01_01,open", "../../x,open")
    with pytest.raises(DataError, match="expected a clip below"):
        load_records(write(tmp_path / "e.csv", epic), root=root)
    hmdb = write(tmp_path / "wave_test_split1.txt", "../../../x.avi 1\n")
    with pytest.raises(DataError, match="expected a clip below"):
        load_records(hmdb, root=root)


def test_absolute_paths_inside_the_root_are_fine(root: Path, tmp_path: Path) -> None:
    touch(root, "a/")
    [record] = load_records(write(tmp_path / "l.txt", f"{root}/a 5 1\n"), root=root)
    assert record.path == root / "a"


def test_files_that_are_no_annotations(root: Path, tmp_path: Path) -> None:
    for content, message in [(b"", "found no lines"), (b"\xff\xfe\x00", "line 1: expected UTF-8 text")]:
        (tmp_path / "a").write_bytes(content)
        with pytest.raises(DataError, match=message):
            load_records(tmp_path / "a", root=root)
    with pytest.raises(DataError, match="expected an annotation file"):
        load_records(tmp_path / "none.csv", root=root)
    with pytest.raises(DataError, match="expected an annotation file"):
        load_records(root, root=root)
    with pytest.raises(DataError, match="did you mean jester"):
        load_records(write(tmp_path / "b", "1;A"), format="jestr", root=root)
    with pytest.raises(DataError, match="folder that holds the clips"):
        load_records(write(tmp_path / "l.txt", "a 5 1\n"), root=tmp_path / "nowhere")
    with pytest.raises(DataError, match="expected one format"):
        load_records([write(tmp_path / "l.txt", "a 5 1\n"), write(tmp_path / "c.csv", "1;A\n")], root=root)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"A": "0", "B": "2"}', "class numbers 0 to 1"),
        ('{"A": "0", "B": "x"}', "class numbers 0 to 1, each once; found x"),
        ('["A", 5]', "list of class names"),
        ("A\nB\nA\n", "found A more than once"),
        ("", "found none"),
        ("id,name\n0,A\n0,B\n", "class numbers 0 to 1"),
    ],
)
def test_label_files_that_cannot_be_used(text: str, message: str, root: Path, tmp_path: Path) -> None:
    labels = write(tmp_path / "my_labels", text)
    with pytest.raises(DataError, match=message):
        load_records(write(tmp_path / "t.csv", "1;A\n"), root=root, labels=labels)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Take bread 1\nCut 2 apples 2\n", ("Take bread", "Cut 2 apples")),
        ("2 B\n1 A\n", ("A", "B")),
        ("0 A\n1 B\n", ("A", "B")),
        ("Catch 22\nArea 51\n", ("Catch 22", "Area 51")),
        ("id,name\n1,B\n0,A\n", ("A", "B")),
        ("verb_id,class_key,verbs\n0,take,\"['take', 'get']\"\n1,put,['put']\n", ("take", "put")),
        ('"A, then B"\nC\n', ("A, then B", "C")),
        ('["B", "A"]', ("B", "A")),
    ],
)
def test_label_files_of_every_form(text: str, names: tuple[str, ...], root: Path, tmp_path: Path) -> None:
    labels = write(tmp_path / "my_labels", text)
    records = load_records(write(tmp_path / "l.txt", "a 5 1\n"), root=root, labels=labels)
    assert records.class_names == names
    assert records[0].label_text == names[1]
