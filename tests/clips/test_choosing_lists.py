"""Which annotation files of a folder, and which clips of theirs, are looked through and analysed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gst_analysis.analyses import slimming
from gst_analysis.analyses.dataset_check import check_dataset
from gst_analysis.cli import run
from gst_analysis.clips.labelled import ClipChoice, choose_clips, load_labelled_clips
from gst_analysis.console.loudness import speak
from gst_analysis.console.output import show_progress
from gst_analysis.errors import DataError, SpecError
from gst_analysis.reporting import making
from tests.clips.annotation_files import close, touch, write
from tests.clips.planted_clips import write_video

HEADER = "label,youtube_id,time_start,time_end,split\n"
SPLIT_1 = {"brush_hair": "a.avi 1\nb.avi 2\nc.avi 0\n", "wave": "d.avi 1\n[e].avi 2\n"}
SPLIT_2 = {"brush_hair": "a.avi 2\nb.avi 1\nc.avi 1\n"}


@pytest.fixture
def hmdb51(tmp_path: Path) -> Path:
    """HMDB-51's split files beside clips, of which one is missing."""
    video = write_video(tmp_path / "video.avi", frames=4)
    for action, text in SPLIT_1.items():
        write(tmp_path / "splits" / f"{action}_test_split1.txt", text)
        for line in text.splitlines():
            write(tmp_path / "splits" / "videos" / action / line.split()[0], "")
    for path in (tmp_path / "splits" / "videos").glob("*/*.avi"):
        path.write_bytes(video.read_bytes())
    (tmp_path / "splits" / "videos" / "wave" / "[e].avi").unlink()
    return tmp_path / "splits"


def test_a_folder_of_split_files_is_looked_through_in_full(hmdb51: Path) -> None:
    result = check_dataset([hmdb51])
    assert result.table[["clip", "problem"]].to_numpy().tolist() == [["[e].avi", "missing"]]
    assert (result.summary.clips, result.summary.sound) == (4, 3)
    assert "clips of every subset: train (2), test (2)" in result.notes
    assert "lists found: brush_hair_test_split1.txt, wave_test_split1.txt" in result.notes
    assert check_dataset([hmdb51], subset="train").summary.sound == 2
    with pytest.raises(DataError, match="expected a subset among test, train; found subset 'val'"):
        check_dataset([hmdb51], subset="val")


def test_clips_of_several_splits_are_looked_at_once(hmdb51: Path) -> None:
    for action, text in SPLIT_2.items():
        write(hmdb51 / f"{action}_test_split2.txt", text)
    result = check_dataset([hmdb51])
    assert (result.summary.clips, result.summary.missing) == (5, 1)
    assert "2 entries name a clip that was listed before: each is checked once" in result.notes


def test_a_clip_that_lists_label_differently_is_one_and_mislabelled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "train.csv", "1;A thing\n2;B thing\n")
    write(tmp_path / "validation.csv", "2;A thing\n3;B thing\n")
    (tmp_path / "videos").mkdir()
    for name in "123":
        write_video(tmp_path / "videos" / f"{name}.mp4", frames=4)
    result = check_dataset([tmp_path])
    assert result.table[["clip", "problem", "detail"]].to_numpy().tolist() == [
        ["2", "mislabelled", "labelled B thing and A thing"]
    ]
    summary = result.summary
    assert (summary.clips, summary.sound, summary.mislabelled) == (3, 2, 1)
    assert "1 entry names a clip that was listed before: each is checked once" in result.notes
    assert run(["dataset-check", str(tmp_path)]) == 1
    assert "2 of 3 clips are sound" in capsys.readouterr().out


def test_a_clip_without_a_label_in_one_list_has_that_of_another(tmp_path: Path) -> None:
    """Test lists often name clips of other lists without their labels."""
    write(tmp_path / "test.json", json.dumps([{"id": "1"}, {"id": "2"}]))
    write(tmp_path / "train.json", json.dumps([{"id": "1", "template": "A thing"}]))
    (tmp_path / "videos").mkdir()
    for name in "12":
        write_video(tmp_path / "videos" / f"{name}.mp4", frames=4)
    result = check_dataset([tmp_path])
    assert (result.summary.clips, result.summary.sound) == (2, 2)


def test_a_folder_of_split_files_is_one_list_if_of_one_split(hmdb51: Path) -> None:
    records = load_labelled_clips(hmdb51)
    assert [(record.clip, record.label) for record in records] == [("b.avi", 0), ("[e].avi", 1)]
    assert "subset test taken, of train (2), test (2)" in records.notes
    trained = load_labelled_clips(hmdb51 / "*_test_split1.txt", ClipChoice(subset="train"))
    assert [record.clip for record in trained] == ["a.avi", "d.avi"]
    assert all(record.path.is_file() for record in trained)
    assert len(load_labelled_clips(hmdb51, ClipChoice(subset="all"))) == 4
    write(hmdb51 / "wave_test_split2.txt", SPLIT_1["wave"])
    with pytest.raises(DataError, match=r"name one split, such as '.*splits/\*_test_split1\.txt'"):
        load_labelled_clips(hmdb51)


@pytest.mark.parametrize(
    ("present", "taken"),
    [
        (("train", "validate", "test"), "validate"),
        (("test", "val", "train"), "val"),
        (("train", "Validation"), "Validation"),
        (("train", "test"), "test"),
    ],
)
def test_of_several_subsets_the_one_for_validation_is_taken(
    present: tuple[str, ...], taken: str, tmp_path: Path
) -> None:
    rows = "".join(f"a,{name},1,2,{name}\n" for name in present)
    records = load_labelled_clips(write(tmp_path / "all.csv", HEADER + rows))
    assert [record.clip for record in records] == [f"{taken}_000001_000002"]
    assert any(note.startswith(f"subset {taken} taken, of ") for note in records.notes)
    [trained] = load_labelled_clips(tmp_path / "all.csv", ClipChoice(subset="train"))
    assert trained.clip == "train_000001_000002"


def test_subsets_without_a_usual_name_are_asked_for(tmp_path: Path) -> None:
    split = write(tmp_path / "all.csv", f"{HEADER}a,x,1,2,one\na,y,1,2,two\n")
    with pytest.raises(DataError, match="a subset among one, two; found none; choose one of them, or all"):
        load_labelled_clips(split)
    assert len(load_labelled_clips(split, ClipChoice(subset="two"))) == 1
    train = write(tmp_path / "train.csv", f"{HEADER}a,x,1,2,train\n")
    assert len(load_labelled_clips(train)) == 1, "a list with one subset has been chosen by its name"


def test_lists_of_two_subsets_are_looked_through_together(tmp_path: Path) -> None:
    write(tmp_path / "train.csv", f"{HEADER}a,x,1,2,train\na,y,1,2,train\n")
    write(tmp_path / "val.csv", f"{HEADER}b,z,1,2,val\n")
    result = check_dataset([tmp_path])
    assert (result.summary.clips, result.summary.missing) == (3, 3)
    assert "clips of every subset: train (2), val (1)" in result.notes


@pytest.mark.parametrize("test", ["V2_test.json", "Testlist01.JSON"])
def test_a_list_called_test_is_looked_through_too(test: str, tmp_path: Path) -> None:
    for name, clip in (("V2_train.json", "seen"), (test, "unseen")):
        write(tmp_path / name, json.dumps([{"vid_name": clip, "label": 0}]))
    result = check_dataset([tmp_path])
    assert set(result.table["clip"]) == {"seen", "unseen"}
    assert [record.clip for record in load_labelled_clips(tmp_path)] == ["unseen"]


def test_lists_of_another_kind_are_said_to_be_left_out(tmp_path: Path) -> None:
    for name in ("train.json", "validation.json", "test.json"):
        write(tmp_path / name, json.dumps([{"id": name[:2]}]))
    write(tmp_path / "test-answers.csv", "te;Tearing something\n")
    result = check_dataset([tmp_path])
    assert set(result.table["clip"]) == {"tr", "va", "te"}
    assert any(
        note.startswith("left out, as .json files") and "test-answers.csv" in note for note in result.notes
    )
    assert set(check_dataset([tmp_path], format="something-v1").table["clip"]) == {"te"}
    assert check_dataset([tmp_path / "test-answers.csv"]).summary.clips == 1


def test_a_folder_that_may_not_be_entered_is_said_to_be_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "data" / "train.json", "[]")
    touch(tmp_path, "nothing/")
    close(tmp_path / "data", monkeypatch)
    for ask in (lambda: check_dataset([tmp_path / "data"]), lambda: load_labelled_clips(tmp_path / "data")):
        with pytest.raises(DataError, match="data: expected a folder that can be opened; found Permission"):
            ask()
    with pytest.raises(DataError, match="expected annotation files with train, val, test in their names"):
        check_dataset([tmp_path / "nothing"])


ALL = ClipChoice("nowhere", "jester", 5, subset="zzz")


def test_what_is_said_of_a_data_set_needs_one() -> None:
    """Before anything is read: neither the checkpoint nor the root is there."""
    words = "its root, its format, its subset and a number of clips; found none"
    with pytest.raises(SpecError, match=f"slim: expected a data set beside {words}"):
        slimming.slim("none.pth", macs=0.8, root="nowhere", format="jester", limit=5, subset="zzz")
    with pytest.raises(SpecError, match=f"report: expected a data set beside {words}"):
        making.report("none.pth", root="nowhere", format="jester", limit=5, subset="zzz")
    with pytest.raises(SpecError, match=r"data set beside its subset; .* name it with --dataset"):
        choose_clips(["clip.mp4"], choice=ClipChoice(subset="zzz"))
    with pytest.raises(SpecError, match="data set beside a seed"):
        choose_clips(["clip.mp4"], choice=ClipChoice(seed=3))


def test_clips_that_have_been_read_are_not_read_otherwise(hmdb51: Path) -> None:
    records = load_labelled_clips(hmdb51)
    assert len(load_labelled_clips(records, ClipChoice(limit=1, seed=3))) == 1
    for field, value in (("root", "nowhere"), ("format", "jester"), ("subset", "train")):
        choice: dict[str, Any] = {field: value}
        with pytest.raises(SpecError, match=rf"beside its {field}; found clips that have been read"):
            load_labelled_clips(records, ClipChoice(**choice))


def test_of_a_root_it_is_said_at_once_what_was_taken(
    tmp_path: Path, hmdb51: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for split, clip in (("train", "a.avi"), ("val", "b.avi")):
        write(tmp_path / "folders" / split / "wave" / clip, "")
    with speak("usual"):
        load_labelled_clips(hmdb51, ClipChoice(limit=1))
        load_labelled_clips(tmp_path / "folders")
    lists, folders = capsys.readouterr().err.splitlines()
    assert lists == (
        f"{hmdb51}: brush_hair_test_split1.txt and 1 more list (a list of hmdb51), 2 clips, such as "
        "videos/brush_hair/b.avi"
    )
    assert folders == f"{tmp_path}/folders: val (a folder for every class), 1 clip, such as val/wave/b.avi"
    with speak("usual"):
        load_labelled_clips(str(hmdb51 / "*_test_split1.txt"))  # who names the lists knows them
    with speak("quiet"):
        load_labelled_clips(hmdb51)
    with pytest.raises(SpecError), speak("usual"):  # what is refused is refused in its one line
        load_labelled_clips(load_labelled_clips(hmdb51), ClipChoice(subset="zzz"))
    assert capsys.readouterr().err == ""
    with speak("usual"):
        load_labelled_clips(hmdb51)
        with show_progress("working") as progress:
            progress(0, 2, "")
            assert capsys.readouterr().err == ""
            progress(1, 2, "")
            assert "brush_hair" in capsys.readouterr().err
    assert capsys.readouterr().err == ""
