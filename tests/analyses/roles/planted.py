"""Channels whose roles are known: as numbers made of looks and orders, and as modules that look at pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from gst_analysis.analyses.roles.variance import Design
from gst_analysis.checkpoints.adopting import adopt
from gst_analysis.checkpoints.loaded import Network
from gst_analysis.networks.anatomy import View
from gst_analysis.networks.clip_specs import ClipSpec

Reals = npt.NDArray[np.float64]
NUMBERS: Mapping[str, str] = {
    "mean colour": "static",
    "frame difference": "dynamic",
    "both, added": "joint",
    "both, multiplied": "joint",
    "both multiplied, each about its mean": "joint",
    "noise of the camera": "neither",
    "noise of the clip": "neither",
    "where it is": "neither",
}
"""Planted channels, and what they see."""


def draw_scenes(scenes: int, design: Design, seed: int, *, noise: float = 0.3) -> Iterator[Reals]:
    """Responses of NUMBERS scene by scene, (looks, cameras, orders, channels); noise beside effects of 1."""
    random = np.random.default_rng(seed)
    looks, cameras, orders = design
    for _ in range(scenes):
        look = random.standard_normal((looks, 1, 1))
        order = random.standard_normal((1, 1, orders))
        plot, clip = random.standard_normal((looks, cameras, 1)), random.standard_normal(design)
        where = random.standard_normal((1, 1, 1))
        found = [look, order, look + order, (look + 2) * (order + 2), look * order, plot, clip, 3 * where]
        extra = noise * random.standard_normal((*design, len(found)))
        yield np.stack([np.broadcast_to(one, design) for one in found], -1) + extra


class PlantedChannels(nn.Module):
    """(N, T, 3, H, W) -> (N, 4): four channels that are known, and answers made of them."""

    NAMES = ("mean colour", "frame difference", "product", "noise")

    def __init__(self, centres: tuple[float, float] = (0.0, 0.0)) -> None:
        super().__init__()
        self.place, self.head = nn.Identity(), nn.Linear(4, 4)
        self.centres = centres
        """Of colour and difference, so that their product is about nothing but both together."""

    def forward(self, clips: Tensor) -> Tensor:
        colour = clips[:, :, 0].double().mean((1, 2, 3))
        apart = (clips[:, :, None] - clips[:, None]).abs().double().mean((3, 4, 5))  # (N, T, T)
        moves = apart.diagonal(1, 1, 2).mean(1) / apart.mean((1, 2))  # how bright it is leaves no mark
        product = (colour - self.centres[0]) * (moves - self.centres[1])
        noise = torch.sin(1e5 * clips.double().mean((2, 3, 4))).mean(1)  # the last digits of every frame
        seen = torch.stack([colour, moves, product, noise], -1).float()
        maps = seen[:, None, :, None, None].expand(-1, clips.shape[1], -1, 2, 2)  # (N, T, 4, 2, 2)
        answers: Tensor = self.head(self.place(maps).mean((1, 3, 4)))
        return answers


def bring_planted(make: Callable[[], nn.Module] = PlantedChannels, *, frames: int = 6) -> Network:
    """A network of one place, whose channels are planted."""
    clip = ClipSpec(frames=frames, resize=32, crop=32)
    return adopt(make(), clip_spec=clip, places={"place": View("NTCHW")}, name="planted")
