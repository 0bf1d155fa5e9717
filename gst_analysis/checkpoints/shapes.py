"""Which tensors a network's state dict holds, from its spec alone; and how another state dict differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from gst_analysis.errors import name_some
from gst_analysis.networks.backbones import Block
from gst_analysis.networks.described import NetworkSpec
from gst_analysis.networks.registry import build_without_values
from gst_analysis.networks.specs import ModelSpec

if TYPE_CHECKING:
    from torch import Tensor

Shape = tuple[int, ...]


def expected_shapes(spec: NetworkSpec) -> dict[str, Shape]:
    """Every name and shape of the spec's state dict: by arithmetic, or of the network without values."""
    if isinstance(spec, ModelSpec):
        return dict(_walk(spec))
    return list_shapes(build_without_values(spec).state_dict())


def list_shapes(state: Mapping[str, Tensor]) -> dict[str, Shape]:
    """The shape of every tensor."""
    return {name: tuple(tensor.shape) for name, tensor in state.items()}


def say_misfit(given: Mapping[str, Shape], wanted: Mapping[str, Shape]) -> str:
    """How names and shapes differ from those that are wanted; empty where they do not.

    Counters of batches may be missing: files from before PyTorch 0.4.1 have none.
    """
    optional = {name for name in wanted if name.endswith("num_batches_tracked")}
    both = sorted(set(wanted) & set(given))
    parts = {
        "missing": sorted(set(wanted) - set(given) - optional),
        "unexpected": sorted(set(given) - set(wanted)),
        "misshapen": [f"{n} {given[n]} not {wanted[n]}" for n in both if given[n] != wanted[n]],
    }
    return "; ".join(f"{len(n)} {kind}: {name_some(n, limit=3)}" for kind, n in parts.items() if n)


def _walk(spec: ModelSpec) -> Iterator[tuple[str, Shape]]:
    stem = 3 if spec.plan.kind == "inverted" else 7
    yield "conv1.weight", (spec.stem_width, spec.input_width, stem, stem)
    yield from _norm("bn1", spec.stem_width)
    for block in spec.blocks():
        yield from _block(spec, block)
    if spec.plan.kind == "inverted":
        yield "last.weight", (spec.feature_width, block.c_out, 1, 1)
        yield from _norm("last_bn", spec.feature_width)
    yield "fc.weight", (spec.num_classes, spec.feature_width)
    yield "fc.bias", (spec.num_classes,)


def _block(spec: ModelSpec, block: Block) -> Iterator[tuple[str, Shape]]:
    if block.expands:
        yield f"{block.name}.conv1.weight", (block.hidden, block.c_in, 1, 1)
        yield from _norm(f"{block.name}.bn1", block.hidden)
    for site in block.sites:
        for kernel in spec.kernels(site):
            yield f"{block.name}.{site.conv}.{kernel.name}.weight", kernel.shape
        if spec.operator.norm_between:
            yield from _norm(f"{block.name}.{site.conv}.norm", site.c_out)
        yield from _norm(f"{block.name}.{site.norm}", site.c_out)
    if block.kind != "basic":
        yield f"{block.name}.conv3.weight", (block.c_out, block.sites[-1].c_out, 1, 1)
        yield from _norm(f"{block.name}.bn3", block.c_out)
    if block.projects:
        yield f"{block.name}.downsample.0.weight", (block.c_out, block.c_in, 1, 1)
        yield from _norm(f"{block.name}.downsample.1", block.c_out)


def _norm(name: str, width: int) -> Iterator[tuple[str, Shape]]:
    for part in ("weight", "bias", "running_mean", "running_var"):
        yield f"{name}.{part}", (width,)
    yield f"{name}.num_batches_tracked", ()
