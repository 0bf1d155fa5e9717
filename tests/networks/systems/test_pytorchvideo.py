"""Our networks against PyTorchVideo's own, with its weights mapped: needs the extra `pytorchvideo`."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from gst_analysis.checkpoints.systems import find_system_of
from gst_analysis.networks.registry import build_model, spec_from_name
from tests.networks.agreement import draw_weights, relative

pytest.importorskip("pytorchvideo", reason="the extra pytorchvideo is not installed")

NO_SOFTMAX = {"head_activation": None}
FRAMES = {
    "slowfast_r50": 32,
    "slow_r50": 8,
    "c2d_r50": 8,
    "i3d_r50": 8,
    "x3d_s": 13,
    "x3d_m": 16,
    "csn_r101": 32,
    "r2plus1d_r50": 16,
}
SETTINGS: dict[str, dict[str, Any]] = dict.fromkeys(("x3d_s", "x3d_m", "r2plus1d_r50"), NO_SOFTMAX)


def find_builder(name: str) -> Callable[..., torch.nn.Module]:
    """A function of PyTorchVideo's hub, which downloads nothing unless it is asked to."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it was written for torch 1.8
        builder: Callable[..., torch.nn.Module] = getattr(
            importlib.import_module("pytorchvideo.models.hub"), name
        )
    return builder


def arrange(name: str, clips: Tensor) -> Any:
    """(N, T, 3, H, W) as its networks take them."""
    solid = clips.transpose(1, 2)
    if name != "slowfast_r50":
        return solid
    places = torch.linspace(0, clips.shape[1] - 1, clips.shape[1] // 4).long()
    return [solid[:, :, places], solid]


@pytest.mark.slow
@pytest.mark.parametrize("name", FRAMES)
def test_logits_are_the_librarys_own(name: str) -> None:
    torch.set_num_threads(1)
    theirs = find_builder(name)(**SETTINGS.get(name, {})).eval()
    draw_weights(theirs)
    found = find_system_of(theirs.state_dict(), None, None)
    assert found is not None
    assert found.layout == "PyTorchVideo"
    ours = spec_from_name(name)
    wanted = {**ours.to_json(), "system": "x3d-m", "num_frames": 16} if name == "x3d_s" else ours.to_json()
    assert found.spec.to_json() == wanted  # nothing in the weights tells X3D-S from M
    network = build_model(found.spec).eval()
    network.load_state_dict(found.state, strict=False)
    size = 160 if name == "x3d_s" else 224  # its heads pool windows of just this size
    clips = torch.randn(1, FRAMES[name], 3, size, size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert relative(network(clips)[:, 0], theirs(arrange(name, clips))) < 1e-5
