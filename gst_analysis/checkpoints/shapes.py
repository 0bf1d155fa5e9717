"""Which tensors a network's state dict holds, worked out from its spec alone: nothing is built."""

from __future__ import annotations

from collections.abc import Iterator

from gst_analysis.networks.backbones import Block
from gst_analysis.networks.specs import ModelSpec

Shape = tuple[int, ...]


def expected_shapes(spec: ModelSpec) -> dict[str, Shape]:
    """Every name and shape of the spec's state dict (a test compares them with the built network's)."""
    return dict(_walk(spec))


def _walk(spec: ModelSpec) -> Iterator[tuple[str, Shape]]:
    stem = 3 if spec.plan.kind == "inverted" else 7
    yield "conv1.weight", (spec.stem_width, 3, stem, stem)
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
