"""`drift` as a contract, its figures, and what does not fit."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import gst_analysis as gst
from gst_analysis.analyses import drift
from gst_analysis.analyses.drift.interactive import count_panels, draw_drift_animation
from gst_analysis.analyses.drift.table import DRIFT, DRIFT_LAYERS
from gst_analysis.cli import run
from gst_analysis.style.theme import DARK
from gst_analysis.tables.schema import check
from tests.conftest import SaveSmall, build_small
from tests.untyped import submodule, untyped

SPEC = gst.ModelSpec.from_name("gst-resnet26s", width=16, num_classes=5)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three epochs; every scale of the temporal group loses a tenth of what it was in each."""
    folder = tmp_path_factory.mktemp("trained")
    flat = gst.save_model(folder / "flat.pth", build_small("c2d-resnet26s", seed=9))
    model = gst.create_model(SPEC, pretrained=flat, seed=0)
    for epoch in (0, 5, 20):
        gst.save_model(folder / f"epoch_{epoch:03d}.pth", model, provenance={"epoch": epoch})
        with torch.no_grad():
            for block in SPEC.blocks():
                scale = submodule(model.module, f"{block.name}.bn2").weight
                scale[SPEC.groups(block.hidden)["temporal"]] *= 0.9
    return folder


@pytest.fixture
def series(trained: Path, tmp_path: Path) -> list[str]:
    """Those epochs beside the weights that they started from."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    return sorted(str(path) for path in tmp_path.glob("epoch_*.pth"))


def read(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    printed = capsys.readouterr()
    assert printed.err == ""
    document: dict[str, Any] = json.loads(printed.out)
    return document


def test_a_series_drifts_from_its_first(
    series: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kinds = "png,html,csv,parquet,json"
    assert run(["drift", *series, "--formats", kinds, "--out", str(tmp_path / "o"), "--json"]) == 0
    record = read(capsys)
    assert (record["axis"], record["tolerance"]) == ("epoch", 0.05)
    assert "epoch_000" in record["origin"]
    last = record["checkpoints"][2]["groups"]
    assert (last["temporal"]["carried"], last["temporal"]["inherited"]) == (0, 120)
    assert (last["spatial"]["carried"], last["spatial"]["mean_change"]) == (360, 0)
    assert last["temporal"]["rank_correlation"] == pytest.approx(1.0)
    stems = {Path(file).stem for file in record["files"].values()}
    assert stems == {"drift", "drift_layers", "start_against_now", "gamma_over_training", "drift_animation"}
    assert all(Path(file).stat().st_size > 0 for file in record["files"].values())
    check(pd.read_parquet(record["files"]["parquet"]), DRIFT)
    layers = check(pd.read_parquet(record["files"]["drift_layers.parquet"]), DRIFT_LAYERS)
    assert layers["position"].unique().tolist() == [0, 5, 20]
    assert run(["drift", *series, "--formats", "csv", "--out", str(tmp_path / "o")]) == 0
    assert "temporal" in capsys.readouterr().out


def test_a_named_start_counts_for_every_epoch(series: list[str], tmp_path: Path) -> None:
    result = drift.measure_drift(*series[1:], start=tmp_path / "flat.pth")
    assert result.summary.origin == "2-D weights, flat.pth"
    ratio = result.table["gamma"] / result.table["start"]
    parts = ratio.groupby([result.table["checkpoint"], result.table["group"]]).mean()
    np.testing.assert_allclose(parts, [1, 0.9, 1, 0.81], rtol=1e-5)
    assert result.notes == ()


def test_an_untrained_network_has_not_moved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = gst.save_model(tmp_path / "fresh.pth", gst.create_model(SPEC, seed=0))
    assert run(["drift", str(path), "--formats", "png", "--out", str(tmp_path / "o"), "--json"]) == 0
    record = read(capsys)
    assert [Path(f).name for f in record["files"].values()] == ["drift.png"]
    assert record["checkpoints"][0]["groups"]["temporal"]["mean_change"] == 0
    assert record["checkpoints"][0]["groups"]["temporal"]["rank_correlation"] is None
    assert run(["drift", str(path), "--formats", "csv", "--out", str(tmp_path / "o")]) == 0
    assert "nan" not in capsys.readouterr().out


def test_other_networks_and_broken_files_are_left_out(
    series: list[str], save_small: SaveSmall, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "noise.pth").write_bytes(b"noise")
    odd = [str(save_small("gst-resnet18")), str(save_small(alpha="1/8")), str(tmp_path / "noise.pth")]
    arguments = ["--formats", "csv", "--out", str(tmp_path / "o")]
    assert run(["drift", *series, *odd, *arguments, "--json"]) == 1
    record = read(capsys)
    assert len(record["failures"]) == 3
    assert len(record["checkpoints"]) == 3
    assert run(["drift", *series, *odd, *arguments]) == 1
    assert capsys.readouterr().out.count("left out: ") == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--start", "card"], "no values of the 2-D weights flat.pth"),
        (["--start", "nowhere.pth"], "no such file"),
        (["--tolerance", "1.5"], "from 0 to below 1"),
        (["--formats", "gif"], "found gif"),
    ],
)
def test_bad_starts_get_one_line(
    arguments: list[str], words: str, series: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["drift", series[-1], *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert words in printed.err
    assert printed.err.count("\n") == 1


def test_every_frame_of_the_animation_is_the_tables_histogram(series: list[str]) -> None:
    result = drift.measure_drift(*series)
    figure = draw_drift_animation(result.table, axis="epoch", dark=True)
    assert [frame.name for frame in figure.frames] == ["0", "5", "20"]
    bar, step = figure.data[1], figure.data[1].width
    edges = np.append(np.asarray(bar.x) - step / 2, bar.x[-1] + step / 2)
    rows = result.table[result.table["position"] == 20]
    panels = count_panels(rows, edges)
    for heights, drawn in zip(panels.values(), figure.frames[2].data, strict=True):
        np.testing.assert_allclose(drawn.y, heights)
        assert heights.sum() == pytest.approx(100)
    assert sum(bool(trace.showlegend) for trace in figure.data) == 2


def test_panels_above_a_gap_in_the_last_row_are_numbered_and_every_group_is_in_the_legend() -> None:
    rows = [
        (f"layer{layer}.0.bn", group, epoch, 1.0 + epoch)
        for layer, group in [(1, "slow"), *((number, "fast") for number in range(2, 6))]
        for epoch in (0, 1)
    ]
    table = pd.DataFrame(rows, columns=["layer", "group", "position", "gamma"]).assign(checkpoint="one")
    figure = draw_drift_animation(table, axis="epoch")  # four panels, and a fifth beneath the first
    assert [figure.layout[f"xaxis{number}"].showticklabels for number in (2, 3, 4, 5)] == [True] * 4
    assert {bar.legendgroup for bar in figure.data if bar.showlegend} == {"slow", "fast"}
    assert len([bar for bar in figure.data if bar.showlegend]) == 2


def test_buttons_slider_and_axes_have_their_own_rows_at_any_width(series: list[str]) -> None:
    layout = draw_drift_animation(drift.measure_drift(*series).table, axis="epoch").layout
    (slider,), (menu,) = layout.sliders, layout.updatemenus
    assert {slider.y, menu.y, slider.x, menu.x} == {0}  # both hang from the lowest axes, by pixels
    assert slider.pad.t >= 40  # tick labels and the axis' title
    assert menu.pad.t - slider.pad.t >= 70  # the value, the bar and its labels
    assert layout.margin.b - menu.pad.t >= 40


def test_an_animation_waits_to_be_played(series: list[str], tmp_path: Path) -> None:
    words = ["drift", *series, "--formats", "html", "--out", str(tmp_path), "--dark"]
    assert run(words) == 0
    page = (tmp_path / "drift_animation.html").read_text()
    assert "Plotly.animate('drift_animation', null)" not in page
    assert f'<body style="background: {DARK.paper}">' in page


def test_print_figures_show_the_tables_medians(series: list[str]) -> None:
    result = drift.measure_drift(*series)
    figure = result.figures()["gamma_over_training"]
    rows = result.layers[result.layers["layer"] == "layer1.0.bn2"].set_index(["group", "position"])
    drawn = {line.get_linestyle(): untyped(line.get_ydata()) for line in figure.axes[0].lines}
    np.testing.assert_allclose(drawn["--"], untyped(rows.loc["temporal", "median"]))
    np.testing.assert_allclose(drawn["-"], untyped(rows.loc["spatial", "median"]))
    shares = result.figures()["drift"].axes[1].patches
    assert {round(untyped(bar).get_height()) for bar in shares} == {0, 100}
    start = result.figures(dark=True)["start_against_now"].axes[0]
    points = np.concatenate([np.asarray(c.get_offsets()) for c in start.collections])
    assert len(points) == 16
