from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from gst_analysis.networks.systems import SystemSpec
from gst_analysis.networks.systems.i3d import recognise
from tests.networks.agreement import relative
from tests.networks.systems.checks_3d import (
    build_drawn,
    build_named,
    check_moves,
    check_round_trip,
    check_same,
    count,
    draw_clips,
)
from tests.networks.systems.residual import head, stage, stem

NAMES = ("slow-r50-8x8", "c2d-r50", "i3d-r50", "i3d-r50-8x8", "nl-i3d-r50", "nl-i3d-r50-8x8")
ATTENTION = ("attention", "scaled", "pool_first")


@torch.no_grad()
def by_hand(w: Mapping[str, Tensor], clips: Tensor, chosen: Mapping[str, Any]) -> Tensor:
    x = stem(w, 0, clips.transpose(1, 2), chosen["stem_stride"], chosen["stem_pool_stride"])
    attention = {"kind" if key == "attention" else key: chosen[key] for key in ATTENTION if key in chosen}
    for number in (2, 3, 4, 5):
        x = stage(w, number, 0, x, **attention)
        if number == 2:
            x = F.max_pool3d(x, (chosen["pool"], 1, 1))
    return head(w, x)


@pytest.mark.parametrize("name", NAMES)
def test_counts_are_those_of_the_record(name: str) -> None:
    record = SystemSpec.from_name(name).record
    params, gmacs = count(name)
    assert params == record.params
    assert gmacs == pytest.approx(record.gmacs, abs=0.005)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        *((name, {}) for name in NAMES),
        ("nl-i3d-r50", {"attention": "gaussian"}),
        ("nl-i3d-r50-8x8", {"attention": "dot-product"}),
    ],
    ids=str,
)
def test_it_agrees_with_a_second_derivation(name: str, settings: dict[str, Any]) -> None:
    network = build_drawn(name, **settings)
    chosen = SystemSpec.from_name(name, **settings).chosen
    clips = draw_clips(16 if chosen["stem_stride"] == 2 else 4)
    # frames of C2D meet in a mean
    logits = check_moves(network, clips, order=chosen["kernels"] != "c2d")
    assert relative(logits, by_hand(network.state_dict(), clips, chosen)) < 1e-4


@pytest.mark.parametrize("name", ["slow-r50-8x8", "c2d-r50", "i3d-r50-8x8", "nl-i3d-r50", "nl-i3d-r50-8x8"])
def test_its_own_names_are_known(name: str) -> None:
    check_round_trip(build_named(name), name)


def test_it_bears_the_names_of_pyslowfast() -> None:
    state = build_named("nl-i3d-r50-8x8").state_dict()
    for key in (
        "s1.pathway0_stem.conv.weight",
        "s3.pathway0_nonlocal1.conv_theta.bias",
        "s4.pathway0_nonlocal5.conv_out.bias",
        "s4.pathway0_nonlocal3.bn.running_mean",
        "s5.pathway0_res2.branch2.b_bn.num_batches_tracked",
    ):
        assert key in state
    found = recognise(
        {key.replace(".bn.", ".norm.") if "nonlocal" in key else key: state[key] for key in state}
    )
    check_same(found, state)


def as_mmaction2(key: str) -> str:
    """PySlowFast's name in MMAction2's words."""
    key = key.replace("s1.pathway0_stem.", "backbone.conv1.")
    key = re.sub(r"s(\d)\.pathway0_res", lambda m: f"backbone.layer{int(m[1]) - 1}.", key)
    key = re.sub(
        r"s(\d)\.pathway0_nonlocal(\d)\.",
        lambda m: f"backbone.layer{int(m[1]) - 1}.{m[2]}.non_local_block.",
        key,
    )
    for part, name in (("conv_theta", "theta.conv"), ("conv_phi", "phi.0.conv"), ("conv_g", "g.0.conv")):
        key = key.replace(f"block.{part}.", f"block.{name}.")
    key = key.replace("block.conv_out.", "block.conv_out.conv.").replace("block.bn.", "block.conv_out.bn.")
    key = key.replace(".branch1.", ".downsample.conv.").replace(".branch1_bn.", ".downsample.bn.")
    for number, part in enumerate("abc", start=1):
        key = key.replace(f".branch2.{part}.", f".conv{number}.conv.")
        key = key.replace(f".branch2.{part}_bn.", f".conv{number}.bn.")
    return key.replace("head.projection.", "cls_head.fc_cls.")


@pytest.mark.parametrize(
    ("name", "settings"),
    [("i3d-r50", {}), ("nl-i3d-r50", {}), ("nl-i3d-r50", {"attention": "gaussian"}), ("slow-r50-8x8", {})],
    ids=str,
)
def test_mmaction2_is_renamed(name: str, settings: dict[str, Any]) -> None:
    own = build_named(name, **settings).state_dict()
    state = {as_mmaction2(key): tensor for key, tensor in own.items()}
    assert "backbone.layer3.5.conv2.bn.running_mean" in state
    assert ("backbone.layer2.1.non_local_block.g.0.conv.weight" in state) == name.startswith("nl-")
    found = recognise(state)
    check_same(found, own)
    assert found is not None
    assert (found.layout, found.spec) == ("MMAction2", SystemSpec.from_name(name, num_classes=7, **settings))


def as_pytorchvideo(key: str, *, pools: bool) -> str:
    """PySlowFast's name in PyTorchVideo's words, which count a pooling among the blocks."""
    key = key.replace("s1.pathway0_stem.conv", "blocks.0.conv").replace(
        "s1.pathway0_stem.bn", "blocks.0.norm"
    )
    later = {2: 1, 3: 3, 4: 4, 5: 5} if pools else {2: 1, 3: 2, 4: 3, 5: 4}
    key = re.sub(r"s(\d)\.pathway0_res", lambda m: f"blocks.{later[int(m[1])]}.res_blocks.", key)
    key = key.replace(".branch1.", ".branch1_conv.").replace(".branch1_bn.", ".branch1_norm.")
    for part in "abc":
        key = key.replace(f"branch2.{part}.", f"branch2.conv_{part}.")
        key = key.replace(f"branch2.{part}_bn.", f"branch2.norm_{part}.")
    return key.replace("head.projection.", f"blocks.{6 if pools else 5}.proj.")


@pytest.mark.parametrize("pools", [True, False])
@pytest.mark.parametrize("name", ["slow-r50-8x8", "c2d-r50", "i3d-r50-8x8"])
def test_pytorchvideo_is_renamed_and_its_numbers_tell_of_the_pooling(name: str, pools: bool) -> None:
    own = build_named(name).state_dict()
    found = recognise({as_pytorchvideo(key, pools=pools): tensor for key, tensor in own.items()})
    check_same(found, own)
    assert found is not None
    assert found.layout == "PyTorchVideo"
    assert found.spec.chosen["pool"] == (2 if pools else 1)


def test_a_file_that_only_resembles_it_is_not_claimed() -> None:
    state = build_named("i3d-r50-8x8").state_dict()
    assert recognise({}) is None
    assert recognise({**state, "s1.pathway1_stem.conv.weight": torch.zeros(8, 3, 5, 7, 7)}) is None
    assert recognise({**state, "s3.pathway0_nonlocal0.conv_g.weight": torch.zeros(256, 512, 1, 1, 1)}) is None
    mmaction = {as_mmaction2(key): tensor for key, tensor in build_named("nl-i3d-r50").state_dict().items()}
    # without its pooling a non-local block is another function of the same weights
    assert recognise({key.replace(".g.0.", ".g."): tensor for key, tensor in mmaction.items()}) is None
