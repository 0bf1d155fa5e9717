"""Two files of one name: every list tells them apart, and choosing one gives that one's results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app import cached
from app.wording import tell_apart
from gst_analysis.analyses import drift
from gst_analysis.checkpoints.saving import save_model
from tests.app.conftest import Plant, Visit, plots
from tests.conftest import SMALL_CLIPS, build_small
from tests.untyped import untyped

TWO = ["a/net.pth", "b/net.pth"]
Chosen = Callable[[AppTest], str]


@pytest.fixture
def pair(folder: Path) -> list[str]:
    """Two networks, both called net.pth, of different seeds."""
    for seed, name in enumerate(TWO):
        (folder / name).parent.mkdir()
        save_model(folder / name, build_small("gst-resnet26s", seed=seed), clip_spec=SMALL_CLIPS)
    return TWO


@pytest.fixture(autouse=True)
def drawings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A blank for what matplotlib draws, which no test here is about."""
    blank = cached.Drawing('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', 9)
    monkeypatch.setattr(cached, "draw", lambda *_, **__: blank)


def test_names_stay_where_they_are_different() -> None:
    assert tell_apart({"a/x.pth": "x", "b/x.pth": "x", "y.pth": "y"}) == {
        "a/x.pth": "a/x.pth",
        "b/x.pth": "b/x.pth",
        "y.pth": "y",
    }
    assert tell_apart({1: "cat", 2: "cat"}, lambda n: f"cat (class {n})")[2] == "cat (class 2)"


def test_a_name_that_is_anothers_path_is_told_apart_too() -> None:
    titles = tell_apart({"x.pth": "x", "b/x.pth": "x", "c/x.pth.pth": "x.pth"})
    assert titles == {ref: ref for ref in titles}


@pytest.mark.parametrize(("page", "command"), [("is_it_true", "ablate"), ("report", "report")])
@pytest.mark.parametrize("ref", TWO)
def test_either_can_be_checked_and_reported_on(
    visit: Visit, pair: list[str], page: str, command: str, ref: str
) -> None:
    query = {"clips": "My own", "data": "a"} if page == "is_it_true" else {}
    shown = visit(page, ckpt=pair, of=ref, **query)
    assert f"gst-analyze {command} {ref}" in shown.code[0].value


def test_the_start_is_that_of_the_chosen_one(visit: Visit, pair: list[str]) -> None:
    page = visit("is_it_true", ckpt=pair, check="Look at the start", of="b/net.pth", start="a/net.pth")
    assert "gst-analyze drift b/net.pth --start a/net.pth" in page.code[0].value
    told = page.dataframe[0].value["Mean change"].tolist()
    expected = drift.measure_drift("b/net.pth", start="a/net.pth").layers["change"].tolist()
    assert told == pytest.approx(expected)


def test_an_upload_and_a_path_of_one_name_are_two(visit: Visit, pair: list[str], folder: Path) -> None:
    (folder / "net.pth").write_bytes((folder / "a/net.pth").read_bytes())
    page = visit("report", ckpt="net.pth")
    page.file_uploader[0].upload("net.pth", (folder / "b/net.pth").read_bytes()).run()
    assert page.multiselect[0].value == ["net.pth", "upload:net.pth"]
    (choice,) = [group for group in untyped(page.get("button_group")) if group.label == "Checkpoint"]
    assert [option.content for option in choice.proto.options] == ["net.pth", "upload:net.pth"]


@pytest.mark.usefixtures("curves_alone")
@pytest.mark.parametrize("ref", TWO)
def test_either_can_be_traced_with(visit: Visit, pair: list[str], clip: Path, ref: str) -> None:
    page = visit("traces", ckpt=pair, clip=clip.name, trace_with=ref)
    (box,) = [box for box in page.selectbox if box.label == "Trace with"]
    assert (box.options, box.value) == (TWO, ref)
    assert f"gst-analyze trace {ref} " in page.code[0].value


@pytest.mark.parametrize("view", ["Overlay", "Statistics", "Importance"])
def test_both_are_shown_side_by_side(visit: Visit, pair: list[str], view: str) -> None:
    page = visit("space_and_time", ckpt=pair, view=view)
    assert not page.error
    assert plots(page)


@pytest.mark.usefixtures("curves_alone")
def test_an_uploaded_clip_and_a_path_of_one_name_are_two(
    visit: Visit, pair: list[str], folder: Path, plant: Plant
) -> None:
    first, second, *_ = plant(folder / "world", "static")
    first.path.rename(folder / "x.mp4")
    page = visit("traces", ckpt="a/net.pth", clip="x.mp4")
    page.file_uploader[-1].upload("x.mp4", second.path.read_bytes(), "video/mp4").run()
    (box,) = [box for box in page.selectbox if box.label == "Clip"]
    assert len(set(box.options)) == len(box.options)
    assert page.query_params["clip"] == "upload:x.mp4"
    box.set_value("x.mp4").run()
    assert page.query_params["clip"] == "x.mp4"
    assert page.session_state["clip"] == "x.mp4"
