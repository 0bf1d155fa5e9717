"""Scores from data: against one clip at a time with plain autograd, and what rescaling does to them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from gst_analysis.analyses.importance.data_scores import measure_data_scores
from gst_analysis.clips.records import RecordList
from tests.analyses.labelled_clips import CPU, load_pixels, small_model, write_clips
from tests.untyped import design, submodule

LABELS = [0, 1, 2, 3, 4]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def records(tmp_path: Path) -> RecordList:
    return write_clips(tmp_path, LABELS)


@pytest.mark.parametrize("name", ["gst-resnet26s", "gst-resnet18", "tsm-mobilenetv2"])
def test_first_order_importance_is_that_of_scale_and_offset(name: str, records: RecordList) -> None:
    """Output x gradient, summed, is γ·∂loss/∂γ + β·∂loss/∂β: two derivations of one number."""
    model = small_model(name)
    table = measure_data_scores(model, records, settings=CPU).table
    clips = load_pixels(records, model.clip_spec)
    for layer, rows in table.groupby("layer"):
        norm = submodule(model.module, str(layer))
        changes = []
        for clip, label in zip(clips, LABELS, strict=True):
            loss = F.cross_entropy(model.module(clip[None]).mean(1), torch.tensor([label]))
            scale, offset = torch.autograd.grad(loss, [norm.weight, norm.bias])
            changes.append((norm.weight * scale + norm.bias * offset).detach().abs())
        expected = torch.stack(changes).mean(0).numpy()
        np.testing.assert_allclose(rows["taylor"], expected, rtol=2e-3, atol=1e-6)


def test_norms_are_those_of_what_the_next_layer_reads(records: RecordList) -> None:
    model = small_model()
    table = measure_data_scores(model, records, settings=CPU).table
    seen: list[torch.Tensor] = []
    hook = model.module.get_submodule("layer2.1.conv3").register_forward_pre_hook(
        lambda _, inputs: seen.append(inputs[0].detach().clone())
    )
    with torch.no_grad():
        model.module(load_pixels(records, model.clip_spec))
    hook.remove()
    rows = table[table["layer"] == "layer2.1.bn2"]
    read = seen[0].double()
    np.testing.assert_allclose(rows["activation_norm"], read.square().mean((0, 2, 3)).sqrt(), rtol=1e-5)
    np.testing.assert_allclose(rows["activation_mean"], read.mean((0, 2, 3)), rtol=1e-5, atol=1e-9)


def test_rescaling_moves_the_norm_and_not_the_guess(records: RecordList) -> None:
    model = small_model()
    before = measure_data_scores(model, records, settings=CPU).table
    norm = submodule(model.module, "layer2.0.bn2")
    channels = design(model.spec).groups(32)["temporal"]
    with torch.no_grad():
        norm.weight[channels] *= 10
        norm.bias[channels] *= 10
        submodule(model.module, "layer2.0.conv3").weight[:, channels] /= 10
    after = measure_data_scores(model, records, settings=CPU).table
    changed = (before["layer"] == "layer2.0.bn2") & (before["group"] == "temporal")
    np.testing.assert_allclose(after["taylor"], before["taylor"], rtol=1e-3, atol=1e-6)
    ratio = after["activation_norm"] / before["activation_norm"].where(before["activation_norm"] > 0, 1)
    np.testing.assert_allclose(ratio[changed], 10, rtol=1e-4)


def test_frozen_and_training_networks_are_left_as_they_were(records: RecordList) -> None:
    model = small_model()
    model.module.requires_grad_(False).train()
    with torch.no_grad():
        table = measure_data_scores(model, records, settings=CPU).table
    assert (table["taylor"] > 0).any()
    assert model.module.training
    assert not any(p.requires_grad or p.grad is not None for p in model.module.parameters())
    assert not any(m._forward_hooks for m in model.module.modules())
