"""Groups that never leave one norm are set against each other where they meet: planted gaps, found again."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch

import gst_analysis as gst
from gst_analysis.analyses.importance.figure import draw_importance
from gst_analysis.analyses.importance.measure import infer_importance, summarise_importance
from gst_analysis.analyses.scales.command import print_bn_scales
from gst_analysis.analyses.scales.gaps import count_gaps, tabulate_gaps
from gst_analysis.analyses.scales.meetings import find_meetings
from gst_analysis.analyses.scales.table import BN_SCALES, NO_CHANNELS
from gst_analysis.checkpoints.loading import load_checkpoint
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.networks.registry import anatomy_of, spec_from_name
from gst_analysis.style.names import name_block
from tests.conftest import build_small
from tests.untyped import submodule, untyped

NUMBERS = {"beta": 0.0, "running_mean": 0.0, "running_var": 1.0, "share": 1.0}


def draw_scales(name: str, raised: str, by: float) -> pd.DataFrame:
    """BN_SCALES of a network as its anatomy has it, random but for one group's, which are raised."""
    generator = torch.Generator().manual_seed(0)
    rows = [
        {
            "checkpoint": name,
            **{field: getattr(unit, field) for field in ("stage", "block", "layer", "group")},
            "channel": channel,
            "gamma": float(torch.rand(1, generator=generator)) + by * (unit.group == raised),
        }
        for unit in anatomy_of(spec_from_name(name)).scaled
        for channel in range(unit.channels.start, unit.channels.stop)
    ]
    table = pd.DataFrame(rows).assign(**NUMBERS)
    return table.assign(importance=table["gamma"].abs())[list(BN_SCALES.columns)]


@pytest.mark.parametrize(
    ("name", "level", "pair", "rows"),
    [
        ("slowfast-r50-8x8", "stage", ("fast", "slow"), 5),
        ("r2plus1d-18", "block", ("temporal", "spatial"), 9),
    ],
)
def test_a_gap_is_found_where_the_groups_meet(
    name: str, level: str, pair: tuple[str, str], rows: int
) -> None:
    gaps = tabulate_gaps(draw_scales(name, pair[0], 0.5))
    assert len(gaps) == rows
    assert set(zip(gaps["level"], gaps["group"], gaps["against"], strict=True)) == {(level, *pair)}
    assert gaps["gap"].between(0.3, 0.7).all()
    (counts,) = count_gaps(gaps).values()
    assert (counts.tested, counts.above, counts.below) == (rows, rows, 0)
    assert counts.describe() == f"{pair[0]} higher in {rows}, lower in 0 of {rows} {level}s"
    widths = pd.Series(find_meetings(draw_scales(name, pair[0], 0)).place).value_counts()
    own = gaps.set_index("layer")
    lateral = 0 if level == "block" else untyped((widths - own["n"] - own["against_n"]).loc["stage 1"])
    assert lateral == (64 if level == "stage" else 0)  # lateral channels are in neither of the two


def test_what_stands_alone_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Networks of separate layers may have blocks of one group, such as S3D's stem."""
    scales = draw_scales("r2plus1d-18", "temporal", 0.5)
    left = scales[(scales["block"] != "layer4.1") | (scales["group"] == "spatial")]
    gaps = tabulate_gaps(left).set_index("layer")
    assert gaps.loc["layer4.1", "undefined"] == NO_CHANNELS
    assert (gaps["undefined"] == "").sum() == 8


def test_p3d_has_a_norm_after_each_kernel(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = build_small("p3d-resnet26s")
    with torch.no_grad():
        submodule(network, "layer3.0.conv2.norm").weight += 1.0
        submodule(network, "layer4.1.bn2").weight += 1.0
    path = save_model(tmp_path / "a.pth", network)
    result = gst.bn_scales(path)
    gaps = result.gaps().set_index("layer")
    gap = gaps["gap"].to_dict()
    assert gap["layer3.0"] < -0.5
    assert gap["layer4.1"] > 0.5
    assert set(gaps["level"]) == {"block"}
    document = result.to_document()["checkpoints"][0]["blocks"]
    assert [one["statistics"]["layer"] for one in document[:2]] == ["layer1.0", "layer1.0"]
    print_bn_scales(result)
    printed = capsys.readouterr().out
    assert "temporal minus spatial, over all norms of a block" in printed
    figure = result.plot()
    assert [axes.get_ylabel() for axes in figure.axes] == [name_block(block) for block in gaps.index]
    scores = infer_importance(load_checkpoint(path))
    ticks = draw_importance(scores).axes[1].get_xticklabels()
    assert [tick.get_text() for tick in ticks] == [block.removeprefix("layer") for block in gaps.index]
    importance = summarise_importance(scores)
    assert (importance["undefined"] == "").all()
    raw = importance[importance["score"] == "abs_gamma"].set_index("layer")["log2_ratio"].to_dict()
    assert raw["layer4.1"] > 0.3
    assert raw["layer3.0"] < -0.3


def test_p3d_drifts_from_2d_weights_that_have_no_such_norm(tmp_path: Path) -> None:
    """A norm between two kernels has no counterpart in 2-D weights: it began at 1 and inherited nothing."""
    flat = save_model(tmp_path / "flat.pth", build_small("c2d-resnet26s", seed=1))
    grown = save_model(tmp_path / "p3d.pth", build_small("p3d-resnet26s"))
    result = gst.measure_drift(grown, start=flat)
    table, figure = result.table, result.plot()
    assert [len(untyped(marks).get_offsets()) for marks in figure.axes[0].collections[1::2]] == [8, 8]
    inner = table["layer"].str.endswith(".norm")
    assert (table.loc[inner, "start"] == 1).all()
    assert not table.loc[inner, "inherited"].any()
    assert table.loc[~inner, "inherited"].all()
