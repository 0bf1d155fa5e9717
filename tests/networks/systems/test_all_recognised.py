"""Every system's weights among all systems: known as its own by one file, and nothing else is claimed."""

from __future__ import annotations

import importlib

import pytest
from torch import Tensor
from torchvision import models

from gst_analysis.checkpoints.systems import find_system_of
from gst_analysis.networks.registry import anatomy_of, build_without_values
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.networks.systems import SYSTEMS, SystemSpec
from gst_analysis.networks.undrawn import shapes_alone

TWINS = {"i3d-r50": "i3d-r50-8x8", "x3d-s": "x3d-m"}
"""Systems whose weights are another's too, and what they are taken for."""
FILES = sorted({record.module for record in SYSTEMS.values()})


def shapes_of(name: str) -> dict[str, Tensor]:
    """Names and shapes of a network's weights."""
    spec = SystemSpec.from_name(name, num_classes=7) if name in SYSTEMS else ModelSpec.from_name(name)
    state: dict[str, Tensor] = build_without_values(spec).state_dict()
    return state


def list_claims(state: dict[str, Tensor]) -> dict[str, str]:
    """Which files say that weights are theirs, and what they take them for."""
    found = {}
    for module in FILES:
        known = importlib.import_module(f"gst_analysis.networks.systems.{module}").recognise(state)
        if known is not None:
            found[module] = known.spec.name
    return found


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_systems_own_weights_are_known_as_its_own(name: str) -> None:
    state = shapes_of(name)
    assert list_claims(state) == {SYSTEMS[name].module: TWINS.get(name, name)}
    found = find_system_of(state, None, None)
    assert found is not None
    assert found.spec.num_classes == 7
    assert found.state.keys() >= {key for key in state if not key.endswith("num_batches_tracked")}


@pytest.mark.parametrize("name", ["gst-resnet50", "tsm-resnet50", "c3d-resnet18", "c2d-mobilenetv2"])
def test_networks_of_ours_are_not_claimed(name: str) -> None:
    state = shapes_of(name)
    for prefix in ("", "module.", "module.base_model."):
        assert list_claims({prefix + key: tensor for key, tensor in state.items()}) == {}


@pytest.mark.parametrize("prefix", ["", "module.base_model."])
def test_plain_resnets_are_not_claimed(prefix: str) -> None:
    with shapes_alone():
        state = models.resnet50().state_dict()
    state = {prefix + key: tensor for key, tensor in state.items()}
    assert list_claims(state) == {}


@pytest.mark.parametrize("name", ["tdn-r50", "slowfast-r50-8x8", "trn-r50"])
def test_a_system_of_some_lengths_alone_is_not_given_others(name: str) -> None:
    """Twice as many frames would do for TDN, but not one or two, which analyses would try."""
    assert SYSTEMS[name].lengths != "any"
    assert not anatomy_of(SystemSpec.from_name(name)).any_length
