"""BN-Inception a second time: plain functions over a state dict in double, widths read from the weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

Gate = Callable[[str, Tensor], Tensor]
State = Mapping[str, Tensor]


def no_gate(name: str, x: Tensor) -> Tensor:
    return x


class FrameFunctions:
    """The network's steps on frames (B, C, H, W); `gate` acts between a convolution and its norm."""

    def __init__(self, state: State, prefix: str = "base_model.", gate: Gate = no_gate) -> None:
        self.state = {n.removeprefix(prefix): t.double() for n, t in state.items() if n.startswith(prefix)}
        self.gate = gate

    def convolve(self, name: str, x: Tensor, stride: int = 1) -> Tensor:
        weight = self.state[f"{name}.weight"]
        y = F.conv2d(x, weight, self.state[f"{name}.bias"], stride, weight.shape[-1] // 2)
        return self.normalise(f"{name}_bn", self.gate(name, y))

    def normalise(self, name: str, x: Tensor) -> Tensor:
        mean, var, scale, shift = (
            self.state[f"{name}.{part}"].view(-1, *[1] * (x.ndim - 2))
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        return ((x - mean) / (var + 1e-5).sqrt() * scale + shift).clamp(min=0)

    def embed(self, x: Tensor) -> Tensor:
        x = pool_by_two(self.convolve("conv1_7x7_s2", x, 2))
        return pool_by_two(self.convolve("conv2_3x3", self.convolve("conv2_3x3_reduce", x)))

    def mix(self, block: str, x: Tensor) -> Tensor:
        name, stride = f"inception_{block}_", 2 if block in ("3c", "4e") else 1
        branches = [self.convolve(name + "1x1", x)] if stride == 1 else []
        branches.append(self.convolve(name + "3x3", self.convolve(name + "3x3_reduce", x), stride))
        double = self.convolve(name + "double_3x3_1", self.convolve(name + "double_3x3_reduce", x))
        branches.append(self.convolve(name + "double_3x3_2", double, stride))
        if stride == 2:
            return torch.cat([*branches, pool_by_two(x)], 1)
        around = F.unfold(F.pad(x, (1, 1, 1, 1), value=-1e9 if block == "5b" else 0), 3)
        around = around.unflatten(1, (x.shape[1], 9))
        pooled = (around.amax(2) if block == "5b" else around.mean(2)).view_as(x)
        return torch.cat([*branches, self.convolve(name + "pool_proj", pooled)], 1)

    def features(self, x: Tensor) -> Tensor:
        x = self.embed(x)
        for block in ("3a", "3b", "3c", "4a", "4b", "4c", "4d", "4e", "5a", "5b"):
            x = self.mix(block, x)
        return x.mean((2, 3))


def pool_by_two(x: Tensor) -> Tensor:
    """The maximum of 3x3 windows in steps of two; windows that jut out at the far edges count."""
    rows = torch.stack([x.roll(-shift, 2) for shift in range(3)])
    for shift in (1, 2):
        rows[shift, :, :, -shift:] = -1e9
    columns = rows.amax(0)
    shifted = torch.stack([columns.roll(-shift, 3) for shift in range(3)])
    for shift in (1, 2):
        shifted[shift, ..., -shift:] = -1e9
    # Caffe's rounding up drops a window that would begin at the last but one row of an even side.
    height, width = (-(-(side - 3) // 2) + 1 for side in x.shape[2:])
    return shifted.amax(0)[:, :, ::2, ::2][:, :, :height, :width]


def draw_lively(network: nn.Module, clips: Tensor, *, seed: int = 0) -> State:
    """Weights under which logits move with the clip: without shortcuts small random ones make it forget.

    Convolutions by He's rule, then one pass in which every batch norm takes the statistics that it sees.
    """
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in network.state_dict().items():
        if tensor.ndim > 1:
            tensor.copy_(torch.randn(tensor.shape, generator=generator) * (2 / tensor[0].numel()) ** 0.5)
        elif name.endswith("weight"):
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
        elif name.endswith("bias"):
            tensor.copy_(torch.randn(tensor.shape, generator=generator) * 0.2)
    norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        network.train()(clips)
    network.eval()
    return network.state_dict()


def count_gmacs(network: nn.Module, clips: Tensor) -> float:
    """Multiply-adds of convolutions and matrix products, in 10^9."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(clips)
    return float(counter.get_total_flops()) / 2e9


def spread(logits: Tensor) -> float:
    """How far logits (N, K) of different clips lie from their mean, over their size."""
    return float((logits - logits.mean(0)).norm() / logits.norm())
