"""The 3-D ResNets of PySlowFast a second time: functions of the weights alone."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from tests.networks.systems.checks_3d import conv, norm

Weights = Mapping[str, Tensor]


def stem(w: Weights, pathway: int, x: Tensor, stride: int = 1, pool: int = 1) -> Tensor:
    name = f"s1.pathway{pathway}_stem"
    x = norm(w, f"{name}.bn", conv(w, f"{name}.conv", x, (stride, 2, 2))).relu()
    return F.max_pool3d(x, (1, 3, 3), (pool, 2, 2), (0, 1, 1))


def block(w: Weights, name: str, x: Tensor, stride: int) -> Tensor:
    along = (1, stride, stride)
    around = x
    if f"{name}.branch1.weight" in w:
        kernel = w[f"{name}.branch1.weight"]
        around = norm(w, f"{name}.branch1_bn", F.conv3d(x, kernel, stride=along))
    for part, step in (("a", 1), ("b", along), ("c", 1)):
        x = norm(w, f"{name}.branch2.{part}_bn", conv(w, f"{name}.branch2.{part}", x, step))
        x = x if part == "c" else x.relu()
    return (x + around).relu()


def non_local(w: Weights, name: str, x: Tensor, *, kind: str, scaled: bool, pool_first: bool) -> Tensor:
    """Position by position, in loops' stead an einsum over (clip, position, other position)."""
    halved = F.max_pool3d(x, (1, 2, 2))

    def project(part: str) -> Tensor:
        first = conv(w, f"{name}.{part}", halved)
        return first if pool_first else F.max_pool3d(conv(w, f"{name}.{part}", x), (1, 2, 2))

    plain = kind == "gaussian"
    theta, phi = (x, halved) if plain else (conv(w, f"{name}.conv_theta", x), project("conv_phi"))
    value = project("conv_g")
    alike = torch.einsum("ncthw,ncuij->nthwuij", theta, phi)
    if kind == "dot-product":
        weights = alike / phi[0, 0].numel()
    else:
        alike = alike / value.shape[1] ** 0.5 if scaled else alike
        alike = alike - alike.amax((4, 5, 6), keepdim=True)  # exp overflows; the shares stay
        weights = alike.exp() / alike.exp().sum((4, 5, 6), keepdim=True)
    mixed = torch.einsum("nthwuij,ncuij->ncthw", weights, value)
    return x + norm(w, f"{name}.bn", conv(w, f"{name}.conv_out", mixed))


def stage(w: Weights, number: int, pathway: int, x: Tensor, **attention: object) -> Tensor:
    for i in range((3, 4, 6, 3)[number - 2]):
        name = f"s{number}.pathway{pathway}"
        x = block(w, f"{name}_res{i}", x, 2 if i == 0 and number > 2 else 1)
        if f"{name}_nonlocal{i}.conv_g.weight" in w:
            x = non_local(w, f"{name}_nonlocal{i}", x, **attention)  # type: ignore[arg-type] # a mapping of settings
    return x


def head(w: Weights, *pathways: Tensor) -> Tensor:
    pooled = torch.cat([x.flatten(2).mean(2) for x in pathways], 1)
    return pooled @ w["head.projection.weight"].T + w["head.projection.bias"]
