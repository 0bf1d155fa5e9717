"""Names and shapes -> ModelSpec. Nothing but the weights is asked, and what they cannot tell is said.

Families are recognised by their own kernels: whichever family, at some alpha, would build exactly the
shapes found at an operator. A new family is therefore recognised without a line here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gst_analysis.checkpoints.layouts import CanonicalState
from gst_analysis.checkpoints.shapes import Shape, expected_shapes, list_shapes, say_misfit
from gst_analysis.checkpoints.stored import StoredTensor
from gst_analysis.errors import BrokenCheckpoint, GstError, SpecError, UnknownCheckpoint, name_some, one_line
from gst_analysis.networks.backbones import BACKBONES, Backbone, Site, walk_blocks
from gst_analysis.networks.described import NetworkSpec
from gst_analysis.networks.families import FAMILIES, runnable_families
from gst_analysis.networks.flow import count_fields
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = Door("torch")


@dataclass(frozen=True)
class Overrides:
    """What the caller knows better than the shapes do."""

    family: str | None = None
    num_frames: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no network could be, before a file is blamed for it."""
        given = {name: value for name, value in vars(self).items() if value is not None}
        ModelSpec(**{"family": "c2d", "backbone": "resnet50", **given})


@dataclass(frozen=True)
class Finding:
    """The network that was recognised, and every assumption made on the way."""

    spec: ModelSpec
    notes: tuple[str, ...] = field(default=())


def infer_spec(found: CanonicalState, path: Path, overrides: Overrides | None = None) -> Finding:
    """Recover family, backbone, alpha, width and classes from a canonical state dict."""
    overrides = overrides or Overrides()
    backbone = _infer_backbone(found.state, path)
    _require_ends(found.state, backbone, path)
    stem = _shape(found.state, "conv1.weight", path)
    flow = count_fields(stem[1]) if len(stem) == 4 else 0
    frames = 8 * (flow or 1)
    settings = {
        "num_classes": _count_classes(found.state, path),
        "width": stem[0],
        "num_frames": frames if overrides.num_frames is None else overrides.num_frames,
        "flow": flow,
    }
    spec, notes = _infer_family(found, backbone, settings, path)
    if overrides.family is not None and overrides.family != spec.family:
        spec, notes = override_family(spec, overrides.family, path), []
    if flow:
        notes.append(
            f"its stem reads {stem[1]} channels: stacks of optical flow, {flow} fields across and down"
        )
    if overrides.num_frames is None:
        stacks = f", 8 stacks of {flow}" if flow > 1 else ""
        unseen = "the number of frames is not in the weights: assumed"
        notes.append(f"{unseen} {frames}{stacks} (say it with frames: --frames)")
    return Finding(spec, tuple(notes))


def check_state(state: Mapping[str, Tensor], spec: NetworkSpec, path: Path) -> None:
    """Compare every name and shape with what the spec would build; look for NaN and infinities.

    Raises:
        BrokenCheckpoint: something is missing, surplus, misshapen or no number.
    """
    try:
        wanted = expected_shapes(spec)
    except GstError:
        raise
    except Exception as error:  # a system's file takes its settings at their word, and these are a file's
        raise BrokenCheckpoint(
            str(path),
            expected=f"settings that {spec.name} can be built of",
            found=f"{type(error).__name__}: {one_line(str(error))[:100]}",
            todo="save it again with gst_analysis.save_model",
        ) from error
    require_fit(list_shapes(state), wanted, spec.name, path)
    check_finite(state, path)


def require_known(state: Mapping[str, Tensor], spec: ModelSpec, path: Path) -> None:
    """Refuse whole weights of a network that only resembles the one whose shapes were recognised.

    Raises:
        UnknownCheckpoint: nothing is missing, and there is more.
    """
    wanted, given = expected_shapes(spec), list_shapes(state)
    more = sorted(name for name in given if name not in wanted and ".nl." not in name)
    if more and not say_misfit({name: given[name] for name in given if name in wanted}, wanted):
        raise UnknownCheckpoint(
            str(path),
            expected=f"the weights of {spec.name} and no others",
            found=f"{len(more)} unexpected: {name_some(more, limit=3)}",
            todo="if it is a network of your own, adopt it; else remove them",
        )


def require_fit(given: Mapping[str, Shape], wanted: Mapping[str, Shape], network: str, path: Path) -> None:
    """Refuse names and shapes that are not those of a network.

    Raises:
        BrokenCheckpoint: they are not.
    """
    beside = {name: shape for name, shape in given.items() if name in wanted or ".nl." not in name}
    if misfit := say_misfit(beside, wanted):
        raise BrokenCheckpoint(
            str(path),
            expected=f"the weights of {network}",
            found=misfit,
            todo="check that the file is complete and of this network",
        )


def check_finite(state: Mapping[str, Tensor], path: Path) -> None:
    """Refuse weights that are no numbers."""
    bad = [name for name, tensor in state.items() if not _is_finite(tensor)]
    if bad:
        raise BrokenCheckpoint(
            str(path),
            expected="finite weights",
            found=f"NaN or infinity in {name_some(bad, limit=3)}",
            todo="use an earlier checkpoint of this run: its training diverged",
        )


def _is_finite(tensor: Tensor | StoredTensor) -> bool:
    if isinstance(tensor, StoredTensor):
        return tensor.is_finite()
    # A sum is finite unless something in it is not (or it overflows): the quick way for almost all tensors.
    quick = not tensor.is_floating_point() or bool(torch.isfinite(tensor.sum()))
    return quick or bool(torch.isfinite(tensor).all())


def _infer_backbone(state: Mapping[str, Tensor], path: Path) -> Backbone:
    depths: dict[int, int] = {}
    for name in state:
        if match := re.match(r"layer(\d+)\.(\d+)\.", name):
            stage, index = map(int, match.groups())
            depths[stage] = max(depths.get(stage, 0), index + 1)
    if not depths:
        raise UnknownCheckpoint(
            str(path),
            expected="residual blocks named layer1.0 …, or MobileNetV2's features.1 …",
            found=f"names such as {name_some(sorted(state), limit=3) or 'none'}",
            todo="load a checkpoint of a network in README's table",
        )
    bottleneck = any(re.fullmatch(r"layer\d+\.\d+\.conv3\.weight", name) for name in state)
    # A ResNet has four stages, MobileNetV2 seven.
    kind = "inverted" if len(depths) > 4 else "bottleneck" if bottleneck else "basic"
    shape = [depths[s] for s in sorted(depths)]
    for backbone in BACKBONES.values():
        if backbone.kind == kind and [s.blocks for s in backbone.stages] == shape:
            return backbone
    raise UnknownCheckpoint(
        str(path),
        expected=f"the depths of one of {', '.join(BACKBONES)}",
        found=f"{kind} blocks, {'-'.join(map(str, shape))} to a stage",
        todo="check that the file is complete and of one of these networks",
    )


def _require_ends(state: Mapping[str, Tensor], backbone: Backbone, path: Path) -> None:
    """Refuse what has the blocks of a ResNet and none of its stem or head: whole, but another network.

    A file that lost a tensor still has the others of that layer.
    """
    stem, head = (any(name.startswith(layers) for name in state) for layers in (("conv1.", "bn1."), ("fc.",)))
    if stem and head:
        return
    other = sorted(name for name in state if not re.match(r"layer\d+\.\d+\.", name))
    beside = f", beside it {name_some(other, limit=3)}" if other else ""
    if not stem:
        found, todo = f"none{beside}", "load a checkpoint of a network in README's table"
        raise UnknownCheckpoint(
            str(path), expected=f"the stem of {backbone.name}, conv1 and bn1", found=found, todo=todo
        )
    raise UnknownCheckpoint(
        str(path),
        expected=f"{backbone.name} with its classifier, fc",
        found=f"its features alone{beside}",
        todo="save it with its classifier; to train from it, name it as model.weights",
    )


def _count_classes(state: Mapping[str, Tensor], path: Path) -> int:
    classes = _shape(state, "fc.weight", path)[0]
    if classes == 0:
        raise BrokenCheckpoint(
            str(path),
            expected="a head of at least one class",
            found="fc.weight for 0 classes",
            todo="save the checkpoint again with its head",
        )
    return classes


def _shape(state: Mapping[str, Tensor], name: str, path: Path) -> Shape:
    if name not in state or state[name].ndim == 0:
        what = "missing" if name not in state else "misshapen"
        raise BrokenCheckpoint(
            str(path),
            expected=f"a tensor {name}",
            found=f"it {what} among {len(state)} tensors",
            todo="check that the file is complete",
        )
    return tuple(state[name].shape)


def _infer_family(
    found: CanonicalState, backbone: Backbone, settings: dict[str, Any], path: Path
) -> tuple[ModelSpec, list[str]]:
    blocks = list(walk_blocks(backbone, settings["width"]))
    # All blocks are asked, so that one damaged operator does not hide the family: check_state names it.
    sites = [(block.name, block.sites[-1]) for block in reversed(blocks)]
    kernels = [(_kernels_at(found.state, name, site), site) for name, site in sites]
    matches = [spec for shapes, site in kernels for spec in _matching_specs(shapes, backbone, settings, site)]
    if not matches:
        seen = ", ".join(f"{n} {s}" for n, s in kernels[0][0].items()) or "no convolution"
        raise UnknownCheckpoint(
            str(path),
            expected=f"{blocks[-1].name}.conv2 of one of {', '.join(runnable_families())}",
            found=seen,
            todo="check that the file is complete and of one of these families",
        )
    spec = matches[0]
    if spec.family != "c2d":
        return spec, []
    if found.nonlocal_blocks:
        family = "nl-tsm" if found.shifted else "nl-c2d"
        where = name_some(list(found.nonlocal_blocks))
        return spec.replace(family=family), [f"non-local blocks at {where}: recognised, cannot run yet"]
    if found.shifted:
        return spec.replace(family="tsm"), []
    return spec, [
        "C2D and TSM have the same weights and no name tells: assumed c2d (say it with family: --family tsm)"
    ]


def _kernels_at(state: Mapping[str, Tensor], block: str, site: Site) -> dict[str, Shape]:
    prefix = f"{block}.{site.conv}."
    pattern = re.compile(re.escape(prefix) + r"(\w+)\.weight")
    matches = ((pattern.fullmatch(name), tensor) for name, tensor in state.items())
    return {m.group(1): tuple(t.shape) for m, t in matches if m and m.group(1) != "norm"}


def _matching_specs(
    kernels: Mapping[str, Shape], backbone: Backbone, settings: dict[str, Any], site: Site
) -> Iterator[ModelSpec]:
    """Every family and alpha that would build exactly these kernels at the site."""
    for family in FAMILIES.values():
        for alpha in _candidate_alphas(kernels) if family.default_alpha else (None,):
            try:
                spec = ModelSpec(family.name, backbone.name, alpha=alpha, **settings)
                built = {kernel.name: kernel.shape for kernel in spec.kernels(site)}
            except SpecError:
                continue  # this family cannot have such widths
            if built == dict(kernels):
                yield spec


def _candidate_alphas(kernels: Mapping[str, Shape]) -> list[Fraction]:
    """The temporal part of the filters, and of the input channels."""
    if not {"spatial", "temporal"} <= set(kernels):
        return []
    spatial, temporal = kernels["spatial"], kernels["temporal"]
    if min(len(spatial), len(temporal)) < 2:
        return []  # no kernels, whatever they are called
    ratios = [Fraction(t, s + t) for s, t in zip(spatial[:2], temporal[:2], strict=True) if s and t]
    return list(dict.fromkeys(ratios))


def override_family(spec: ModelSpec, family: str, path: Path) -> ModelSpec:
    """The network of another family whose weights are the same tensors.

    Raises:
        BrokenCheckpoint: they are not.
    """
    alpha = spec.alpha
    other = spec.replace(family=family, alpha=alpha) if family in FAMILIES else spec.replace(family=family)
    if expected_shapes(other) != expected_shapes(spec):
        raise BrokenCheckpoint(
            str(path),
            expected=f"the weights of {other.name}, as family={family!r} asks",
            found=f"those of {spec.name}",
            todo="leave family out",
        )
    return other
