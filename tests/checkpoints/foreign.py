"""State dicts laid out exactly as other projects save them, written from their documented names alone.

Nothing here imports our key maps: a name that is wrong there must not be wrong here too.
"""

from __future__ import annotations

import torch
from torch import Tensor

State = dict[str, Tensor]
DEPTHS = {"resnet50": (3, 4, 6, 3), "resnet101": (3, 4, 23, 3)}


def _draw(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    fan_in = max(1, int(torch.tensor(shape[1:]).prod()))
    return torch.randn(shape, generator=generator) * (2 / fan_in) ** 0.5


def _norm(state: State, name: str, width: int, g: torch.Generator) -> None:
    state[f"{name}.weight"] = torch.rand(width, generator=g) + 0.5
    state[f"{name}.bias"] = torch.randn(width, generator=g) * 0.1
    state[f"{name}.running_mean"] = torch.randn(width, generator=g) * 0.1
    state[f"{name}.running_var"] = torch.rand(width, generator=g) + 0.5
    state[f"{name}.num_batches_tracked"] = torch.tensor(1000)


def gst_video(
    *,
    alpha: int = 4,
    beta: int = 2,
    classes: int = 174,
    dropout: bool = True,
    module: bool = True,
    backbone: str = "resnet50",
    planes: int = 64,
    seed: int = 0,
) -> State:
    """GST-video's ResNet: 5-D weights, conv2 spatial on the first part, Tconv temporal on the second."""
    g = torch.Generator().manual_seed(seed)
    state: State = {"conv1.weight": _draw((planes, 3, 1, 7, 7), g)}
    _norm(state, "bn1", planes, g)
    c_in = planes
    for stage, depth in enumerate(DEPTHS[backbone]):
        mid = planes * 2**stage
        for index in range(depth):
            name = f"layer{stage + 1}.{index}"
            temporal = mid // alpha
            state[f"{name}.conv1.weight"] = _draw((mid, c_in, 1, 1, 1), g)
            _norm(state, f"{name}.bn1", mid, g)
            state[f"{name}.conv2.weight"] = _draw((temporal * (alpha - 1), mid // beta, 1, 3, 3), g)
            state[f"{name}.Tconv.weight"] = _draw((temporal, mid // beta, 3, 3, 3), g)
            _norm(state, f"{name}.bn2", mid, g)
            state[f"{name}.conv3.weight"] = _draw((mid * 4, mid, 1, 1, 1), g)
            _norm(state, f"{name}.bn3", mid * 4, g)
            if index == 0:
                state[f"{name}.downsample.0.weight"] = _draw((mid * 4, c_in, 1, 1, 1), g)
                _norm(state, f"{name}.downsample.1", mid * 4, g)
            c_in = mid * 4
    return _wrap(state, c_in, classes, dropout=dropout, module=module, g=g)


def tsm(
    *,
    shift: bool = True,
    classes: int = 174,
    dropout: bool = True,
    module: bool = True,
    nonlocal_: bool = False,
    backbone: str = "resnet50",
    planes: int = 64,
    seed: int = 0,
) -> State:
    """The TSM repository's ResNet (and, without shift, its TSN): torchvision names, `.net` where shifted."""
    g = torch.Generator().manual_seed(seed)
    state: State = {"conv1.weight": _draw((planes, 3, 7, 7), g)}
    _norm(state, "bn1", planes, g)
    c_in = planes
    every = 2 if DEPTHS[backbone][2] >= 23 else 1
    for stage, depth in enumerate(DEPTHS[backbone]):
        mid = planes * 2**stage
        for index in range(depth):
            name = f"layer{stage + 1}.{index}"
            wrapped = nonlocal_ and stage in (1, 2) and index % 2 == 0
            inner = f"{name}.block" if wrapped else name
            conv1 = "conv1.net" if shift and index % every == 0 else "conv1"
            state[f"{inner}.{conv1}.weight"] = _draw((mid, c_in, 1, 1), g)
            _norm(state, f"{inner}.bn1", mid, g)
            state[f"{inner}.conv2.weight"] = _draw((mid, mid, 3, 3), g)
            _norm(state, f"{inner}.bn2", mid, g)
            state[f"{inner}.conv3.weight"] = _draw((mid * 4, mid, 1, 1), g)
            _norm(state, f"{inner}.bn3", mid * 4, g)
            if index == 0:
                state[f"{inner}.downsample.0.weight"] = _draw((mid * 4, c_in, 1, 1), g)
                _norm(state, f"{inner}.downsample.1", mid * 4, g)
            c_in = mid * 4
            if wrapped:
                for part in ("g", "theta", "phi"):
                    place = part if part == "theta" else f"{part}.0"
                    state[f"{name}.nl.{place}.weight"] = _draw((c_in // 2, c_in, 1, 1, 1), g)
                    state[f"{name}.nl.{place}.bias"] = torch.zeros(c_in // 2)
                state[f"{name}.nl.W.0.weight"] = _draw((c_in, c_in // 2, 1, 1, 1), g)
                state[f"{name}.nl.W.0.bias"] = torch.zeros(c_in)
                _norm(state, f"{name}.nl.W.1", c_in, g)
    return _wrap(state, c_in, classes, dropout=dropout, module=module, g=g)


def _wrap(
    state: State, features: int, classes: int, *, dropout: bool, module: bool, g: torch.Generator
) -> State:
    wrapped = {f"base_model.{name}": tensor for name, tensor in state.items()}
    head = "new_fc" if dropout else "base_model.fc"
    wrapped[f"{head}.weight"] = _draw((classes, features), g)
    wrapped[f"{head}.bias"] = torch.zeros(classes)
    return {f"module.{n}": t for n, t in wrapped.items()} if module else wrapped
