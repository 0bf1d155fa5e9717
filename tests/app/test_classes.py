"""The page of classes and clips: accuracy, confusion, order, and a wall of clips that leads into traces."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app import cached, class_views, clip_wall, tracing
from tests.app.conftest import Visit, images, names_of_plots
from tests.app.test_is_it_true import ckpt, start, world

__all__ = ["ckpt", "world"]


def ask(visit: Visit, ckpt: str, world: str, **query: str) -> AppTest:
    return visit("classes", ckpt=ckpt, clips="My own", data=world, **query)


def test_clips_are_listed_by_page_and_one_is_pressed_into_its_trace(
    visit: Visit, ckpt: str, world: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clip_wall, "PER_PAGE", 3)
    monkeypatch.setattr(tracing, "trace", lambda *_, **__: None)  # as while a long video is being read
    page = start(ask(visit, ckpt, world, view="Clip by clip", sort="By name"))
    assert [name.split()[-1] for name in images(page)] == ["clip00", "clip01", "clip02"]
    (known,) = page.session_state["visit"].visitor.things["accuracies"].values()  # for the page of cost
    assert (known.classes, known.clips) == (5, "4 clips of world/validation.json")
    page.number_input(key="wall_page").set_value(2).run()
    assert [name.split()[-1] for name in images(page)] == ["clip03"]
    page.button(key="open-clip03").click().run()
    assert not page.exception
    assert page.title[0].value == "Traces"
    assert page.selectbox(key="clip_shown").value == "world/videos/clip03"
    assert page.query_params["clip"] == "world/videos/clip03"
    assert not page.error


@pytest.mark.slow
def test_classes_and_confusion_come_from_one_evaluation(visit: Visit, ckpt: str, world: str) -> None:
    page = ask(visit, ckpt, world)
    assert "gst-analyze evaluate small.pth world/validation.json --limit 60" in page.code[0].value
    start(page)
    assert [metric.label for metric in page.metric] == [
        "Right",
        "Among the first five",
        "Mean over classes",
        "Clips",
    ]
    assert page.metric[3].value == "4"
    assert names_of_plots(page)[0].startswith("Share of clips that are right, class by class: least ")
    assert list(page.dataframe[0].value["Clips"]) == [1, 1, 1, 1, 0]
    wrong = sum(page.dataframe[0].value["Right"] == 0) - 1  # one class has no clip
    cached.jobs.cache_clear()  # as if other work had pushed it out
    page = ask(visit, ckpt, world, view="Taken for what")
    assert page.dataframe[0].value["Clips"].sum() == wrong
    assert names_of_plots(page)[0].startswith("Confusion matrix")
    assert not cached.jobs()._jobs


def test_a_ticked_pair_is_looked_at_on_the_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    state: dict[str, object] = {"pairs": {"selection": {"rows": [1]}}}
    monkeypatch.setattr("app.class_views.st.session_state", state)
    class_views._open_pair([("a", "b"), ("c", "d")])
    assert {name: state[name] for name in ("view", "truth", "taken", "only")} == {
        "view": "clips",
        "truth": "c",
        "taken": "d",
        "only": "wrong",
    }


@pytest.mark.slow
def test_order_is_measured_by_class_and_sorts_the_clips(visit: Visit, ckpt: str, world: str) -> None:
    page = start(ask(visit, ckpt, world, view="Order"))
    assert names_of_plots(page)[0].startswith("Clips that are right, by the order of their frames: ")
    assert "--conditions in-order,shuffled,reversed,frozen-middle" in page.code[0].value
    page = start(ask(visit, ckpt, world, view="Clip by clip", sort="Needs order most"))
    lost = page.dataframe[0].value["Lost when shuffled"].tolist()
    assert lost == sorted(lost, reverse=True)


@pytest.mark.slow
def test_an_uploaded_archive_is_a_data_set_whose_clips_open_in_traces(
    visit: Visit, ckpt: str, world: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "trace", lambda *_, **__: None)
    shutil.make_archive(str(folder / "mine"), "zip", folder, "world")
    page = visit("classes", ckpt=ckpt, clips="Uploaded", view="Clip by clip")
    assert not [text.value for text in page.caption if "The link says" in text.value]
    (uploader,) = [one for one in page.file_uploader if one.label.startswith("Labelled clips")]
    uploader.set_value([("mine.zip", (folder / "mine.zip").read_bytes(), "application/zip")]).run()
    assert not page.error
    assert page.selectbox(key="sent").value == "mine.zip"
    page = start(page)
    assert sorted(page.dataframe[0].value["Clip"]) == ["clip00", "clip01", "clip02", "clip03"]
    page.button(key="open-clip03").click().run()
    assert page.title[0].value == "Traces"
    assert page.query_params["clip"] == "upload:mine.zip/clip03"
    assert not page.exception
    assert not page.error
