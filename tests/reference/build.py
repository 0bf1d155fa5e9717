"""Family and backbone names -> a reference network."""

from __future__ import annotations

from fractions import Fraction

from torch import nn

from tests.reference.mobilenet import MobileNetV23D
from tests.reference.resnet import ResNet3D


def build_reference(
    family: str, backbone: str, *, alpha: Fraction | None = None, width: int = 64, classes: int = 174
) -> nn.Module:
    """A plain 3-D network, (N, T, 3, H, W) -> (N, T, K); families without groups do not read alpha."""
    alpha = alpha or Fraction(1, 4)
    if backbone == "mobilenetv2":
        return MobileNetV23D(family, alpha=alpha, width=width, classes=classes)
    return ResNet3D(family, backbone, alpha=alpha, width=width, classes=classes)
