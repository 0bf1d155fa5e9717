"""A new analysis is a folder and a line; taking one away leaves the rest as it was."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs import analyses_table
from gst_analysis import analyses
from gst_analysis.cli import program
from gst_analysis.reporting import making
from gst_analysis.reporting.walking import list_sections
from gst_analysis.rooms import Door
from tests.analyses.contract import check_analysis
from tests.analyses.test_contract import build_bench
from tests.conftest import SaveSmall, list_results

HERE = str(Path(__file__).parent)
TOY = {"count-norms": "Count the batch norms of a network."}


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The toy room's folder among the others, and its line in the list."""
    monkeypatch.setattr(analyses, "__path__", [*analyses.__path__, HERE])
    monkeypatch.setattr(analyses, "ROOMS", {**analyses.ROOMS, "toy_room": TOY})
    built = program.build_program()
    monkeypatch.setattr(program, "app", built)
    monkeypatch.setattr("tests.analyses.contract.app", built)
    yield
    for name in [name for name in sys.modules if ".analyses.toy_room" in name]:
        del sys.modules[name]
    vars(analyses).pop("toy_room", None)


@pytest.mark.usefixtures("toy")
def test_a_folder_and_a_line_are_a_command(
    save_small: SaveSmall, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.run(["--help"]) == 0
    assert "count-norms" in capsys.readouterr().out
    words = ["count-norms", str(save_small()), "--out", str(tmp_path / "out")]
    assert program.run(words) == 0
    assert "batch norms\nnote: it is only a count\n" in capsys.readouterr().out
    assert list_results(tmp_path / "out") == sorted(
        f"counts.{kind}" for kind in ("png", "svg", "pdf", "csv", "parquet", "json")
    )
    assert program.run([*words, "--least", "1000", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["summary"] == {"norms": 0}


@pytest.mark.usefixtures("toy")
def test_a_folder_and_a_line_are_a_row_in_the_docs_and_a_section_of_the_report(save_small: SaveSmall) -> None:
    assert "| Toy | How many batch norms does a network have? | a checkpoint |" in analyses_table.build_page()
    assert list_sections()[-1] == "toy_room"
    others = [name for name in list_sections() if name != "toy_room"]
    made = making.report(save_small(), without=tuple(others))
    assert made.sections == ("checkpoint", "toy_room", "provenance")
    assert "It cannot tell what they do." in made.page
    assert "gst-analyze count-norms gst-resnet26s-0.pth" in made.page


@pytest.mark.usefixtures("toy")
def test_the_toy_keeps_the_contract(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "again").mkdir()
    check_analysis("toy_room", build_bench(tmp_path), capsys, lambda: build_bench(tmp_path / "again"))


def test_what_a_trace_is_evidence_of_is_found_by_walking() -> None:
    beside = analyses.list_beside(analyses.find_analysis("traces"))
    assert [about.name for about in beside] == ["influence", "saliency"]
    assert all("class_name" in about.options.__dataclass_fields__ for about in beside)


@pytest.mark.parametrize("gone", ["influence", "scales"])
def test_without_a_room_everything_else_stays(
    gone: str, save_small: SaveSmall, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = list_sections()
    command = analyses.find_analysis(gone).command
    monkeypatch.setattr(
        analyses, "ROOMS", {room: held for room, held in analyses.ROOMS.items() if room != gone}
    )
    monkeypatch.setattr(program, "app", program.build_program())
    assert program.run(["--help"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert command not in listed
    assert "importance" in listed
    assert list_sections() == tuple(name for name in before if name != gone)
    assert f"`{command}`" not in analyses_table.build_page()
    rest = tuple(name for name in list_sections() if name != "cost")
    assert making.report(save_small(), without=rest).sections == ("checkpoint", "cost", "provenance")


def test_nothing_is_put_into_a_door(monkeypatch: pytest.MonkeyPatch) -> None:
    door = Door("gst_analysis.console.loudness")
    with pytest.raises(
        AttributeError, match="loudness is a door; import the module itself to set 'is_quiet'"
    ):
        monkeypatch.setattr(door, "is_quiet", lambda: True)
    assert door.is_quiet() is False
