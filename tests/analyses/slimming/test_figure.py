"""What the figure of slimming shows is what its tables say."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection

from gst_analysis.analyses.slimming.figure import draw_slimming
from gst_analysis.analyses.slimming.interactive import draw_slimming_interactive
from gst_analysis.analyses.slimming.table import SLIM_CURVE, SLIM_METHODS, SLIM_TUNED, SLIM_WIDTHS
from gst_analysis.style.theme import DARK, LIGHT
from gst_analysis.tables.schema import check
from tests.untyped import untyped

WIDTHS = check(
    pd.DataFrame(
        {
            "checkpoint": "one",
            "stage": 1 + n // 2,
            "block": f"layer{1 + n // 2}.{n % 2}",
            "layer": f"layer{1 + n // 2}.{n % 2}.bn2",
            "group": group,
            "before": before,
            "after": before // (n + 1),
        }
        for n in range(4)
        for group, before in (("spatial", 48), ("temporal", 16))
    ),
    SLIM_WIDTHS,
)
CURVE = check(
    pd.DataFrame(
        {
            "checkpoint": "one",
            "method": method,
            "draw": draw,
            "removed": 10 * step,
            "params": 1000 - step,
            "macs": 2000 - 200 * step,
            "macs_share": 1 - 0.1 * step,
            "clips": 9,
            "accuracy": 0.9 - 0.1 * step,
            "accuracy_low": 0.8 - 0.1 * step,
            "accuracy_high": 0.95 - 0.1 * step,
            "ahead": 0.01 * step,
            "ahead_low": -0.1,
            "ahead_high": 0.1,
            "loss": 1.0,
        }
        for method in SLIM_METHODS
        for draw in range(3 if method == "random" else 1)
        for step in range(4)
    )[list(SLIM_CURVE.columns)],
    SLIM_CURVE,
)


@pytest.mark.parametrize("dark", [False, True])
def test_bars_are_shares_and_lines_are_accuracies(dark: bool) -> None:
    chosen: Any = SimpleNamespace(macs=1600, accuracy=SimpleNamespace(value=0.7))
    figure = draw_slimming(WIDTHS, CURVE, chosen=chosen, dark=dark)
    theme = DARK if dark else LIGHT
    bars, lines = figure.axes
    heights = [bar.get_height() for box in bars.containers for bar in box]
    expected = WIDTHS.assign(share=100 * WIDTHS["after"] / WIDTHS["before"])
    assert heights == pytest.approx([*expected[::2]["share"], *expected[1::2]["share"]])
    assert sorted(int(text.get_text()) for text in bars.texts) == sorted(WIDTHS["after"])
    by_colour = {line.get_color(): line for line in lines.get_lines()}
    score = by_colour[theme.accent]
    np.testing.assert_allclose(untyped(score.get_xdata()), [100, 90, 80, 70])
    np.testing.assert_allclose(untyped(score.get_ydata()), [90, 80, 70, 60])
    ring = lines.get_lines()[-1]
    assert (untyped(ring.get_xdata())[0], untyped(ring.get_ydata())[0]) == pytest.approx((80, 70))
    assert bars.get_title(loc="left").startswith("one")


TUNED = check(
    pd.DataFrame(
        {
            "checkpoint": "one",
            "method": method,
            "draw": 0,
            "removed": 10,
            "params": 990,
            "macs": 1600,
            "macs_share": 0.8,
            "epochs": 2,
            "clips": 9,
            "accuracy_before": 0.3,
            "accuracy_before_low": 0.2,
            "accuracy_before_high": 0.4,
            "accuracy_after": 0.5 + 0.1 * number,
            "accuracy_after_low": 0.4,
            "accuracy_after_high": 0.95,
            "ahead": np.nan,
            "ahead_low": np.nan,
            "ahead_high": np.nan,
            "loss": 1.0,
        }
        for number, method in enumerate(("whole", "chosen", *SLIM_METHODS))
    )[list(SLIM_TUNED.columns)],
    SLIM_TUNED,
)


def test_what_was_fine_tuned_stands_above_the_lines() -> None:
    lines = draw_slimming(WIDTHS, CURVE, tuned=TUNED).axes[1]
    marks = [untyped(c.get_offsets())[0] for c in lines.collections if isinstance(c, PathCollection)]
    np.testing.assert_allclose([y for _, y in marks], 100 * TUNED["accuracy_after"])
    assert len({round(float(x), 2) for x, _ in marks}) == len(marks)  # none hides another
    assert max(abs(float(x) - 80) for x, _ in marks) <= 1.01
    labels = [text.get_text() for text in untyped(lines.get_legend()).get_texts()]
    assert sum("after 2 epochs" in label for label in labels) == 5
    assert "no fine-tuning" in lines.get_ylabel()


def test_without_clips_there_are_widths_alone() -> None:
    figure = draw_slimming(WIDTHS, None)
    assert len(figure.axes) == 1


@pytest.mark.parametrize("dark", [False, True])
def test_on_screen_stands_what_is_in_print(dark: bool) -> None:
    chosen: Any = SimpleNamespace(macs=1600, accuracy=SimpleNamespace(value=0.7))
    printed = draw_slimming(WIDTHS, CURVE, chosen=chosen, tuned=TUNED, dark=dark)
    figure = draw_slimming_interactive(WIDTHS, CURVE, chosen=chosen, tuned=TUNED, dark=dark)
    bars, lines = printed.axes
    heights = [bar.get_height() for box in bars.containers for bar in box]
    assert [y for one in figure.data if one.type == "bar" for y in one.y] == pytest.approx(heights)
    named = {one.name.split(";")[0]: one for one in figure.data if one.name}
    by_colour = {line.get_color(): line for line in lines.get_lines()}
    theme = DARK if dark else LIGHT
    for name, colour in (("lowest scores first", theme.accent), ("as many of every group", theme.mark)):
        drawn = by_colour[colour]
        np.testing.assert_allclose(named[name].x, untyped(drawn.get_xdata()))
        np.testing.assert_allclose(named[name].y, untyped(drawn.get_ydata()))
        assert named[name].line.color == colour
    assert (named["the network proposed"].x[0], named["the network proposed"].y[0]) == pytest.approx((80, 70))
    marks = [untyped(c.get_offsets())[0] for c in lines.collections if isinstance(c, PathCollection)]
    tuned = [one for one in figure.data if one.name and "after 2 epochs" in one.name]
    np.testing.assert_allclose([(one.x[0], one.y[0]) for one in tuned], np.array(marks, dtype=float))
    alone = draw_slimming_interactive(WIDTHS, None, dark=dark)
    assert {one.type for one in alone.data} == {"bar"}
