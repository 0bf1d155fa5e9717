"""What is known of a network that a user brings, apart from its module. No torch here.

A file of its own, below `adopted`, which runs such a module: files of weights are recognised, and turned
away, without building any network.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gst_analysis.networks.anatomy import Anatomy
from gst_analysis.networks.described import NetworkSpec, Output


@dataclass(frozen=True)
class AdoptedSpec(NetworkSpec):
    """What is known of a network that a user brought."""

    title: str
    num_frames: int
    num_classes: int
    gives: Output = "clip"
    size: int = 224
    """Pixels of the clips that it was tried with."""
    anatomy: Anatomy | None = field(default=None, repr=False, compare=False)
    family: str = "adopted"
    backbone: str = ""

    @property
    def name(self) -> str:
        return self.title

    @property
    def label(self) -> str:
        return self.title

    @property
    def output(self) -> Output:
        return self.gives

    def to_json(self) -> dict[str, Any]:
        return {
            "adopted": self.title,
            "num_frames": self.num_frames,
            "num_classes": self.num_classes,
            "output": self.gives,
        }
