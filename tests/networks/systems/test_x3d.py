from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from gst_analysis.networks.systems import SystemSpec
from gst_analysis.networks.systems.x3d import recognise
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


@torch.no_grad()
def by_hand(w: Mapping[str, Tensor], clips: Tensor) -> Tensor:
    stem = "s1.pathway0_stem"
    x = conv(w, f"{stem}.conv", conv(w, f"{stem}.conv_xy", clips.transpose(1, 2), (1, 2, 2)))
    x = norm(w, f"{stem}.bn", x).relu()
    for stage, depth in zip((2, 3, 4, 5), (3, 5, 11, 7), strict=True):
        for i in range(depth):
            name, stride, around = f"s{stage}.pathway0_res{i}", (1, 1, 1) if i else (1, 2, 2), x
            if i == 0:
                around = conv(w, f"{name}.branch1", x, stride)
                if f"{name}.branch1_bn.weight" in w:
                    around = norm(w, f"{name}.branch1_bn", around)
            inner = f"{name}.branch2"
            x = norm(w, f"{inner}.a_bn", conv(w, f"{inner}.a", x)).relu()
            x = norm(w, f"{inner}.b_bn", conv(w, f"{inner}.b", x, stride))
            if i % 2 == 0:
                means = x.mean((2, 3, 4), keepdim=True)
                x = x * conv(w, f"{inner}.se.fc2", conv(w, f"{inner}.se.fc1", means).relu()).sigmoid()
            x = x * x.sigmoid()
            x = (around + norm(w, f"{inner}.c_bn", conv(w, f"{inner}.c", x))).relu()
    x = norm(w, "head.conv_5_bn", conv(w, "head.conv_5", x)).relu().mean((2, 3, 4))
    x = (x @ w["head.lin_5.weight"].flatten(1).T).relu()
    return x @ w["head.projection.weight"].T + w["head.projection.bias"]


@pytest.mark.parametrize("name", ["x3d-s", "x3d-m"])
def test_counts_are_those_of_the_record(name: str) -> None:
    record = SystemSpec.from_name(name).record
    params, gmacs = count(name)
    assert params == record.params
    assert gmacs == pytest.approx(record.gmacs, abs=0.005)


@pytest.mark.parametrize("settings", [{}, {"first_shortcut_norm": False}], ids=str)
def test_it_agrees_with_a_second_derivation(settings: dict[str, Any]) -> None:
    network = build_drawn("x3d-m", **settings)
    clips = draw_clips(5)
    logits = check_moves(network, clips)
    assert relative(logits, by_hand(network.state_dict(), clips)) < 1e-4


def test_its_own_names_are_known() -> None:
    network = build_named("x3d-m")
    check_round_trip(network, "x3d-m")
    names = network.state_dict()
    for key in (
        "s1.pathway0_stem.conv_xy.weight",
        "s2.pathway0_res0.branch1_bn.weight",
        "s4.pathway0_res10.branch2.se.fc2.bias",
        "s5.pathway0_res6.branch2.c_bn.running_var",
        "head.conv_5_bn.weight",
        "head.lin_5.weight",
        "head.projection.bias",
    ):
        assert key in names
    assert "s4.pathway0_res1.branch2.se.fc1.weight" not in names


def test_widths_of_what_excites_are_multiples_of_eight() -> None:
    names = build_named("x3d-m").state_dict()
    widths = [names[f"s{stage}.pathway0_res0.branch2.se.fc1.weight"].shape[:2] for stage in (2, 3, 4, 5)]
    assert [tuple(width) for width in widths] == [(8, 54), (8, 108), (16, 216), (32, 432)]


def as_pytorchvideo(key: str) -> str:
    """PySlowFast's name in PyTorchVideo's words."""
    key = re.sub(r"^s1\.pathway0_stem\.conv\.", "blocks.0.conv.conv_xy.", key)
    key = re.sub(r"^s1\.pathway0_stem\.conv_xy\.", "blocks.0.conv.conv_t.", key)
    key = key.replace("s1.pathway0_stem.bn.", "blocks.0.norm.")
    key = re.sub(r"^s(\d)\.pathway0_res", lambda m: f"blocks.{int(m[1]) - 1}.res_blocks.", key)
    key = key.replace(".branch1.", ".branch1_conv.").replace(".branch1_bn.", ".branch1_norm.")
    key = key.replace("branch2.b_bn.", "branch2.norm_b.0.")
    key = key.replace("branch2.se.fc1.", "branch2.norm_b.1.block.0.")
    key = key.replace("branch2.se.fc2.", "branch2.norm_b.1.block.2.")
    key = re.sub(r"branch2\.([ac])_bn\.", r"branch2.norm_\1.", key)
    key = re.sub(r"branch2\.([abc])\.", r"branch2.conv_\1.", key)
    for own, theirs in (("conv_5", "pre_conv"), ("conv_5_bn", "pre_norm"), ("lin_5", "post_conv")):
        key = key.replace(f"head.{own}.", f"blocks.5.pool.{theirs}.")
    return key.replace("head.projection.", "blocks.5.proj.")


def test_pytorchvideo_is_renamed() -> None:
    own = build_named("x3d-m", first_shortcut_norm=False).state_dict()
    state = {as_pytorchvideo(key): tensor for key, tensor in own.items()}
    assert "blocks.1.res_blocks.0.branch2.norm_b.1.block.0.weight" in state
    assert "blocks.1.res_blocks.0.branch1_norm.weight" not in state
    found = recognise(state)
    check_same(found, own)
    assert found is not None
    assert found.layout == "PyTorchVideo"
    assert dict(found.spec.settings) == {"first_shortcut_norm": False}


def as_mmaction2(key: str) -> str:
    """PySlowFast's name in MMAction2's words."""
    key = key.replace("s1.pathway0_stem.conv_xy.", "backbone.conv1_s.conv.")
    key = key.replace("s1.pathway0_stem.", "backbone.conv1_t.")
    key = re.sub(r"^s(\d)\.pathway0_res", lambda m: f"backbone.layer{int(m[1]) - 1}.", key)
    key = key.replace(".branch1.", ".downsample.conv.").replace(".branch1_bn.", ".downsample.bn.")
    key = key.replace(".branch2.se.", ".se_module.")
    for number, part in enumerate("abc", start=1):
        key = key.replace(f".branch2.{part}.", f".conv{number}.conv.")
        key = key.replace(f".branch2.{part}_bn.", f".conv{number}.bn.")
    key = key.replace("head.conv_5.", "backbone.conv5.conv.").replace("head.conv_5_bn.", "backbone.conv5.bn.")
    return key.replace("head.lin_5.", "cls_head.fc1.").replace("head.projection.", "cls_head.fc2.")


def test_mmaction2_is_renamed() -> None:
    own = build_named("x3d-m").state_dict()
    state = {as_mmaction2(key): tensor for key, tensor in own.items()}
    assert "backbone.layer3.10.se_module.fc1.bias" in state
    state["cls_head.fc1.weight"] = torch.arange(2048.0 * 432).view(2048, 432)  # a linear layer there
    found = recognise(state)
    assert found is not None
    assert (found.layout, found.spec) == ("MMAction2", SystemSpec.from_name("x3d-m", num_classes=7))
    lin_5 = found.state["head.lin_5.weight"]
    assert torch.equal(lin_5.flatten(1), state["cls_head.fc1.weight"])
    check_same(found, {**own, "head.lin_5.weight": lin_5})


def test_a_file_that_only_resembles_it_is_not_claimed() -> None:
    state = build_named("x3d-m").state_dict()
    assert recognise({}) is None
    larger = state["s2.pathway0_res2.branch2.a.weight"]
    assert recognise({**state, "s2.pathway0_res3.branch2.a.weight": larger}) is None
