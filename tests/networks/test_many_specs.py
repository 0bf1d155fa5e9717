"""Whatever design a spec describes: built, run, saved, loaded and folded, it keeps its numbers."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from gst_analysis.analyses.cost import cost
from gst_analysis.analyses.cost.counted import count_by_running
from gst_analysis.analyses.slimming.order import SlimmingOrder, check_slimmable
from gst_analysis.analyses.slimming.pruning import prune_model
from gst_analysis.checkpoints.loading import load_model
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.errors import GstError, SpecError
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.families import runnable_families
from gst_analysis.networks.folding import fold_norms
from gst_analysis.networks.network import VideoNetwork
from gst_analysis.networks.registry import anatomy_of, build_model
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.probes.hooks import masked_channels

SIZE = 32
SPECS = st.fixed_dictionaries(
    {
        "family": st.sampled_from(sorted(runnable_families())),
        "backbone": st.sampled_from(["resnet18", "resnet26s", "resnet50", "mobilenetv2"]),
        "alpha": st.sampled_from([None, "1/2", "1/4", "1/8", "3/4"]),
        "width": st.sampled_from([8, 16, 24]),
        "num_classes": st.integers(2, 7),
        "num_frames": st.integers(1, 4),
    }
)
MANY = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))


def build(told: dict[str, object]) -> VideoNetwork:
    """The network, with batch norms that differ; a spec that describes none is passed over."""
    name = f"{told['family']}-{told['backbone']}"
    rest = {key: value for key, value in told.items() if key not in ("family", "backbone")}
    try:
        spec = ModelSpec.from_name(name, **rest)
        network = build_model(spec).eval()
    except GstError:
        assume(False)
    for key, buffer in network.named_buffers():
        if key.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
    return network


def check(told: dict[str, object]) -> None:
    torch.manual_seed(0)
    network = build(told)
    spec = network.spec
    counted = cost(spec, size=SIZE).summary
    assert counted.params == sum(parameter.numel() for parameter in network.parameters())
    layers, _ = count_by_running(network, anatomy_of(spec), frames=spec.num_frames, size=SIZE)
    assert counted.macs == sum(layer.macs for layer in layers)
    clips = torch.randn(2, spec.num_frames, 3, SIZE, SIZE)
    with torch.no_grad():
        logits = network(clips)
        with tempfile.TemporaryDirectory() as folder:
            clip_spec = ClipSpec(frames=spec.num_frames, resize=SIZE, crop=SIZE)
            again = load_model(save_model(Path(folder) / "a.pth", network, clip_spec=clip_spec))
        assert again.spec == spec
        assert torch.equal(again.module.eval()(clips), logits)
        folded = fold_norms(network)(clips)
    assert torch.linalg.norm(folded - logits) <= 1e-4 * torch.linalg.norm(logits)


@pytest.mark.slow
@MANY
@given(SPECS)
def test_many_designs_keep_their_numbers(told: dict[str, object]) -> None:
    check(told)


@pytest.mark.slow
@pytest.mark.parametrize("family", sorted(runnable_families()))
def test_every_family_does(family: str) -> None:
    told = {"family": family, "backbone": "resnet26s", "width": 16, "num_classes": 3, "num_frames": 4}
    check(told)


@pytest.mark.slow
@MANY
@given(SPECS, st.floats(0, 1), st.integers(0, 99))
def test_many_designs_are_slimmed_to_what_is_left_of_them(
    told: dict[str, object], share: float, seed: int
) -> None:
    """Channels that were taken out, in any order and number, are as if silenced; the file says so too."""
    torch.manual_seed(seed)
    network, folder = build(told), Path(tempfile.mkdtemp())
    clip_spec = ClipSpec(frames=network.spec.num_frames, resize=SIZE, crop=SIZE)
    try:
        check_slimmable(network.spec)
        model = load_model(save_model(folder / "a.pth", network, clip_spec=clip_spec))
        order = SlimmingOrder(network.spec, rank_at_random(network.spec, seed), size=SIZE)
        proposal = order.take(round(share * len(order.order)))
        smaller = prune_model(model, proposal)
        again = load_model(save_model(folder / "b.pth", smaller))
    except SpecError:  # a family that cannot be slimmed
        assume(False)
    finally:
        shutil.rmtree(folder)
    assert again.spec == smaller.spec == proposal.spec
    assert cost(again.spec, size=SIZE).summary.params == proposal.params == again.checkpoint.params
    clips = torch.randn(2, network.spec.num_frames, 3, SIZE, SIZE)
    with torch.no_grad():
        slim = smaller.module(clips)
        assert torch.equal(again.module(clips), slim)
        with masked_channels(model.module, proposal.dropped):
            silenced = model.module(clips)
    assert torch.linalg.norm(slim - silenced) <= 1e-4 * torch.linalg.norm(silenced)


def rank_at_random(spec: ModelSpec, seed: int) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    rows = [
        {"layer": unit.layer, "group": unit.group, "channel": channel, "value": float(draw.random())}
        for unit in anatomy_of(spec).scaled
        for channel in range(unit.channels.start, unit.channels.stop)
    ]
    return pd.DataFrame(rows)
