"""Influence in print and on screen: the same cells, what cannot be is marked, nothing is NaN."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from gst_analysis.analyses.influence.figure import TITLES, draw_influence, spread_of
from gst_analysis.analyses.influence.interactive import (
    draw_apart,
    draw_evidence_interactive,
    draw_influence_interactive,
)
from gst_analysis.analyses.influence.table import INFLUENCE, RECEPTIVE_FIELDS
from gst_analysis.errors import SpecError
from gst_analysis.tables.schema import check
from tests.untyped import untyped


def make_table(frames: int = 6, half_width: int = 2, *, name: str = "net") -> pd.DataFrame:
    output, given = (axis.ravel() for axis in np.indices((frames, frames)))
    reachable = abs(output - given) <= half_width
    parts = []
    for number, method in enumerate(TITLES):
        sizes = np.random.default_rng(number).random(frames**2) * reachable
        totals = np.bincount(output, sizes)
        parts.append(
            pd.DataFrame(
                {
                    "checkpoint": name,
                    "method": method,
                    "output_frame": output,
                    "input_frame": given,
                    "influence": sizes,
                    "share": sizes / totals[output],
                    "reachable": reachable,
                }
            )
        )
    return check(pd.concat(parts, ignore_index=True), INFLUENCE)


def make_fields(frames: int = 6, blocks: int = 3) -> pd.DataFrame:
    middle, given = frames // 2, np.arange(frames)
    parts = []
    for number in range(blocks):
        name = f"layer{number // 2 + 1}.{number % 2}"
        shares = np.exp(-abs(given - middle) / (number + 1.0)) * (abs(given - middle) <= number + 1)
        parts.append(
            pd.DataFrame(
                {
                    "checkpoint": "net",
                    "stage": number // 2 + 1,
                    "block": name,
                    "half_width": number + 1,
                    "output_frame": middle,
                    "input_frame": given,
                    "reachable": abs(given - middle) <= number + 1,
                    "share": shares / shares.sum(),
                }
            )
        )
    return check(pd.concat(parts, ignore_index=True), RECEPTIVE_FIELDS)


def images_of(figure: Figure) -> list[np.ndarray]:
    return [np.asarray(axes.images[0].get_array()) for axes in figure.axes if axes.images]


def test_cells_are_the_shares_and_crosses_are_what_cannot_be() -> None:
    table, fields = make_table(), make_fields()
    figure = draw_influence(table, fields)
    images = images_of(figure)
    assert len(images) == 4
    for image, (_, rows) in zip(images, table.groupby("method", sort=False), strict=False):
        np.testing.assert_allclose(image.ravel(), rows["share"])
    np.testing.assert_allclose(images[3].ravel(), fields["share"])
    crosses = {tuple(map(int, xy)) for xy in untyped(figure.axes[0].collections[0].get_offsets())}
    first = table[table["method"] == "gradient"]
    beyond = first[~first["reachable"]]
    assert crosses == set(zip(beyond["input_frame"], beyond["output_frame"], strict=True))


def test_numbers_are_percentages_of_the_row() -> None:
    table = make_table()
    texts = [text.get_text() for text in draw_influence(table).axes[0].texts]
    near = table[(table["method"] == "gradient") & table["reachable"]]
    assert len(texts) == len(near)
    for text, share in zip(texts, near["share"], strict=True):
        assert text == ("<1" if share < 0.005 else f"{100 * share:.0f}")


def test_screen_and_print_show_the_same_cells() -> None:
    table, fields = make_table(), make_fields()
    printed = images_of(draw_influence(table, fields))
    screen = [np.array(trace.z, dtype=float) for trace in draw_influence_interactive(table, fields).data]
    assert len(printed) == len(screen) == 4
    for one, other in zip(printed, screen, strict=True):
        np.testing.assert_allclose(one, other)


def test_rank_correlation_and_spread_are_told() -> None:
    fields = make_fields()
    figure = draw_influence(
        make_table(), fields, agreement={"occlusion-mean": 0.876, "occlusion-neighbour": None}
    )
    titles = [axes.get_title() for axes in figure.axes]
    assert "0.88" in titles[1]
    assert "correlation" not in titles[2]
    first = fields[fields["block"] == "layer1.0"]
    by_hand = sum(s * (j - 3) ** 2 for j, s in zip(first["input_frame"], first["share"], strict=True)) ** 0.5
    assert spread_of(first) == pytest.approx(by_hand)
    assert f"±{by_hand:.1f}, at most ±1" in figure.axes[-1].texts[0].get_text()


def check_no_nan(figure: Figure) -> None:
    figure.canvas.draw()
    assert not any("nan" in text.get_text().lower() for text in figure.findobj(Text))
    assert all(np.isfinite(image).all() for image in images_of(figure))


@pytest.mark.parametrize(("frames", "dark"), [(1, False), (2, True), (16, False), (64, True)])
def test_any_number_of_frames_can_be_drawn(frames: int, dark: bool) -> None:
    table, fields = make_table(frames), make_fields(frames)
    check_no_nan(draw_influence(table, fields, dark=dark))
    page = draw_influence_interactive(table, fields, dark=dark).to_json()
    assert "NaN" not in page


def test_panels_apart_show_what_they_show_together_in_one_scale_of_colours() -> None:
    table, fields = make_table(8), make_fields(8)
    together, apart = draw_influence_interactive(table, fields), draw_apart(table, fields)
    assert list(apart) == [*dict.fromkeys(table["method"]), "blocks"]
    assert {figure.layout.coloraxis.cmax for figure in apart.values()} == {together.layout.coloraxis.cmax}
    for figure, panel in zip(apart.values(), together.data, strict=True):
        (alone,) = figure.data
        assert np.array_equal(np.array(alone.z, dtype=float), np.array(panel.z, dtype=float))
    assert len({figure.layout.title.text for figure in apart.values()}) == len(apart)
    assert "blocks" not in draw_apart(table)


@pytest.mark.parametrize("frames", [1, 8, 16, 64])
def test_axes_on_screen_number_the_frames_there_are_and_no_others(frames: int) -> None:
    layout = draw_influence_interactive(make_table(frames), make_fields(frames)).layout
    for axis in (layout.xaxis, layout.xaxis2, layout.xaxis3, layout.yaxis, layout.xaxis4):
        assert axis.tickvals[0] == 0
        assert max(axis.tickvals) <= frames - 1
        assert axis.dtick is None
    assert layout.yaxis4.tickvals is None  # blocks have names
    alone = draw_evidence_interactive(make_table(frames)).layout
    assert alone.xaxis.tickvals == alone.yaxis.tickvals == layout.xaxis.tickvals
    if frames <= 16:
        assert layout.xaxis.tickvals == tuple(range(frames))


def test_a_line_about_the_matrix_stands_below_the_title() -> None:
    figure = draw_influence(make_table(8).query("method == 'gradient'"), about="mode frame: half of it " * 5)
    assert "mode frame" in figure.get_suptitle()
    figure.canvas.draw()
    box = figure._suptitle.get_window_extent()  # type: ignore[attr-defined] # matplotlib's own, which its types leave out
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1


def test_nothing_to_show_is_drawn_without_nan() -> None:
    check_no_nan(draw_influence(make_table(2).assign(influence=0.0, share=0.0)))


def test_names_are_shown_as_they_are() -> None:
    name = "a$b$c <i>x</i>"
    figure = draw_influence(make_table(name=name))
    figure.canvas.draw()
    assert "<i>" not in draw_influence_interactive(make_table(name=name)).layout.title.text


def test_two_checkpoints_are_refused() -> None:
    both = pd.concat([make_table(), make_table(name="other")], ignore_index=True)
    for draw in (draw_influence, draw_influence_interactive):
        with pytest.raises(SpecError, match="one checkpoint"):
            draw(both)


def test_texts_do_not_overlap() -> None:
    figure = draw_influence(make_table(8), make_fields(8, 8), agreement={"occlusion-mean": 0.9})
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined] # of the canvas that draws on paper, here the usual one
    boxes = [axes.title.get_window_extent(renderer) for axes in figure.axes if axes.get_title()]
    boxes += [axes.xaxis.label.get_window_extent(renderer) for axes in figure.axes if axes.get_xlabel()]
    assert len(boxes) == 8
    assert not any(a.overlaps(b) for n, a in enumerate(boxes) for b in boxes[n + 1 :])
    notes = [text.get_window_extent(renderer) for text in figure.axes[-1].texts]
    assert all(note.x1 <= figure.bbox.x1 for note in notes)


def test_figures_need_no_torch() -> None:
    modules = "gst_analysis.analyses.influence.figure, gst_analysis.analyses.saliency.figure"
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(("half_width", "crosses"), [(2, 1), (6, 0)])
def test_crosses_are_explained_where_there_are_any(half_width: int, crosses: int) -> None:
    assert len(draw_influence(make_table(half_width=half_width)).legends) == crosses
