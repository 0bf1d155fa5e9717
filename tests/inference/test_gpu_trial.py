"""Kernels are compiled where it pays, once, and used only where they say what the network says."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from gst_analysis.inference import gpu_trial
from gst_analysis.inference.gpu_trial import compiling_pays, try_compiled
from gst_analysis.networks.folding import fold_norms
from gst_analysis.progress import NOTICES
from tests.conftest import build_small

SHAPE, HALF = (1, 2, 3, 32, 32), torch.bfloat16


@pytest.fixture
def folded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    """A network on a card that is only said to be there, with a cache of its own."""
    pytest.importorskip("triton")
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device=None: (9, 0))
    return fold_norms(build_small("gst-resnet26s"))


def stand_in(monkeypatch: pytest.MonkeyPatch, change: Callable[[nn.Module], nn.Module]) -> None:
    monkeypatch.setattr(gpu_trial, "fuse_network_on_gpu", lambda network, kind, compiled: change(network))


def spoil(network: nn.Module) -> nn.Module:
    network.get_parameter("fc.weight").mul_(2)
    return network


def test_compiling_waits_until_it_pays_or_was_done(
    folded: nn.Module, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, NOTICES)
    stand_in(monkeypatch, lambda network: network)
    assert try_compiled(folded, HALF, SHAPE, pays=False) is None
    assert try_compiled(folded, torch.float32, SHAPE, pays=True) is None
    assert not caplog.text
    assert try_compiled(folded, HALF, SHAPE, pays=True) is not None
    assert "once" in caplog.text
    caplog.clear()
    assert try_compiled(folded, HALF, SHAPE, pays=False) is not None
    assert not caplog.text
    assert try_compiled(folded, HALF, (2, *SHAPE[1:]), pays=False) is None  # other kernels


def test_what_differs_or_fails_is_not_used(
    folded: nn.Module, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, NOTICES)
    before = copy.deepcopy(folded.state_dict())
    stand_in(monkeypatch, spoil)
    assert try_compiled(folded, HALF, SHAPE, pays=True) is None
    assert "differ" in caplog.text

    def fail(network: nn.Module) -> nn.Module:
        raise RuntimeError("no ptxas")

    stand_in(monkeypatch, fail)
    assert try_compiled(folded, HALF, SHAPE, pays=True) is None
    assert "no ptxas" in caplog.text
    assert try_compiled(folded, HALF, SHAPE, pays=False) is None  # nothing was marked
    assert all(torch.equal(folded.state_dict()[name], tensor) for name, tensor in before.items())


def test_a_few_clips_are_never_worth_it() -> None:
    assert not compiling_pays(1000 * 8 * (224 / 16) ** 2)
    assert compiling_pays(1_000_000 * 8 * (224 / 16) ** 2)
