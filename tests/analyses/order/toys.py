"""A network whose answer is a known function of the order of frames, and clips that it gets right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from gst_analysis.checkpoints.adopting import adopt
from gst_analysis.checkpoints.loaded import Network
from gst_analysis.clips.records import ClipRecord, RecordList
from gst_analysis.networks.clip_specs import ClipSpec

FRAMES, SIZE = 6, 16
NAMES = ("Turning [something] down", "Turning [something] up", "Holding [something]")


class LastMinusFirst(nn.Module):
    """Brighter at the end than at the start is class 1, darker is class 0, alike is class 2."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(10.0))

    def forward(self, clips: Tensor) -> Tensor:
        mean = clips.mean((2, 3, 4))
        change = self.scale * (mean[:, -1] - mean[:, 0])
        return torch.stack([-change, change, torch.full_like(change, 0.5)], 1)


def bring_toy() -> Network:
    clip = ClipSpec(frames=FRAMES, resize=SIZE, crop=SIZE, mean=(0.5,) * 3, std=(0.25,) * 3)
    return adopt(LastMinusFirst(), clip_spec=clip, labels=list(NAMES), name="toy")


def write_ramps(folder: Path, labels: Sequence[int]) -> RecordList:
    """Clips of plain frames that grow brighter (1), darker (0) or stay as they are (2)."""
    records = []
    for number, label in enumerate(labels):
        greys = np.linspace(60, 180, FRAMES).astype(np.uint8)
        greys = {0: greys[::-1], 1: greys, 2: np.full(FRAMES, 120, np.uint8)}[label]
        clip = folder / f"clip{number:02d}"
        clip.mkdir(parents=True)
        for frame, grey in enumerate(greys, start=1):
            Image.new("RGB", (SIZE, SIZE), (int(grey),) * 3).save(clip / f"{frame:05d}.png")
        records.append(ClipRecord(clip.name, clip, label))
    return RecordList(tuple(records), NAMES)
