from __future__ import annotations

import pytest
import torch
from torch import nn

from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.training.config import OptimiserConfig
from gst_analysis.training.optimiser import build_optimiser, split_parameters


@pytest.mark.parametrize("name", ["gst-resnet26s", "p3d-resnet26s", "sth-resnet18", "c2d-mobilenetv2"])
def test_batch_norms_and_biases_are_spared_and_everything_is_trained(name: str) -> None:
    network = build_model(ModelSpec.from_name(name, num_classes=5))
    decayed, spared = split_parameters(network)
    assert not decayed.keys() & spared.keys()
    assert decayed.keys() | spared.keys() == dict(network.named_parameters()).keys()
    assert all(tensor.ndim > 1 for tensor in decayed.values())
    norms = {
        f"{prefix}.{part}"
        for prefix, module in network.named_modules()
        if isinstance(module, nn.BatchNorm2d)
        for part in ("weight", "bias")
    }
    assert spared.keys() == norms | {"fc.bias"}


def test_decay_pulls_weights_and_leaves_gammas() -> None:
    network = build_model(ModelSpec.from_name("gst-resnet26s", num_classes=5, width=8))
    optimiser = build_optimiser(network, OptimiserConfig(lr=0.1, weight_decay=0.5, momentum=0.0))
    before = {name: tensor.detach().clone() for name, tensor in network.named_parameters()}
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    after = dict(network.named_parameters())
    assert torch.equal(after["layer1.0.bn2.weight"], before["layer1.0.bn2.weight"])
    assert torch.equal(after["fc.bias"], before["fc.bias"])
    assert torch.allclose(after["conv1.weight"], before["conv1.weight"] * (1 - 0.1 * 0.5))
