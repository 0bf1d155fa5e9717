"""`temporal-use` as a contract: what it prints, what figures show, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gst_analysis as gst
from gst_analysis.analyses.temporal_use.interactive import draw_kernels_interactive
from gst_analysis.cli import run
from gst_analysis.files import to_json
from tests.conftest import SaveSmall
from tests.untyped import untyped

SPEC = gst.ModelSpec.from_name("gst-resnet26s", width=16, num_classes=5)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A network with spatial and temporal channels, and one that only moves some."""
    folder = tmp_path_factory.mktemp("files")
    gst.save_model(folder / "gst.pth", gst.create_model(SPEC, seed=0))
    gst.save_model(folder / "tsm.pth", gst.create_model(SPEC.replace(family="tsm"), seed=0))
    return [str(folder / "gst.pth"), str(folder / "tsm.pth")]


def test_the_terminal_has_a_row_a_kernel_and_a_sentence_a_kind(
    files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["temporal-use", *files, "--formats", "csv", "--out", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert told.count(".conv2.temporal ") == 8
    assert "of a filter's energy is not constant over its taps (independent taps: 0.667, 0.66" in told
    assert "tsm: 8 of kind 'shift' (temporal): 25% of the channels move by a frame" in told
    assert "gst: the start is random weights, drawn again from seed 0" in told
    assert "nan" not in told


def test_the_document_has_kernels_and_stages(files: list[str]) -> None:
    document: dict[str, Any] = json.loads(to_json(gst.temporal_use(*files).to_document()))
    first, second = document["checkpoints"]
    assert [len(one["kernels"]) for one in (first, second)] == [8, 8]
    assert set(first["use"]["stages"]) == {"1", "2", "3", "4"}
    assert second["use"]["kinds"][0]["varying"] is None


def test_print_shows_the_filters_their_start_and_chance(files: list[str]) -> None:
    result = gst.temporal_use(*files)
    axes = result.figures()["temporal_use"].axes
    assert len(axes) == 16
    table = result.table[(result.table["checkpoint"] == "gst") & (result.table["block"] == "layer4.1")]
    panel = axes[14]
    expected = np.histogram(table["varying"], bins=np.linspace(0, 1, 31))[0] * (100 / len(table))
    stairs = [untyped(patch).get_data().values for patch in panel.patches]
    begun, filled, line = stairs
    np.testing.assert_allclose(filled, expected)
    np.testing.assert_allclose(begun, expected)  # untrained: it is its own start
    np.testing.assert_allclose(line, expected)
    upright = [untyped(one.get_xdata())[0] for one in panel.lines]
    assert upright == pytest.approx([2 / 3, table["varying"].median()])
    assert panel.texts[0].get_text() == "n = 32"
    assert axes[15].texts[0].get_text() == "25% of channels\nmove by a frame"
    assert not axes[15].patches


@pytest.mark.slow
def test_shifts_are_drawn_where_they_are_asked_for(files: list[str]) -> None:
    axes = gst.temporal_use(*files, show="shift", by="stage").figures()["temporal_use"].axes
    assert len(axes) == 8
    heights, edges, _ = untyped(axes[7].patches[0]).get_data()
    middles = (edges[:-1] + edges[1:]) / 2
    moved = {round(middle): height for middle, height in zip(middles, heights, strict=True) if height}
    assert moved == {-1: 12.5, 0: 75, 1: 12.5}


def test_screen_and_print_show_the_same_means(files: list[str]) -> None:
    result = gst.temporal_use(*files)
    kernels = result.kernels[result.kernels["checkpoint"] == "gst"]
    upper, lower = result.figures()["kernel_use"].axes
    page = draw_kernels_interactive(result.kernels)
    above, below, begun, chance = page.data[:4]
    for drawn, lines, measure in ((above, upper.lines, "varying"), (below, lower.lines, "off_frame")):
        np.testing.assert_allclose(untyped(drawn.y), kernels[measure])
        np.testing.assert_allclose(untyped(lines[0].get_ydata()), kernels[measure])
    np.testing.assert_allclose(untyped(begun.y), kernels["start"])
    np.testing.assert_allclose(untyped(chance.y), 2 / 3)
    assert "layer1.0.conv2.temporal" in above.text[0]
    assert "turns with time" in above.text[0]
    assert sum(bool(trace.showlegend) for trace in page.data) == 3


@pytest.mark.slow
def test_networks_of_other_depths_are_placed_by_relative_depth(
    files: list[str], save_small: SaveSmall
) -> None:
    result = gst.temporal_use(files[0], save_small("gst-resnet18"))
    _, lower = result.figures()["kernel_use"].axes
    assert lower.get_xlabel().startswith("relative depth")
    ends = [(untyped(line.get_xdata())[0], untyped(line.get_xdata())[-1]) for line in lower.lines]
    assert ends == [(0, 1), (0, 1)]


def test_what_reaches_over_no_frame_is_refused(
    save_small: SaveSmall, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["temporal-use", str(save_small("c2d-resnet26s")), "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert "no kernel, shift or gate over time was found in it" in told.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--show", "all"], "varying, ordered, off_frame, shift"),
        (["--by", "depth"], "block, stage"),
        (["--start", "nowhere.pth"], "no such file"),
    ],
)
def test_bad_options_get_one_line(
    words: list[str], said: str, files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["temporal-use", files[0], *words, "--out", str(tmp_path / "out")]) == 2
    told = capsys.readouterr()
    assert told.err.count("\n") == 1
    assert said in told.err
