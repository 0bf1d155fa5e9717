"""Channels that TSM's shift moves: which they are, and that ablation takes away exactly these."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import gst_analysis as gst
from gst_analysis.analyses.ablation.measure import measure_ablation
from gst_analysis.clips.records import RecordList
from gst_analysis.errors import SpecError
from gst_analysis.networks.network import average_frames
from gst_analysis.networks.registry import anatomy_of, spec_from_name
from tests.analyses.labelled_clips import load_pixels, small_model, write_clips

LABELS = [0, 1, 2]


@torch.no_grad()
def run_reading(model: gst.Network, clips: Tensor, conv: str, change: Any) -> Tensor:
    """Logits of clips when a convolution is given something else: the shift itself is not touched."""
    module = model.module.get_submodule(conv)
    hook = module.register_forward_pre_hook(lambda _, given: (change(given[0].clone()), *given[1:]))
    logits = average_frames(model.module(clips))
    hook.remove()
    return logits


@pytest.mark.parametrize(
    ("name", "block", "width"), [("tsm-resnet26s", "layer2.1", 128), ("tsm-resnet18", "layer2.0", 16)]
)
def test_shifted_channels_that_are_removed_are_those_that_the_convolution_reads(
    name: str, block: str, width: int, tmp_path: Path
) -> None:
    model, records = small_model(name), write_clips(tmp_path, LABELS)
    options = gst.AblationOptions(
        layers=(f"{block}.shift",), interventions=("zero", "mean"), batch=3, draws=100, device="cpu"
    )
    table = measure_ablation(model, records, options=options).table
    clips, labels = load_pixels(records, model.clip_spec), torch.tensor(LABELS)
    with torch.no_grad():
        untouched = average_frames(model.module(clips))
    fold = width // 8
    bounds = {"from-next": (0, fold), "from-previous": (fold, 2 * fold), "unshifted": (2 * fold, width)}
    assert set(table["group"]) == set(bounds)
    for (group, kind), rows in table.groupby(["group", "intervention"]):
        start, stop = bounds[str(group)]

        def change(x: Tensor, start: int = start, stop: int = stop, mean: bool = kind == "mean") -> Tensor:
            assert x.shape[1] == width
            x[:, start:stop] = x[:, start:stop].mean((0, 2, 3), keepdim=True) if mean else 0
            return x

        changed = run_reading(model, clips, f"{block}.conv1", change)
        drop = float((untouched - changed)[torch.arange(len(labels)), labels].mean())
        assert abs(drop) > 1e-4
        assert rows["logit_drop"].item() == pytest.approx(drop, abs=2e-5)
        assert rows["channels"].item() == stop - start


def test_without_channels_of_other_frames_tsm_sees_each_frame_alone() -> None:
    """Planted: all time is in what is shifted, so that no logit of a frame moves with its neighbours."""
    model = small_model("tsm-resnet26s")
    shifted = [unit for unit in model.anatomy.units if unit.group in ("from-next", "from-previous")]
    clips = torch.randn(1, 4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    changed = clips.clone()
    changed[:, 2:] = 0
    with torch.no_grad():
        moved = (model.module(clips) - model.module(changed))[0, 0].abs().max()
        for unit in shifted:
            channels = torch.arange(unit.channels.start, unit.channels.stop)
            model.module.get_submodule(unit.layer).register_forward_hook(
                lambda _, __, output, channels=channels: output.index_fill(1, channels, 0)
            )
        left = (model.module(clips) - model.module(changed))[0, 0].abs().max()
    assert moved > 1e-3
    assert left < 1e-6


@pytest.mark.parametrize("name", ["tsm-resnet50", "tsm-resnet101", "tsm-mobilenetv2", "tsm-nl-r50"])
def test_every_shift_has_its_three_groups_and_no_scales(name: str) -> None:
    spec = spec_from_name(name)
    anatomy = anatomy_of(spec)
    moved = [unit for unit in anatomy.units if unit.layer.endswith(".shift")]
    layers = list(dict.fromkeys(unit.layer for unit in moved))
    assert len(layers) == {"tsm-resnet101": 18, "tsm-mobilenetv2": 10}.get(name, 16)
    assert len(moved) == 3 * len(layers)
    assert not any(unit.scaled for unit in moved)
    assert {unit.group for unit in anatomy.scaled} == {"all"}
    assert any("no γ of their own" in line for line in anatomy.unknown)
    for layer in layers:
        parts = [unit.channels for unit in moved if unit.layer == layer]
        assert [part.start for part in parts] == [0, parts[0].stop, parts[1].stop]
        assert parts[0].stop * 8 == parts[2].stop


def test_scales_and_comparisons_know_nothing_of_shifts() -> None:
    model, plain = small_model("tsm-resnet26s"), small_model("c2d-resnet26s", seed=1)
    assert set(gst.bn_scales(model).table["group"]) == {"all"}
    compared = gst.compare_scales(model, plain, names=["tsm", "c2d"])
    assert len(compared.uncompared) == 0
    options = gst.AblationOptions(groups=("fast",), device="cpu")
    with pytest.raises(SpecError, match="from-previous, from-next, unshifted, all; found none of fast"):
        measure_ablation(model, RecordList(()), options=options)
