"""Key maps: names in a file -> our names, which are torchvision's plus the operator's kernels.

Enters a state dict as somebody saved it; leaves a CanonicalState: our names, 2-D kernels as 4-D and
3-D kernels as 5-D tensors in fp32, which layout it was, and the marks that shapes alone do not show.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gst_analysis.errors import BrokenCheckpoint
from gst_analysis.networks.backbones import BACKBONES, walk_blocks

if TYPE_CHECKING:
    from torch import Tensor

OURS = "gst-analysis"
TITLES = {
    OURS: "gst-analysis",
    "gst-video": "GST-video (the official code)",
    "tsm": "TSM",
    "tsn": "TSN (as the TSM repository saves it)",
    "mmaction2": "MMAction2",
    "torchvision": "torchvision, 2-D",
}


_PREFIX = re.compile(r"(module|_orig_mod|base_model|backbone|model|net|network|encoder)\.")
"""What DataParallel, torch.compile, trainers and wrapping modules put before names."""


@dataclass(frozen=True)
class CanonicalState:
    """A state dict under our names."""

    state: dict[str, Tensor] = field(repr=False)
    layout: str
    shifted: bool = False
    """Whether the names show TSM's shift."""
    nonlocal_blocks: tuple[str, ...] = ()
    """Residual blocks that carry a non-local block."""


def canonicalise(state: dict[str, Tensor], *, source: str = "state dict") -> CanonicalState:
    """Give every tensor our name and shape; `source` is what errors call it.

    Raises:
        BrokenCheckpoint: two tensors for one name.
    """
    stripped, prefixes = _strip_prefixes(state, source)
    layout = _recognise(stripped, prefixes)
    # TSN's code puts its head into new_fc; an fc beside it is left over from the 2-D network.
    if "base_model." in prefixes and any(name.startswith("new_fc.") for name in stripped):
        stripped = {n: t for n, t in stripped.items() if not n.startswith("fc.")}
    nested = any(re.match(r"features\.\d+\.conv\.\d\.\d\.", name) for name in stripped)
    mobilenet = MOBILENET_NESTED if nested else MOBILENET_FLAT
    renamed: dict[str, Tensor] = {}
    for name, tensor in stripped.items():
        new = _HEAD.sub("fc.", name) if layout == OURS else _rename(name, tensor, mobilenet)
        _put(renamed, new, _reshape(tensor), source)
    blocks = sorted({n.split(".nl.")[0] for n in renamed if ".nl." in n})
    shifted = any(".net." in name for name in stripped)
    return CanonicalState(renamed, layout, shifted, tuple(blocks))


def _put(state: dict[str, Tensor], name: str, tensor: Tensor, source: str) -> None:
    """Add a tensor; two for one name would mean to choose between them."""
    if name in state:
        raise BrokenCheckpoint(
            source,
            expected="one tensor for every weight",
            found=f"two for {name[:80]}",
            todo="remove the copies, such as those below module.",
        )
    state[name] = tensor


def _strip_prefixes(state: dict[str, Tensor], source: str) -> tuple[dict[str, Tensor], set[str]]:
    """Remove what wraps names, however often: a head may lie outside of what wraps the rest."""
    found: set[str] = set()
    out: dict[str, Tensor] = {}
    for name, tensor in state.items():
        while match := _PREFIX.match(name):
            found.add(match.group())
            name = name[match.end() :]  # peeled one prefix at a time
        _put(out, name, tensor, source)
    return out, found


def _recognise(names: dict[str, Tensor], prefixes: set[str]) -> str:
    if any(re.fullmatch(r"layer\d+\.\d+\.conv\d\.(spatial|temporal|joint)\.weight", n) for n in names):
        return OURS
    if any(n.startswith("cls_head.") for n in names):
        return "mmaction2"
    if any(re.search(r"\.Tconv\d?\.", n) for n in names):
        return "gst-video"
    if "backbone." in prefixes and any(n.startswith("conv1.conv.") for n in names):
        return "mmaction2"
    if any(t.ndim == 5 for n, t in names.items() if ".nl." not in n):
        return "gst-video"
    if any(".net." in n for n in names):
        return "tsm"
    return "tsn" if "base_model." in prefixes else "torchvision"


_HEAD = re.compile(r"^(new_fc|cls_head\.fc_cls|cls_head\.new_fc|classifier\.1|classifier|head)\.")
_RENAMES: tuple[tuple[str | re.Pattern[str], str], ...] = (  # in this order; every pattern is applied once
    (r"^(layer\d+\.\d+)\.block\.", r"\1."),  # a non-local wrapper around a block
    (r"\.net\.", "."),  # TSM's shift around a convolution
    (_HEAD, "fc."),
    (r"^conv1\.conv\.", "conv1."),  # MMAction2 wraps a convolution with its norm
    (r"^conv1\.bn\.", "bn1."),
    (r"\.conv(\d)\.conv\.", r".conv\1."),
    (r"\.conv(\d)\.bn\.", r".bn\1."),
    (r"\.downsample\.conv\.", ".downsample.0."),
    (r"\.downsample\.bn\.", ".downsample.1."),
    (r"\.Tconv\.weight$", ".conv2.temporal.weight"),
    (r"\.Tconv(\d)\.weight$", r".conv\1.temporal.weight"),
)


def _rename(name: str, tensor: Tensor, mobilenet: Mapping[str, str]) -> str:
    for pattern, replacement in _RENAMES:
        name = re.sub(pattern, replacement, name, count=1)
    if name.startswith("features."):
        module, _, part = name.rpartition(".")
        name = f"{mobilenet.get(module, module)}.{part}"
    # A block's 3x3 is where the operator stands; its 1x1 convolutions keep their names.
    if re.fullmatch(r"layer\d+\.\d+\.conv\d\.weight", name) and tensor.ndim >= 4 and tensor.shape[-1] == 3:
        kernel = "joint" if tensor.ndim == 5 and tensor.shape[2] > 1 else "spatial"
        name = name.removesuffix("weight") + kernel + ".weight"
    return name


def _reshape(tensor: Tensor) -> Tensor:
    """A kernel of one frame is a 2-D kernel; every real number is fp32."""
    if tensor.ndim == 5 and tensor.shape[2] == 1:
        tensor = tensor.squeeze(2)
    return tensor.float() if tensor.is_floating_point() else tensor


def _walk_mobilenet(*, nested: bool) -> Iterator[tuple[str, str]]:
    """Module names of MobileNetV2 beside ours: torchvision nests a block's layers, TSM lays them flat."""
    backbone = BACKBONES["mobilenetv2"]
    blocks = list(walk_blocks(backbone, backbone.width))
    yield from (("features.0.0", "conv1"), ("features.0.1", "bn1"))
    for index, block in enumerate(blocks, start=1):
        parts = ["conv2", "bn2", "conv3", "bn3"]
        places = ["0.0", "0.1", "1", "2"] if nested else ["0", "1", "3", "4"]
        if block.expands:
            parts = ["conv1", "bn1", *parts]
            places = ["0.0", "0.1", "1.0", "1.1", "2", "3"] if nested else ["0", "1", "3", "4", "6", "7"]
        for place, part in zip(places, parts, strict=True):
            yield f"features.{index}.conv.{place}", f"{block.name}.{part}"
    yield from ((f"features.{len(blocks) + 1}.0", "last"), (f"features.{len(blocks) + 1}.1", "last_bn"))


MOBILENET_NESTED = dict(_walk_mobilenet(nested=True))
MOBILENET_FLAT = dict(_walk_mobilenet(nested=False))
