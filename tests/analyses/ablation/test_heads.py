"""Heads of attention that are changed one at a time, beside a projection whose weights for them are 0."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import nn

import gst_analysis as gst
from gst_analysis.analyses.ablation.figure import draw_heads
from gst_analysis.analyses.ablation.measure import measure_ablation
from gst_analysis.checkpoints.loading import load_model
from gst_analysis.errors import NotDefinedError, SpecError
from gst_analysis.networks.network import average_frames
from gst_analysis.probes.heads import list_heads, number_head
from gst_analysis.probes.hooks import changed_unit, zero_channels
from tests.analyses.labelled_clips import load_pixels, small_model, write_clips
from tests.networks.tiny_transformers import FRAMES, SIZE, draw_clips, save_theirs

LABELS = [0, 1, 2]


def load_tiny(name: str, folder: Path) -> gst.Network:
    model = load_model(save_theirs(name, folder / name))
    clip = dataclasses.replace(model.clip_spec, frames=FRAMES, resize=SIZE, crop=SIZE, sampling="segments")
    return dataclasses.replace(model, checkpoint=dataclasses.replace(model.checkpoint, clip_spec=clip))


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("timesformer", ["temporal", "spatial"]),
        ("timesformer-joint", ["all"]),
        ("videomae", ["all"]),
        ("vivit", ["all"]),
        ("vjepa2", ["all"]),
    ],
)
@torch.no_grad()
def test_a_silent_head_is_one_that_the_projection_does_not_read(
    name: str, kinds: list[str], tmp_path: Path
) -> None:
    model = load_tiny(name, tmp_path)
    network, clips = model.module, draw_clips()
    heads = list_heads(network, model.anatomy)
    assert list(dict.fromkeys(unit.group for unit in heads)) == kinds
    assert [number_head(unit) for unit in heads] == [0, 1, 2, 3] * 2 * len(kinds)
    unit = heads[2]
    with changed_unit(network, unit, zero_channels(unit.channels)):
        silent = network(clips)
    untouched = network(clips)
    inside = network.get_submodule(unit.layer).modules()
    linear = next(module for module in inside if isinstance(module, nn.Linear))
    linear.weight[:, unit.channels] = 0
    assert not torch.allclose(silent, untouched, atol=1e-5)
    torch.testing.assert_close(network(clips), silent)


def test_every_head_has_a_row_for_what_was_done_to_it(tmp_path: Path) -> None:
    model, records = load_tiny("timesformer", tmp_path), write_clips(tmp_path, LABELS, frames=FRAMES)
    options = gst.AblationOptions(
        heads=True, interventions=("zero", "mean", "shuffle-time"), draws=100, batch=2
    )
    result = measure_ablation(model, records, options=options)
    table = result.tables["ablation_heads"]
    assert len(table) == 2 * 2 * 4 * 2  # layers, kinds, heads, and zero and mean
    assert set(table["intervention"]) == {"zero", "mean"}  # tokens have no order of frames
    row = table[(table["head"] == 1) & (table["intervention"] == "zero")].iloc[0]
    clips = load_pixels(records, model.clip_spec)
    unit = next(
        one
        for one in list_heads(model.module, model.anatomy)
        if one.layer == row["layer"] and number_head(one) == 1
    )
    with torch.no_grad():
        before = average_frames(model.module(clips))
        with changed_unit(model.module, unit, zero_channels(unit.channels)):
            after = average_frames(model.module(clips))
    drop = (before - after)[torch.arange(3), torch.tensor(LABELS)].mean()
    assert row["logit_drop"] == pytest.approx(float(drop), abs=1e-5)
    assert [axes.get_title(loc="left") for axes in draw_heads(table).axes[:4]] == [
        "zero, over time",
        "mean, over time",
        "zero, over space",
        "mean, over space",
    ]
    assert len(result.to_document()["heads"]) == len(table)


def test_networks_and_changes_without_heads_are_refused(tmp_path: Path) -> None:
    records = write_clips(tmp_path, LABELS)
    with pytest.raises(NotDefinedError, match="not defined for this network, because no layer of attention"):
        measure_ablation(small_model("p3d-resnet26s"), records, options=gst.AblationOptions(heads=True))
    with pytest.raises(SpecError, match="expected zero, mean or shuffle-batch"):
        measure_ablation(
            load_tiny("videomae", tmp_path),
            records,
            options=gst.AblationOptions(heads=True, interventions=("shuffle-time",)),
        )
