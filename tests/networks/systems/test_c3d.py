from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from gst_analysis.networks.systems import SystemSpec
from gst_analysis.networks.systems.c3d import recognise
from tests.networks.agreement import relative
from tests.networks.systems.checks_3d import (
    build_drawn,
    build_named,
    check_round_trip,
    check_same,
    count,
    draw_clips,
)


@torch.no_grad()
def by_hand(w: Mapping[str, Tensor], clips: Tensor) -> Tensor:
    x = clips.transpose(1, 2)
    for stage in ("1a", "2a", "3a 3b", "4a 4b", "5a 5b"):
        for conv in stage.split():
            x = F.conv3d(x, w[f"conv{conv}.weight"], w[f"conv{conv}.bias"], padding=1).relu()
        time = 1 if stage == "1a" else 2
        if stage == "5a 5b":
            x = F.pad(x, (1, 1, 1, 1))  # zeros are below nothing after a ReLU
        x = x.unfold(2, time, time).unfold(3, 2, 2).unfold(4, 2, 2).amax((5, 6, 7))
    x = x.reshape(len(clips), -1)
    for layer in ("fc6", "fc7", "fc8"):
        x = x @ w[f"{layer}.weight"].T + w[f"{layer}.bias"]
        x = x if layer == "fc8" else x.relu()
    return x


def test_counts_are_those_of_the_record() -> None:
    record = SystemSpec.from_name("c3d").record
    params, gmacs = count("c3d")
    assert params == record.params
    assert gmacs == pytest.approx(record.gmacs, abs=0.005)


@torch.no_grad()
def test_it_agrees_with_a_second_derivation() -> None:
    network = build_drawn("c3d", gain=2**0.5)
    clip = draw_clips(16, 96, clips=1)  # leaves 4×4 as 112 does
    logits, turned = network(torch.cat([clip, clip.flip(1)])).chunk(2)
    assert relative(turned, logits) > 1e-3
    assert relative(logits, by_hand(network.state_dict(), clip)) < 1e-4


def test_its_own_names_are_known() -> None:
    check_round_trip(build_named("c3d"), "c3d")


def as_mmaction2(key: str) -> str:
    layer, part = key.split(".")
    if layer == "fc8":
        return f"cls_head.fc_cls.{part}"
    return f"backbone.{layer}.conv.{part}" if layer.startswith("conv") else f"backbone.{layer}.{part}"


def as_port(key: str) -> str:
    return key.replace("conv1a.", "conv1.").replace("conv2a.", "conv2.")


@pytest.mark.parametrize(
    ("rename", "layout", "example"),
    [
        (as_mmaction2, "MMAction2", "backbone.conv3b.conv.bias"),
        (as_mmaction2, "MMAction2", "backbone.fc6.weight"),
        (as_port, "c3d-pytorch", "conv2.weight"),
    ],
)
def test_other_names_are_renamed(rename: Callable[[str], str], layout: str, example: str) -> None:
    own = build_named("c3d").state_dict()
    state = {rename(key): tensor for key, tensor in own.items()}
    assert example in state
    found = recognise(state)
    check_same(found, own)
    assert found is not None
    assert (found.layout, found.spec) == (layout, SystemSpec.from_name("c3d", num_classes=7))


def test_a_file_that_only_resembles_it_is_not_claimed() -> None:
    state = build_named("c3d").state_dict()
    assert recognise({}) is None
    assert recognise({**state, "fc6.weight": torch.empty(4096, 4608, device="meta")}) is None
    assert recognise({**state, "bn1a.weight": torch.empty(64, device="meta")}) is None
