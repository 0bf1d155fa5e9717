"""A network whose answers can be worked out by hand, and clips to show it.

Clips are folders of PNG files, which keep every grey level: what a frame shows is known exactly.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.checkpoints.starting import create_model
from gst_analysis.clips.records import ClipRecord
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.specs import ModelSpec

SIZE = 32
LABELS = ("Watching something", "Pushing something left", "Pushing something right", "Swiping left")
"""The second and third swap in a mirror; the fourth has no partner there."""


class Brightness(nn.Module):
    """Logits of a frame: its grey level, that of its left and of its right half, and of the left again."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.batches: list[int] = []
        self.modes: list[bool] = []
        self.grad: list[bool] = []

    def forward(self, clips: Tensor) -> Tensor:
        self.batches.append(len(clips))
        self.modes.append(self.training)
        self.grad.append(torch.is_grad_enabled())
        half = clips.shape[-1] // 2
        grey = [part.mean((2, 3, 4)) for part in (clips, clips[..., :half], clips[..., half:])]
        return torch.stack([*grey, grey[1]], -1) * self.weight


def fake_model(
    *, labels: tuple[str, ...] | None = LABELS, module: nn.Module | None = None, **clip: object
) -> LoadedModel:
    """A LoadedModel around the fake network: 4 classes, and pixels from 0 to 1 as they are."""
    spec = ModelSpec.from_name("c2d-resnet26s", num_classes=4, num_frames=3, width=8)
    settings: dict[str, Any] = {
        "frames": 3,
        "resize": SIZE,
        "crop": SIZE,
        "mean": (0, 0, 0),
        "std": (1, 1, 1),
    } | clip
    checkpoint = dataclasses.replace(
        create_model(spec, seed=0).checkpoint,
        path=Path("fake.pth"),
        labels=labels,
        clip_spec=ClipSpec(**settings),
        notes=(),
        sha256="0" * 64,
        state={},
    )
    return LoadedModel(module or Brightness(), checkpoint)  # type: ignore[arg-type] # any module will do


def write_greys(folder: Path, greys: Sequence[int | tuple[int, int]]) -> Path:
    """A frame folder: each frame of one grey level, or of one on the left and another on the right."""
    folder.mkdir(parents=True)
    for number, grey in enumerate(greys, start=1):
        left, right = grey if isinstance(grey, tuple) else (grey, grey)
        pixels = np.full((SIZE, SIZE, 3), left, dtype=np.uint8)
        pixels[:, SIZE // 2 :] = right
        Image.fromarray(pixels).save(folder / f"{number:05d}.png")
    return folder


def record(path: Path, label: int | None = None) -> ClipRecord:
    return ClipRecord(path.name, path, label)
