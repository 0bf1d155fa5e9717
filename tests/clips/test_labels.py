"""Label files of every form, and labels that no file knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from gst_analysis.clips.records import load_records
from gst_analysis.errors import DataError
from tests.clips.annotation_files import brief, write


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


JESTER = "Swiping Left\nSwiping Right\nStop Sign\n"


def test_lines_of_id_and_label_find_whichever_label_file_lies_there(root: Path, tmp_path: Path) -> None:
    write(tmp_path / "jester" / "jester-v1-labels.csv", JESTER)
    wrong = write(tmp_path / "jester" / "validation.csv", "1;Swiping Lefft\n2;Stop Sign\n")
    records = load_records(wrong, root=root)
    assert records.class_names == ("Stop Sign", "Swiping Left", "Swiping Right")
    assert brief(records) == [("1", None, "Swiping Lefft"), ("2", 0, "Stop Sign")]
    write(tmp_path / "v2" / "something-something-v2-labels.json", '{"Tearing something": "1", "B": "0"}')
    answers = write(tmp_path / "v2" / "test-answers.csv", "7;Tearing something\n")
    assert brief(load_records(answers, root=root)) == [("7", 1, "Tearing something")]


def test_of_several_label_files_the_one_that_has_the_labels_is_theirs(root: Path, tmp_path: Path) -> None:
    write(tmp_path / "something-something-v1-labels.csv", "Closing something\nOpening something\n")
    write(tmp_path / "jester-v1-labels.csv", JESTER)
    write(tmp_path / "labels.csv", "Stop Sign\nSwiping Left\nSwiping Right\n")
    write(tmp_path / "labels.json", "of something else")
    gestures = write(tmp_path / "train.csv", "1;Stop Sign\n2;Swiping Lefft\n")
    records = load_records(gestures, root=root)
    assert any("names of jester-v1-labels.csv" in note for note in records.notes), "labels.csv says the same"
    assert [record.label for record in records] == [0, None]
    actions = write(tmp_path / "actions.csv", "1;Opening something\n")
    assert load_records(actions, root=root)[0].label == 1
    named = load_records(gestures, root=root, format="something-v1")
    assert named.class_names[0] == "Closing something", "whoever names a format means its label file"
    assert load_records(write(tmp_path / "test.csv", "1\n2\n"), root=root).class_names == ()
    other = write(tmp_path / "other.csv", "1;Knitting\n")
    with pytest.raises(DataError, match=r"expected one label file .* each with 0 of their 1 labels"):
        load_records(other, root=root)


def test_quotes_are_treated_alike_in_labels_and_annotations(root: Path, tmp_path: Path) -> None:
    labels = write(tmp_path / "labels.csv", '"Putting a, b"\n"Saying ""a"""\nClosing\n"x" and "y"\n')
    text = '1;"Putting a, b"\n2;Putting a, b\n3;"Saying ""a"""\n"4";"Closing"\n5;"x" and "y"\n'
    records = load_records(write(tmp_path / "t.csv", text), root=root, labels=labels)
    assert records.class_names == ('"x" and "y"', "Closing", "Putting a, b", 'Saying "a"')
    assert [(record.clip, record.label) for record in records] == [
        ("1", 2),
        ("2", 2),
        ("3", 3),
        ("4", 1),
        ("5", 0),
    ]


def test_a_class_name_may_start_with_a_bracket(root: Path, tmp_path: Path) -> None:
    labels = write(tmp_path / "names.txt", "[Something] falls\nOther\n")
    records = load_records(write(tmp_path / "t.csv", "1;Something falls\n"), root=root, labels=labels)
    assert (records.class_names, records[0].label) == (("Other", "[Something] falls"), 1)
