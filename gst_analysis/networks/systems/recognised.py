"""What a system's file says of a state dict that it knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gst_analysis.networks.systems import SystemSpec

if TYPE_CHECKING:
    from torch import Tensor


ANY_LENGTH = "it takes clips of any length: "
FRAMES_UNSEEN = "the number of frames is not in the weights: "
"""How a note about assumed frames begins: it is left out where the frames were told."""


@dataclass(frozen=True)
class Recognised:
    """A state dict whose system is known: its weights under the module's own names."""

    spec: SystemSpec
    layout: str
    """Whose code wrote it, such as "PySlowFast"."""
    state: Mapping[str, Tensor] = field(repr=False)
    notes: tuple[str, ...] = ()
    """What was assumed because no weight shows it."""
