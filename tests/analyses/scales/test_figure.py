"""What Figure 4 draws: heights, bins, medians and counts, in print and on screen."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba

from gst_analysis.analyses.scales.figure import draw_bn_scales
from gst_analysis.analyses.scales.interactive import draw_bn_scales_interactive
from gst_analysis.analyses.scales.panels import count_bins, lay_out_panels
from gst_analysis.style.colours import GROUP_COLOURS
from gst_analysis.style.files import render_figure
from tests.untyped import untyped


def make_table(
    *, blocks: int = 2, checkpoints: tuple[str, ...] = ("one",), groups: bool = True
) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = []
    for checkpoint in checkpoints:
        for block in range(blocks):
            for channel in range(16):
                group = ("spatial" if channel < 12 else "temporal") if groups else "all"
                gamma = rng.normal(1.0 if group == "spatial" else -0.5, 0.1)
                rows.append(
                    (
                        checkpoint,
                        block + 1,
                        f"layer{block + 1}.0",
                        f"layer{block + 1}.0.bn2",
                        group,
                        channel,
                        gamma,
                    )
                )
    table = pd.DataFrame(rows, columns=["checkpoint", "stage", "block", "layer", "group", "channel", "gamma"])
    return table.assign(
        beta=0.0, running_mean=0.0, running_var=1.0, share=1.0, importance=table["gamma"].abs()
    )


def test_heights_are_percentages_of_each_group_on_shared_bins() -> None:
    table = make_table()
    grid = lay_out_panels(table, by="block", absolute=False)
    heights = count_bins(grid.panels["layer1.0", "one"], grid.edges)
    spatial = table[(table["block"] == "layer1.0") & (table["group"] == "spatial")]["gamma"]
    by_hand = [
        100 / 12 * sum((spatial >= a) & (spatial < b))
        for a, b in zip(grid.edges, grid.edges[1:], strict=False)
    ]
    if spatial.max() == grid.edges[-1]:
        by_hand[-1] += 100 / 12
    np.testing.assert_allclose(heights["spatial"], by_hand)
    assert heights["temporal"].sum() == pytest.approx(100)


def test_print_has_a_panel_a_block_and_checkpoint_with_medians_and_counts() -> None:
    table = make_table(blocks=3, checkpoints=("one", "two"))
    figure = draw_bn_scales(table)
    assert len(figure.axes) == 6
    axes = figure.axes[0]
    medians = {to_rgba(line.get_color()): untyped(line.get_xdata())[0] for line in axes.lines}
    part = (
        table[(table["block"] == "layer1.0") & (table["checkpoint"] == "one")]
        .groupby("group")["gamma"]
        .median()
    )
    assert medians == {
        to_rgba(GROUP_COLOURS["spatial"]): part["spatial"],
        to_rgba(GROUP_COLOURS["temporal"]): part["temporal"],
    }
    assert [t.get_text() for t in axes.texts] == ["n = 12 + 4"]
    assert [a.get_ylabel() for a in figure.axes[::2]] == ["block 1.0", "block 2.0", "block 3.0"]


def test_stages_pool_their_blocks() -> None:
    table = make_table(blocks=2)
    table["stage"] = 1
    figure = draw_bn_scales(table, by="stage")
    assert [t.get_text() for t in figure.axes[0].texts] == ["n = 24 + 8"]


def test_a_family_without_groups_has_one_histogram_and_says_so() -> None:
    figure = draw_bn_scales(make_table(groups=False))
    (legend,) = figure.legends
    assert [t.get_text() for t in legend.get_texts()] == ["all channels (no groups)"]


def test_a_block_that_a_checkpoint_lacks_is_said() -> None:
    table = make_table(blocks=2, checkpoints=("one", "two"))
    table = table[~((table["checkpoint"] == "two") & (table["block"] == "layer2.0"))]
    figure = draw_bn_scales(table)
    assert [t.get_text() for t in figure.axes[3].texts] == ["no such block"]
    draw_bn_scales_interactive(table)


def test_equal_scales_still_make_a_figure() -> None:
    table = make_table().assign(gamma=1.0, importance=1.0)
    assert untyped(draw_bn_scales(table).axes[0].lines[0].get_xdata())[0] == 1.0
    edges = lay_out_panels(table, by="block", absolute=False).edges
    (around,) = [bounds for bounds in itertools.pairwise(edges) if bounds[0] < 1.0 < bounds[1]]
    assert sum(around) / 2 == pytest.approx(1.0)


def test_screen_and_print_show_the_same_heights() -> None:
    table = make_table()
    figure = draw_bn_scales_interactive(table)
    grid = lay_out_panels(table, by="block", absolute=False)
    np.testing.assert_allclose(
        figure.data[0].y, count_bins(grid.panels["layer1.0", "one"], grid.edges)["spatial"]
    )
    assert sum(trace.showlegend for trace in figure.data) == 2
    dots = figure.data[1]  # a group of four channels: each is a dot, where its scale is
    temporal = table[(table["block"] == "layer1.0") & (table["group"] == "temporal")]["gamma"]
    assert dots.mode == "markers"
    assert sorted(dots.x) == pytest.approx(sorted(temporal))
    assert set(dots.y) == {25.0}
    assert "dots: each channel" in figure.layout.legend.title.text


def test_many_checkpoints_on_screen_have_names_that_fit() -> None:
    names = tuple(f"something-something-v2-gst-resnet50-epoch-{i}" for i in range(12))
    figure = draw_bn_scales_interactive(make_table(checkpoints=names))
    titles = [note.text for note in figure.layout.annotations if note.yref == "paper"]
    assert [title.replace("<br>", "") for title in titles] == list(names)
    assert max(len(line) for title in titles for line in title.split("<br>")) <= 13
    named = [axis for axis in figure.select_xaxes() if axis.title.text]
    assert len(named) == 1


def test_the_name_of_a_single_checkpoint_stands_in_one_line() -> None:
    figure = draw_bn_scales_interactive(make_table(checkpoints=("state-change-gst-quarter",)))
    assert "state-change-gst-quarter" in [note.text for note in figure.layout.annotations]


@pytest.mark.parametrize("dark", [True, False])
def test_the_same_table_gives_the_same_file_whatever_was_saved_before(*, dark: bool) -> None:
    kinds = ("svg", "pdf", "png")
    figure = draw_bn_scales(make_table(), dark=dark)
    together = [render_figure(figure, kind) for kind in kinds]
    alone = [render_figure(draw_bn_scales(make_table(), dark=dark), kind) for kind in reversed(kinds)]
    assert together == alone[::-1]


def test_a_network_without_the_last_block_keeps_its_column_of_the_grid_and_its_numbers() -> None:
    table = pd.concat([make_table(blocks=1), make_table(blocks=2, checkpoints=("two",))], ignore_index=True)
    figure = draw_bn_scales_interactive(table, by="stage")
    (held,) = [bar for bar in figure.data if bar.xaxis == "x3"]
    assert list(held.y) == [0]  # plotly draws no axes where nothing lies
    assert figure.layout.xaxis3.showticklabels is not False
    assert {note.text: note.xref for note in figure.layout.annotations}["no such block"] == "x3 domain"
    assert [bar.name for bar in figure.data if bar.showlegend] == ["spatial channels", "temporal channels"]
