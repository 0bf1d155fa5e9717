from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import distributed, nn

from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.training.sync_norm import SyncBatchNorm2d, SyncBatchNorm3d, synchronise_norms

CPU = torch.device("cpu")


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[None]:
    """A group of one process: sums over ranks are the rank's own."""
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path / 'meet'}", rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


@pytest.mark.usefixtures("alone")
def test_on_one_rank_it_is_plain_batch_norm_forwards_and_backwards() -> None:
    torch.manual_seed(0)
    plain, ours = nn.BatchNorm2d(6), SyncBatchNorm2d(6)
    for parameter in plain.parameters():
        nn.init.normal_(parameter, 1.0, 0.3)
    ours.load_state_dict(plain.state_dict())
    for step in range(3):
        x = torch.randn(5, 6, 4, 3) * 3 + 10
        a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
        weight = torch.randn_like(x)
        (plain(a) * weight).sum().backward()
        (ours(b) * weight).sum().backward()
        assert a.grad is not None
        assert b.grad is not None
        torch.testing.assert_close(b.grad, a.grad, rtol=1e-4, atol=1e-5)
        for one, two in zip(plain.parameters(), ours.parameters(), strict=True):
            torch.testing.assert_close(two.grad, one.grad, rtol=1e-4, atol=1e-4)
        for name, value in plain.state_dict().items():
            torch.testing.assert_close(ours.state_dict()[name], value, msg=f"{name} after step {step}")
    x = torch.randn(2, 6, 4, 3)
    torch.testing.assert_close(ours.eval()(x), plain.eval()(x))


@pytest.mark.usefixtures("alone")
def test_maps_with_time_are_measured_over_time_too() -> None:
    torch.manual_seed(0)
    plain = nn.Sequential(nn.BatchNorm3d(5))
    ours = copy.deepcopy(plain)
    synchronise_norms(ours, CPU)
    assert isinstance(ours[0], SyncBatchNorm3d)
    x = torch.randn(4, 5, 3, 6, 2) * 2 + 1
    torch.testing.assert_close(ours(x), plain(x))
    for name, value in plain.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value)


@pytest.mark.usefixtures("alone")
def test_half_precision_goes_in_and_comes_out() -> None:
    ours = SyncBatchNorm2d(3)
    x = (torch.randn(4, 3, 5, 5) * 2 + 100).to(torch.bfloat16)
    y = ours(x)
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y, nn.BatchNorm2d(3)(x), rtol=0.02, atol=0.02)


@pytest.mark.parametrize("name", ["gst-resnet26s", "p3d-resnet26s", "c2d-mobilenetv2"])
def test_a_networks_norms_are_all_replaced_and_keep_their_weights(name: str) -> None:
    network = build_model(ModelSpec.from_name(name, num_classes=3))
    for parameter in network.parameters():
        nn.init.normal_(parameter)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    synchronise_norms(network, CPU)
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    assert norms
    assert all(isinstance(norm, SyncBatchNorm2d) for norm in norms)
    after = network.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)
