"""Shapes alone are those that torch's meta device gives, and nothing is drawn for them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from gst_analysis.networks.registry import build_model, spec_from_name
from gst_analysis.networks.undrawn import shapes_alone


class Asked(TorchDispatchMode):
    """What reaches torch while it is entered, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.add(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


def describe(network: nn.Module) -> dict[str, tuple[Any, ...]]:
    tensors = [*network.named_parameters(), *network.named_buffers()]
    return {name: (t.shape, t.dtype, t.device.type, t.requires_grad) for name, t in tensors}


@pytest.mark.parametrize("name", ["gst-resnet26s", "tsm-mobilenetv2", "tsn-bninception", "swin3d-t"])
def test_shapes_are_those_of_the_meta_device_and_nothing_is_drawn(name: str) -> None:
    spec = spec_from_name(name)
    with torch.device("meta"):
        drawn = describe(build_model(spec))
    with Asked() as asked, shapes_alone():
        found = describe(build_model(spec))
    assert found == drawn
    assert {kind for _, _, kind, _ in found.values()} == {"meta"}
    assert not asked.names & {"normal_", "uniform_", "erfinv_", "mul_", "clamp_", "fill_", "zero_"}


def test_what_has_values_keeps_them_and_is_drawn() -> None:
    kept = torch.zeros(64, device="cpu")
    with shapes_alone():
        for real in (kept, torch.zeros(64, device="cpu")):
            nn.init.normal_(real)
            assert real.std() > 0.5
            nn.init.constant_(real, 3.0)
            assert (real.mul_(2) == 6).all()
    nn.init.normal_(torch.zeros(2))
    assert nn.Linear(2, 2).weight.device.type == "cpu"
