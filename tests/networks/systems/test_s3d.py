from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.models.video import s3d

from gst_analysis.networks.systems import SystemSpec
from gst_analysis.networks.systems.s3d import MIXED, Mixed, recognise
from tests.networks.agreement import draw_weights, relative
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

POOLS: dict[int, Any] = {
    1: ((1, 3, 3), (1, 2, 2), (0, 1, 1)),
    4: ((1, 3, 3), (1, 2, 2), (0, 1, 1)),
    7: (3, 2, 1),
    13: (2, 2, 0),
}


@torch.no_grad()
def by_hand(w: Mapping[str, Tensor], clips: Tensor) -> Tensor:
    def unit(name: str, x: Tensor, stride: tuple[int, int, int] = (1, 1, 1)) -> Tensor:
        return norm(w, f"{name}.1", conv(w, f"{name}.0", x, stride), 1e-3).relu()

    def split(name: str, x: Tensor, stride: int = 1) -> Tensor:
        return unit(f"{name}.1", unit(f"{name}.0", x, (1, stride, stride)), (stride, 1, 1))

    def gate(name: str, x: Tensor) -> Tensor:
        if f"{name}.weight" not in w:
            return x
        means = x.flatten(2).mean(2)
        return torch.einsum(
            "ncthw,nc->ncthw", x, (means @ w[f"{name}.weight"].T + w[f"{name}.bias"]).sigmoid()
        )

    x = split("features.0", clips.transpose(1, 2), 2)
    for place in range(1, 16):
        name = f"features.{place}"
        if place in POOLS:
            x = F.max_pool3d(x, *POOLS[place])
        elif place == 2:
            x = unit(name, x)
        elif place == 3:
            x = gate(f"{name}.2", split(name, x))
        else:
            parts = [unit(f"{name}.branch0", x)]
            parts += [split(f"{name}.branch{i}.1", unit(f"{name}.branch{i}.0", x)) for i in (1, 2)]
            parts.append(unit(f"{name}.branch3.1", F.max_pool3d(x, 3, 1, 1)))
            x = torch.cat([gate(f"{name}.gate{i}", part) for i, part in enumerate(parts)], 1)
    frames = x.mean((3, 4))
    pairs = (frames[:, :, 1:] + frames[:, :, :-1]) / 2
    return pairs.mean(2) @ w["classifier.1.weight"].flatten(1).T + w["classifier.1.bias"]


@pytest.mark.parametrize("name", ["s3d", "s3d-g"])
def test_counts_are_those_of_the_record(name: str) -> None:
    record = SystemSpec.from_name(name).record
    params, gmacs = count(name)
    assert params == record.params
    assert gmacs == pytest.approx(record.gmacs, abs=0.005)


@pytest.mark.parametrize("name", ["s3d", "s3d-g"])
def test_it_agrees_with_a_second_derivation(name: str) -> None:
    network = build_drawn(name, gain=1.7)
    clips = draw_clips(24)
    logits = check_moves(network, clips)
    assert relative(logits, by_hand(network.state_dict(), clips)) < 1e-4


def test_it_is_torchvisions() -> None:
    network = build_drawn("s3d")
    official = s3d(num_classes=7).eval()
    official.load_state_dict(network.state_dict())
    clips = draw_clips(16, 224, clips=1)  # its last pooling takes 7×7 alone
    with torch.no_grad():
        assert relative(network(clips), official(clips.transpose(1, 2))) < 1e-5


@torch.no_grad()
def test_a_gate_without_weights_stands_half_open() -> None:
    gated, plain = Mixed(MIXED[5], gates=True).eval(), Mixed(MIXED[5], gates=False).eval()
    draw_weights(gated)
    for key, tensor in gated.state_dict().items():
        if key.startswith("gate"):
            tensor.zero_()
    plain.load_state_dict({key: w for key, w in gated.state_dict().items() if not key.startswith("gate")})
    x = torch.randn(1, 192, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(gated(x), plain(x) / 2)


@pytest.mark.parametrize("name", ["s3d", "s3d-g"])
def test_its_own_names_are_known(name: str) -> None:
    check_round_trip(build_named(name), name)
    assert ("features.3.2.weight" in build_named(name).state_dict()) == (name == "s3d-g")


def as_kylemin(key: str) -> str:
    """torchvision's name in kylemin's words."""
    part = {"0.0": "conv_s", "0.1": "bn_s", "1.0": "conv_t", "1.1": "bn_t"}
    key = key.replace("classifier.1.", "fc.0.").replace("features.", "base.")
    key = re.sub(r"(branch[12]\.1|base\.[03])\.([01]\.[01])\.", lambda m: f"{m[1]}.{part[m[2]]}.", key)
    key = re.sub(r"(base\.2|branch[12]\.0|branch3\.1)\.0\.", r"\1.conv.", key)
    key = re.sub(r"(base\.2|branch[12]\.0|branch3\.1)\.1\.", r"\1.bn.", key)
    return re.sub(r"branch0\.([01])\.", lambda m: f"branch0.0.{('conv', 'bn')[int(m[1])]}.", key)


def test_kylemin_is_renamed() -> None:
    own = build_named("s3d").state_dict()
    state = {as_kylemin(key): tensor for key, tensor in own.items()}
    for key in (
        "base.0.conv_s.weight",
        "base.2.bn.running_var",
        "base.5.branch0.0.conv.weight",
        "base.8.branch1.0.bn.bias",
        "base.12.branch2.1.bn_t.weight",
        "base.15.branch3.1.conv.weight",
        "fc.0.bias",
    ):
        assert key in state
    found = recognise(state)
    check_same(found, own)
    assert found is not None
    assert (found.layout, found.spec.name) == ("kylemin/S3D", "s3d")
    assert recognise({key: tensor for key, tensor in state.items() if "base.15" not in key}) is None
    assert recognise({}) is None
