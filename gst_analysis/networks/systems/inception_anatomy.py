"""Places and units of the systems on BN-Inception, and of TRN and GSF on ResNet-50, by their layers' names.

Probing finds few of them: the layers of BN-Inception lie side by side, with no module around a block. A place
is a block's output; a unit is a norm after a 3x3 (spatial), after a gate that moves features in time
(temporal), or after a 3x3x3 (all). What a gate moves, and the gate itself, are units without a norm.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from gst_analysis.groups import Group
from gst_analysis.networks.anatomy import Anatomy, Place, Unit, View
from gst_analysis.networks.systems import SystemSpec
from gst_analysis.networks.systems.bn_inception import MIXTURES, name_output, walk_mixture
from gst_analysis.networks.systems.frame_resnet import BLOCKS
from gst_analysis.networks.time_modules import list_own_units

REACHES = {"gsm": 2, "gsf": 3}
"""Frames back and forth that a gate's output depends on: one for kernel, shift and fusion each."""
FRAMES, SOLID = View("(NT)CHW"), View("NCTHW")


def describe(spec: SystemSpec, network: nn.Module) -> Anatomy:
    """The anatomy of a network that `build` of one of these systems made."""
    modules = dict(network.named_modules())
    walk = _walk_residual if spec.backbone == "resnet50" else _walk_inception
    found = list(walk(spec, modules, network))
    units = tuple(unit for _, members in found for unit in members)
    any_length = spec.record.lengths == "any"
    return Anatomy(tuple(place for place, _ in found), units, any_length=any_length)


def _walk_inception(
    spec: SystemSpec, modules: dict[str, nn.Module], network: nn.Module
) -> Iterator[tuple[Place, list[Unit]]]:
    """Block by block, and the 3-D part of ECO behind them."""
    stride, reach = 8, 0
    for name, mixture in MIXTURES.items():
        stride, reach = stride * mixture.stride, reach + REACHES.get(spec.family, 0)
        place = Place(f"base_model.{name_output(name)}", int(name[0]) - 2, FRAMES, reach, stride)
        if place.name not in modules:
            continue
        units: list[Unit] = []
        for unit in walk_mixture(name, mixture):
            conv, gate = f"base_model.{unit.name}", f"base_model.{spec.family}_{unit.name}"
            if gate in modules:
                units += list_own_units(place, network, gate)
                units.append(_build_unit(place, f"{conv}_bn", "temporal", unit.c_out, gate))
            elif unit.kernel > 1:
                units.append(_build_unit(place, f"{conv}_bn", "spatial", unit.c_out, conv))
        yield place, units
    for stage, channels in ((3, 128), (4, 256), (5, 512)) if spec.family == "eco" else ():
        name = f"base_model.res{stage}"
        place = Place(f"{name}b_relu", stage + 1, SOLID, None, 2**stage)
        norms = [norm for norm in ("a_1_bn", "a_bn", "b_1_bn", "b_bn") if name + norm in modules]
        convs = {"a_1_bn": "a_1", "b_1_bn": "b_1"} | ({"a_bn": "a_2"} if stage == 3 else {})
        yield (
            place,
            [
                _build_unit(place, name + norm, "all", channels, name + convs[norm] if norm in convs else "")
                for norm in norms  # the others scale a sum of several convolutions
            ],
        )


def _walk_residual(
    spec: SystemSpec, modules: dict[str, nn.Module], network: nn.Module
) -> Iterator[tuple[Place, list[Unit]]]:
    """Block by block of ResNet-50."""
    prefix = "base_model." if "base_model" in modules else ""
    stride, reach = 4, 0
    for block in BLOCKS:
        name = prefix + block.name
        stride, reach = stride * block.stride, reach + REACHES.get(spec.family, 0)
        place = Place(name, block.stage, FRAMES, reach, stride)
        units = [_build_unit(place, f"{name}.bn2", "spatial", block.hidden, f"{name}.conv2")]
        gate = modules.get(f"{name}.gsf.bn")
        if isinstance(gate, nn.BatchNorm3d):
            channels = gate.num_features
            units += list_own_units(place, network, f"{name}.gsf")
            if channels < block.c_out:
                units.append(_build_passing(place, f"{name}.gsf", slice(channels, block.c_out)))
            units.append(_build_unit(place, f"{name}.bn3", "temporal", channels, f"{name}.gsf", "none"))
        yield place, units


def _build_passing(place: Place, layer: str, channels: slice) -> Unit:
    """Channels that pass by a gate."""
    where = (place.stage, place.name, layer)
    return Unit(*where, "unshifted", channels, "", place.view, "none", scaled=False)


def _build_unit(
    place: Place, layer: str, group: Group, channels: int, conv: str, activation: str = "relu"
) -> Unit:
    return Unit(place.stage, place.name, layer, group, slice(0, channels), conv, place.view, activation)
