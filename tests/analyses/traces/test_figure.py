"""Figure 5 in print and on screen: bars, marks that need no colour, changes, and nothing off the paper."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from gst_analysis.analyses.traces.figure import SHOWN, draw_frame_traces
from gst_analysis.analyses.traces.interactive import add_still_curve, draw_frame_traces_interactive
from gst_analysis.analyses.traces.story import RIGHT, WRONG, ClipStory, choose_moments, read_story
from gst_analysis.analyses.traces.tints import pick_tint
from gst_analysis.errors import SpecError, TableError
from gst_analysis.style.colours import wrong_colour
from gst_analysis.style.files import render_figure
from gst_analysis.style.theme import DARK, LIGHT
from tests.analyses.traces.stories import NAMES, make_influence, make_pictures, make_story, make_tables
from tests.untyped import untyped


def draw(story: ClipStory, *, dark: bool = False) -> Figure:
    return draw_frame_traces(story, make_pictures(story), dark=dark)


def list_texts(figure: Figure) -> list[str]:
    return [text.get_text().replace("\n", " ") for text in figure.axes[0].texts]


def list_bars(figure: Figure, colour: str) -> list[Rectangle]:
    """Bars of a colour, the legend's key left out."""
    wanted = mpl.colors.to_rgba(colour)
    patches = [p for p in figure.axes[0].patches if isinstance(p, Rectangle) and p.get_facecolor() == wanted]
    return [patch for patch in patches if patch.get_y() > 0.55]


def test_a_story_tells_what_the_tables_hold() -> None:
    story = make_story()
    assert [m.label for m in story.moments] == [NAMES[1]] * 4 + [NAMES[0]] * 4
    assert [m.right for m in story.moments] == [False] * 4 + [True] * 4
    assert [m.source_frame for m in story.moments] == [1, 4, 7, 10, 13, 16, 19, 22]
    assert story.turn_frames == {4}  # the step of the curve is no second change
    assert list(story.curves)[:2] == [NAMES[0], NAMES[1]]
    np.testing.assert_allclose(story.curves[NAMES[1]], [0.8] * 4 + [0.1] * 4)
    assert story.legend[0] == "the clip's true class"


def test_without_a_true_class_the_clips_own_prediction_is_right() -> None:
    story = make_story(truth=None)
    assert [m.right for m in story.moments] == [False] * 4 + [True] * 4
    assert story.legend[0] == "the class predicted for the clip"
    assert story.marks == ("●", "○")  # nothing is right or wrong, so nothing is green or red
    assert {pick_tint(story, m, LIGHT) for m in story.moments} == {LIGHT.ink, LIGHT.faint}
    assert pick_tint(make_story(), make_story().moments[0], LIGHT) == wrong_colour(LIGHT)
    other = make_story(truth=1)
    assert [m.right for m in other.moments] == [True] * 4 + [False] * 4


def test_every_frame_has_its_bar_mark_label_and_time() -> None:
    figure = draw(make_story())
    texts = list_texts(figure)
    assert texts.count(f"{WRONG} 80%") == 4
    assert texts.count(f"{RIGHT} 80%") == 4
    assert texts.count(NAMES[1]) == texts.count(NAMES[0]) == 4
    assert "0.08 s" in texts
    assert len(figure.axes[0].images) == 8
    right, wrong = list_bars(figure, LIGHT.accent), list_bars(figure, wrong_colour(LIGHT))
    assert len(right) == len(wrong) == 4
    assert {round(bar.get_width() / 1.42, 3) for bar in (*right, *wrong)} == {0.8}
    assert max(bar.get_x() for bar in wrong) < min(bar.get_x() for bar in right)


def test_the_change_is_marked_before_its_frame() -> None:
    figure = draw(make_story())
    axes = figure.axes[0]
    marks = [line for line in axes.lines if line.get_marker() == "v"]
    assert len(marks) == 1
    lefts = sorted({round(image.get_extent()[0], 6) for image in axes.images})
    x = float(np.asarray(marks[0].get_xdata())[0])
    assert lefts[3] < x < lefts[4]
    assert "change, 70% sure" in list_texts(figure)
    assert "change of state" in list_texts(draw(make_story(mode="prefix")))
    assert "change of state" not in list_texts(draw(make_story(mode="leave-one-out")))


@pytest.mark.parametrize("rows", [1, 2, 8, 13, 16, 17, 24, 60, 101])
def test_pictures_below_the_curves_stand_side_by_side(rows: int) -> None:
    """No gap of a whole picture, no overlap, each at its time, whether many or few."""
    story = make_story(rows)
    figure = draw_frame_traces_interactive(story, make_pictures(story))
    spans = [(image.x - image.sizex / 2, image.x + image.sizex / 2) for image in figure.layout.images]
    assert min(rows, 8) <= len(spans) <= 16
    if rows <= 16:
        assert len(spans) == rows
    gaps = [right[0] - left[1] for left, right in pairwise(spans)]
    assert all(0 < gap < 0.1 * image.sizex for gap, image in zip(gaps, figure.layout.images, strict=False))
    low, high = figure.layout.xaxis.range
    assert low <= spans[0][0]
    assert spans[-1][1] <= high
    times = {moment.seconds for moment in story.moments}
    assert all(image.x in times for image in figure.layout.images)


def test_what_is_left_out_shows_what_is_lost() -> None:
    """Of 60% for the clip, class 0 has 10% or 80% without a frame."""
    texts = list_texts(draw(make_story(mode="leave-one-out")))
    assert texts.count("− 50.0 points") == 4
    assert texts.count("+ 20.0 points") == 4
    assert texts.count(f"without it: {NAMES[1]}") == 4


def test_frames_without_time_have_numbers() -> None:
    assert "frame 4" in list_texts(draw(make_story(timed=False)))
    figure = draw_frame_traces_interactive(make_story(timed=False), {})
    assert list(figure.data[0].x) == [1, 4, 7, 10, 13, 16, 19, 22]
    assert "frame of the video" in figure.layout.xaxis2.title.text


def test_of_many_rows_ends_and_changes_are_shown() -> None:
    story = make_story(101)
    shown = [m.frame for m in choose_moments(story, SHOWN)]
    assert len(shown) == SHOWN
    assert {0, 49, 50, 100} <= set(shown)
    assert shown == sorted(shown)
    assert "12 of 101 shown" in " ".join(list_texts(draw(story)))
    assert len(choose_moments(make_story(3), SHOWN)) == 3


LONG = (
    "Pretending or trying and failing to twist something so that nobody can say what it was meant to be",
    "Putting something that can't actually stand upright on the table, so it falls on its side",
)


def with_matrix(rows: int = 8, *, frames: int | None = None, mode: str = "frame") -> ClipStory:
    return read_story(*make_tables(rows, mode=mode), make_influence(frames or rows, mode=mode))


CASES = {
    "matrix": with_matrix(),
    "matrix of a prefix": with_matrix(mode="prefix"),
    "matrix of 16": with_matrix(16),
    "matrix of 64": with_matrix(64),
    "matrix within windows": with_matrix(60, frames=8, mode="window"),
    "matrix beside two": with_matrix(2),
    "eight": make_story(),
    "sixteen": make_story(16, mode="prefix", truth=None),
    "one": make_story(1, timed=False),
    "two, long names": make_story(2, names=LONG, clip="a/very/long/path/" * 12 + "clip.mp4"),
    "window": make_story(60, mode="window"),
    "left out": make_story(mode="leave-one-out", names=LONG),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dark", [False, True])
def test_nothing_lies_outside_the_paper_or_on_its_neighbour(case: str, *, dark: bool) -> None:
    figure = draw(CASES[case], dark=dark)
    figure.draw_without_rendering()
    texts = [*figure.axes[0].texts, *figure.texts]
    for axes in figure.axes[1:]:
        texts += [*axes.texts, axes.xaxis.label, axes.yaxis.label, *axes.get_xticklabels()]
    boxes = [(text, text.get_window_extent()) for text in texts if text.get_text().strip()]
    for text, box in boxes:
        assert figure.bbox.x0 - 1 <= box.x0, text
        assert box.x1 <= figure.bbox.x1 + 1, text
        assert figure.bbox.y0 - 1 <= box.y0, text
        assert box.y1 <= figure.bbox.y1 + 1, text
    for number, (one, box) in enumerate(boxes):
        for other, second in boxes[number + 1 :]:
            wide = min(box.x1, second.x1) - max(box.x0, second.x0)
            tall = min(box.y1, second.y1) - max(box.y0, second.y0)
            assert wide <= 1 or tall <= 1, (one, other)


def test_the_matrix_beside_the_strip_is_the_tables() -> None:
    story, plain = with_matrix(), make_story()
    figure = draw(story)
    shares = make_influence()["share"].to_numpy().reshape(8, 8)
    (image,) = figure.axes[1].images
    np.testing.assert_allclose(np.asarray(image.get_array()), shares)
    assert figure.axes[1].get_ylabel() == "whose logit: frame"
    own = np.diag(shares).mean()
    assert any(
        f"On average {own:.0%} is the frame itself" in " ".join(t.get_text().split()) for t in figure.texts
    )
    assert figure.get_figwidth() > draw(plain).get_figwidth()
    assert len(draw(plain).axes) == 1
    # Pictures carry the numbers that the matrix calls them by.
    assert [text for text in list_texts(figure) if text.endswith(" s")][:2] == ["0: 0.08 s", "1: 0.33 s"]
    screen = draw_frame_traces_interactive(story, make_pictures(story))
    (matrix,) = [trace for trace in screen.data if trace.type == "heatmap"]
    np.testing.assert_allclose(np.array(matrix.z, dtype=float), shares)
    assert screen.layout.xaxis.domain[1] < screen.layout.xaxis3.domain[0]
    assert "NaN" not in screen.to_json()
    assert screen.layout.xaxis3.tickvals == tuple(range(8))


def test_of_a_prefix_the_newest_frame_is_told_without_the_first_row() -> None:
    evidence = with_matrix(mode="prefix").evidence
    assert evidence is not None
    assert f"{np.diag(evidence.shares)[1:].mean():.0%} is the newest frame" in evidence.words
    assert "cannot depend" in evidence.words


def test_pictures_keep_their_proportions() -> None:
    story = make_story(4)
    for height, width in ((90, 160), (64, 64), (200, 100)):
        figure = draw_frame_traces(story, make_pictures(story, height=height, width=width))
        left, right, low, high = figure.axes[0].images[0].get_extent()
        assert (high - low) / (right - left) == pytest.approx(height / width, rel=0.01)
    assert not draw_frame_traces(story, {}).axes[0].images  # grey boxes stand for them


def test_names_are_shown_as_they_are() -> None:
    odd = ("cost $x_1$ and $", "<b>bold</b>\nsecond\x07")
    story = make_story(names=odd, clip="$a$ <i>.mp4")
    figure = draw(story)
    figure.draw_without_rendering()
    assert "cost $x_1$ and $" in list_texts(figure)
    assert not any(text.get_parse_math() for text in figure.axes[0].texts if "$" in text.get_text())
    screen = draw_frame_traces_interactive(story, make_pictures(story))
    assert {trace.name for trace in screen.data[:2]} == {"cost $x_1$ and $", "&lt;b&gt;bold&lt;/b&gt; second"}
    assert "&lt;i&gt;" in screen.layout.title.text


def test_the_timeline_has_a_curve_for_each_class_and_the_frames_below() -> None:
    story = make_story()
    figure = draw_frame_traces_interactive(story, make_pictures(story), top_k=3)
    curves = [trace for trace in figure.data if "lines" in trace.mode]
    names = [trace.name.replace("<br>", " ") for trace in curves]
    assert names == list(story.curves)[:3]
    for name, trace in zip(names, curves, strict=True):
        np.testing.assert_allclose(trace.y, story.curves[name])
        np.testing.assert_allclose(trace.x, untyped([m.seconds for m in story.moments]))
        np.testing.assert_array_equal(trace.customdata, [(m.frame, m.source_frame) for m in story.moments])
    assert len({trace.line.color for trace in curves}) == 3
    assert len({trace.line.dash for trace in curves}) == 3
    assert len(figure.layout.images) == 8
    assert [image.x for image in figure.layout.images] == [m.seconds for m in story.moments]
    assert all(image.source.startswith("data:image/jpeg;base64,") for image in figure.layout.images)
    assert figure.layout.xaxis.matches == "x2"  # zooming into one zooms into the other
    (line,) = figure.layout.shapes
    assert story.moments[3].seconds < line.x0 < story.moments[4].seconds


def test_classes_between_which_the_state_changes_are_always_drawn() -> None:
    figure = draw_frame_traces_interactive(make_story(), {}, top_k=1)
    assert {NAMES[0], NAMES[1]} <= {trace.name for trace in figure.data}


@pytest.mark.parametrize("rows", [1, 2])
def test_a_trace_of_one_row_can_be_drawn(rows: int) -> None:
    story = make_story(rows)
    draw(story).draw_without_rendering()
    low, high = draw_frame_traces_interactive(story, make_pictures(story)).layout.xaxis.range
    assert low < high


def test_several_clips_are_no_figure() -> None:
    frames, clips, changes = make_tables()
    with pytest.raises(SpecError, match="expected the tables of one clip; found 2"):
        read_story(frames, pd.concat([clips, clips], ignore_index=True), changes)
    with pytest.raises(SpecError, match="one clip"):
        read_story(frames.iloc[:0], clips, changes)
    with pytest.raises(TableError):
        read_story(frames.drop(columns="rank"), clips, changes)


def test_the_same_story_gives_the_same_file_and_leaves_matplotlib_alone() -> None:
    before = dict(mpl.rcParams)
    one, two = (render_figure(draw(make_story()), "png") for _ in range(2))
    assert one == two
    assert len(render_figure(draw(make_story()), "svg")) > 5000
    assert dict(mpl.rcParams) == before


def test_dark_figures_have_dark_paper() -> None:
    assert mpl.colors.to_hex(draw(make_story(), dark=True).get_facecolor()).upper() == DARK.paper
    assert draw_frame_traces_interactive(make_story(), {}, dark=True).layout.paper_bgcolor == DARK.paper


def test_a_thin_line_says_what_is_told_of_frames_that_stand_still() -> None:
    story, still = read_story(*make_tables()), read_story(*make_tables(mode="still"))
    figure = draw_frame_traces_interactive(story, make_pictures(story))
    before = len(figure.data)
    add_still_curve(figure, story, still)
    line = figure.data[-1]
    assert len(figure.data) == before + 1
    assert list(line.y) == pytest.approx(list(still.curves[story.label]))
    assert list(line.x) == [moment.seconds for moment in still.moments]
    assert line.name.replace("<br>", " ").endswith(", standing still")
    unlike = read_story(*make_tables(mode="still", names=("another", "and another")))
    add_still_curve(figure, story, unlike)
    assert len(figure.data) == before + 1


def test_the_figures_import_no_torch() -> None:
    names = ("figure", "interactive", "film")
    heavy = {"torch", "matplotlib.pyplot"}
    code = ";".join(f"import gst_analysis.analyses.traces.{name}" for name in names)
    done = subprocess.run(
        [sys.executable, "-c", f"import sys;{code};print({heavy} & set(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "set()"
