from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from gst_analysis.errors import SpecError
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.training.config import OptimiserConfig, ScheduleConfig
from gst_analysis.training.optimiser import build_optimiser, learning_rate, split_parameters


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


def test_adamw_spares_what_sgd_spares_and_goes_on_from_its_state() -> None:
    config = OptimiserConfig(kind="adamw", lr=0.1, weight_decay=0.5)
    part = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.BatchNorm2d(2))
    twin = copy.deepcopy(part)
    optimiser, other = build_optimiser(part, config), build_optimiser(twin, config)

    def step(network: nn.Module, one: torch.optim.Optimizer, value: float) -> None:
        for parameter in network.parameters():
            parameter.grad = torch.full_like(parameter, value)
        one.step()

    before = [parameter.detach().clone() for parameter in part.parameters()]
    step(part, optimiser, 0.0)
    weight, gamma, beta = part.parameters()
    assert torch.allclose(weight, before[0] * (1 - 0.1 * 0.5))
    assert torch.equal(gamma, before[1])
    assert torch.equal(beta, before[2])
    step(part, optimiser, 1.0)
    twin.load_state_dict(part.state_dict())
    other.load_state_dict(copy.deepcopy(optimiser.state_dict()))
    for network, one in ((part, optimiser), (twin, other)):
        step(network, one, -1.0)
    assert all(torch.equal(a, b) for a, b in zip(part.parameters(), twin.parameters(), strict=True))


def test_adamw_takes_no_nesterov() -> None:
    with pytest.raises(SpecError, match="sgd with it; found adamw"):
        OptimiserConfig(kind="adamw", nesterov=True)


def test_the_papers_steps() -> None:
    schedule = ScheduleConfig()
    rates = [learning_rate(0.01, schedule, epoch, 6, 7) for epoch in range(60)]
    assert rates == pytest.approx([0.01] * 40 + [0.001] * 10 + [0.0001] * 10)


def test_steps_within_an_epoch_wait_for_its_end_unless_told_otherwise() -> None:
    by_epoch = ScheduleConfig(epochs=4, milestones=(1.5,))
    by_step = ScheduleConfig(epochs=4, milestones=(1.5,), update="step")
    assert [learning_rate(1, by_epoch, 1, batch, 4) for batch in range(4)] == [1, 1, 1, 1]
    assert [learning_rate(1, by_step, 1, batch, 4) for batch in range(4)] == pytest.approx([1, 1, 0.1, 0.1])
    assert learning_rate(1, by_epoch, 2, 0, 4) == pytest.approx(0.1)


def test_cosine_falls_from_all_to_nothing() -> None:
    schedule = ScheduleConfig(epochs=10, kind="cosine", update="step")
    rates = [learning_rate(2, schedule, epoch, batch, 10) for epoch in range(10) for batch in range(10)]
    assert rates[0] == 2
    assert rates[50] == pytest.approx(1)
    assert 0 < rates[-1] < 0.001
    assert rates == sorted(rates, reverse=True)


def test_warmup_rises_step_by_step_and_starts_above_nothing() -> None:
    schedule = ScheduleConfig(epochs=10, kind="constant", warmup_epochs=2)
    rates = [learning_rate(1, schedule, epoch, batch, 4) for epoch in range(3) for batch in range(4)]
    assert rates[:8] == pytest.approx([(step + 1) / 9 for step in range(8)])
    assert rates[8:] == [1] * 4


def test_constant_is_constant() -> None:
    schedule = ScheduleConfig(kind="constant")
    assert {learning_rate(0.3, schedule, epoch, 1, 2) for epoch in range(60)} == {0.3}
