"""A network and rendered scenes in, responses out: a number a channel for every clip, its mean over the clip.

Maps are averaged as they leave a module, behind the activation that follows a norm: before it, what differs
between orders of the same frames would cancel. No more than a batch of one map is in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.analyses.roles.table import PLACE, UNIT
from gst_analysis.clips.transforms import normalise_clips
from gst_analysis.networks.anatomy import Anatomy, View
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.viewing import pick_tensor, view_frames
from gst_analysis.planted.render import Frames
from gst_analysis.probes.clip_stream import group_evenly

Reals = npt.NDArray[np.float64]
_ACTIVATIONS = {"relu": F.relu, "relu6": F.relu6}


@dataclass(frozen=True)
class Part:
    """Channels of one group in one layer."""

    kind: str
    stage: int
    block: str
    layer: str
    group: str
    channels: slice
    """Their places in the layer's output."""


@dataclass(frozen=True)
class Look:
    """One module that is looked at: how its output lies, what follows it, and whose channels those are."""

    layer: str
    view: View
    activation: str
    parts: tuple[Part, ...]


def list_looks(anatomy: Anatomy) -> list[Look]:
    """Every norm behind what mixes space or time, then every place."""
    looks = []
    for layer in dict.fromkeys(unit.layer for unit in anatomy.units):
        units = [unit for unit in anatomy.units if unit.layer == layer]
        parts = tuple(Part(UNIT, unit.stage, unit.block, layer, unit.group, unit.channels) for unit in units)
        looks.append(Look(layer, units[0].view, units[0].activation, parts))
    for place in anatomy.places:
        part = Part(PLACE, place.stage, place.name, place.name, "all", slice(None))
        looks.append(Look(place.name, place.view, "none", (part,)))
    return looks


def show_scene(
    network: nn.Module,
    looks: Sequence[Look],
    frames: Frames,
    orders: Sequence[Sequence[int]],
    spec: ClipSpec,
    *,
    batch: int,
    device: torch.device,
) -> list[Reals]:
    """Show a scene's clips in every order; returns for each look (looks, cameras, orders, channels).

    Args:
        network: ready to be run on the device.
        looks: what is looked at.
        frames: (looks, cameras, T, H, W, 3) as they were rendered.
        orders: places of frames.
        spec: how the network takes clips.
        batch: clips at once.
        device: where it lies.
    """
    looked, cameras = frames.shape[:2]
    places = [(a, r, m) for a in range(looked) for r in range(cameras) for m in range(len(orders))]
    answers: list[list[Tensor]] = [[] for _ in looks]
    for group in group_evenly(places, batch):
        clips = np.stack([frames[a, r, list(orders[m])] for a, r, m in group])  # (N, T, H, W, 3)
        pixels = torch.from_numpy(clips).permute(0, 1, 4, 2, 3).to(device)
        with torch.no_grad(), averaging(network, looks, len(group)) as seen:
            network(normalise_clips(pixels, spec))
        for kept, number in zip(answers, range(len(looks)), strict=True):
            kept.append(seen[number])
    shape = (looked, cameras, len(orders), -1)
    return [torch.cat(kept).numpy().reshape(shape) for kept in answers]


@contextmanager
def averaging(network: nn.Module, looks: Sequence[Look], clips: int) -> Iterator[dict[int, Tensor]]:
    """What leaves each module in a forward pass inside the block, by its number: means (clips, channels)."""
    seen: dict[int, Tensor] = {}

    def hear(number: int, look: Look, output: Any) -> None:
        frames = view_frames(pick_tensor(output, look.view), look.view, clips).float()
        if look.activation in _ACTIVATIONS:
            frames = _ACTIVATIONS[look.activation](frames)
        # Frames are added up in double precision, so that their order leaves nothing but what it means.
        seen[number] = frames.mean((3, 4)).double().mean(1).cpu()

    with ExitStack() as stack:
        for number, look in enumerate(looks):
            module = network.get_submodule(look.layer)
            hook = module.register_forward_hook(lambda _, __, out, n=number, one=look: hear(n, one, out))
            stack.callback(hook.remove)
        yield seen
