"""Overlays: heat lies where the table says, in the frame's own shape."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from gst_analysis.analyses.saliency.figure import (
    Overlays,
    blend_heat,
    colour_of,
    draw_film,
    draw_saliency,
    lay_out_overlays,
    name_row,
)
from gst_analysis.analyses.saliency.page import draw_saliency_page, list_cards
from gst_analysis.analyses.saliency.table import SALIENCY
from gst_analysis.errors import SpecError
from gst_analysis.style.theme import LIGHT
from gst_analysis.tables.schema import check

WHOLE = (0.0, 0.0, 1.0, 1.0)


def make_table(
    maps: dict[str, np.ndarray], *, clip: str = "clip.mp4", label: str = "Watching", seconds: float = 0.5
) -> pd.DataFrame:
    """A table of (T, h, w) maps whose cells stand in the middle of equal tiles."""
    parts = []
    for group, evidence in maps.items():
        frame, row, column = (axis.ravel() for axis in np.indices(evidence.shape))
        parts.append(
            pd.DataFrame(
                {
                    "checkpoint": "net",
                    "clip": clip,
                    "class_id": 1,
                    "label": label,
                    "block": "layer2.1",
                    "group": group,
                    "frame": frame,
                    "seconds": frame * seconds,
                    "row": row,
                    "column": column,
                    "y": (row + 0.5) / evidence.shape[1],
                    "x": (column + 0.5) / evidence.shape[2],
                    "evidence": evidence.ravel().astype(float),
                }
            )
        )
    return check(pd.concat(parts, ignore_index=True), SALIENCY)


def make_overlays(
    frames: int = 3, shape: tuple[int, int] = (40, 60), window: tuple[float, ...] = WHOLE
) -> Overlays:
    rng = np.random.default_rng(0)
    maps = {group: rng.normal(size=(frames, 5, 5)) for group in ("all", "spatial", "temporal")}
    pictures = rng.integers(0, 255, (frames, *shape, 3), dtype=np.uint8)
    return lay_out_overlays(make_table(maps), pictures, window)  # type: ignore[arg-type] # four numbers, as their caller gives them


def test_heat_is_the_positive_part_over_the_largest_of_all_frames() -> None:
    maps = np.zeros((2, 4, 4))
    maps[0, 1, 2], maps[1, 3, 3], maps[1, 0, 0] = 2.0, 1.0, -5.0
    overlays = lay_out_overlays(make_table({"all": maps}), np.zeros((2, 64, 64, 3), np.uint8), WHOLE)
    heat = overlays.heat["all"]
    assert heat.shape == (2, 64, 64)
    assert overlays.tops == {"all": 2.0}
    # Of 16 pixels a cell: cell (1, 2) has its middle between pixels 23 and 24 down, 39 and 40 across.
    assert np.unravel_index(heat[0].argmax(), (64, 64)) in [(r, c) for r in (23, 24) for c in (39, 40)]
    assert heat[0].max() == pytest.approx(1, abs=0.07)
    assert heat[1, 63, 63] == pytest.approx(0.5)  # beyond the last cell's middle it stays as it is
    assert heat[1, 0, 0] == 0
    assert heat.min() == 0


def test_cells_stand_where_the_table_says_not_where_they_are_counted() -> None:
    table = make_table({"all": np.eye(4)[None]})
    shifted = table.assign(x=table["x"] - 0.125, y=table["y"] - 0.125)
    pictures = np.zeros((1, 64, 64, 3), np.uint8)
    one, other = (lay_out_overlays(t, pictures, WHOLE).heat["all"][0] for t in (table, shifted))
    np.testing.assert_allclose(one[8:56, 8:56], other[0:48, 0:48], atol=1e-9)


def test_overlays_lie_in_the_window_and_only_there() -> None:
    picture = np.full((40, 100, 3), 200, np.uint8)
    window = (0.3, 0.0, 0.7, 1.0)
    blended = blend_heat(picture, np.ones((40, 40)), window, "#FF0000")
    assert blended.shape == picture.shape
    assert (blended[:, 30:70, 0] > blended[:, 30:70, 1] + 100).all()
    outside = np.delete(blended, range(30, 70), axis=1)
    assert (outside[..., 0] == outside[..., 1]).all()
    assert outside.max() < 200 / 2
    cold = blend_heat(picture, np.zeros((40, 40)), window, "#FF0000")
    assert (cold[..., 0] == cold[..., 1]).all()


@pytest.mark.parametrize(("frames", "shape"), [(1, (40, 60)), (3, (20, 160)), (3, (33, 97)), (10, (60, 40))])
def test_nothing_is_stretched(frames: int, shape: tuple[int, int]) -> None:
    figure = draw_saliency(make_overlays(frames, shape))
    figure.canvas.draw()
    drawn = [axes for axes in figure.axes if axes.images]
    assert len(drawn) == 4 * frames
    for axes in drawn:
        assert axes.images[0].get_array().shape[:2] == shape  # type: ignore[union-attr] # there, as pictures were drawn
        assert axes.get_aspect() == 1.0
        box = axes.get_window_extent()
        assert box.width / box.height == pytest.approx(shape[1] / shape[0], rel=0.02)


@pytest.mark.parametrize("shape", [(40, 60), (60, 40)])
def test_films_have_a_picture_a_frame_of_one_even_size(shape: tuple[int, int]) -> None:
    pictures = list(draw_film(make_overlays(3, shape)))
    assert len(pictures) == 3
    assert len({picture.shape for picture in pictures}) == 1
    height, width, colours = pictures[0].shape
    assert (height % 2, width % 2, colours) == (0, 0, 3)
    assert not np.array_equal(pictures[0], pictures[1])


def test_no_heat_is_said_and_not_drawn() -> None:
    table = make_table({"all": -np.ones((2, 3, 3)), "spatial": np.ones((2, 3, 3))})
    overlays = lay_out_overlays(table, np.zeros((2, 30, 30, 3), np.uint8), WHOLE)
    assert not overlays.heat["all"].any()
    figure = draw_saliency(overlays)
    figure.canvas.draw()
    assert "whole block none" in figure.get_supxlabel()
    assert not any("nan" in text.get_text().lower() for text in figure.findobj(Text))


def test_a_window_is_explained() -> None:
    assert "dark: outside" not in draw_saliency(make_overlays()).get_supxlabel()
    assert "dark: outside" in draw_saliency(make_overlays(window=(0.2, 0, 0.8, 1))).get_supxlabel()


def test_unknown_times_and_odd_names_are_drawn() -> None:
    table = make_table({"all": np.ones((2, 3, 3))}, clip="a$b$" + "x" * 300, label="$\\frac{1}{2")
    table["seconds"] = np.nan
    figure = draw_saliency(lay_out_overlays(table, np.zeros((2, 30, 30, 3), np.uint8), WHOLE))
    figure.canvas.draw()
    assert figure.axes[0].get_title() == "0"


def test_other_frames_than_the_tables_are_refused() -> None:
    table = make_table({"all": np.ones((2, 3, 3))})
    with pytest.raises(SpecError, match="maps of one clip of 5 frames"):
        lay_out_overlays(table, np.zeros((5, 30, 30, 3), np.uint8), WHOLE)
    two = pd.concat([table, table.assign(clip="other")], ignore_index=True)
    with pytest.raises(SpecError, match="found 2 clips"):
        lay_out_overlays(two, np.zeros((2, 30, 30, 3), np.uint8), WHOLE)


@pytest.mark.parametrize("dark", [False, True])
def test_texts_lie_inside_the_figure(dark: bool) -> None:
    figure = draw_saliency(make_overlays(8, (40, 60), (0.2, 0, 0.8, 1)), dark=dark)
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined] # of the canvas that draws on paper, here the usual one
    texts = [text for axes in figure.axes for text in axes.texts] + figure.texts
    for text in texts:
        box = text.get_window_extent(renderer)
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.x1


@pytest.mark.parametrize(("frames", "shape"), [(1, (64, 36)), (4, (36, 64))])
def test_long_names_and_their_explanation_fit_narrow_figures(frames: int, shape: tuple[int, int]) -> None:
    label = "Pretending or trying and failing to twist something so that nobody can say what it was"
    overlays = make_overlays(frames, shape, (0, 0.2, 1, 0.8))
    overlays = dataclasses.replace(
        overlays,
        title=f"state-change-gst-quarter, block 2.1: what speaks for “{label}”\n{'folder/' * 30}a.mp4",
    )
    figure = draw_saliency(overlays)
    figure.canvas.draw()
    for text in (figure._suptitle, figure._supxlabel):  # type: ignore[attr-defined] # matplotlib's own, which its types leave out
        box = text.get_window_extent()
        assert box.x0 >= 0, text
        assert box.x1 <= figure.bbox.x1, text
    assert "outside what the network sees" in " ".join(figure.get_supxlabel().split())
    assert len(list(draw_film(overlays))) == frames


def test_the_page_shows_what_is_in_print_and_its_words_are_text() -> None:
    overlays = make_overlays(window=(0.1, 0.0, 0.9, 1.0))
    for frame, picture in enumerate(overlays.pictures):
        shown = dict(list_cards(overlays, frame))
        assert list(shown) == ["frame", *overlays.heat]
        assert np.array_equal(shown["frame"], picture)
        for group, heat in overlays.heat.items():
            blended = blend_heat(picture, heat[frame], overlays.window, colour_of(group, LIGHT))
            assert np.array_equal(shown[group], blended)
    page = draw_saliency_page(overlays, alt="what <it> shows")
    assert page.count("<img") == len(overlays.pictures) * (1 + len(overlays.heat))
    assert 'role="img" aria-label="what &lt;it&gt; shows"' in page
    for group, top in overlays.tops.items():
        assert f"{name_row(group, overlays)}: 0 to {top:.2g}" in page
    assert "Dark: outside" in page
    assert "Dark: outside" not in draw_saliency_page(make_overlays(), alt="")
