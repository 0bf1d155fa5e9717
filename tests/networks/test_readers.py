"""What reads a norm next in a network that was probed: as arithmetic says it, or checked by rescaling."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import gst_analysis as gst
from gst_analysis.analyses.importance.activations import listen_to_activations
from gst_analysis.analyses.importance.measure import tabulate_importance
from gst_analysis.checkpoints.adopting import adopt
from gst_analysis.checkpoints.loaded import Network
from gst_analysis.checkpoints.starting import create_model
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.next_layer import NextLayer
from gst_analysis.networks.registry import anatomy_of, spec_from_name
from gst_analysis.networks.systems import SYSTEMS
from tests.conftest import build_small
from tests.networks.agreement import draw_weights
from tests.networks.brought import CLASSES, FRAMES, bring

CLIP = ClipSpec(frames=4, resize=64, crop=64)
DESIGNS = (
    "gst-resnet26s",
    "gst-large-resnet18",
    "c3d-resnet26s",
    "c3d-g2-resnet18",
    "c2d-mobilenetv2",
    "tsm-resnet18",
)


@pytest.mark.parametrize(
    "name", ["gst-resnet18", *(pytest.param(name, marks=pytest.mark.slow) for name in DESIGNS)]
)
def test_a_design_that_was_brought_is_read_as_the_design_is(name: str, tmp_path: Path) -> None:
    """Two derivations: arithmetic, and one run of a plain module."""
    module = build_small(name)
    draw_weights(module)
    found, known = adopt(module, clip_spec=CLIP), anatomy_of(module.spec)
    kept = ("block", "layer", "group", "channels", "activation", "view", "eps")
    units = [
        [tuple(getattr(unit, field) for field in kept) for unit in one.scaled]
        for one in (found.anatomy, known)
    ]
    assert units[0] == units[1]
    readers = [
        {norm: next_ if isinstance(next_, NextLayer) else "" for norm, next_ in one.readers}
        for one in (found.anatomy, known)
    ]
    assert readers[0] == readers[1]
    assert any(readers[0].values())
    tables = [
        gst.channel_importance(one, names=["same"]).table
        for one in (gst.load_model(gst.save_model(tmp_path / "a.pth", module, clip_spec=CLIP)), found)
    ]
    stages = name != "c2d-mobilenetv2"  # whose first stages have maps of one size
    for table in tables:
        table["undefined"] = table["undefined"] != ""
        table["stage"] = table["stage"] if stages else 0
    pd.testing.assert_frame_equal(tables[0], tables[1])
    assert tables[0]["invariant"].notna().any()


class Halves(nn.Module):
    """GST as anybody may write it: a third of the channels see time, too; convolutions in 3-D; functions."""

    def __init__(self, c_in: int, c_out: int) -> None:
        super().__init__()
        self.space = nn.Conv3d(c_in // 2, c_out - c_out // 3, (1, 3, 3), padding=(0, 1, 1))
        self.time = nn.Conv3d(c_in - c_in // 2, c_out // 3, 3, padding=1)
        self.norm = nn.BatchNorm3d(c_out, eps=1e-3)
        self.last = nn.Conv3d(c_out, c_in, 1)
        self.last_norm = nn.BatchNorm3d(c_in, eps=1e-2)

    def forward(self, x: Tensor) -> Tensor:
        half = x.shape[1] // 2
        y = torch.cat([self.space(x[:, :half]), self.time(x[:, half:])], 1)
        return x + self.last_norm(self.last(F.relu(self.norm(y))))


class Official(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv3d(3, 8, 1)
        self.blocks = nn.Sequential(Halves(8, 9), Halves(8, 9))
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(self.stem(x)).mean((2, 3, 4)))


def adopt_small(module: nn.Module) -> Network:
    draw_weights(module)
    return adopt(module.eval(), clip_spec=ClipSpec(frames=FRAMES, resize=32, crop=32), layout="NCTHW")


def test_halves_that_are_put_together_are_told_apart() -> None:
    network = adopt_small(Official())
    found = {(unit.layer, unit.group): (unit.channels, unit.conv) for unit in network.anatomy.units}
    assert found["blocks.0.norm", "spatial"] == (slice(0, 6), "blocks.0.space")
    assert found["blocks.0.norm", "temporal"] == (slice(6, 9), "blocks.0.time")
    assert rescale(network) == {
        "blocks.0.norm": pytest.approx(0, abs=1e-5),
        "blocks.1.norm": pytest.approx(0, abs=1e-5),
    }


def test_what_norms_add_to_variances_is_their_own() -> None:
    """Second derivation of both scores that depend on it, with variances as small as that."""
    network = adopt_small(Official())
    block = network.module.get_submodule("blocks.0")
    assert isinstance(block, Halves)
    with torch.no_grad():
        for norm in (block.norm, block.last_norm):
            norm.running_var.fill_(1e-3)  # type: ignore[union-attr] # it keeps statistics
    table = gst.channel_importance(network).table.query("layer == 'blocks.0.norm'")
    gamma, beta = (getattr(block.norm, name).detach().double().numpy() for name in ("weight", "bias"))
    drawn = np.random.default_rng(0).normal(0, 0.5**0.5, (400_000, 1))  # sqrt(1e-3 / (1e-3 + 1e-3))
    np.testing.assert_allclose(table["activation"], np.maximum(beta + gamma * drawn, 0).mean(0), atol=5e-3)
    weight = block.last.weight.detach().double().flatten(1).numpy()
    scale = block.last_norm.weight.detach().double().numpy() / (1e-3 + 1e-2) ** 0.5
    ratio = np.linalg.norm(weight * scale[:, None], axis=0) / np.linalg.norm(weight, axis=0)
    np.testing.assert_allclose(table["invariant_output"] / table["invariant"], ratio, rtol=1e-5)


def list_read(network: Network) -> Iterator[tuple[str, NextLayer]]:
    for norm, found in network.anatomy.readers:
        if isinstance(found, NextLayer):
            yield norm, found


def rescale(network: Network, *, size: int = 32) -> dict[str, float]:
    """Halve each channel of a norm and double the weights that are said to read it: how far logits move.

    That is what makes a score of a channel and of its readers one that no rescaling can move.
    """
    module, moved = network.module, {}
    clip = torch.randn(1, network.spec.num_frames, 3, size, size, generator=torch.Generator().manual_seed(1))
    state = module.state_dict()
    for norm, found in list_read(network):
        kept = {name: tensor.clone() for name, tensor in state.items()}
        with torch.no_grad():
            before = module(clip)
            for name in (f"{norm}.weight", f"{norm}.bias"):
                state[name].mul_(0.5)
            unread = set(range(len(state[f"{norm}.weight"])))
            for reader in found.readers:
                weight = state[reader.weight]
                weight.mul_(2)
                assert len(reader.reads) == weight.shape[1] * reader.groups
                unread -= set(reader.reads)
            after = module(clip)
            assert not unread
        moved[norm] = float((after - before).abs().max() / before.abs().max())
        module.load_state_dict(kept)
    return moved


def test_readers_of_brought_networks_are_all_that_reads() -> None:
    for name, norms in {"three-d": 4, "by-frame": 1, "pathways": 2}.items():
        moved = rescale(bring(name))
        assert len(moved) == norms
        assert max(moved.values()) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SYSTEMS if not name.startswith(("mvit", "swin", "c3d"))])
def test_readers_of_systems_are_all_that_reads(name: str) -> None:
    spec = spec_from_name(name, num_classes=CLASSES)
    network = create_model(spec, seed=0)
    draw_weights(network.module)
    with torch.no_grad():
        for key, tensor in network.module.state_dict().items():
            if "nonlocal" in key and "conv_" in key:
                tensor.mul_(0.3)  # products of products: drawn wider, a dot product overflows
    assert all(change < 1e-3 for change in rescale(network, size=64).values())


class Behind(nn.Module):
    """One block; what stands behind its norm is told."""

    def __init__(self, use: str) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Conv3d(3, 8, 3, padding=1), nn.Sequential(nn.BatchNorm3d(8)))
        self.next = nn.Conv3d(8, 8, 1)
        self.norm = nn.BatchNorm3d(8)
        self.use = use
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        y = self.block(x)
        if self.use == "silu":
            y = F.silu(y)
        elif self.use == "pool":
            y = F.max_pool3d(F.relu(y), (1, 2, 2))
        elif self.use == "shortcut":
            y = F.relu(y + x.mean(1, keepdim=True))
        elif self.use == "both":
            y = F.relu(y)
            y = y + self.norm(self.next(y))
        elif self.use == "no norm":
            return self.head(self.next(F.relu(y)).mean((2, 3, 4)))
        return self.head(self.norm(self.next(y)).mean((2, 3, 4)))


@pytest.mark.parametrize(
    ("use", "told"),
    [
        ("silu", "no ReLU alone follows it: given to silu"),
        ("pool", "pooled before any convolution reads it"),
        ("shortcut", "added to something else"),
        ("both", "added to something else"),
        ("no norm", "no batch norm alone follows the convolution that reads it"),
    ],
)
def test_what_is_not_certain_is_not_said(use: str, told: str) -> None:
    network = adopt_small(Behind(use))
    assert [why for _, why in network.anatomy.readers] == [told] or told in str(network.anatomy.readers)
    found = gst.channel_importance(network)
    assert found.table["invariant"].isna().all()
    assert found.table["activation"].notna().all() == (use in ("pool", "both", "no norm"))


@pytest.mark.parametrize("name", ["three-d", "by-frame"])
def test_activations_are_heard_however_a_norm_lies(name: str) -> None:
    """Derived again, from what the activation's own module gives."""
    network = bring(name)
    seen: list[Tensor] = []
    where = network.module.get_submodule("blocks.2.relu" if name == "three-d" else "stage2.2")
    clips = torch.randn(2, FRAMES, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    handle = where.register_forward_hook(lambda _, __, output: seen.append(output.double()))
    with listen_to_activations(network) as listener, torch.no_grad():
        network.module(clips)
    handle.remove()
    norm = network.anatomy.units[-1].layer
    table = tabulate_importance(network.checkpoint, listener.moments())
    heard = table[table["layer"] == norm]
    axes = [axis for axis in range(seen[-1].ndim) if axis != 1]
    np.testing.assert_allclose(heard["activation"], seen[-1].mean(axes), rtol=1e-4, atol=1e-6)
    assert (
        heard["undefined"].str.contains("averaged before").all()
    )  # the head's average reads it, not a convolution
