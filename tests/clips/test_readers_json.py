"""Annotations in JSON: Something-Something v2, Diving48."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gst_analysis.clips.records import ClipRecord, load_records
from gst_analysis.errors import DataError
from tests.clips.annotation_files import brief, touch, write


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


@pytest.mark.parametrize("suffix", ["", "_V2"])
def test_diving48(suffix: str, root: Path, tmp_path: Path) -> None:
    entries = [{"vid_name": "abc_00001", "label": 1, "start_frame": 0, "end_frame": 133}]
    write(tmp_path / "Diving48_vocab.json", '[["Back", "15som", "PIKE"], ["Forward", "Dive", "STR"]]')
    train = write(tmp_path / f"Diving48{suffix}_train.json", json.dumps(entries))
    touch(root, "abc_00001.mp4")
    [record] = load_records(train, root=root)
    assert record == ClipRecord("abc_00001", root / "abc_00001.mp4", 1, "Forward Dive STR", num_frames=133)


@pytest.mark.parametrize("place", ["id", "template", "label"])
def test_half_a_character_is_refused_with_its_record(place: str, root: Path, tmp_path: Path) -> None:
    """JSON may write it, but nothing can print it or keep it in a table."""
    whole = {"id": "1", "template": "Holding [something]", "label": "holding \U0001f600"}
    train = write(tmp_path / "train.json", json.dumps([whole, {**whole, "id": "2", place: "x\ud800"}]))
    with pytest.raises(DataError, match="record 2: expected whole characters"):
        load_records(train, root=root)
    fine = write(tmp_path / "fine.json", json.dumps([whole]))  # a pair of halves is one character
    assert "\\ud83d" in fine.read_text()
    assert len(load_records(fine, root=root)) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[]", "a JSON list of records with id"),
        ('[{"id": "1"},]', "line 1: expected JSON"),
        ('[{"id": "1"} {"id": "2"}]', "line 1: expected JSON"),
        ('[{"id": "1"}]\n x', "line 2: expected JSON"),
        ('[{"id": "1"},\n {"id": 2', "line 2: expected JSON"),
        ('[{"id": "1"}, ' + "[" * 200_000, "JSON of sane size and depth"),
        ('[{"id": "1"}, ' + "1" * 5000 + "]", "JSON of sane size and depth"),
        ('{"id": "1"}', "a JSON list of records"),
    ],
)
def test_what_is_no_list_is_said_where_it_is(text: str, told: str, root: Path, tmp_path: Path) -> None:
    train = write(tmp_path / "train.json", text)
    with pytest.raises(DataError, match=told) as error:
        load_records(train, root=root)
    assert len(str(error.value)) < 500


def test_white_space_and_every_record_of_a_list(root: Path, tmp_path: Path) -> None:
    text = ' \n[ {"id": "1"}\t,\r\n{"id": 2},{"id": "3"} \n] \n'
    assert [record.clip for record in load_records(write(tmp_path / "t.json", text), root=root)] == [*"123"]
