"""The page of all analyses: a line for each of the list; those without a page of their own run there."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app import cached, commands_alone
from gst_analysis import analyses
from gst_analysis.analyses import list_analyses
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.cli.program import run
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.planted.worlds import classes_of
from tests.analyses.test_rooms import toy
from tests.app.conftest import Visit, images, plots
from tests.conftest import SMALL_CLIPS, SaveSmall

__all__ = ["toy"]


def run_it(page: AppTest) -> None:
    """Press the button, and wait for what it begins."""
    (start,) = [button for button in page.button if button.label == "Run it"]
    start.click().run()
    for job in list(cached.jobs()._jobs.values()):
        assert job.ended.wait(120)
    page.run()
    assert not page.exception


def test_every_analysis_of_the_list_is_a_line(visit: Visit) -> None:
    page = visit("analyses", backbone="ResNet-26, small")
    table = page.table[0].value.set_index("Command")
    assert list(table["Question"]) == [about.question for about in list_analyses()]
    assert dict(table["Page"][["`profile`", "`order`", "`roles`", "`ablate`", "`agreement`", "`trace`"]]) == {
        "`profile`": "Start, below",
        "`order`": "Classes, below",
        "`roles`": "below",
        "`ablate`": "Is it true?, below",
        "`agreement`": "–",
        "`trace`": "Traces",
    }


@pytest.mark.usefixtures("toy")
def test_a_folder_and_a_line_are_on_the_page_and_run_there(visit: Visit, save_small: SaveSmall) -> None:
    assert list(analyses.ROOMS)[-1] == "toy_room"
    save_small(file="net.pth")
    page = visit("analyses", ckpt="net.pth", run="Toy")
    assert list(page.table[0].value["Analysis"])[-1] == "Toy"
    (start,) = [button for button in page.button if button.label == "Run it"]
    start.click().run()
    for _ in range(40):
        if images(page):
            break
        page.run()
    assert images(page) == ["net: 29 batch norms."]
    assert "**Notes:** it is only a count." in [note.value for note in page.caption]


def test_clips_without_labels_are_named_as_the_visitor_named_them(
    visit: Visit, save_small: SaveSmall, clip: Path, folder: Path
) -> None:
    save_small(file="net.pth")
    page = visit("analyses", ckpt="net.pth", run="Prediction", clips="My own")
    assert "They need no labels" in page.info[-1].value
    page = visit("analyses", ckpt="net.pth", run="Prediction", clips="My own", videos="clip.mp4")
    assert page.code[0].value == "gst-analyze predict net.pth clip.mp4"
    run_it(page)
    assert set(page.dataframe[0].value["clip"]) == {"clip.mp4"}
    assert str(folder) not in str(page.dataframe[0].value)


@pytest.mark.slow
def test_figures_can_be_hovered_over_where_they_are_drawn_so_and_every_table_is_shown(
    visit: Visit, save_small: SaveSmall
) -> None:
    save_small(file="net.pth")
    page = visit("analyses", ckpt="net.pth", run="Temporal use")
    run_it(page)
    assert len(plots(page)) == 1
    (told,) = images(page)
    assert told.startswith("Histograms of ")
    assert [one.label for one in page.expander][:2] == ["Numbers", "Numbers: kernel use"]


def save_static(file: Path) -> None:
    """A network of the static world's classes."""
    labels = tuple(planted.label for planted in classes_of("static"))
    spec = ModelSpec.from_name("gst-resnet26s", width=8, num_classes=len(labels), num_frames=4)
    save_model(file, build_model(spec), clip_spec=replace(SMALL_CLIPS, frames=4), labels=labels)


@pytest.mark.slow
def test_groups_are_changed_together_which_no_page_does(visit: Visit, folder: Path) -> None:
    save_static(folder / "net.pth")
    page = visit("analyses", ckpt="net.pth", run="Ablation")
    run_it(page)
    assert len(plots(page)) == 2
    assert [one.label for one in page.expander][:2] == ["Numbers", "Numbers: ablation joint"]
    _, line = page.code[0].value.splitlines()
    assert line.endswith("--interventions mean --joint --sets network,stage")


@pytest.mark.slow
def test_two_networks_are_compared_place_by_place(visit: Visit, folder: Path) -> None:
    for name in ("net.pth", "second.pth"):
        save_static(folder / name)
    alone = visit("analyses", ckpt=["net.pth", "second.pth"], run="Similarity")
    assert "similarity net.pth worlds/static" in alone.code[0].value
    page = visit("analyses", ckpt=["net.pth", "second.pth"], run="Similarity", beside="second")
    run_it(page)
    told = page.dataframe[0].value
    assert (set(told["first"]), set(told["second"])) == ({"net"}, {"second"})
    line, python = (code.value for code in page.code[:2])
    assert "similarity net.pth second.pth worlds/static" in line
    assert "other='second.pth'" in python


def test_what_no_page_runs_has_its_lines_at_the_end(visit: Visit, folder: Path) -> None:
    save_static(folder / "net.pth")
    page = visit("analyses", ckpt="net.pth")
    for command in ("dataset-check", "agreement"):
        page.session_state[f"code-{command}"] = True  # its fold is opened
    page.run()
    alone = {about.title for about in list_analyses() if about.needs in commands_alone.WHY}
    assert alone <= {text.value.split("**")[1] for text in page.markdown if text.value.startswith("**")}
    check, _, pairs, python = (code.value for code in page.code[-4:])
    synth, line = check.splitlines()
    assert pairs.splitlines() == [synth, "gst-analyze agreement net.pth=worlds/static --limit 60"]
    assert python.endswith("result = gst.score_agreement([('net.pth', clips_1)], limit=60)")
    assert run(shlex.split(synth)[1:]) == 0
    assert run(shlex.split(line)[1:]) == 0
