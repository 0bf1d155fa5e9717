"""What every system of catalogue_3d must show: its counts, its own names, and logits that move."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from gst_analysis.networks.systems import SystemSpec, find_system
from gst_analysis.networks.systems.recognised import Recognised
from gst_analysis.networks.undrawn import shapes_alone
from tests.networks.agreement import draw_weights, relative


def module_of(name: str) -> Any:
    """The system's file."""
    return importlib.import_module(f"gst_analysis.networks.systems.{find_system(name).module}")


def count(name: str) -> tuple[int, float]:
    """Parameters, and 10^9 multiply-adds of one clip, of the record's own size."""
    spec = SystemSpec.from_name(name)
    size = spec.record.size
    with shapes_alone():
        network = module_of(name).build(spec).eval()
        clips = torch.empty(1, spec.num_frames, 3, size, size)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        logits = network(clips)
    assert logits.shape == (1, spec.num_classes)
    return sum(p.numel() for p in network.parameters()), counter.get_total_flops() / 2e9


def build_named(name: str, **settings: Any) -> nn.Module:
    """The system's names and shapes alone."""
    with shapes_alone():
        network: nn.Module = module_of(name).build(SystemSpec.from_name(name, num_classes=7, **settings))
    return network.eval()


def build_drawn(name: str, *, seed: int = 0, gain: float = 1.0, **settings: Any) -> nn.Module:
    """The system with weights none of which is special.

    Where no path goes round the layers, weights need a `gain`, or the clip fades away on its way.
    """
    network = build_named(name, **settings).to_empty(device="cpu")
    draw_weights(network, seed=seed)
    with torch.no_grad():
        for key, tensor in network.state_dict().items():
            if tensor.ndim > 1:
                tensor.mul_(gain)
            if "nonlocal" in key and "conv_" in key:
                tensor.mul_(0.3)  # products of products: drawn wider, a dot product overflows
    return network


def draw_clips(frames: int, size: int = 64, *, clips: int = 2, seed: int = 1) -> Tensor:
    return torch.randn(clips, frames, 3, size, size, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def check_moves(network: nn.Module, clips: Tensor, *, order: bool = True) -> Tensor:
    """Logits differ between clips and, where they should, between the orders of a clip's frames."""
    logits, turned = network(torch.cat([clips, clips.flip(1)])).chunk(2)
    assert relative(logits[:1], logits[1:]) > 1e-3
    assert relative(turned, logits) > 1e-3 if order else relative(turned, logits) < 1e-5
    return logits


def check_round_trip(network: nn.Module, name: str, **settings: Any) -> None:
    """The module's own names are known, with and without what data parallelism puts before them."""
    state = network.state_dict()
    for prefix in ("", "module.", "_orig_mod.module."):
        found = module_of(name).recognise({prefix + key: tensor for key, tensor in state.items()})
        assert found is not None
        assert found.spec == SystemSpec.from_name(name, num_classes=7, **settings)
        check_same(found, state)


def check_same(found: Recognised | None, state: Mapping[str, Tensor]) -> None:
    """What was recognised holds every weight, each under the module's own name."""
    assert found is not None
    assert found.state.keys() == state.keys()
    assert all(found.state[key] is tensor for key, tensor in state.items())


def conv(
    weights: Mapping[str, Tensor], name: str, x: Tensor, stride: int | tuple[int, int, int] = 1
) -> Tensor:
    """A convolution read off the weights alone: as many groups as they say, and padded to keep the size."""
    kernel = weights[f"{name}.weight"]
    padding = [size // 2 for size in kernel.shape[2:]]
    groups = x.shape[1] // kernel.shape[1]
    return F.conv3d(x, kernel, weights.get(f"{name}.bias"), stride, padding, groups=groups)


def norm(weights: Mapping[str, Tensor], name: str, x: Tensor, eps: float = 1e-5) -> Tensor:
    """A batch norm in evaluation, written out."""
    mean, var, scale, shift = (
        weights[f"{name}.{part}"].view(-1, 1, 1, 1)
        for part in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / (var + eps).sqrt() * scale + shift
