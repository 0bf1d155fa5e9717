"""What every network says of itself, whatever it is made of: a name, frames, classes. No torch here.

`ModelSpec` describes networks that follow from arithmetic, `SystemSpec` published systems with a file of
their own, `AdoptedSpec` whatever a user brings. An analysis that needs more asks the anatomy.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Literal

Output = Literal["frames", "clip"]
"""Whether a network answers for every frame, (N, T, K), or once a clip, (N, 1, K)."""


class NetworkSpec(ABC):
    """One network apart from its weights."""

    family: str
    """What kind it is, such as gst or slowfast."""
    backbone: str
    """What it is put into, such as resnet50; empty where there is nothing to tell apart."""
    num_frames: int
    """Frames of a clip that it takes."""
    num_classes: int
    flow: int = 0
    """Fields of optical flow that are stacked into one of its inputs; 0 where it reads colour frames."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The name that builds it, such as gst-resnet50."""

    @property
    @abstractmethod
    def label(self) -> str:
        """A short name for people."""

    @property
    def output(self) -> Output:
        """Whether it answers for every frame, or once a clip."""
        return "frames"

    @property
    def rows(self) -> int:
        """Rows of logits that a clip gives: one a frame, or one."""
        return self.count_answers(self.num_frames)

    def count_answers(self, frames: int) -> int:
        """Rows of logits for a clip of so many frames."""
        return frames if self.output == "frames" else 1

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """A record of plain values that `read_spec` understands."""
