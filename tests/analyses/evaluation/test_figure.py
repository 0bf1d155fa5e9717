"""The confusion matrix in print and on screen: cells, names, and what a stranger's names could do."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from gst_analysis.analyses.evaluation.figure import draw_confusion
from gst_analysis.analyses.evaluation.interactive import draw_confusion_interactive
from gst_analysis.analyses.evaluation.pairs import pair_classes
from gst_analysis.errors import SpecError, TableError
from gst_analysis.style.files import render_figure
from gst_analysis.style.names import shorten
from gst_analysis.style.theme import DARK, LIGHT, choose_ink
from tests.untyped import untyped

FIVE = (
    "Moving something up",
    "Moving something down",
    "Letting something grow",
    "Moving something and something closer to each other",
    "Turning something clockwise",
)


def make_table(labels: tuple[str, ...] = FIVE, *, empty: tuple[int, ...] = (), seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    classes = len(labels)
    counts = rng.integers(0, 5, (classes, classes)) + 20 * np.eye(classes, dtype=int)
    counts[list(empty)] = 0
    true, predicted = np.indices(counts.shape)
    totals = counts.sum(axis=1, keepdims=True)
    names = np.array(labels, dtype=object)
    return pd.DataFrame(
        {
            "checkpoint": "net",
            "true_id": true.ravel(),
            "true_label": names[true.ravel()],
            "predicted_id": predicted.ravel(),
            "predicted_label": names[predicted.ravel()],
            "clips": counts.ravel(),
            "share": (counts / np.where(totals > 0, totals, np.nan)).ravel(),
        }
    )


def many(classes: int = 174) -> tuple[str, ...]:
    """Names as long as Something-Something's longest, no two alike."""
    return tuple(
        f"Putting something number {n} that can't actually stand upright on a table, so it falls on its side"
        for n in range(classes)
    )


def test_cells_are_the_shares_of_the_true_class_in_two_colours() -> None:
    table = make_table()
    right, wrong = draw_confusion(table).axes[0].images
    shares = table.pivot(index="true_id", columns="predicted_id", values="clips").to_numpy(dtype=float)
    shares = shares / shares.sum(axis=1, keepdims=True)
    on = np.eye(5, dtype=bool)
    np.testing.assert_allclose(np.ma.getdata(untyped(right.get_array()))[on], shares[on])
    np.testing.assert_allclose(np.ma.getdata(untyped(wrong.get_array()))[~on], shares[~on])
    assert (np.ma.getmaskarray(untyped(right.get_array())) == ~on).all()
    assert (np.ma.getmaskarray(untyped(wrong.get_array())) == on).all()
    full = [mpl.colors.to_hex(image.cmap(1.0)).upper() for image in (right, wrong)]
    assert full == [LIGHT.accent, LIGHT.mark]


def test_screen_and_print_show_the_same_cells() -> None:
    table = make_table(empty=(2,))
    printed, screen = draw_confusion(table).axes[0].images, draw_confusion_interactive(table).data
    for image, trace in zip(printed, screen, strict=True):
        shown = np.ma.filled(untyped(image.get_array()), np.nan)
        np.testing.assert_allclose(np.array(trace.z, dtype=float) ** 2, shown)


def test_few_classes_are_named_on_both_axes_with_numbers_in_the_cells() -> None:
    table = make_table()
    axes = draw_confusion(table).axes[0]
    rows = [text.get_text().replace("\n", " ") for text in axes.get_yticklabels()]
    columns = [text.get_text().replace("\n", " ") for text in axes.get_xticklabels()]
    totals = table.groupby("true_id")["clips"].sum()
    assert rows == [f"{label} ({total})" for label, total in zip(FIVE, totals, strict=True)]
    assert columns == list(FIVE)
    cells = {(t.get_position(), t.get_text()) for t in axes.texts}
    for row in table[table["clips"] > 0].to_dict("records"):
        assert ((row["predicted_id"], row["true_id"]), f"{row['share']:.0%}") in cells
    assert len(cells) == (table["clips"] > 0).sum()
    assert axes.get_title(loc="left").startswith("net: ")


def test_names_stand_in_a_list_below_the_matrix_on_screen() -> None:
    """Beside a matrix on a telephone they would leave nothing for its cells."""
    table = make_table()
    figure = draw_confusion_interactive(table)
    numbers = ("0", "1", "2", "3", "4")
    assert (figure.layout.xaxis.ticktext, figure.layout.yaxis.ticktext) == (numbers, numbers)
    head, *listed = figure.layout.annotations[-1].text.split("<br>")
    totals = table.groupby("true_id")["clips"].sum()
    shown = [shorten(name, 42) for name in FIVE]
    assert head == "number, class (clips)"
    assert listed == [f"{n}  {shown[n]} ({totals[n]})" for n in range(5)]


def test_names_that_would_be_shortened_alike_lose_what_all_begin_with() -> None:
    told = [f"Moving something that looks like a {shape} from left to right" for shape in ("disc", "star")]
    rows = pair_classes(make_table((*told, "Moving something that looks like a disc up"))).name_rows(42)
    assert [row.rpartition(" (")[0] for row in rows] == [
        "…disc from left to right",
        "…star from left to right",
        "…disc up",
    ]


def test_no_line_of_what_hovering_tells_is_long() -> None:
    names = draw_confusion_interactive(make_table(("x" * 500, *many(3)))).data[0].y
    assert max(len(line) for name in names for line in name.split("<br>")) <= 44
    assert "".join(names[0].split("<br>")).count("x") == 500


def test_many_classes_are_numbered_and_the_worst_pairs_are_listed() -> None:
    table = make_table(many(40))
    figure = draw_confusion(table)
    axes = figure.axes[0]
    numbers = [str(n) for n in range(40)]
    assert [text.get_text() for text in axes.get_xticklabels()] == 2 * numbers  # below and above
    assert [text.get_text().split()[0] for text in axes.get_yticklabels()] == numbers
    assert not axes.texts
    title, *listed = figure.get_supxlabel().split("\n")
    assert title == "most often confused"
    wrong = table[table["true_id"] != table["predicted_id"]]
    worst = wrong.sort_values(["clips", "share"], ascending=False).iloc[: len(listed)]
    assert [int(line.split(" of ")[0]) for line in listed] == worst["clips"].tolist()


def test_the_list_names_the_pair_it_means() -> None:
    counts = np.diag([9] * 20)
    counts[3, 7], counts[5, 2] = 6, 4
    table = make_table(tuple(f"thing {n}" for n in range(20)))
    table = table.assign(clips=counts.ravel())
    first, second = pair_classes(table).list_confused(2)
    assert (first.true_id, first.predicted_id, first.clips, first.share) == (3, 7, 6, 6 / 15)
    assert (second.true_id, second.predicted_id, second.clips) == (5, 2, 4)
    assert pair_classes(table).describe(first, 50) == "6 of 15 (40%):  3 thing 3  →  7 thing 7"
    assert len(pair_classes(table).list_confused(99)) == 2


def list_texts(figure: Figure) -> list[str]:
    axes = figure.axes[0]
    texts = [*axes.get_xticklabels(), *axes.get_yticklabels()]
    return [text.get_text() for text in texts]


@pytest.mark.parametrize(("classes", "dark"), [(2, False), (5, True), (16, False), (60, True)])
def test_nothing_lies_outside_the_paper(classes: int, *, dark: bool) -> None:
    names = many(classes) if classes > 5 else FIVE[:classes]
    figure = draw_confusion(make_table(names), dark=dark)
    figure.draw_without_rendering()
    paper = figure.bbox
    axes = figure.axes[0]
    texts = [
        *axes.get_xticklabels(),
        *axes.get_yticklabels(),
        axes.xaxis.label,
        axes.yaxis.label,
        *axes.texts,
    ]
    for text in [*texts, *figure.texts, untyped(figure)._supxlabel]:
        if text is None or not text.get_text():
            continue
        box = text.get_window_extent()
        assert box.x0 >= paper.x0 - 1, text
        assert box.x1 <= paper.x1 + 1, text
        assert box.y0 >= paper.y0 - 1, text
        assert box.y1 <= paper.y1 + 1, text


@pytest.mark.slow
def test_names_of_174_classes_do_not_overlap() -> None:
    figure = draw_confusion(make_table(many(), empty=(7,)))
    figure.draw_without_rendering()
    axes = figure.axes[0]
    rows = [text.get_window_extent() for text in axes.get_yticklabels()]
    assert all(low.y1 <= high.y0 + 0.5 for high, low in itertools.pairwise(rows))
    columns = [text.get_window_extent() for text in axes.get_xticklabels()[:174]]
    assert all(left.x1 <= right.x0 + 0.5 for left, right in itertools.pairwise(columns))
    box = axes.get_window_extent()
    assert 0.9 < box.width / box.height < 1.15  # cells are nearly square


def test_a_class_without_clips_is_greyed_and_counted_as_none() -> None:
    table = make_table(empty=(2,))
    axes = draw_confusion(table).axes[0]
    assert "(0)" in axes.get_yticklabels()[2].get_text()
    (band,) = [patch for patch in untyped(axes.patches) if patch.get_height() == 1]
    assert band.get_y() == 1.5
    (shape,) = draw_confusion_interactive(table).layout.shapes
    assert (shape.y0, shape.y1) == (1.5, 2.5)


def test_names_are_shown_as_they_are() -> None:
    """Dollar signs are no formula, angle brackets no markup, and a line break no second line."""
    odd = ("cost $x_1$ and $", "<b>bold</b> & <a href='x'>", "two\nlines\x07", "plain", "_^{}\\frac")
    figure = draw_confusion(make_table(odd))
    figure.draw_without_rendering()
    shown = " ".join(list_texts(figure))
    assert r"\$x_1\$" in shown  # matplotlib's way to write a dollar sign
    screen = draw_confusion_interactive(make_table(odd))
    assert "&lt;b&gt;bold&lt;/b&gt; &amp;" in screen.data[0].y[1]
    assert screen.data[0].y[2] == "2 two lines"
    draw_confusion(make_table((*odd, *many(20)))).draw_without_rendering()


def test_numbers_for_names_are_not_told_twice() -> None:
    table = make_table(tuple(f"class {n}" for n in range(20)))
    told = pair_classes(table).describe(pair_classes(table).list_confused(1)[0], 50)
    assert re.fullmatch(r".*:  class \d+  →  class \d+", told)
    assert draw_confusion_interactive(table).data[0].x[13] == "class 13"


@pytest.mark.parametrize("dark", [True, False])
def test_ink_on_cells_can_be_read(*, dark: bool) -> None:
    theme = DARK if dark else LIGHT

    def luminance(colour: Any) -> float:
        rgb = np.array(mpl.colors.to_rgb(colour))
        return float(
            np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ (0.2126, 0.7152, 0.0722)
        )

    for colour in (theme.accent, theme.mark):
        for share in np.linspace(0, 1, 21):
            paper, full = np.array(mpl.colors.to_rgb(theme.panel)), np.array(mpl.colors.to_rgb(colour))
            cell = luminance(paper + share**0.5 * (full - paper))
            ink = luminance(choose_ink(float(share), colour, theme))
            assert (max(cell, ink) + 0.05) / (min(cell, ink) + 0.05) >= 4.5


def test_dark_figures_have_dark_paper_and_light_ink() -> None:
    figure = draw_confusion(make_table(), dark=True)
    assert mpl.colors.to_hex(figure.get_facecolor()).upper() == DARK.paper
    assert {text.get_color() for text in figure.axes[0].get_yticklabels()} == {DARK.ink}
    assert draw_confusion_interactive(make_table(), dark=True).layout.paper_bgcolor == DARK.paper


@pytest.mark.slow
def test_the_same_table_gives_the_same_file_and_leaves_matplotlib_alone() -> None:
    before = dict(mpl.rcParams)
    one, two = (render_figure(draw_confusion(make_table()), "png") for _ in range(2))
    assert one == two
    assert len(render_figure(draw_confusion(make_table(many(20))), "svg")) > 5000
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("draw", [draw_confusion, draw_confusion_interactive])
def test_what_cannot_be_drawn_is_refused(draw: object) -> None:
    table = make_table()
    with pytest.raises(SpecError, match="expected the table of one checkpoint; found 2"):
        draw(pd.concat([table, table.assign(checkpoint="other")], ignore_index=True))  # type: ignore[operator] # either of two functions, as an object
    with pytest.raises(SpecError, match="every pair of classes once"):
        draw(table.iloc[:-1])  # type: ignore[operator] # either of two functions, as an object
    with pytest.raises(SpecError, match="expected the table of one checkpoint; found 0"):
        draw(table.iloc[:0])  # type: ignore[operator] # either of two functions, as an object
    with pytest.raises(TableError):
        draw(table.drop(columns="clips"))  # type: ignore[operator] # either of two functions, as an object


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("short", 10, "short"),
        ("one two three four five six", 17, "one two … five six"),
        ("x" * 30, 11, "xxxxx…xxxxx"),
    ],
)
def test_long_names_lose_their_middle(text: str, limit: int, expected: str) -> None:
    assert shorten(text, limit) == expected


def test_the_figure_does_not_import_torch() -> None:
    code = (
        "import sys, gst_analysis.analyses.evaluation.figure, gst_analysis.analyses.evaluation.interactive;"
    )
    done = subprocess.run(
        [sys.executable, "-c", code + "print('torch' in sys.modules, 'matplotlib.pyplot' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["False", "False"]
