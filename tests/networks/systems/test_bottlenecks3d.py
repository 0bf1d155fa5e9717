from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from gst_analysis.networks.registry import anatomy_of, spec_from_name
from gst_analysis.networks.systems import SystemSpec
from gst_analysis.networks.systems.bottlenecks3d import recognise
from tests.networks.agreement import relative
from tests.networks.systems.checks_3d import (
    build_drawn,
    build_named,
    check_moves,
    check_round_trip,
    conv,
    count,
    draw_clips,
    norm,
)

DEPTHS = {"csn-r101": (3, 4, 23, 3), "r2plus1d-r50": (3, 4, 6, 3)}
STRIDES = {
    "csn-r101": ((1, 1, 1), (2, 2, 2), (2, 2, 2), (2, 2, 2)),
    "r2plus1d-r50": ((1, 2, 2), (1, 2, 2), (2, 2, 2), (2, 2, 2)),
}


@torch.no_grad()
def by_hand(w: Mapping[str, Tensor], name: str, clips: Tensor) -> Tensor:
    x = norm(w, "blocks.0.norm", conv(w, "blocks.0.conv", clips.transpose(1, 2), (1, 2, 2))).relu()
    if name == "csn-r101":
        x = F.max_pool3d(x, (1, 3, 3), (1, 2, 2), (0, 1, 1))
    for stage, (depth, strides) in enumerate(zip(DEPTHS[name], STRIDES[name], strict=True), start=1):
        for i in range(depth):
            block, around = f"blocks.{stage}.res_blocks.{i}", x
            stride = (1, 1, 1) if i else strides
            if i == 0:
                around = norm(w, f"{block}.branch1_norm", conv(w, f"{block}.branch1_conv", x, stride))
            inner = f"{block}.branch2"
            x = norm(w, f"{inner}.norm_a", conv(w, f"{inner}.conv_a", x)).relu()
            if name == "csn-r101":
                x = conv(w, f"{inner}.conv_b", x, stride)
            else:
                x = conv(w, f"{inner}.conv_b.conv_t", x, (stride[0], 1, 1))
                x = norm(w, f"{inner}.conv_b.norm", x).relu()
                x = conv(w, f"{inner}.conv_b.conv_xy", x, (1, *stride[1:]))
            x = norm(w, f"{inner}.norm_b", x).relu()
            x = (around + norm(w, f"{inner}.norm_c", conv(w, f"{inner}.conv_c", x))).relu()
    return x.mean((2, 3, 4)) @ w["blocks.5.proj.weight"].T + w["blocks.5.proj.bias"]


@pytest.mark.parametrize("name", DEPTHS)
def test_counts_are_those_of_the_record(name: str) -> None:
    record = SystemSpec.from_name(name).record
    params, gmacs = count(name)
    assert params == record.params
    assert gmacs == pytest.approx(record.gmacs, abs=0.005)


@pytest.mark.parametrize("name", DEPTHS)
def test_it_agrees_with_a_second_derivation(name: str) -> None:
    network = build_drawn(name)
    clips = draw_clips(8, 32)
    logits = check_moves(network, clips)
    assert relative(logits, by_hand(network.state_dict(), name, clips)) < 1e-4


@pytest.mark.parametrize("name", DEPTHS)
def test_names_are_pytorchvideos_and_known(name: str) -> None:
    network = build_named(name)
    check_round_trip(network, name)
    keys = network.state_dict()
    for key in ("blocks.0.conv.weight", "blocks.4.res_blocks.2.branch2.norm_c.bias", "blocks.5.proj.bias"):
        assert key in keys
    found = recognise({f"module.{key}": tensor for key, tensor in keys.items()})
    assert found is not None
    assert found.layout == "PyTorchVideo"


def test_what_only_resembles_them_is_not_claimed() -> None:
    state = dict(build_named("r2plus1d-r50").state_dict())
    head = state.pop("blocks.5.proj.weight")
    assert recognise(state) is None
    state |= {"blocks.5.proj.weight": head, "blocks.6.proj.weight": head}
    assert recognise(state) is None


def test_time_is_told_from_space_in_the_split_one_alone() -> None:
    split, whole = (anatomy_of(spec_from_name(name)) for name in ("r2plus1d-r50", "csn-r101"))
    for unit in split.scaled:
        time = unit.layer.endswith("conv_b.norm")
        assert unit.group == ("temporal" if time else "spatial")
        assert unit.activation == "relu"
    assert sum(unit.group == "temporal" for unit in split.scaled) == 16
    assert set(whole.groups) == {"all"}
    assert len(whole.scaled) == 34  # the stem's norm, and one in each of 33 blocks
    assert [len(one.places) for one in (split, whole)] == [1 + 16, 1 + 33]


def test_pytorchvideos_own_names_build_its_networks() -> None:
    assert spec_from_name("csn_r101").name == "csn-r101"
    assert spec_from_name("x3d_s", num_classes=3) == SystemSpec.from_name("x3d_s", num_classes=3)
    assert SystemSpec.from_name("x3d_s").chosen["first_shortcut_norm"] is False
    assert SystemSpec.from_name("c2d_r50").chosen["pool"] == 2
