"""3-D convolutions over fewer frames than their kernel has taps, in bf16 on a CPU.

oneDNN's gradient of their weights is wrong there: seen with torch 2.14.1 on AVX-512 BF16, where it was off by
half its length or not finite, whatever the order of memory, while outputs and input gradients were right. A
network of 3-D kernels meets them late in every clip, where strides have left two frames.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def keep_short_convolutions(network: nn.Module) -> list[str]:
    """Let a network's 3-D convolutions compute in fp32 where a clip has become that short; says which may."""
    names = []
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv3d) and module.kernel_size[0] > 1:
            _Fp32(module)
            names.append(name)
    return names


class _Fp32:
    """Leaves autocast while one convolution computes."""

    def __init__(self, module: nn.Conv3d) -> None:
        self.taps = module.kernel_size[0]
        self.left: list[torch.autocast] = []  # empty unless the convolution is at work
        module.register_forward_pre_hook(self._leave_autocast)
        # always_call: an error inside must not leave autocast off for all that follows.
        module.register_forward_hook(self._enter_again, always_call=True)

    def _leave_autocast(self, _: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...] | None:
        x: Tensor = inputs[0]  # (N, C, T, H, W)
        if x.device.type != "cpu" or x.shape[-3] >= self.taps or not torch.is_autocast_enabled("cpu"):
            return None
        self.left.append(torch.autocast("cpu", enabled=False))
        self.left[-1].__enter__()  # type: ignore[no-untyped-call]  # as torch declares it
        return (x.float(), *inputs[1:])

    def _enter_again(self, *_: object) -> None:
        if self.left:
            self.left.pop().__exit__(None, None, None)
