from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import get_model_weights, video

from gst_analysis.checkpoints.loading import load_model
from gst_analysis.checkpoints.sources import inspect_checkpoint
from gst_analysis.errors import SpecError
from gst_analysis.networks.registry import anatomy_of, build_model, usual_clip
from gst_analysis.networks.systems import SystemSpec
from gst_analysis.networks.systems.catalogue_torchvision import RECORDS
from gst_analysis.networks.systems.torchvision_models import build, recognise
from gst_analysis.networks.undrawn import shapes_alone
from tests.networks.agreement import draw_weights, relative
from tests.networks.systems.checks_3d import build_named, check_round_trip

NAMES = [record.name for record in RECORDS]
FRAMES_OF_OPS = {"swin": 16}
"""Torchvision counts Video Swin on half of the frames that it was trained on."""


def weights_of(name: str) -> object:
    """What torchvision says of its weights."""
    return next(iter(get_model_weights(SystemSpec.from_name(name).chosen["builder"])))


def count(network: nn.Module, frames: int, size: int) -> float:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.empty(1, frames, 3, size, size, device="meta"))
    return counter.get_total_flops() / 2e9


@pytest.mark.parametrize("name", NAMES)
def test_costs_are_those_of_the_record_and_of_torchvision(name: str) -> None:
    spec = SystemSpec.from_name(name)
    record, weights = spec.record, weights_of(name)
    meta = weights.meta  # type: ignore[attr-defined] # torchvision leaves its weights untyped
    with shapes_alone():
        network = build(spec).eval()
    assert sum(p.numel() for p in network.parameters()) == record.params == meta["num_params"]
    gmacs = count(network, record.frames, record.size)
    assert gmacs == pytest.approx(record.gmacs, abs=0.005)
    frames = FRAMES_OF_OPS.get(name[:4], record.frames)
    counted = gmacs if frames == record.frames else count(network, frames, record.size)
    assert counted == pytest.approx(meta["_ops"], abs=0.001)


@pytest.mark.parametrize("name", NAMES)
def test_clips_are_prepared_as_torchvision_says(name: str) -> None:
    transforms = weights_of(name).transforms()  # type: ignore[attr-defined] # torchvision leaves its weights untyped
    clip = usual_clip(SystemSpec.from_name(name))
    assert (clip.mean, clip.std) == (tuple(transforms.mean), tuple(transforms.std))
    assert ([clip.crop] * 2, clip.resize) == (transforms.crop_size, transforms.resize_size[0])


@pytest.mark.parametrize("name", NAMES)
def test_its_own_names_are_known(name: str) -> None:
    check_round_trip(build_named(name), name)


@torch.no_grad()
@pytest.mark.parametrize("name", ["mc3-18", "swin3d-t"])
def test_logits_are_torchvisions(name: str) -> None:
    spec = SystemSpec.from_name(name, num_classes=5)
    network = build_model(spec).eval()
    draw_weights(network, seed=0)
    plain = getattr(video, spec.chosen["builder"])(num_classes=5).eval()
    plain.load_state_dict(network.state_dict())
    clips = torch.randn(2, 4, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    logits = network(clips)
    assert relative(logits[:, 0], plain(clips.transpose(1, 2))) < 1e-5
    assert relative(logits[:1], logits[1:]) > 1e-3


def test_a_plain_file_of_torchvisions_runs(tmp_path: Path) -> None:
    file = tmp_path / "r3d_18.pth"
    torch.save(video.r3d_18(num_classes=5).state_dict(), file)
    network = load_model(file)
    assert (network.spec.name, network.layout, network.spec.num_classes) == ("r3d-18", "torchvision", 5)
    assert network.clip_spec.crop == 112
    with torch.no_grad():
        assert network.module(torch.zeros(1, 4, 3, 32, 32)).shape == (1, 1, 5)


def test_a_network_of_positions_takes_its_own_frames_alone() -> None:
    with pytest.raises(SpecError, match=r"frames of MViTv2-S: expected 16"):
        build_model(SystemSpec.from_name("mvit-v2-s", num_frames=8))
    assert not anatomy_of(SystemSpec.from_name("mvit-v2-s", num_classes=3)).any_length


@pytest.mark.parametrize(
    ("name", "place", "groups"),
    [
        ("r3d-18", "layer4.1", {"all"}),
        ("r2plus1d-18", "layer4.1", {"spatial", "temporal"}),
        ("swin3d-t", "features.6.1", set()),
        ("mvit-v2-s", "blocks.15", set()),
    ],
)
def test_places_are_its_blocks(name: str, place: str, groups: set[str]) -> None:
    anatomy = anatomy_of(SystemSpec.from_name(name, num_classes=3))
    assert anatomy.places[-1].name == place
    assert set(anatomy.groups) == groups


def test_what_only_resembles_one_is_not_claimed() -> None:
    state = build_named("r3d-18").state_dict()
    assert recognise({}) is None
    assert recognise({**state, "layer5.weight": torch.empty(1, device="meta")}) is None
    assert recognise({key: state[key] for key in state if not key.startswith("fc")}) is None


def test_frames_that_are_told_are_not_said_to_be_assumed(tmp_path: Path) -> None:
    path = tmp_path / "ckpt.pth"
    torch.save(video.r2plus1d_18(num_classes=4).state_dict(), path)
    assert any("16 frames assumed" in note for note in inspect_checkpoint(path).notes)
    told = inspect_checkpoint(path, frames=4)
    assert told.num_frames == 4
    assert not [note for note in told.notes if "frames assumed" in note]
