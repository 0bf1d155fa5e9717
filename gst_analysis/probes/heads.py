"""Heads of attention as units: what each says before the layer's last projection mixes them.

Heads' answers lie side by side in what that projection is given, as many channels each, so one head can be
silenced there and nothing else. This holds for layers that are known by the full names of their classes, as
in `attention_tokens`. Where heads never leave one function (Video Swin, torch's own MultiheadAttention), or
there is one alone (non-local blocks), there is nothing to take apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from gst_analysis.errors import NotDefinedError
from gst_analysis.groups import Group
from gst_analysis.networks.anatomy import Anatomy, Unit, View
from gst_analysis.networks.described import NetworkSpec
from gst_analysis.networks.time_modules import find_place

NO_HEADS = "no layer of attention is known in it whose heads lie side by side before a projection"
_TOKENS = View("NTC")
"""All tokens alike, a class token too: a head answers for each of them."""


@dataclass(frozen=True)
class HeadLayer:
    """One attention layer whose heads can be told apart."""

    name: str
    """As tables of attention call it."""
    projection: str
    """The module that is given all heads side by side."""
    heads: int
    group: Group
    """Over what it attends: temporal, spatial, or all for both at once."""


def find_head_layers(network: nn.Module) -> Iterator[HeadLayer]:
    """Every attention layer whose heads can be told apart, in the order of the modules."""
    for name, module in getattr(network, "inner", network).named_modules():
        find = _KINDS.get(f"{type(module).__module__}.{type(module).__qualname__}")
        if find is not None:
            yield from find(name, module)


def list_heads(network: nn.Module, anatomy: Anatomy) -> list[Unit]:
    """Every head as a unit that is changed where the projection reads it; none if there are none."""
    return [unit for layer in find_head_layers(network) for unit in _list_heads(layer, network, anatomy)]


def number_head(unit: Unit) -> int:
    """Which head of its layer a unit is, from 0."""
    return int(unit.channels.start // unit.count)


def require_heads(units: list[Unit], spec: NetworkSpec) -> list[Unit]:
    """Refuse a network without heads.

    Raises:
        NotDefinedError: it has none that can be told apart.
    """
    if units:
        return units
    raise NotDefinedError(
        f"ablation of heads of {spec.label}",
        expected="a network that it is defined for",
        found=f"not defined for this network, because {NO_HEADS}",
        todo="leave out --heads",
    )


def _list_heads(layer: HeadLayer, network: nn.Module, anatomy: Anatomy) -> Iterator[Unit]:
    inside = network.get_submodule(layer.projection).modules()
    width = next(one.in_features for one in inside if isinstance(one, nn.Linear)) // layer.heads
    place, stage = find_place(layer.name, anatomy, 0)
    for head in range(layer.heads):
        channels = slice(head * width, (head + 1) * width)
        where = (stage, place or layer.name, layer.projection, layer.group)
        yield Unit(*where, channels, "", _TOKENS, "none", scaled=False, its_input=True)


def _beside(name: str, module: Any) -> Iterator[HeadLayer]:
    """VideoMAE: the projection lies beside the attention that it belongs to."""
    yield HeadLayer(name, f"{name.rpartition('.')[0]}.output", module.num_attention_heads, "all")


def _inside(projection: str, heads: str) -> Callable[[str, Any], Iterator[HeadLayer]]:
    """The projection is a part of the attention layer."""

    def find(name: str, module: Any) -> Iterator[HeadLayer]:
        if ".predictor." not in name:  # V-JEPA's: no answer goes through it
            yield HeadLayer(name, f"{name}.{projection}", getattr(module, heads), "all")

    return find


def _find_timesformer(name: str, module: Any) -> Iterator[HeadLayer]:
    divided = module.attention_type == "divided_space_time"
    parts: dict[str, Group] = {"temporal_attention": "temporal"} if divided else {}
    parts["attention"] = "spatial" if divided else "all"
    for part, group in parts.items():
        heads = module.get_submodule(f"{part}.attention").num_heads
        yield HeadLayer(f"{name}.{part}.attention", f"{name}.{part}.output", heads, group)


_HUGGING_FACE = "transformers.models"
_KINDS: Mapping[str, Callable[[str, Any], Iterator[HeadLayer]]] = {
    f"{_HUGGING_FACE}.videomae.modeling_videomae.VideoMAESelfAttention": _beside,
    f"{_HUGGING_FACE}.vivit.modeling_vivit.VivitAttention": _inside("o_proj", "num_attention_heads"),
    f"{_HUGGING_FACE}.vjepa2.modeling_vjepa2.VJEPA2RopeAttention": _inside("proj", "num_attention_heads"),
    f"{_HUGGING_FACE}.timesformer.modeling_timesformer.TimesformerLayer": _find_timesformer,
    "torchvision.models.video.mvit.MultiscaleAttention": _inside("project", "num_heads"),
}
