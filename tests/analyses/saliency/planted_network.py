"""A network with hand-made weights: its spatial channels see red, its temporal ones green that comes or goes.

Every residual branch but one adds nothing. In layer1.0 the spatial path passes red on and the temporal
path the difference of green to the frame before; class 0 counts the first, class 1 the second.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gst_analysis.networks.network import VideoNetwork
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ModelSpec

RED, GREEN = 0, 1
SEEN_RED, SEEN_GREEN = 2, 3
"""Channels of layer1.0's output."""


@torch.no_grad()
def plant_network() -> VideoNetwork:
    network = build_model(ModelSpec.from_name("gst-resnet26s", width=16, num_classes=2)).eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-12  # nothing beside a variance of 1; older torch refuses 0
    for parameter in network.parameters():
        if parameter.ndim > 1:
            parameter.zero_()
    network.get_parameter("conv1.weight")[RED, 0, 3, 3] = 1  # the stem keeps the colours apart
    network.get_parameter("conv1.weight")[GREEN, 1, 3, 3] = 1
    half, temporal = 8, 12  # of 16 hidden channels: where the temporal path reads and writes
    block = "layer1.0"
    network.get_parameter(f"{block}.conv1.weight")[0, RED] = 1
    network.get_parameter(f"{block}.conv1.weight")[half, GREEN] = 1
    network.get_parameter(f"{block}.conv2.spatial.weight")[0, 0, 1, 1] = 1
    network.get_parameter(f"{block}.conv2.temporal.weight")[0, 0, :, 1, 1] = torch.tensor([-1.0, 1.0, 0.0])
    network.get_parameter(f"{block}.conv3.weight")[SEEN_RED, 0] = 1
    network.get_parameter(f"{block}.conv3.weight")[SEEN_GREEN, temporal] = 1
    for stage in (2, 3, 4):  # what was seen is carried on by the shortcuts
        carried = network.get_parameter(f"layer{stage}.0.downsample.0.weight")
        for channel in (SEEN_RED, SEEN_GREEN):
            carried[channel, channel] = 1
    network.fc.bias.zero_()
    network.fc.weight[0, SEEN_RED] = 1
    network.fc.weight[1, SEEN_GREEN] = 1
    return network


def plant_clip(
    red: list[tuple[int, int]], green: list[tuple[int, int]], *, size: int = 128, side: int = 24
) -> Tensor:
    """(1, T, 3, size, size): a red and a green square, whose upper left corners are given per frame."""
    clip = torch.zeros(1, len(red), 3, size, size)
    for colour, corners in ((RED, red), (GREEN, green)):
        for frame, (top, left) in enumerate(corners):
            clip[0, frame, colour, top : top + side, left : left + side] = 1
    return clip
