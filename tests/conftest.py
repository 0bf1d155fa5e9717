"""What several tests share: small networks saved as files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest
import torch

from gst_analysis.checkpoints.loading import save_model
from gst_analysis.models.network import VideoNetwork
from gst_analysis.models.registry import build_model
from gst_analysis.specs import ModelSpec

# The same examples every time: a run that fails must fail again.
hypothesis.settings.register_profile("repeatable", derandomize=True)
hypothesis.settings.load_profile("repeatable")

SaveSmall = Callable[..., Path]
SMALL = {"width": 16, "num_classes": 5}


def build_small(name: str, *, seed: int = 0, alpha: str | None = None) -> VideoNetwork:
    """A narrow network whose batch norms are not all ones."""
    torch.manual_seed(seed)
    network = build_model(ModelSpec.from_name(name, alpha=alpha, **SMALL)).eval()
    for parameter_name, parameter in network.named_parameters():
        if parameter.ndim == 1 and "fc" not in parameter_name:
            torch.nn.init.normal_(parameter, 1.0 if parameter_name.endswith("weight") else 0.0, 0.3)
    for buffer_name, buffer in network.named_buffers():
        if buffer_name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
    return network


@pytest.fixture
def save_small(tmp_path: Path) -> SaveSmall:
    """Save a narrow network in our own format and return its path."""

    def save(name: str = "gst-resnet26s", *, seed: int = 0, alpha: str | None = None, file: str = "") -> Path:
        return save_model(
            tmp_path / (file or f"{name}-{seed}.pth"), build_small(name, seed=seed, alpha=alpha)
        )

    return save
