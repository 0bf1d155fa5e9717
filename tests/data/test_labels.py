"""Label files of every form, and labels that no file knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from gst_analysis.data.records import load_records
from gst_analysis.errors import DataError
from tests.data.annotation_files import brief, write


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
