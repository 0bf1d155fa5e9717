"""The first page: what a stranger sees, with checkpoints and without."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import app
from app import choosing, paths, profile_views
from app.navigation import VIEWS, list_pages
from app.warming import list_imports
from gst_analysis.analyses.profile_comparison import measure
from tests.app.conftest import Visit, plots
from tests.conftest import SaveSmall
from tests.untyped import untyped


def titles(figure: str) -> list[str]:
    return [note["text"] for note in json.loads(figure)["layout"]["annotations"]]


def test_without_checkpoints_there_is_a_picture_and_a_word_on_what_to_do(visit: Visit) -> None:
    page = visit(backbone="ResNet-26, small")
    assert page.title[0].value.startswith("Where does a video network keep space")
    assert "add a checkpoint in the bar at the side" in page.info[0].value
    assert len(plots(page)) == 2
    assert any("every scale and offset is as before training" in text.value for text in page.markdown)


def test_the_shipped_pair_stands_side_by_side(visit: Visit, save_small: SaveSmall) -> None:
    paths.SHIPPED.mkdir()
    for number, name in enumerate(("a", *reversed(choosing.FIRST_SHOWN))):
        save_small(file="x.pth", seed=number).rename(paths.SHIPPED / f"{name}.pth")
    page = visit()
    assert titles(plots(page)[-1])[:2] == list(choosing.FIRST_SHOWN)
    assert any("two networks of one design" in text.value for text in page.markdown)
    told = [text.value for text in page.markdown if "Nothing stands out" in text.value]  # random scales
    assert "".join(told).split("**")[1::2] == [n.replace("-", "\\-") for n in choosing.FIRST_SHOWN]
    assert list(page.table[0].value["Checkpoint"]) == [
        name.replace("-", "\\-") for name in choosing.FIRST_SHOWN
    ]
    (views,) = [one for one in untyped(page.get("button_group")) if one.key == "profiles"]
    views.set_value("profile_differences").run()
    assert len(plots(page)) == 2  # one figure of both networks, and the scales
    assert any("temporal\\-gst\\-quarter**: No line surely differs" in text.value for text in page.markdown)
    page.multiselect[0].set_value(["trained_models/a.pth"]).run()
    assert not any("two networks of one design" in text.value for text in page.markdown)


def test_of_many_networks_one_map_stands_first_and_their_sentences_are_folded(
    visit: Visit, save_small: SaveSmall, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths.SHIPPED.mkdir()
    for number, name in enumerate("abc"):
        save_small(file="x.pth", seed=number).rename(paths.SHIPPED / f"{name}.pth")
    few = visit(ckpt=[f"trained_models/{name}.pth" for name in "abc"])
    assert len(plots(few)) == 4  # a profile each, and the scales
    monkeypatch.setattr(profile_views, "MOST_APART", 2)
    page = visit(ckpt=[f"trained_models/{name}.pth" for name in "abc"])
    assert len(plots(page)) == 2
    assert "scales γ (colours" in plots(page)[0].encode().decode("unicode_escape")
    (fold,) = [fold for fold in page.expander if fold.label == "What each profile says: 3 networks"]
    assert fold.markdown[0].value.count("Nothing stands out") == 3


def test_a_link_takes_as_many_networks_as_are_compared(visit: Visit, save_small: SaveSmall) -> None:
    assert choosing.MOST_SHOWN == measure.MOST
    paths.SHIPPED.mkdir()
    save_small(file="x.pth").rename(paths.SHIPPED / "a.pth")
    page = visit("report", ckpt=["trained_models/a.pth"] * (choosing.MOST_SHOWN + 1))
    (line,) = [caption.value for caption in page.caption if "The link says" in caption.value]
    assert "expected at most 20 networks" in line


@pytest.mark.parametrize("name", ["block 4.0", "layer4.0"])  # as the page calls it, as files and commands do
def test_a_place_opens_by_its_name_in_the_link(visit: Visit, save_small: SaveSmall, name: str) -> None:
    paths.SHIPPED.mkdir()
    save_small(file="x.pth", seed=1).rename(paths.SHIPPED / "a.pth")
    page = visit(place=name)
    (opened,) = [one.value for one in page.dataframe if "Invariant score" in one.value.columns]
    assert set(opened["Batch norm"]) == {"block 4.0.bn2"}
    assert opened["γ"].abs().is_monotonic_decreasing
    assert opened.loc[opened["Group"] == "temporal", "Temporal use"].notna().all()
    assert "Sees" not in opened.columns  # asked for with a button, not measured unasked
    assert not any("layer" in text.value for text in page.markdown)  # one block has one name
    assert not [text.value for text in page.caption if "The link says" in text.value]
    (doors,) = [box for box in page.selectbox if box.label == "Open a place"]
    doors.set_value("none").run()
    assert not any("Invariant score" in one.value.columns for one in page.dataframe)


def test_lines_to_type_come_when_their_fold_is_opened(visit: Visit, save_small: SaveSmall) -> None:
    paths.SHIPPED.mkdir()
    save_small(file="x.pth", seed=1).rename(paths.SHIPPED / "a.pth")
    page = visit()
    page.session_state["code"] = False
    page.run()
    assert [fold.label for fold in page.expander].count("Make this yourself") == 1
    assert not page.code
    page.session_state["code"] = True
    page.run()
    assert page.code[0].value == "gst-analyze bn-hist trained_models/a.pth --by stage"


def test_every_page_is_named_with_its_question(visit: Visit) -> None:
    page = visit(backbone="ResNet-26, small")
    links = page.get("page_link")
    assert [link.proto.label for link in links] == [f"**{p.title}**" for p in list_pages() if p.question]
    asked = [caption.value for caption in page.caption]
    assert all(p.question in asked for p in list_pages() if p.question)


@pytest.mark.parametrize("line", list_pages(), ids=lambda line: line.script)
def test_every_page_opens_without_checkpoints(visit: Visit, line: object) -> None:
    page = visit(line.script)  # type: ignore[attr-defined] # a line of navigation, as an object
    assert page.title
    assert not page.error


def test_what_cannot_be_opened_leaves_the_page_standing(visit: Visit) -> None:
    page = visit(ckpt="../secret.pth", backbone="ResNet-26, small")
    assert "found one outside" in page.error[0].value
    assert len(plots(page)) == 2
    assert page.get("page_link")


def test_what_pages_import_is_found_in_their_scripts() -> None:
    assert {"app.profile_views", "app.columns", "gst_analysis.analyses.scales"} <= set(
        list_imports(VIEWS / "start.py")
    )


@pytest.mark.slow
def test_pages_are_drawn_without_what_takes_seconds_to_import(tmp_path: Path) -> None:
    explorer = Path(app.__file__).with_name("explorer.py")
    code = (
        "import sys\nfrom streamlit.testing.v1 import AppTest\n"
        f"page = AppTest.from_file({str(explorer)!r}, default_timeout=60).run()\n"
        "assert len(page.get('plotly_chart')) > 1, page\n"
        "assert page.switch_page('views/cost.py').run().metric, page\n"
        "sys.exit(' '.join({'torch', 'torchvision', 'matplotlib', 'scipy.stats'} & set(sys.modules)) or 0)"
    )
    from_here = {**os.environ, "PYTHONPATH": str(explorer.parents[1])}  # as `streamlit run` sees the explorer
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=from_here, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
