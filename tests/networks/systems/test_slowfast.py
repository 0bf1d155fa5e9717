from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from gst_analysis.networks.systems import SystemSpec
from gst_analysis.networks.systems.slowfast import build, recognise, slow_positions
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
from tests.networks.systems.residual import head, stage, stem

NAMES = ("slowfast-r50-8x8", "slowfast-r50-4x16")
ALPHA = {"slowfast-r50-8x8": 4, "slowfast-r50-4x16": 8}


@torch.no_grad()
def by_hand(w: Mapping[str, Tensor], clips: Tensor, alpha: int, positions: list[int]) -> Tensor:
    fast = clips.transpose(1, 2)
    slow, fast = stem(w, 0, fast[:, :, positions]), stem(w, 1, fast)
    for number in (2, 3, 4, 5):
        name = f"s{number - 1}_fuse"
        lateral = conv(w, f"{name}.conv_f2s", fast, (alpha, 1, 1))
        if f"{name}.bn.weight" in w:
            lateral = norm(w, f"{name}.bn", lateral).relu()
        slow = stage(w, number, 0, torch.cat([slow, lateral], 1))
        fast = stage(w, number, 1, fast)
    return head(w, slow, fast)


@pytest.mark.parametrize("name", NAMES)
def test_counts_are_those_of_the_record(name: str) -> None:
    record = SystemSpec.from_name(name).record
    params, gmacs = count(name)
    assert params == record.params
    assert gmacs == pytest.approx(record.gmacs, abs=0.005)


@pytest.mark.parametrize(
    ("name", "settings"),
    [(NAMES[0], {}), (NAMES[1], {"lateral_norm": False, "slow_frames": "every"})],
    ids=["pyslowfast", "mmaction2"],
)
def test_it_agrees_with_a_second_derivation(name: str, settings: dict[str, Any]) -> None:
    network = build_drawn(name, **settings)
    clips, alpha = draw_clips(16), ALPHA[name]
    logits = check_moves(network, clips)
    positions = slow_positions(16, alpha, settings.get("slow_frames", "linspace"))
    assert relative(logits, by_hand(network.state_dict(), clips, alpha, positions)) < 1e-4


def test_the_slow_pathway_sees_the_frames_of_the_official_code() -> None:
    assert slow_positions(32, 4, "linspace") == [0, 4, 8, 13, 17, 22, 26, 31]
    assert slow_positions(32, 8, "linspace") == [0, 10, 20, 31]
    assert slow_positions(32, 4, "every") == [0, 4, 8, 12, 16, 20, 24, 28]


@pytest.mark.parametrize("name", NAMES)
def test_its_own_names_are_known(name: str) -> None:
    check_round_trip(build_named(name), name)


def test_it_bears_the_names_of_pyslowfast() -> None:
    names = build_named("slowfast-r50-8x8").state_dict()
    for key in (
        "s1.pathway0_stem.conv.weight",
        "s1.pathway1_stem.bn.running_var",
        "s1_fuse.conv_f2s.weight",
        "s4_fuse.bn.bias",
        "s2.pathway0_res0.branch1.weight",
        "s3.pathway1_res0.branch1_bn.weight",
        "s4.pathway0_res5.branch2.a.weight",
        "s5.pathway1_res2.branch2.c_bn.running_mean",
        "head.projection.bias",
    ):
        assert key in names


def as_mmaction2(key: str) -> str:
    """PySlowFast's name in MMAction2's words."""
    key = re.sub(r"^s1\.pathway0_stem\.", "backbone.slow_path.conv1.", key)
    key = re.sub(r"^s1\.pathway1_stem\.", "backbone.fast_path.conv1.", key)
    key = key.replace("s1_fuse.conv_f2s.", "backbone.slow_path.conv1_lateral.conv.")
    for stage_number in (2, 3, 4, 5):
        layer = f"layer{stage_number - 1}"
        key = key.replace(f"s{stage_number}_fuse.conv_f2s.", f"backbone.slow_path.{layer}_lateral.conv.")
        for pathway, path in enumerate(("slow_path", "fast_path")):
            key = key.replace(f"s{stage_number}.pathway{pathway}_res", f"backbone.{path}.{layer}.")
    key = key.replace(".branch1.", ".downsample.conv.").replace(".branch1_bn.", ".downsample.bn.")
    for number, part in enumerate("abc", start=1):
        key = key.replace(f".branch2.{part}.", f".conv{number}.conv.")
        key = key.replace(f".branch2.{part}_bn.", f".conv{number}.bn.")
    return key.replace("head.projection.", "cls_head.fc_cls.")


@pytest.mark.parametrize("name", NAMES)
def test_mmaction2_is_renamed(name: str) -> None:
    own = build_named(name, lateral_norm=False, slow_frames="every").state_dict()
    state = {as_mmaction2(key): tensor for key, tensor in own.items()}
    assert "backbone.slow_path.layer1_lateral.conv.weight" in state
    assert "backbone.fast_path.layer4.2.conv3.bn.running_var" in state
    # MMAction2's head reads the 256 features of the fast pathway first
    state["cls_head.fc_cls.weight"] = torch.arange(2304.0).expand(7, 2304)
    found = recognise(state)
    assert found is not None
    assert (found.layout, found.spec.name) == ("MMAction2", name)
    assert dict(found.spec.settings) == {"lateral_norm": False, "slow_frames": "every"}
    projection = found.state["head.projection.weight"]
    assert projection[0, [0, 2047, 2048, 2303]].tolist() == [256, 2303, 0, 255]
    check_same(found, {**own, "head.projection.weight": projection})


def as_pytorchvideo(key: str) -> str:
    """PySlowFast's name in PyTorchVideo's words."""
    key = re.sub(r"^s1\.pathway(\d)_stem\.conv", r"blocks.0.multipathway_blocks.\1.conv", key)
    key = re.sub(r"^s1\.pathway(\d)_stem\.bn", r"blocks.0.multipathway_blocks.\1.norm", key)
    for number in (1, 2, 3, 4, 5):
        fusion = f"blocks.{number - 1}.multipathway_fusion"
        key = key.replace(f"s{number}_fuse.conv_f2s", f"{fusion}.conv_fast_to_slow")
        key = key.replace(f"s{number}_fuse.bn", f"{fusion}.norm")
        for pathway in (0, 1):
            blocks = f"blocks.{number - 1}.multipathway_blocks.{pathway}.res_blocks."
            key = key.replace(f"s{number}.pathway{pathway}_res", blocks)
    key = key.replace(".branch1.", ".branch1_conv.").replace(".branch1_bn.", ".branch1_norm.")
    for part in "abc":
        key = key.replace(f"branch2.{part}.", f"branch2.conv_{part}.")
        key = key.replace(f"branch2.{part}_bn.", f"branch2.norm_{part}.")
    return key.replace("head.projection.", "blocks.6.proj.")


def test_pytorchvideo_is_renamed() -> None:
    own = build_named("slowfast-r50-8x8").state_dict()
    state = {as_pytorchvideo(key): tensor for key, tensor in own.items()}
    assert "blocks.4.multipathway_blocks.1.res_blocks.2.branch2.norm_c.weight" in state
    found = recognise(state)
    check_same(found, own)
    assert found is not None
    assert (found.layout, found.spec) == (
        "PyTorchVideo",
        SystemSpec.from_name("slowfast-r50-8x8", num_classes=7),
    )


def test_a_file_that_only_resembles_it_is_not_claimed() -> None:
    state = build_named("slowfast-r50-8x8").state_dict()
    assert recognise({}) is None
    assert recognise({key: state[key] for key in state if "pathway1_res" not in key}) is None
    deeper = state["s4.pathway0_res5.branch2.a.weight"]
    assert recognise({**state, "s4.pathway0_res6.branch2.a.weight": deeper}) is None
    assert recognise({**state, "s1_fuse.conv_f2s.weight": torch.empty(16, 8, 3, 1, 1)}) is None


def test_untrained_it_can_learn() -> None:
    network = build(SystemSpec.from_name("slowfast-r50-4x16", num_classes=3)).train()
    torch.nn.functional.cross_entropy(network(draw_clips(8)), torch.tensor([0, 2])).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
