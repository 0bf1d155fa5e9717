"""What in a clip speaks for a class, over space and time: Grad-CAM of a block, and of its groups of channels.

Evidence at a place is the sum over channels of activation times mean gradient, where the mean is taken over
the frame; heat is its positive part. It is in units of the class's logit, averaged over frames.

Groups are those of the block's temporal operator, looked at where its output is used: after batch norm
and activation in a bottleneck or inverted residual, after batch norm in a basic block, whose shortcut
is added before the activation. Group `all` is the output of the whole block, shortcut included.

Of a network with two pathways the groups are what leaves each of them where the block ends, and `all` is both
together: evidence of a pathway that picks frames lies on the frames that it picked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gst_analysis.networks.anatomy import Anatomy, Place, Unit
from gst_analysis.networks.capabilities import require
from gst_analysis.networks.described import NetworkSpec
from gst_analysis.networks.network import average_frames
from gst_analysis.networks.next_layer import NextLayer
from gst_analysis.networks.registry import anatomy_of
from gst_analysis.networks.viewing import view_frames
from gst_analysis.probes.hooks import Look, looking

Maps = npt.NDArray[np.float64]
PATHWAYS = ("slow", "fast")
DIVIDED = ("spatial", "temporal")
"""Groups of attention that is divided, which no norm scales."""
ENOUGH_CELLS = 7
"""What a block's map should have each way, to point at anything: as many as layer4's at 224 pixels."""


def measure_evidence(
    network: Any, clip: Tensor, class_id: int, place: Place, anatomy: Anatomy
) -> dict[str, Maps]:
    """(T, h, w) evidence by group, `all` first; the others only where the place has two groups, or a twin.

    Args:
        network: clips (N, T, 3, H, W) -> logits, in evaluation mode.
        clip: (1, T, 3, H, W), normalised.
        class_id: whose logit.
        place: one of the network's places.
        anatomy: of the network.
    """
    ends = find_pathways(place, anatomy)
    if ends:
        return _measure_pathways(network, clip, class_id, ends)
    told = [unit for unit in anatomy.units_of(place.name) if unit.scaled or unit.group in DIVIDED]
    groups = {unit.group: unit for unit in told if unit.group != "all"}  # the last layer of each
    looks = {"": Look(place.name, place.view)}
    if len(groups) > 1:
        looks |= _look_at(list(groups.values()), anatomy)
    parts = _attribute(network, clip, class_id, looks)
    maps = {"all": parts[""].sum(1)}
    if len(groups) > 1:
        maps |= {name: parts[unit.layer][:, unit.channels].sum(1) for name, unit in groups.items()}
    frames = clip.shape[1]
    return {
        name: _spread(np.asarray(part.double().cpu().numpy()), frames, place) for name, part in maps.items()
    }


def find_pathways(place: Place, anatomy: Anatomy) -> dict[str, Place]:
    """The place and the one beside it in the other pathway, slow first; none where there is no other pathway.

    Beside it is what has as many places of its own pathway and stage before it.
    """
    ends = {}
    for group in PATHWAYS:
        inside = [one for one in anatomy.places if one.stage == place.stage and _is_of(one, group, anatomy)]
        ends[group] = inside
    own = next((group for group, inside in ends.items() if place in inside), None)
    number = ends[own].index(place) if own else 0
    if own is None or any(len(inside) <= number for inside in ends.values()):
        return {}
    found = {group: inside[number] for group, inside in ends.items()}
    return found if len({one.stride for one in found.values()} | {None}) == 2 else {}  # maps of one size


def _is_of(place: Place, group: str, anatomy: Anatomy) -> bool:
    return {unit.group for unit in anatomy.units_of(place.name)} == {group}


def _measure_pathways(
    network: Any, clip: Tensor, class_id: int, ends: Mapping[str, Place]
) -> dict[str, Maps]:
    """Both pathways together, then each."""
    looks = {group: Look(one.name, one.view) for group, one in ends.items()}
    parts = _attribute(network, clip, class_id, looks)
    maps = {
        group: _spread(np.asarray(parts[group].sum(1).double().cpu().numpy()), clip.shape[1], one)
        for group, one in ends.items()
    }
    return {"all": maps[PATHWAYS[0]] + maps[PATHWAYS[1]], **maps}


def _look_at(units: Sequence[Unit], anatomy: Anatomy) -> dict[str, Look]:
    """By norm, where channels are used: what their one reader is given, or what leaves it if one has none.

    Groups are set side by side, so all are looked at in front of their activation, or all behind it.
    """
    readers = dict(anatomy.readers)
    behind = {unit.layer: _look_behind(unit, readers.get(unit.layer)) for unit in units}
    seen = {layer: look for layer, look in behind.items() if look is not None}
    return seen if len(seen) == len(behind) else {unit.layer: Look(unit.layer, unit.view) for unit in units}


def _look_behind(unit: Unit, found: NextLayer | str | None) -> Look | None:
    """What a norm's one reader is given; None if there is none, or it reads a part alone."""
    if not isinstance(found, NextLayer) or len(found.readers) != 1:
        return None
    (reader,) = found.readers
    if reader.reads != tuple(range(len(reader.reads))) or unit.channels.stop > len(reader.reads):
        return None
    return Look(reader.weight.removesuffix(".weight"), unit.view, its_input=True)


def _spread(evidence: Maps, frames: int, place: Place) -> Maps:
    """A map for every frame that went in, of a place with fewer: each is shared among its frames.

    Where the place sees some frames alone, its maps are theirs, and there is no evidence on the others.
    """
    inside = len(evidence)
    if inside == frames:
        return evidence
    if len(place.frames) == inside:
        seen = np.zeros((frames, *evidence.shape[1:]))
        seen[list(place.frames)] = evidence
        return seen
    which = np.arange(frames) * inside // frames
    return np.asarray(evidence[which] / np.bincount(which, minlength=inside)[which, None, None])


def find_block(network: NetworkSpec, name: str | None, size: int) -> Place:
    """The place of that name, or the deepest whose map of a frame that large has enough cells.

    Raises:
        SpecError: the network has no such place.
    """
    anatomy = anatomy_of(network)
    require(network, anatomy, "places", what="saliency")
    if name is not None:
        return anatomy.find_place(name, network.name)
    places = anatomy.places
    if places[-1].view.extra and len(places) > 1:  # a class token answers: nothing else is read
        places = places[:-1]
    fine = [one for one in places if one.stride and size >= ENOUGH_CELLS * one.stride]
    paired = [one for one in fine if find_pathways(one, anatomy)]  # a lateral connection is no end of a block
    return (paired or fine)[-1] if fine else places[0]


def place_cells(cells: int, place: Place, size: int) -> Maps:
    """Where the cells of a map stand, as parts of the frame's side.

    Where all kernels are odd and padded by half, cell i has its middle in pixel i * stride: the first stands
    at the very edge, not half a cell from it. Patches stand side by side.
    """
    stride = place.stride or size / cells
    return np.asarray((np.arange(cells) * stride + (stride / 2 if place.patches else 0.5)) / size)


def _attribute(network: Any, clip: Tensor, class_id: int, looks: Mapping[str, Look]) -> dict[str, Tensor]:
    """(T, C, h, w) for each look: every channel's activation times its gradient's mean over the frame."""
    pixels = clip.detach().clone().requires_grad_()
    with torch.enable_grad(), looking(network, looks) as seen:
        logit = average_frames(network(pixels))[0, class_id]
        gradients = torch.autograd.grad(logit, list(seen.values()))
    parts = {}
    for (name, output), gradient in zip(seen.items(), gradients, strict=True):
        activation, slope = (view_frames(one.detach(), looks[name].view, 1)[0] for one in (output, gradient))
        parts[name] = activation * slope.mean((2, 3), keepdim=True)
    return parts
