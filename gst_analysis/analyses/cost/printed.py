"""What others print of networks' costs, and under which convention each figure comes out.

Facts only: who prints what, for how many frames of which size. Counters disagree on the same network: some
take 224 pixels and some 256, some count multiply-adds and some twice as many, with or without norms.
"""

from __future__ import annotations

from dataclasses import dataclass

PLAIN, NORMS, ALL = "conv+linear", "conv+linear+bn", "conv+linear+bn+relu+pool"
TRAINING = "conv+linear+5bn"
"""Names of counting's CONVENTIONS."""


@dataclass(frozen=True)
class PrintedCost:
    """One printed figure and the convention that comes nearest to it."""

    network: str
    """The name that builds it."""
    source: str
    params_m: float | None
    gmacs: float | None
    frames: int
    size: int
    convention: str = PLAIN
    remark: str = ""

    @property
    def terms(self) -> str:
        """The convention in words."""
        return f"{self.frames} frames of {self.size}², {self.convention}"


_TORCHVISION = "torchvision"
_VIDEO = "PyTorchVideo"
_PAPER = "GST paper, Table"

PRINTED: tuple[PrintedCost, ...] = (
    PrintedCost("gst-resnet50", f"{_PAPER}s 2 and 3", 21.0, 29.5, 8, 224, ALL),
    PrintedCost("gst-large-resnet50", f"{_PAPER} 2", 29.6, None, 8, 224),
    PrintedCost("c2d-resnet50", f"{_PAPER} 2", 23.9, None, 8, 224),
    PrintedCost("c3d-resnet50", f"{_PAPER} 2", 42.5, None, 8, 224, remark="contradicts its own Table 1"),
    PrintedCost("c3d-g2-resnet50", f"{_PAPER} 2", 29.6, None, 8, 224),
    PrintedCost("p3d-resnet50", f"{_PAPER} 2", 29.4, None, 8, 224, remark="contradicts its own Table 1"),
    PrintedCost("tsm-resnet50", f"{_PAPER} 3", None, 33, 8, 224, ALL),
    PrintedCost("tsm-resnet50", "MMAction2", None, 32.88, 8, 224, NORMS),
    PrintedCost("r3d-18", _TORCHVISION, 33.371472, 40.697, 16, 112),
    PrintedCost("mc3-18", _TORCHVISION, 11.69544, 43.343, 16, 112),
    PrintedCost("r2plus1d-18", _TORCHVISION, 31.505325, 40.519, 16, 112),
    PrintedCost("mvit-v1-b", _TORCHVISION, 36.610672, 70.599, 16, 224),
    PrintedCost("mvit-v2-s", _TORCHVISION, 34.537744, 64.224, 16, 224),
    PrintedCost("swin3d-t", _TORCHVISION, 28.15807, 43.882, 16, 224),
    PrintedCost("swin3d-s", _TORCHVISION, 49.816678, 82.841, 16, 224),
    PrintedCost("swin3d-b", _TORCHVISION, 88.048984, 140.667, 16, 224),
    PrintedCost("trn-r50", "MMAction2", 26.64, 42.94, 8, 256, NORMS),
    PrintedCost("eco-full", f"{_PAPER} 3", None, 32, 8, 224),
    PrintedCost("eco-full", f"{_PAPER} 3", None, 64, 16, 224),
    PrintedCost("tsm-nl-r50", "MMAction2", 31.68, None, 8, 224),
    PrintedCost("tanet-r50", "MMAction2", None, 43.1, 8, 256, NORMS),
    PrintedCost("slowfast-r50-8x8", "PySlowFast", 34.57, 65.71, 32, 256),
    PrintedCost("i3d-r50", "MMAction2", 28.0, 43.5, 32, 256, NORMS),
    PrintedCost("nl-i3d-r50", "MMAction2", 35.4, None, 32, 224),
    PrintedCost("nl-i3d-r50", f"{_PAPER} 3", None, 168, 32, 224, remark="by no convention that was found"),
    PrintedCost("s3d", _TORCHVISION, 8.320048, 17.979, 16, 224),
    PrintedCost("s3d", f"{_PAPER} 3", None, 66.38, 64, 224, remark="by no convention that was found"),
    PrintedCost("s3d-g", f"{_PAPER} 3", None, 71.38, 64, 224),
    PrintedCost("x3d-m", "PySlowFast", None, 4.73, 16, 224),
    PrintedCost("csn-r101", _VIDEO, 22.21, 75.62, 32, 256, TRAINING),
    PrintedCost("r2plus1d-r50", _VIDEO, 28.11, 76.45, 16, 256, TRAINING),
    PrintedCost("i3d-r50-8x8", _VIDEO, 28.04, 37.53, 8, 256, TRAINING),
    PrintedCost("slow-r50-8x8", _VIDEO, 32.45, 54.52, 8, 256),
    PrintedCost("slowfast-r50-8x8", _VIDEO, 34.57, 65.71, 32, 256),
    PrintedCost("slowfast-r50-4x16", _VIDEO, 34.48, 36.69, 32, 256, TRAINING),
    PrintedCost("x3d-s", _VIDEO, 3.79, 2.96, 13, 182, TRAINING),
    PrintedCost("x3d-m", _VIDEO, 3.79, 6.72, 16, 256, TRAINING),
)


def list_printed(network: str) -> list[PrintedCost]:
    """What is printed of a network."""
    return [one for one in PRINTED if one.network == network]
