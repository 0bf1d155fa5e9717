"""How a network is run over clips: which views, on what, how many at once."""

from __future__ import annotations

import os
from dataclasses import dataclass

from gst_analysis.clips.transforms import CROPS
from gst_analysis.errors import SpecError
from gst_analysis.networks.devices import choose_device
from gst_analysis.options import InferenceOptions

__all__ = ["DEVICES", "PRECISIONS", "InferenceSettings", "choose_device"]

DEVICES = ("auto", "cuda", "mps", "cpu")
PRECISIONS = ("fp32", "bf16")
_MOST_READERS = 16
_LIMITS = {"clips": 1000, "batch": 100_000, "devices": 10_000, "readers": 256}


@dataclass(frozen=True)
class InferenceSettings:
    """The paper's single view by default: the middle frame of each segment, one centre crop.

    `batch` counts views, not clips. `readers` threads decode ahead of the network; as many as there are
    processors, to 16, if None. `devices` above 1 share the clips among processes.
    """

    clips: int = 1
    crops: int = 1
    batch: int = 8
    device: str = "auto"
    devices: int = 1
    precision: str = "fp32"
    readers: int | None = None
    fold: bool = True
    """Run a copy whose batch norms are folded into its convolutions: the same outputs, sooner. A network
    with hooks is run itself."""

    def __post_init__(self) -> None:
        for name, most in _LIMITS.items():
            value = getattr(self, name)
            if not (value is None and name == "readers") and not (type(value) is int and 1 <= value <= most):
                raise _unfit(name, f"a whole number from 1 to {most}", value)
        for name, allowed in (("crops", CROPS), ("device", DEVICES), ("precision", PRECISIONS)):
            if getattr(self, name) not in allowed:
                raise _unfit(name, f"one of {', '.join(map(str, allowed))}", getattr(self, name))

    @classmethod
    def of(cls, options: InferenceOptions) -> InferenceSettings:
        """What an analysis's options say of it."""
        return cls(
            options.samplings,
            options.crops,
            options.batch,
            options.device,
            options.devices,
            options.precision,
        )

    @property
    def views(self) -> int:
        """Views of a clip that are averaged."""
        return self.clips * self.crops

    def require_one_view(self, what: str) -> None:
        """Refuse several views where only one is looked at.

        Raises:
            SpecError: there are several.
        """
        if self.views > 1:
            raise SpecError(
                what,
                expected="one view of a clip, which is all it looks at",
                found=f"{self.clips} clips of {self.crops} crops",
                todo="leave clips and crops at 1",
            )

    @property
    def threads(self) -> int:
        """Clips that are read at once."""
        return self.readers or min(_MOST_READERS, os.cpu_count() or 1)


def _unfit(name: str, expected: str, value: object) -> SpecError:
    return SpecError(
        f"inference setting {name}", expected=expected, found=repr(value)[:60], todo="correct it"
    )
