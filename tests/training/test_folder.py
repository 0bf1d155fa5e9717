"""The folder of a run that begins: no file in it is replaced that is not its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from gst_analysis.errors import OutputError
from gst_analysis.training.loop import train
from gst_analysis.training.recipes import format_config
from gst_analysis.training.table import BEGUN, BEST, CONFIG, LAST, LOGS, STATE
from tests.training.runs import at_step, tiny

SHORT = {"schedule.epochs": "1", "data.validation": "none"}


@pytest.mark.parametrize("name", [BEST, LAST, CONFIG, *LOGS, "epoch-0003.pth"])
@pytest.mark.parametrize("resume", [False, True])
def test_what_a_run_would_replace_is_refused(world: Path, tmp_path: Path, name: str, resume: bool) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(OutputError, match=f"found {name}; choose another folder") as caught:
        train(tiny(world), out=tmp_path, resume=resume)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_other_files_are_no_matter_hidden_ones_included(world: Path, tmp_path: Path) -> None:
    names = ("notes.txt", ".backup.pth", ".my.state.pt", "model.pth")
    for name in names:
        (tmp_path / name).write_text("mine")
    train(tiny(world, SHORT), out=tmp_path)
    assert {(tmp_path / name).read_text() for name in names} == {"mine"}
    assert not (tmp_path / BEGUN).exists()
    (tmp_path / STATE).unlink()  # as one does who wants room
    last = (tmp_path / LAST).read_bytes()
    with pytest.raises(OutputError, match=LAST):
        train(tiny(world, SHORT), out=tmp_path, resume=True)
    assert (tmp_path / LAST).read_bytes() == last


def test_a_run_that_ended_before_it_was_saved_begins_anew(world: Path, tmp_path: Path) -> None:
    def die() -> None:
        raise RuntimeError("planted")

    config = tiny(world, SHORT)
    with pytest.raises(RuntimeError, match="planted"):
        train(config, out=tmp_path, progress=at_step(1, die))
    assert (tmp_path / CONFIG).read_text() == format_config(config)
    (tmp_path / BEST).write_text("mine")
    with pytest.raises(OutputError, match=f"found {BEST};"):
        train(config, out=tmp_path, resume=True)
    (tmp_path / BEST).unlink()
    assert train(config, out=tmp_path, resume=True).summary.epochs == 1
    assert not list(tmp_path.glob(".*"))
