"""Pages say what a page can do, in their own words: errors, notes, links, and whose run is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.paths import resolve_list
from app.series import is_of
from app.wording import say_error, say_notes
from gst_analysis.errors import DataError


@pytest.mark.parametrize(
    ("todo", "said"),
    [
        ("mend it, leave it out, or allow more with --clip-timeout", "mend it, leave it out"),
        ("run dataset-check, then mend or leave out those clips", "mend or leave out those clips"),
        ("check the files, for example with dataset-check", "check the files"),
        ("give more with --frames, if the network takes them", "under What weights do not tell, if the net"),
        ("check the path", "check the path"),
    ],
)
def test_what_only_a_command_can_do_is_not_asked_for(todo: str, said: str) -> None:
    told = say_error(DataError("clip", expected="a", found="b", todo=todo)).replace("\\", "")
    assert said in told
    assert "dataset-check" not in told
    assert "--" not in told


def test_how_planted_clips_are_listed_is_not_told() -> None:
    notes = ["format detected from the content: something-v2", "60 of 72 clips, drawn at random"]
    assert len(say_notes(notes, {"/tmp/x": "worlds/temporal/long.json"})) == 1
    own = say_notes(notes, {"/tmp/x": "mine.json"})
    assert own[0].replace("\\", "") == "The list was read as one of something-v2"


def test_a_video_where_a_list_is_wanted_is_said_to_be_none(folder: Path) -> None:
    with pytest.raises(DataError, match=r"nope\.mp4: expected a list of labelled clips.*found no such file"):
        resolve_list("nope.mp4")
    (folder / "nope.mp4").write_bytes(b"")
    with pytest.raises(DataError, match=r"found another kind of file; name the list .* page Traces"):
        resolve_list("nope.mp4")


def test_a_run_belongs_to_the_network_it_is_named_after_or_holds(folder: Path) -> None:
    assert is_of(folder / "net-epochs", "trained_models/net.pth")
    assert is_of(folder / "mine", "mine/last.pth")
    assert not is_of(folder / "net-epochs", "trained_models/other.pth")
