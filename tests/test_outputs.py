"""Files of a result as a set: its own are replaced, others are not, and nothing old is left among new."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from gst_analysis import files, outputs
from gst_analysis.console.output import save_or_keep
from gst_analysis.errors import OutputError
from gst_analysis.files import Occupied, hash_file, write_whole
from gst_analysis.outputs import Made, Outputs, check_free, load_note
from gst_analysis.results import Provenance, Result
from tests.conftest import list_results

NET, OTHER = Made("q", {"net": "a" * 64}), Made("q", {"other": "b" * 64})


def save(folder: Path, made: Made = NET, *, overwrite: bool = False, **texts: str) -> None:
    """Write texts into files of these names."""
    with Outputs(folder, made, overwrite=overwrite) as outputs:
        for name, text in texts.items():
            outputs.write(name, lambda file, text=text: file.write(text.encode()))  # type: ignore[misc] # bound


def read(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text() for name in list_results(folder)}


def test_a_question_replaces_its_own_answer_and_removes_what_is_old_of_it(tmp_path: Path) -> None:
    save(tmp_path, table="1", picture="1")
    save(tmp_path, table="1", page="1")  # the same answer in another format
    assert read(tmp_path) == {"table": "1", "picture": "1", "page": "1"}
    (tmp_path / "mine").write_text("mine")
    save(tmp_path, Made("q", NET.inputs, "another answer"), table="2")
    assert read(tmp_path) == {"table": "2", "mine": "mine"}


def test_two_runs_at_once_mix_no_files(tmp_path: Path) -> None:
    first, second = Outputs(tmp_path, NET), Outputs(tmp_path, OTHER)
    first.write("table", lambda file: file.write(b"1"))
    second.write("picture", lambda file: file.write(b"2"))
    first.commit()
    with pytest.raises(Occupied, match="table from net, other inputs"):
        second.commit()
    assert not (tmp_path / "picture").exists()
    with Outputs(tmp_path, NET) as one, Outputs(tmp_path, NET) as other:  # of the same inputs they agree
        one.write("table", lambda file: file.write(b"1"))
        other.write("page", lambda file: file.write(b"1"))
    assert {"table", "page"} <= set(read(tmp_path))


def test_another_question_beside_it_is_no_matter(tmp_path: Path) -> None:
    save(tmp_path, a="1")
    save(tmp_path, Made("r", OTHER.inputs), b="2")
    save(tmp_path, a="3")
    assert read(tmp_path) == {"a": "3", "b": "2"}
    with pytest.raises(Occupied, match=r"/b: .*not made by it"):
        save(tmp_path, a="4", b="4")
    assert read(tmp_path) == {"a": "3", "b": "2"}


def test_other_inputs_are_refused_even_where_no_name_is_the_same(tmp_path: Path) -> None:
    save(tmp_path, picture="1")
    with pytest.raises(Occupied, match="picture from net, other inputs"):
        save(tmp_path, OTHER, table="2")
    assert read(tmp_path) == {"picture": "1"}
    save(tmp_path, OTHER, table="2", overwrite=True)
    assert read(tmp_path) == {"table": "2"}
    (tmp_path / "table").unlink()
    save(tmp_path, NET, table="3")  # whoever removes the files has the folder back
    assert read(tmp_path) == {"table": "3"}


@pytest.mark.parametrize("noted", [False, True])
def test_what_somebody_wrote_or_changed_stays(tmp_path: Path, noted: bool) -> None:
    if noted:
        save(tmp_path, a="0", b="0")
    (tmp_path / "b").write_text("mine")
    before = read(tmp_path)
    with pytest.raises(Occupied, match="changed since" if noted else "not made by it"):
        save(tmp_path, a="1", b="1")
    assert read(tmp_path) == before
    assert not [path for path in tmp_path.iterdir() if path.name.startswith((".a.", ".b."))]
    save(tmp_path, a="1", b="mine")  # where nothing would be lost nothing is asked
    assert read(tmp_path) == {"a": "1", "b": "mine"}


def test_a_picture_that_somebody_changed_is_not_removed(tmp_path: Path) -> None:
    save(tmp_path, table="1", picture="1")
    (tmp_path / "picture").write_text("with my notes")
    save(tmp_path, Made("q", NET.inputs, "another"), table="2")
    assert read(tmp_path) == {"table": "2", "picture": "with my notes"}


def test_links_are_somebody_elses(tmp_path: Path) -> None:
    (tmp_path / "far").write_text("far")
    out = tmp_path / "out"
    out.mkdir()
    for name, target in (("a", tmp_path / "far"), ("b", tmp_path / "nowhere")):
        (out / name).symlink_to(target)
        with pytest.raises(Occupied):
            save(out, NET, overwrite=False, **dict.fromkeys([name], "1"))
    save(out, a="1", b="1", overwrite=True)
    assert not (out / "a").is_symlink()
    assert (tmp_path / "far").read_text() == "far"
    assert not (tmp_path / "nowhere").exists()
    save(out, a="2")
    (out / "a").unlink()
    (out / "a").symlink_to(tmp_path / "far")
    with pytest.raises(Occupied):
        save(out, a="3")


def test_a_note_from_elsewhere_can_do_nothing_outside_its_folder(tmp_path: Path) -> None:
    out = tmp_path / "out"
    save(out, a="1")
    save(tmp_path, Made("r", {}), a="1")
    (note,) = out.glob(".gst-analysis.*")
    note.write_text(note.read_text().replace('"a":', '"../a":'))
    save(out, Made("q", NET.inputs, "another"), b="2")
    assert (tmp_path / "a").exists()
    for text in (
        "",
        "{",
        "[]",
        '{"format": "gst-analysis-files", "version": 1, "inputs": {}, "guarded": 3, "files": {}}',
    ):
        note.write_text(text)
        assert load_note(out, "q") is None
        with pytest.raises(Occupied):
            save(out, b="3")


def test_two_at_once_do_not_meet(tmp_path: Path) -> None:
    def meet() -> None:
        with Outputs(tmp_path, NET) as first, Outputs(tmp_path, OTHER) as second:
            first.write("a", lambda file: file.write(b"1"))
            second.write("a", lambda file: file.write(b"2"))
            first.commit()

    with pytest.raises(Occupied):
        meet()
    assert read(tmp_path) == {"a": "1"}
    save(tmp_path, a="3")
    assert read(tmp_path) == {"a": "3"}


def test_what_was_done_before_a_stop_is_its_own(tmp_path: Path) -> None:
    def stop() -> None:
        with Outputs(tmp_path, NET) as outputs:
            outputs.write("a", lambda file: file.write(b"1"))
            outputs.commit()
            outputs.write("b", lambda file: file.write(b"1"))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    assert read(tmp_path) == {"a": "1"}
    save(tmp_path, b="2")
    assert read(tmp_path) == {"b": "2"}  # of an answer that was not finished nothing is left


def test_a_file_system_without_links_keeps_files_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    save(tmp_path, a="1")
    assert read(tmp_path) == {"a": "1"}
    (tmp_path / "b").write_text("mine")
    with pytest.raises(OutputError, match="found another file"):
        write_whole(tmp_path / "b", lambda file: file.write(b"2"), replace=False)
    assert read(tmp_path) == {"a": "1", "b": "mine"}


def test_results_of_weights_that_no_file_holds_are_told_apart_by_their_tables(tmp_path: Path) -> None:
    def result(value: int) -> Result[None]:
        return Result(pd.DataFrame({"a": [value]}), None, Provenance({"net": ""}, {}, {}))

    result(1).save(tmp_path)
    result(1).save(tmp_path)
    with pytest.raises(OutputError, match="other inputs"):
        result(2).save(tmp_path)


def test_paths_are_the_same_however_they_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "clip.mp4").touch()
    monkeypatch.chdir(tmp_path)
    spec = {"net": {"family": "gst"}}
    one, other = (
        Provenance({"net": "a" * 64, lists: "b" * 64}, spec, {}, clips=(clip, "named by its data set"))
        for lists, clip in (("w/val.json", "clip.mp4"), (str(tmp_path / "w/val.json"), "./clip.mp4"))
    )
    assert one.name_inputs() == other.name_inputs()
    assert sorted(one.name_inputs()) == sorted(
        ["net", "val.json", str(tmp_path / "clip.mp4"), "named by its data set"]
    )
    both = Provenance({"a/val.json": "1", "b/val.json": "2"}, {}, {}).name_inputs()
    assert both == {"a/val.json": "1", "b/val.json": "2"}


def test_refused_before_the_work_where_that_can_be_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net, other, copy, clip = (tmp_path / name for name in ("net.pth", "other.pth", "copy.pth", "clip.mp4"))
    for path in (net, other, clip):
        path.write_text(path.stem)
    out = tmp_path / "out"
    check_free(out, "q", ["a"], {"checkpoint": [str(net)]})
    save(out, Made("q", {"net": hash_file(net), str(clip): "clip"}), a="1")
    copy.write_text("net")
    monkeypatch.chdir(tmp_path)
    words = {"checkpoint": [str(copy)], "clips": ["./clip.mp4", str(other)], "dataset": ["no file"]}
    check_free(out, "q", ["a"], words)
    with pytest.raises(Occupied, match="other inputs"):
        check_free(out, "q", ["a"], {**words, "checkpoint": [str(other)]})
    with pytest.raises(Occupied, match="other inputs"):
        check_free(out, "q", ["a"], {**words, "clips": [str(other)]})
    with (holes := tmp_path / "holes.pth").open("wb") as file:
        file.truncate(100_000_000)
    check_free(out, "q", ["a"], {**words, "checkpoint": [str(holes)]})  # its reader refuses it, at once
    (out / "b").touch()
    with pytest.raises(Occupied, match=r"/b: .*not made by it"):
        check_free(out, "q", ["a", "b"])


def test_hours_of_work_are_not_lost_where_it_could_not_be_known(tmp_path: Path) -> None:
    def saving(made: Made) -> Callable[[Path], dict[str, str]]:
        def write(folder: Path) -> dict[str, str]:
            save(folder, made, a=made.answer)
            return {"a": str(folder / "a")}

        return write

    save_or_keep(saving(Made("q", NET.inputs, "1")), tmp_path)
    for number in (1, 2):
        with pytest.raises(OutputError, match=rf"this time everything is in .*new-{number}$"):
            save_or_keep(saving(Made("q", OTHER.inputs, "2")), tmp_path)
        assert (tmp_path / f"new-{number}" / "a").read_text() == "2"
    assert (tmp_path / "a").read_text() == "1"


def test_a_folder_that_an_interrupted_answer_made_goes_with_it(tmp_path: Path) -> None:
    def stop(folder: Path) -> None:
        with Outputs(folder, NET) as outputs:
            outputs.write("table", lambda file: file.write(b"1"))
            raise KeyboardInterrupt

    (tmp_path / "old").mkdir()
    for name in ("new", "old"):
        with pytest.raises(KeyboardInterrupt):
            stop(tmp_path / name)
    assert [path.name for path in tmp_path.rglob("*")] == ["old"]


def test_ctrl_c_while_a_draft_is_looked_at_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(path: Path) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("gst_analysis.outputs.hash_file", interrupt)
    with pytest.raises(KeyboardInterrupt), Outputs(tmp_path, NET) as outputs:
        outputs.write("table", lambda file: file.write(b"1"))
    assert list(tmp_path.iterdir()) == []


class Killed(BaseException):
    """SIGKILL lets nothing be put in order."""


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("placed", [0, 1, 2])
def test_who_was_killed_while_files_get_their_names_knows_them_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: bool, placed: int
) -> None:
    place, done = files.place_draft, list[Path]()

    def kill(draft: Path, path: Path, *, replace: bool) -> None:
        if len(done) == placed:
            raise Killed
        done.append(path)
        place(draft, path, replace=replace)

    if before:
        save(tmp_path, table="0", picture="0")
    with monkeypatch.context() as patched:
        patched.setattr(outputs, "place_draft", kill)
        killed = Outputs(tmp_path, Made("q", NET.inputs, "another"))
        for name in ("table", "picture", "page"):
            killed.write(name, lambda file: file.write(b"1"))
        with pytest.raises(Killed):
            killed.commit()
    words = {"checkpoint": [str(tmp_path)]}
    check_free(tmp_path, "q", ["table", "picture", "page"], words)
    with pytest.raises(Occupied) if before or placed else contextlib.nullcontext():
        check_inputs(tmp_path, OTHER)
    save(tmp_path, Made("q", NET.inputs, "another"), table="2", picture="2")
    assert {name: text for name, text in read(tmp_path).items() if name[0] != "."} == {
        "table": "2",
        "picture": "2",
    }


def check_inputs(folder: Path, made: Made) -> None:
    with Outputs(folder, made):
        pass


@pytest.mark.parametrize("before", [False, True])
def test_what_could_not_be_placed_leaves_the_note_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OutputError("table", expected="room", found="none", todo="make some")

    out = tmp_path / "out"
    if before:
        save(out, table="0")
    note = load_note(out, "q")
    with monkeypatch.context() as patched:
        patched.setattr(outputs, "place_draft", refuse)
        with pytest.raises(OutputError, match="found none"):
            save(out, Made("q", NET.inputs, "another"), table="1")
    assert load_note(out, "q") == note
    assert (note is not None, out.exists()) == (before, before)
