"""Annotation files that are broken, leave their root or are none: said in one line."""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import pickle
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gst_analysis.clips.arrays import ArrayClip
from gst_analysis.clips.detection import FORMATS
from gst_analysis.clips.records import ClipRecord, RecordList, load_records
from gst_analysis.errors import DataError
from tests.clips.annotation_files import EPIC_55, close, touch, write


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
        ("youtube_id,time_start,time_end\na,1,2,3\n", "line 2: expected 3 columns.* found '4 columns'"),
        ("youtube_id,time_start,time_end\na,1\n", "line 2: expected 3 columns.* found '2 columns'"),
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


@pytest.mark.parametrize("text", ["a.mp4 0\nb.mp4 1\n"])
def test_a_subset_of_a_file_without_any_is_refused_in_plain_words(
    text: str, root: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="no subset: it has none; found subset 'train'; leave it out"):
        load_records(write(tmp_path / "list.txt", text), root=root, subset="train")


def test_a_slice_of_a_list_is_a_list(root: Path, tmp_path: Path) -> None:
    records = load_records(write(tmp_path / "train.csv", "1;A\n2;B\n3;A\n4;B\n"), root=root)
    some = records[1:3]
    assert isinstance(some, RecordList)
    assert [record.clip for record in some] == ["2", "3"]
    assert (some.class_names, some.notes, some.sources) == (("A", "B"), records.notes, records.sources)
    assert some.sources
    assert len(records[::-2]) == 2


def test_a_folder_that_may_not_be_entered(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = write(tmp_path / "lists" / "train.txt", "a/x.mp4 0\n")
    touch(root, "a/x.mp4", "b/y_000001_000002.mp4")
    text = "label,youtube_id,time_start,time_end\nb,y,1,2\n"
    kinetics = write(tmp_path / "lists" / "train.csv", text)
    close(root / "b", monkeypatch)
    assert load_records(listed, root=root)[0].path == root / "a" / "x.mp4"
    [record] = load_records(kinetics, root=root)
    assert record.path == root / "b" / "y_000001_000002", "where it may well be"
    close(root, monkeypatch)
    with pytest.raises(DataError, match="folder that holds the clips; found Permission denied"):
        load_records(listed, root=root / "a")
    close(tmp_path / "lists", monkeypatch)
    hmdb = tmp_path / "lists" / "wave_test_split1.txt"
    hmdb.write_text("x.avi 1\n")
    with pytest.raises(DataError, match=r"lists\b.*found Permission denied"):
        load_records(hmdb, root=tmp_path)


def test_a_folder_that_may_be_entered_and_not_listed(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(root, "1.webm", "2/")
    close(root, monkeypatch, listing_only=True)
    records = load_records(write(tmp_path / "train.csv", "1;A\n2;A\n3;A\n"), root=root)
    assert [record.path.name for record in records] == ["1.webm", "2", "3"]


def test_a_long_list_costs_little_a_line(tmp_path: Path) -> None:
    """Counted in memory, which does not depend on who else uses the machine: 0.3 kB a line were 0.5."""
    (tmp_path / "list.txt").write_text("".join(f"videos/clip_{n:05}.mp4 {n % 7}\n" for n in range(5000)))
    tracemalloc.start()
    records = load_records(tmp_path / "list.txt", format="list")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(records) == 5000
    assert records[4999].path == tmp_path / "videos" / "clip_04999.mp4"
    assert peak / 5000 < 600


def test_a_path_that_was_given_as_text_is_read_as_a_path(tmp_path: Path) -> None:
    text = ClipRecord("a", str(tmp_path / "a.mp4"))  # type: ignore[arg-type] # as a list's reader makes it
    plain, other = ClipRecord("a", tmp_path / "a.mp4"), ClipRecord("a", tmp_path / "b.mp4")
    assert text == plain != other
    assert (hash(text), repr(text), text.path) == (hash(plain), repr(plain), tmp_path / "a.mp4")
    assert text.file == plain.file == str(tmp_path / "a.mp4")
    assert (
        pickle.loads(pickle.dumps(text)) == copy.copy(text) == dataclasses.replace(text, label=None) == text
    )
    in_memory = ArrayClip(np.zeros((1, 2, 2, 3), np.uint8)).path
    assert ClipRecord("a", in_memory).path is in_memory, "what is no text is kept as it is"
    with pytest.raises(dataclasses.FrozenInstanceError):
        text.path = tmp_path  # type: ignore[misc] # that is the point


@pytest.mark.skipif(os.sep == "\\", reason="no file there has a backslash in its name")
def test_a_backslash_is_a_letter_of_a_name_where_there_is_such_a_file(root: Path, tmp_path: Path) -> None:
    touch(root, "a/b.mp4", "$\\odd.mp4", "c\\b.mp4")
    listed = write(tmp_path / "l.txt", "a\\b 0\n$\\odd.mp4 1\nc\\b 1\n")
    assert [record.path.name for record in load_records(listed, root=root)] == [
        "b.mp4",
        "$\\odd.mp4",
        "c\\b.mp4",
    ]
