"""`importance` as a contract: closed form and measured on planted clips, side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import gst_analysis as gst
from gst_analysis.analyses import importance
from gst_analysis.analyses.importance.figure import draw_importance
from gst_analysis.analyses.importance.table import GROUP_IMPORTANCE, IMPORTANCE, WHICH_TO_TRUST
from gst_analysis.cli import run
from gst_analysis.planted.making import WorldConfig, make_world
from gst_analysis.tables.schema import check
from tests.conftest import SaveSmall, build_small, list_results
from tests.untyped import untyped


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world") / "w"
    make_world(folder, WorldConfig("static", clips=24, frames=8, size=64))
    return folder / "videos"


def read(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    printed = capsys.readouterr()
    assert printed.err == ""
    document: dict[str, Any] = json.loads(printed.out)
    return document


def save_for_clips(path: Path) -> Path:
    spec = gst.ClipSpec(frames=4, resize=32, crop=32)
    return gst.save_model(path, build_small("gst-resnet26s"), clip_spec=spec)


def test_importance_prints_one_document_and_writes_what_it_lists(
    save_small: SaveSmall, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [str(save_small(name)) for name in ("gst-resnet26s", "gst-resnet18", "c2d-resnet26s")]
    kinds = ["--formats", "png,svg,csv,parquet,json", "--out", str(tmp_path / "o")]
    assert run(["importance", *paths, *kinds, "--json"]) == 0
    record = read(capsys)
    assert record["trust"] == WHICH_TO_TRUST
    assert [c["path"] for c in record["checkpoints"]] == paths
    scores = {(s["layer"], s["score"]): s for s in record["checkpoints"][0]["scores"]}
    table = check(pd.read_parquet(record["files"]["parquet"]), IMPORTANCE)
    check(pd.read_parquet(record["files"]["group_importance.parquet"]), GROUP_IMPORTANCE)
    part = table[(table["checkpoint"] == "gst-resnet26s-0") & (table["layer"] == "layer2.0.bn2")]
    median = part[part["group"] == "temporal"]["invariant"].median()
    assert scores["layer2.0.bn2", "invariant"]["median"] == pytest.approx(median)
    assert list_results(tmp_path / "o") == sorted(Path(file).name for file in record["files"].values())
    assert run(["importance", *paths, "--formats", "csv", "--out", str(tmp_path / "o")]) == 0
    printed = capsys.readouterr().out
    assert WHICH_TO_TRUST in printed
    assert "added to the shortcut" in printed
    assert "no spatial and temporal groups" in printed
    assert "nan" not in printed


def test_measuring_on_clips_is_a_second_column_of_the_same_scores(
    clips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save_for_clips(tmp_path / "model.pth")
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    arguments = ["--on", str(clips), "--on", str(tmp_path / "broken.mp4"), "--device", "cpu"]
    out = ["--formats", "csv,png", "--out", str(tmp_path / "o")]
    assert run(["importance", str(path), *arguments, *out, "--json"]) == 1
    record = read(capsys)
    assert (record["clips"], len(record["clip_failures"])) == (24, 1)
    table = pd.read_csv(record["files"]["csv"], keep_default_na=False, na_values=[""])
    inferred, measured = (table[table["source"] == s] for s in ("closed form", "measured"))
    assert len(inferred) == len(measured)
    np.testing.assert_allclose(inferred["column_norm"], measured["column_norm"])
    assert not np.allclose(inferred["activation"], measured["activation"])
    (found,) = record["checkpoints"]
    assert -1 <= found["agreement"]["inferred_with_measured"] <= 1
    assert {row["source"] for row in found["scores"]} == {"closed form", "measured"}


def test_measured_activations_are_those_of_the_clips(clips: Path, tmp_path: Path) -> None:
    """A plain loop over the same clips: no listener, no hooks of ours."""
    from gst_analysis.clips.dataset import ReadingPlan, load_views
    from gst_analysis.clips.finding import find_clips

    model = gst.load_model(save_for_clips(tmp_path / "model.pth"))
    result = importance.channel_importance(model, clips=[clips], device="cpu")
    table = result.table[result.table["source"] == "measured"].set_index(["layer", "channel"])
    inputs = []
    conv = model.module.get_submodule("layer4.0.conv3")
    hook = conv.register_forward_pre_hook(lambda _m, args: inputs.append(args[0].clone()))
    for record in find_clips([clips]):
        views, _ = load_views(record, ReadingPlan(model.clip_spec))
        with torch.no_grad():
            model.module(views)
    hook.remove()
    mean = torch.cat(inputs).double().mean((0, 2, 3)).numpy()
    np.testing.assert_allclose(untyped(table.loc["layer4.0.bn2", "activation"]), mean, rtol=1e-3, atol=1e-4)
    assert not any(m._forward_hooks for m in model.module.modules())


def test_training_state_is_left_as_it_was(clips: Path, tmp_path: Path) -> None:
    model = gst.load_model(save_for_clips(tmp_path / "model.pth"))
    model.module.train()
    before = {name: tensor.clone() for name, tensor in model.module.state_dict().items()}
    importance.channel_importance(model, clips=clips, device="cpu")
    assert model.module.training
    assert all(p.requires_grad for p in model.module.parameters())
    for name, tensor in model.module.state_dict().items():
        torch.testing.assert_close(tensor, before[name], rtol=0, atol=0)


@pytest.mark.parametrize("dark", [False, True])
def test_the_figure_stands_on_its_own(save_small: SaveSmall, *, dark: bool) -> None:
    names = ("gst-resnet26s", "gst-resnet18")
    result = importance.channel_importance(*(save_small(name) for name in names))
    figure = draw_importance(result.table, dark=dark)
    assert " ".join(figure._supxlabel.get_text().split()).startswith(WHICH_TO_TRUST)  # type: ignore[attr-defined] # matplotlib's own, which its types leave out
    table = result.table[(result.table["checkpoint"] == "gst-resnet26s-0")]
    for axes, score in zip(figure.axes[:2], ("abs_gamma", "invariant"), strict=True):
        medians = table.groupby(["group", "layer"])[score].median()
        points = [c.get_offsets() for c in axes.collections if len(untyped(c.get_offsets())) == 8]
        for drawn, group in zip(points[-2:], ("spatial", "temporal"), strict=True):
            np.testing.assert_allclose(np.asarray(drawn)[:, 1], medians[group])
    said = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert said == ["not defined for 8 of 16 layers: no convolution alone reads them"]


def test_what_cannot_be_read_gets_one_line(
    tmp_path: Path, save_small: SaveSmall, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["importance", str(tmp_path / "none.pth")]) == 2
    assert "no such file" in capsys.readouterr().err
    assert run(["importance", str(save_small()), "--on", str(tmp_path / "nowhere")]) == 2
    assert "nothing there" in capsys.readouterr().err
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    assert run(["importance", str(save_small()), "--on", str(tmp_path / "broken.mp4")]) == 2
    printed = capsys.readouterr().err
    assert "at least one clip that can be read" in printed
    assert printed.count("\n") == 1
