"""The networks that `forward_gpu` compares, with the same weights, and what each must do at the least."""

from __future__ import annotations

import copy
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
import torchvision
from torch import Tensor, nn

from benchmarks.gpu_forms import fold_3d, fuse, fuse_3d
from gst_analysis.analyses.cost.counting import summarise_cost
from gst_analysis.inference.fusing import fuse_network_on_gpu
from gst_analysis.networks.folding import FoldedKernel, fold_norms
from gst_analysis.networks.network import VideoNetwork
from gst_analysis.networks.operators import KernelWeight
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ModelSpec
from tests.reference import build_reference, load_product

TYPES = {"fp32": torch.float32, "tf32": torch.float32, "bf16": torch.bfloat16}
FAMILIES = ("2-D", "3-D", "GST")


@dataclass(frozen=True)
class Setting:
    """One cell of the plan."""

    precision: str
    batch: int
    frames: int

    def __str__(self) -> str:
        return f"{self.precision}, batch {self.batch}, {self.frames} frames"


@dataclass(frozen=True)
class Work:
    """What a network must do for one clip: arithmetic, and values that convolutions read and write once."""

    flops: float
    layers: tuple[tuple[float, float, float], ...]
    """Of every convolution: FLOPs, values of input and output for one clip, and of its weights."""

    def least_seconds(self, setting: Setting, rates: dict[str, float]) -> float:
        """If every convolution ran at the larger of the measured ceilings of arithmetic and of memory."""
        size = 2 if setting.precision == "bf16" else 4
        return sum(
            max(
                setting.batch * flops / rates[setting.precision],
                size * (setting.batch * values + weights) / rates["copy"],
            )
            for flops, values, weights in self.layers
        )


@dataclass(frozen=True)
class Networks:
    """Three networks in fp32 on the device, in evaluation mode."""

    product: VideoNetwork
    flat: nn.Module
    reference: nn.Module

    def kinds(self, setting: Setting) -> dict[str, nn.Module]:
        """Copies of every kind of network that is run, by name, in a type; the 3-D form in both layouts."""
        deep, kind = torch.channels_last_3d, TYPES[setting.precision]
        folded = fold_3d(self.reference)
        kinds = {
            "3-D": self.reference,
            "3-D, channels last": copy.deepcopy(self.reference).to(memory_format=deep),
            "3-D folded": folded,
            "3-D folded, channels last": copy.deepcopy(folded).to(memory_format=deep),
            "2-D": self.flat,
            "2-D folded": fold_norms(self.flat),
            "GST": self.product,
            "GST folded": fold_norms(self.product),
        }
        kinds = {name: copy.deepcopy(network).to(kind) for name, network in kinds.items()}
        compiled = "" if setting.precision == "fp32" else "tf32"
        compiled = compiled if next(self.flat.parameters()).is_cuda and has_triton() else ""
        kinds["3-D fused"] = fuse_3d(kinds["3-D folded"])
        kinds["3-D fused, channels last"] = fuse_3d(kinds["3-D folded, channels last"])
        kinds["2-D fused"] = fuse(kinds["2-D folded"], compiled=bool(compiled))
        kinds["GST fused"] = fuse_network_on_gpu(copy.deepcopy(kinds["GST folded"]), kind, compiled=compiled)
        if compiled:
            plain = fuse_network_on_gpu(copy.deepcopy(kinds["GST folded"]), kind)
            kinds["GST fused, nothing compiled"] = plain
            kinds["2-D fused, nothing compiled"] = fuse(kinds["2-D folded"])
        return kinds


def has_triton() -> bool:
    """Whether the kernels can be compiled here."""
    return importlib.util.find_spec("triton") is not None


def build_networks(name: str, alpha: str, device: torch.device, *, size: int) -> Networks:
    """With batch norms that have seen activations, so that numbers are of a trained network's size."""
    torch.manual_seed(0)
    spec = ModelSpec.from_name(name, alpha=alpha)
    with device:
        product = build_model(spec)
        flat = torchvision.models.resnet50(num_classes=spec.num_classes).to(memory_format=torch.channels_last)
        reference = build_reference(spec.family, spec.backbone, alpha=spec.alpha)
        clips = torch.randn(2, 4, 3, size, size)
        settle(product, clips)
        settle(flat, clips.flatten(0, 1).contiguous(memory_format=torch.channels_last))
    load_product(reference, product.state_dict(), family=spec.family, backbone=spec.backbone)
    return Networks(product.eval(), flat.eval(), reference.eval())


def settle(network: nn.Module, x: Tensor) -> None:
    """Give every batch norm the statistics of one pass, and a scale and an offset of its own."""
    for name, norm in network.named_modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.momentum = None  # the mean of what it sees
            last = name.endswith("bn3")  # branches of trained networks add little to their shortcuts
            nn.init.normal_(norm.weight, 0.3 if last else 1, 0.1)
            nn.init.normal_(norm.bias, 0, 0.1)
    with torch.no_grad():
        network.train()(x)
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.momentum = 0.1


def as_input(kind: str, clips: Tensor) -> Tensor:
    """Clips as a kind of network takes them, in its own order of memory: the 2-D one takes pictures."""
    if not kind.startswith("3-D"):
        frames = clips.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        return frames if kind.startswith("2-D") else frames.unflatten(0, clips.shape[:2])
    if kind.startswith("3-D") and kind.endswith("channels last"):
        deep = clips.transpose(1, 2).contiguous(memory_format=torch.channels_last_3d)
        return deep.transpose(1, 2)
    return clips


@contextmanager
def precision(name: str) -> Iterator[None]:
    """fp32 proper or TF32, in convolutions and in products of matrices."""
    wanted = name == "tf32"
    places: list[Any] = [torch.backends.cudnn, torch.backends.cuda.matmul]
    if not torch.cuda.is_available():
        yield
        return
    before = [place.allow_tf32 for place in places]
    try:
        for place in places:
            place.allow_tf32 = wanted
        yield
    finally:
        for place, value in zip(places, before, strict=True):
            place.allow_tf32 = value


def count_work(networks: Networks, frames: int, size: int, device: torch.device) -> dict[str, Work]:
    """By kind: "2-D", "GST" and "3-D", whose convolutions do the same as GST's."""
    clip = torch.randn(1, frames, 3, size, size, device=device)
    flat, product = _list_layers(networks.flat, clip[0]), _list_layers(networks.product, clip)
    spec = replace(networks.product.spec, num_frames=frames)
    works = {
        "2-D": Work(sum(layer[0] for layer in flat), flat),
        "GST": Work(summarise_cost(spec, size=size).flops, product),
    }
    return {**works, "3-D": works["GST"]}


def _list_layers(network: nn.Module, x: Tensor) -> tuple[tuple[float, float, float], ...]:
    layers: list[tuple[float, float, float]] = []

    def note(module: Any, args: tuple[Any, ...], out: Tensor) -> None:
        weight, read = module.weight, args[0]
        share = 1.0
        if isinstance(module, (KernelWeight, FoldedKernel)):
            share = module.kernel.channels * module.kernel.groups / read.shape[1]
        if isinstance(module, nn.Linear):
            flops = 2.0 * weight.numel() * out.numel() / out.shape[-1]
        else:
            flops = 2.0 * weight.numel() * out.numel() / out.shape[1]
        layers.append((flops, share * read.numel() + out.numel(), weight.numel()))

    kinds = (nn.Conv2d, nn.Linear, KernelWeight)
    hooks = [m.register_forward_hook(note) for m in network.modules() if isinstance(m, kinds)]
    with torch.inference_mode():
        network(x)
    for hook in hooks:
        hook.remove()
    return tuple(layers)


def name_family(kind: str) -> str:
    """Of the networks that a kind stands for: 2-D, 3-D or GST."""
    return next(family for family in FAMILIES if kind.startswith(family))
