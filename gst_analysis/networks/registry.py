"""From a name or a record to a spec, and from a spec to a network and its anatomy."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, overload

from gst_analysis.errors import SpecError
from gst_analysis.networks.anatomy import Anatomy, derive_anatomy
from gst_analysis.networks.brought import AdoptedSpec
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.described import NetworkSpec
from gst_analysis.networks.flow import FLOW
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.networks.systems import SystemSpec, is_system
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    from torch import nn

    from gst_analysis.networks import adopted, mobilenet, probing, resnet, undrawn
    from gst_analysis.networks.adopted import ClipNetwork
    from gst_analysis.networks.network import VideoNetwork
else:  # a checkpoint is recognised and its spec read without building a network
    nn = Door("torch.nn")
    adopted = Door("gst_analysis.networks.adopted")
    mobilenet = Door("gst_analysis.networks.mobilenet")
    probing = Door("gst_analysis.networks.probing")
    resnet = Door("gst_analysis.networks.resnet")
    undrawn = Door("gst_analysis.networks.undrawn")

FLOW_STD = 0.226
"""What TSN divides flow by: the mean of ImageNet's deviations."""


def spec_from_name(name: str, **settings: Any) -> ModelSpec | SystemSpec:
    """The spec of FAMILY-BACKBONE, or of a published system.

    Example:
        >>> spec_from_name("gst-resnet18", num_classes=5).num_classes
        5
    """
    if is_system(name):
        return SystemSpec.from_name(name, **settings)
    return ModelSpec.from_name(name, **settings)


def spec_from_json(record: Mapping[str, Any]) -> ModelSpec | SystemSpec:
    """The spec that a file or a table embeds.

    Raises:
        SpecError: no spec, or that of a network whose code is its owner's.
    """
    if isinstance(record, Mapping) and "system" in record:
        return SystemSpec.from_json(record)
    if isinstance(record, Mapping) and "adopted" in record:
        raise SpecError(
            f"network {str(record['adopted'])[:60]!r}",
            expected="a network that gst-analysis can build by itself",
            found="one that was adopted: a file holds its weights, not its code",
            todo="use load_network(CODE, weights=FILE), or --network CODE --weights FILE",
        )
    return ModelSpec.from_json(record)


@overload
def build_model(spec: ModelSpec, *, dropout: float = 0.0) -> VideoNetwork: ...
@overload
def build_model(spec: NetworkSpec, *, dropout: float = 0.0) -> VideoNetwork | ClipNetwork: ...
def build_model(spec: NetworkSpec, *, dropout: float = 0.0) -> VideoNetwork | ClipNetwork:
    """Build the network a spec describes, freshly initialised, in training mode.

    Example:
        >>> build_model(ModelSpec.from_name("gst-resnet18", num_classes=5)).fc.out_features
        5
    """
    if isinstance(spec, SystemSpec):
        return _build_system(spec, dropout)
    if not isinstance(spec, ModelSpec):
        raise SpecError(
            spec.label,
            expected="a network that is built by name",
            found="one that was brought",
            todo="adopt it",
        )
    if spec.operator.unbuildable:
        raise SpecError(
            spec.name,
            expected="a family that can be run",
            found=spec.operator.unbuildable,
            todo="use bn-hist or inspect, which only read the weights",
        )
    if spec.plan.kind == "inverted":
        return mobilenet.VideoMobileNetV2(spec, dropout=dropout)
    return resnet.VideoResNet(spec, dropout=dropout)


def build_without_values(spec: NetworkSpec) -> VideoNetwork | ClipNetwork:
    """The network in shapes alone (device meta): as large as nothing, and nothing is drawn for it."""
    with undrawn.shapes_alone():
        return build_model(spec)


def _build_system(spec: SystemSpec, dropout: float) -> ClipNetwork:
    """A published system; `dropout` is that of every dropout layer of its head, as it is if 0."""
    module = importlib.import_module(f"gst_analysis.networks.systems.{spec.record.module}")
    inner: nn.Module = module.build(spec)
    if dropout:
        set_dropout(inner, dropout)
    return adopted.ClipNetwork(inner, "NTCHW", spec)


def usual_clip(spec: NetworkSpec) -> ClipSpec:
    """The clips that such a network was published with; of a design of ours, the paper's."""
    if isinstance(spec, ModelSpec) and spec.flow:
        sampling, std = f"segments-of-{spec.flow}", (FLOW_STD,) * 3
        return ClipSpec(spec.num_frames, sampling, mean=(0.5,) * 3, std=std, colours=FLOW)
    if not isinstance(spec, SystemSpec):
        return ClipSpec(frames=spec.num_frames)
    record, size = spec.record, spec.size
    resize = record.clip.get("resize", record.size * 8 // 7) * size // record.size
    return ClipSpec(frames=spec.num_frames, **{**record.clip, "crop": size, "resize": resize})


def set_dropout(network: nn.Module, share: float) -> None:
    """Set every plain dropout layer, which in a network of ours is the one before the head."""
    for layer in network.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = share


def kind_of(spec: NetworkSpec) -> str:
    """What kind of blocks it is made of: networks of one kind have layers that can be compared by name."""
    return spec.plan.kind if isinstance(spec, ModelSpec) else spec.name


def anatomy_of(spec: NetworkSpec) -> Anatomy:
    """Places and units of any network: derived, probed once, or found when it was adopted."""
    if isinstance(spec, ModelSpec):
        return derive_anatomy(spec)
    if isinstance(spec, SystemSpec):
        return _probe_system(spec)
    if isinstance(spec, AdoptedSpec) and spec.anatomy is not None:
        return spec.anatomy
    return Anatomy((), (), unknown=("nothing is known of its modules",))


@lru_cache(maxsize=64)
def _probe_system(spec: SystemSpec) -> Anatomy:
    network = build_without_values(spec)
    assert isinstance(network, adopted.ClipNetwork)  # what a system is
    module = importlib.import_module(f"gst_analysis.networks.systems.{spec.record.module}")
    describe = getattr(module, "describe", None)  # a file may know better than probing finds
    if describe is not None:
        anatomy: Anatomy = describe(spec, network.inner)
        return probing.complete_anatomy(anatomy, network, frames=spec.num_frames, size=spec.size)
    anatomy = probing.probe_network(network, frames=spec.num_frames, size=spec.size)
    return anatomy if spec.record.lengths == "any" else replace(anatomy, any_length=False)
