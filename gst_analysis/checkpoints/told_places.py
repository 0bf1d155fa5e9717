"""What a user knows of his network's places and groups of channels, in the stead of what was found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import cast

from torch import Tensor, nn

from gst_analysis.errors import SpecError
from gst_analysis.groups import GROUPS, Group
from gst_analysis.networks.adopted import ClipNetwork
from gst_analysis.networks.anatomy import Anatomy, Place, Unit, View
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.probing import find_readers, find_views, look_around
from gst_analysis.networks.readers import has_scales

Groups = Mapping[str, Mapping[str, slice]]
"""A module's name -> its groups of channels by the words of gst_analysis/groups.py: spatial, slow, …"""


def as_told(
    anatomy: Anatomy,
    places: Sequence[str] | Mapping[str, View] | None,
    groups: Groups | None,
    network: ClipNetwork,
    clip_spec: ClipSpec,
) -> Anatomy:
    """What was found, with what the user knows better in its stead."""
    if places is None and groups is None:
        return anatomy
    views = find_views(network, frames=clip_spec.frames, size=clip_spec.crop)
    if places is not None:
        made = tuple(_list_told_places(places, network, views))
        moved = tuple(_put_into(unit, made) for unit in anatomy.units)
        anatomy = replace(anatomy, places=made, units=moved)
    if groups is not None:
        told = tuple(_list_told_units(anatomy.places, groups, network, views))
        size = {"frames": clip_spec.frames, "size": clip_spec.crop}
        units, readers = look_around(network, told, **size), find_readers(network, told, **size)
        anatomy = replace(anatomy, units=units, readers=readers)
    return anatomy


def _list_told_places(
    places: Sequence[str] | Mapping[str, View], network: ClipNetwork, views: Mapping[str, View]
) -> Iterator[Place]:
    told = places if isinstance(places, Mapping) else dict.fromkeys(places)
    for number, (name, view) in enumerate(told.items()):
        _require_submodule(network, name)
        found = view or views.get(name)
        if found is None:
            raise SpecError(
                f"place {name}",
                expected="a module whose output shows where time lies",
                found="one that does not, or that is not run",
                todo="say how to read it: places={name: View(…)}",
            )
        yield Place(name, number, found)


def _list_told_units(
    places: Sequence[Place], groups: Groups, network: ClipNetwork, views: Mapping[str, View]
) -> Iterator[Unit]:
    for layer, parts in groups.items():
        _require_submodule(network, layer)
        view = views.get(layer)
        scaled = has_scales(network.get_submodule(layer))
        for group, channels in parts.items():
            if group not in GROUPS or view is None:
                raise SpecError(
                    f"group {group!r} of {layer}",
                    expected=f"one of {', '.join(GROUPS)}, at a module whose output shows where time lies",
                    found=group if view else "an output that does not",
                    todo="correct groups",
                )
            channels = _read_channels(layer, channels, network.get_submodule(layer))
            unit = Unit(0, layer, layer, cast(Group, group), channels, "", view, "none", scaled=scaled)
            yield _put_into(unit, places)


def _read_channels(layer: str, told: object, module: nn.Module) -> slice:
    """A group's channels as a slice with both ends, which the module has, where its weights say how many."""
    weight = getattr(module, "weight", None)
    width = len(weight) if isinstance(weight, Tensor) and weight.ndim else None
    if isinstance(told, slice) and told.step in (None, 1):
        start, stop = told.start or 0, width if told.stop is None else told.stop
        if isinstance(start, int) and isinstance(stop, int) and 0 <= start < stop <= (width or stop):
            return slice(start, stop)
    raise SpecError(
        f"channels of {layer}",
        expected="a slice of neighbours, such as slice(0, 8)" + (f", of {width} channels" if width else ""),
        found=repr(told)[:80],
        todo="correct groups",
    )


def _put_into(unit: Unit, places: Sequence[Place]) -> Unit:
    """The unit with the stage and name of the place that it lies in, if it lies in one."""
    inside = (one for one in places if f"{unit.layer}.".startswith(f"{one.name}."))
    place = next(inside, None)
    return unit if place is None else replace(unit, stage=place.stage, block=place.name)


def _require_submodule(network: ClipNetwork, name: str) -> None:
    try:
        network.get_submodule(name)
    except AttributeError as error:
        near = [one for one, _ in network.inner.named_modules() if one.endswith(name.rpartition(".")[2])]
        raise SpecError(
            f"module {name!r}",
            expected="one of the network's modules",
            found="none of that name",
            todo=f"did you mean {near[0]}?" if near else "see module.named_modules()",
        ) from error
