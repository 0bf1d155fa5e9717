"""What the figures of order show is what their tables say; of many classes those at either end."""

from __future__ import annotations

from html import unescape

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex

from gst_analysis.analyses.order.figure import choose_classes, draw_order, draw_temporality, say_left_out
from gst_analysis.analyses.order.interactive import draw_order_interactive, draw_temporality_interactive
from gst_analysis.analyses.order.table import CONDITIONS, ORDER, ORDER_CLASSES
from gst_analysis.style.theme import LIGHT
from gst_analysis.tables.schema import check
from tests.untyped import untyped


def make_order(clips: int = 200) -> pd.DataFrame:
    accuracy = np.linspace(0.98, 0.05, len(CONDITIONS))
    ends = {"": 0.0, "_low": -0.04, "_high": 0.02}
    measured = {
        f"{name}{end}": value + step
        for name, value in (
            ("accuracy", accuracy),
            ("probability", accuracy - 0.01),
            ("accuracy_change", accuracy - accuracy[0]),
            ("probability_change", accuracy - accuracy[0]),
        )
        for end, step in ends.items()
    }
    table = pd.DataFrame(
        {
            "checkpoint": "one $x$",
            "condition": list(CONDITIONS),
            "kind": [kind for kind, _ in CONDITIONS.values()],
            "shown": [words for _, words in CONDITIONS.values()],
            "frames": "",
            "passes": 1,
            "clips": clips,
            "same_answer": 0.5,
            **measured,
        }
    )
    return check(table[list(ORDER.columns)], ORDER)


def make_classes(classes: int, withheld: int = 0) -> pd.DataFrame:
    scores = np.linspace(-0.1, 1.1, classes)
    scores[:withheld] = np.nan
    table = pd.DataFrame(
        {
            "checkpoint": "one",
            "class_id": np.arange(classes),
            "label": [f"Moving something {number} $ways$" for number in range(classes)],
            "clips": 12,
            "in_order": 0.9,
            "shuffled": 0.4,
            "reversed": 0.1,
            "temporality": scores,
            "temporality_low": scores - 0.1,
            "temporality_high": scores + 0.1,
            "withheld": ["at chance"] * withheld + [""] * (classes - withheld),
        }
    )
    return check(table, ORDER_CLASSES)


def test_every_condition_is_a_row_in_plain_words() -> None:
    table = make_order()
    axes = draw_order(table, chance=0.1).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == table["shown"].tolist()
    lines = {to_hex(line.get_color()).upper(): np.asarray(line.get_xdata()) for line in axes.lines[:2]}
    assert lines[LIGHT.accent][0] == pytest.approx(0.98)  # in order
    assert lines[LIGHT.faint][0] == 0.1  # chance
    dots = [line for line in axes.lines if line.get_marker() in ("o", "s", "D")]
    found = np.array([np.ravel(untyped(dot.get_data())) for dot in dots])
    np.testing.assert_allclose(found, np.stack([table["accuracy"], np.arange(len(table))], axis=1))
    bars = [bar.get_segments()[0][:, 0] for bar in axes.collections if isinstance(bar, LineCollection)]
    np.testing.assert_allclose(bars, table[["accuracy_low", "accuracy_high"]])


def test_pages_hold_what_the_print_holds() -> None:
    table = make_order()
    page = draw_order_interactive(table, chance=0.1)
    drawn = {
        unescape(y.replace("<br>", " ")): x
        for trace in page.data
        for x, y in zip(trace.x, trace.y, strict=True)
    }
    assert drawn == pytest.approx(dict(zip(table["shown"], table["accuracy"], strict=True)))
    assert [len(trace.x) for trace in page.data] == [1, 6, 5, 4]  # in order, other orders, stills, ends
    classes = make_classes(20)
    (trace,) = draw_temporality_interactive(classes).data
    assert list(trace.x) == pytest.approx(sorted(classes["temporality"], reverse=True))


@pytest.mark.parametrize(("classes", "withheld", "drawn"), [(12, 0, 12), (30, 4, 26), (174, 20, 24)])
def test_of_many_classes_those_at_either_end_are_drawn(classes: int, withheld: int, drawn: int) -> None:
    table = make_classes(classes, withheld)
    rows = choose_classes(table)
    assert len(rows.told) == drawn
    assert rows.withheld == withheld
    assert rows.between == classes - withheld - drawn
    told = rows.told["temporality"].tolist()
    assert told == sorted(told, reverse=True)
    assert told[0] == table["temporality"].max()
    assert told[-1] == table["temporality"].min()
    figure = draw_temporality(table)
    assert len(figure.axes[0].get_yticklabels()) == drawn
    assert figure.get_figheight() < 8.5
    assert say_left_out(rows) in figure.axes[0].get_xlabel().replace("\n", " ")


def test_what_is_left_out_is_said() -> None:
    assert say_left_out(choose_classes(make_classes(10))) == ""
    told = say_left_out(choose_classes(make_classes(174, 20)))
    assert told == "not drawn: 130 between those at either end and 20 that may be at chance in order"
