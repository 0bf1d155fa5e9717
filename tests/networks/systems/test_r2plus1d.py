from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.models.video import r2plus1d_18

from gst_analysis.networks.systems import SystemSpec
from gst_analysis.networks.systems.r2plus1d import middle, recognise
from gst_analysis.networks.undrawn import shapes_alone
from tests.networks.agreement import relative
from tests.networks.systems.checks_3d import (
    build_drawn,
    build_named,
    check_moves,
    check_round_trip,
    check_same,
    conv,
    count,
    draw_clips,
    norm,
)

NAMES = ("r2plus1d-18-vmz", "r2plus1d-34", "r2plus1d-34-pool")


@torch.no_grad()
def by_hand(w: Mapping[str, Tensor], clips: Tensor, chosen: Mapping[str, Any]) -> Tensor:
    inner = chosen["inner_eps"]

    def split(name: str, x: Tensor, stride: int) -> Tensor:
        x = norm(w, f"{name}.1", conv(w, f"{name}.0", x, (1, stride, stride)), inner).relu()
        return conv(w, f"{name}.3", x, (stride, 1, 1))

    x = norm(w, "stem.1", conv(w, "stem.0", clips.transpose(1, 2), (1, 2, 2)), inner).relu()
    x = norm(w, "stem.4", conv(w, "stem.3", x), 1e-3).relu()
    if chosen["pool"]:
        x = F.max_pool3d(x, (1, 3, 3), (1, 2, 2), (0, 1, 1))
    blocks = dict.fromkeys(re.match(r"layer\d\.\d+", key)[0] for key in w if key.startswith("layer"))  # type: ignore[index] # each begins so
    for name in blocks:
        stride = 2 if f"{name}.downsample.1.weight" in w else 1
        around = x
        if f"{name}.downsample.0.0.weight" in w:
            around = norm(w, f"{name}.downsample.1", split(f"{name}.downsample.0", x, 2), 1e-3)
        elif stride == 2:
            around = norm(w, f"{name}.downsample.1", conv(w, f"{name}.downsample.0", x, (2, 2, 2)), 1e-3)
        x = norm(w, f"{name}.conv1.1", split(f"{name}.conv1.0", x, stride), 1e-3).relu()
        x = (norm(w, f"{name}.conv2.1", split(f"{name}.conv2.0", x, 1), 1e-3) + around).relu()
    return x.mean((2, 3, 4)) @ w["fc.weight"].T + w["fc.bias"]


@pytest.mark.parametrize("name", NAMES)
def test_counts_are_those_of_the_record(name: str) -> None:
    record = SystemSpec.from_name(name).record
    params, gmacs = count(name)
    assert params == record.params
    assert gmacs == pytest.approx(record.gmacs, abs=0.005)


@pytest.mark.parametrize("name", NAMES)
def test_it_agrees_with_a_second_derivation(name: str) -> None:
    network = build_drawn(name)
    clips = draw_clips(8, 64 if name.endswith("pool") else 32)
    logits = check_moves(network, clips)
    chosen = SystemSpec.from_name(name).chosen
    assert relative(logits, by_hand(network.state_dict(), clips, chosen)) < 1e-4


def test_widths_between_space_and_time_are_the_published_ones() -> None:
    assert [middle(64, 64), middle(64, 128), middle(128, 128), middle(256, 512)] == [144, 230, 288, 921]
    names = build_named("r2plus1d-18-vmz").state_dict()
    assert names["layer2.0.conv1.0.0.weight"].shape == (230, 64, 1, 3, 3)
    assert names["layer2.0.conv2.0.3.weight"].shape == (128, 288, 3, 1, 1)
    assert names["stem.3.weight"].shape == (64, 45, 3, 1, 1)


def test_torchvisions_network_is_not_claimed() -> None:
    with shapes_alone():
        state = r2plus1d_18(num_classes=7).state_dict()
    assert state.keys() == build_named("r2plus1d-18-vmz").state_dict().keys()
    assert recognise(state) is None
    assert recognise({}) is None


@pytest.mark.parametrize("name", NAMES)
def test_its_own_names_are_known(name: str) -> None:
    check_round_trip(build_named(name), name)


def as_mmaction2(key: str) -> str:
    """VMZ's name in MMAction2's words."""
    part = {"0": "conv_s", "1": "bn_s", "3": "conv_t"}
    key = re.sub(r"^stem\.([013])\.", lambda m: f"backbone.conv1.conv.{part[m[1]]}.", key)
    key = key.replace("stem.4.", "backbone.conv1.bn.")
    key = re.sub(r"\.(conv[12]|downsample)\.0\.([013])\.", lambda m: f".{m[1]}.conv.{part[m[2]]}.", key)
    key = re.sub(r"\.(conv[12]|downsample)\.1\.", r".\1.bn.", key)
    return re.sub(r"^layer", "backbone.layer", key).replace("fc.", "cls_head.fc_cls.")


def test_mmaction2_is_renamed() -> None:
    own = build_named("r2plus1d-34-pool").state_dict()
    state = {as_mmaction2(key): tensor for key, tensor in own.items()}
    for key in (
        "backbone.conv1.conv.bn_s.running_mean",
        "backbone.layer3.5.conv2.conv.conv_t.weight",
        "backbone.layer4.0.downsample.conv.conv_s.weight",
        "backbone.layer4.0.downsample.bn.weight",
    ):
        assert key in state
    found = recognise(state)
    check_same(found, own)
    assert found is not None
    assert (found.layout, found.spec.name) == ("MMAction2", "r2plus1d-34-pool")
