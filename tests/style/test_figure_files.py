"""A figure in a file is laid out as matplotlib lays out what it draws, though it is drawn once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from gst_analysis.analyses.scales import bn_scales
from gst_analysis.checkpoints.starting import create_model
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.style.files import render_figure
from gst_analysis.style.theme import LIGHT, add_legend, new_figure, style_axes

DPI = 200
"""What pictures are laid out for."""


def draw_panels() -> Figure:
    """Panels that take room of each other: a legend outside, a colour bar, a long name, a fixed aspect."""
    figure = new_figure(6, 4, LIGHT)
    first, second = figure.subplots(1, 2)
    for axes in (first, second):
        style_axes(axes, LIGHT)
    first.set_yticks([0, 1], labels=["a name that takes a third of the panel", "b"])
    first.set_title("A title\nof two lines")
    figure.colorbar(second.imshow(np.arange(12).reshape(3, 4)), ax=second, label="share")
    add_legend(figure, [Line2D([], [], label=name) for name in ("spatial", "temporal")], LIGHT)
    figure.suptitle("Above all")
    return figure


def draw_scales() -> Figure:
    return bn_scales(create_model(ModelSpec.from_name("gst-resnet26s", width=8), seed=0)).plot(by="stage")


def list_places(figure: Figure) -> np.ndarray:
    return np.array([axes.get_position().bounds for axes in figure.axes])


@pytest.mark.parametrize("draw", [draw_panels, draw_scales])
def test_a_figure_in_a_file_is_laid_out_as_drawing_it_would(draw: Callable[[], Figure]) -> None:
    plain, saved = draw(), draw()
    bare = list_places(plain)
    plain.set_dpi(DPI)
    plain.draw_without_rendering()
    svg = render_figure(saved, "svg")
    assert np.array_equal(list_places(saved), list_places(plain))
    assert np.abs(bare - list_places(plain)).max() > 0.01
    again = draw()
    render_figure(again, "png")
    assert render_figure(again, "svg") == svg
