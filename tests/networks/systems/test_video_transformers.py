"""TimeSformer, VideoMAE, ViViT and V-JEPA 2: their costs, where their frames lie, and what attention says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from gst_analysis.analyses.cost import summarise_cost
from gst_analysis.checkpoints.loaded import Network
from gst_analysis.checkpoints.loading import load_model
from gst_analysis.errors import SpecError
from gst_analysis.networks.anatomy import Unit
from gst_analysis.networks.capabilities import require, why_not
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.systems import SystemSpec
from gst_analysis.networks.systems.video_transformers import encode_positions
from gst_analysis.networks.viewing import read_clip
from gst_analysis.probes.hooks import Change, Look, changed_output, looking, move_channels, zero_channels
from tests.networks.agreement import relative
from tests.networks.tiny_transformers import CONFIGS, FRAMES, build_theirs, draw_clips, save_theirs

ORDER = [2, 0, 3, 1]


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Network]:
    """One small network each."""
    home = tmp_path_factory.mktemp("folders")
    return {name: load_model(save_theirs(name, home / name)) for name in CONFIGS}


@pytest.mark.parametrize("name", CONFIGS)
def test_a_cost_is_torchs_own_count_of_the_librarys_network(networks: dict[str, Network], name: str) -> None:
    theirs = build_theirs(name)
    theirs.config._attn_implementation = "eager"  # whose products a counter knows on every device
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        theirs(draw_clips()[:1])
    found = summarise_cost(networks[name])
    assert found.macs == counter.get_total_flops() // 2
    assert found.params == sum(p.numel() for p in theirs.parameters())


def forget_time(network: nn.Module) -> None:
    """Positions that are the same in every frame."""
    for name, tensor in network.named_parameters():
        if name.endswith("time_embeddings"):
            nn.init.zeros_(tensor)
    for module in network.modules():
        held = getattr(module, "position_embeddings", None)
        if isinstance(held, Tensor) and type(module).__name__ != "TimesformerEmbeddings":
            extra = held.shape[1] % FRAMES
            held.data[:, extra + 4 :] = held.data[:, extra : extra + 4].repeat(1, held.shape[1] // 4 - 1, 1)


@torch.no_grad()
@pytest.mark.parametrize("name", [name for name in CONFIGS if name != "vjepa2"])  # which turns by places
def test_a_place_shows_frames_in_the_order_of_the_clip(name: str, tmp_path: Path) -> None:
    """Without positions in time, frames (or pairs of them) that are moved are moved in every layer."""
    network = load_model(save_theirs(name, tmp_path))
    forget_time(network.module)
    clip = draw_clips()[:1]
    pairs = network.anatomy.places[0].view.grid == (FRAMES // 2, 2, 2)
    order = [2, 3, 0, 1] if pairs else ORDER
    maps, logits = [], []
    with looking(network.module, {p.name: Look(p.name, p.view) for p in network.anatomy.places}) as seen:
        for one in (clip, clip[:, order]):
            logits.append(network.module(one))
            maps.append({p.name: read_clip(seen[p.name], p.view) for p in network.anatomy.places})
    for name_of_place, frames in maps[0].items():
        moved = maps[1][name_of_place]
        assert relative(moved, frames[[1, 0] if pairs else order]) < 1e-5
        assert relative(moved, frames) > 1e-2
    rows = logits[0][:, order] if name == "timesformer-space" else logits[0]
    assert relative(logits[1], rows) < 1e-5


def silence(network: nn.Module, names: tuple[str, ...]) -> None:
    for name, tensor in network.named_parameters():
        if name.startswith(names):
            nn.init.zeros_(tensor)


def run_changed(network: Network, unit: Unit, change: Change) -> Tensor:
    with torch.no_grad(), changed_output(network.module, unit.layer, change, unit.view):
        logits: Tensor = network.module(draw_clips())
    return logits


@pytest.mark.parametrize(
    ("name", "group", "silenced"),
    [
        ("timesformer", "temporal", "temporal_dense"),
        ("timesformer", "spatial", "attention.output.dense"),
        ("videomae", "all", "attention.attention.value"),
        ("vjepa2", "all", "attention.value"),
    ],
)
def test_a_unit_is_all_that_its_attention_says(
    networks: dict[str, Network], name: str, group: str, silenced: str, tmp_path: Path
) -> None:
    network, other = networks[name], load_model(save_theirs(name, tmp_path))
    for unit in [one for one in network.anatomy.units if one.group == group]:
        changed = run_changed(network, unit, zero_channels(unit.channels))
        silence(other.module.get_submodule(unit.block), (silenced,))
        with torch.no_grad():
            truth = other.module(draw_clips())
        other.module.load_state_dict(network.checkpoint.state)
        assert relative(changed, truth) < 1e-5
        assert relative(changed, network.module(draw_clips())) > 1e-3


@pytest.mark.parametrize("name", CONFIGS)
def test_frames_of_a_unit_can_be_moved_and_moved_back(networks: dict[str, Network], name: str) -> None:
    network = networks[name]
    unit = network.anatomy.units[0]
    frames = {"N(THW)C": FRAMES // 2}.get(unit.view.axes, FRAMES)
    turned = torch.arange(2 * frames).reshape(2, frames).flip(1).ravel()
    there = move_channels(unit.channels, turned)
    with torch.no_grad():
        plain = network.module(draw_clips())
    assert relative(run_changed(network, unit, there), plain) > 1e-3
    assert torch.equal(run_changed(network, unit, lambda x: there(there(x))), plain)


def test_divided_attention_is_told_apart_and_has_no_scales(networks: dict[str, Network]) -> None:
    anatomy = networks["timesformer"].anatomy
    assert anatomy.tells_apart
    assert [unit.group for unit in anatomy.units] == ["temporal", "spatial"] * 2
    spec = networks["timesformer"].spec
    assert why_not(spec, anatomy, "units") == why_not(spec, anatomy, "places") == ""
    with pytest.raises(SpecError, match="not defined for this network, because no batch norm"):
        require(spec, anatomy, "scales", what="batch-norm scales")
    assert not networks["videomae"].anatomy.tells_apart


def test_positions_are_the_librarys_to_the_bit() -> None:
    theirs: Any = build_theirs("videomae", hidden_size=44, image_size=64)
    assert torch.equal(encode_positions(32, 44), theirs.videomae.embeddings.position_embeddings)


@pytest.mark.parametrize("change", [{"frames": 3}, {"auto_map": "x"}, {"num_hidden_layers": 65}])
def test_settings_of_no_network_are_refused_before_it_is_built(change: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match="ViViT: expected"):
        build_model(SystemSpec.from_name("vivit", **change))
