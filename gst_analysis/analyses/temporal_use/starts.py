"""How kernels over time stood when training began: drawn again from a seed, or told by a file.

Enters what is known of a checkpoint; leaves the share that varied of each filter, by its layer's name. What
a file tells of itself names things; it is never followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from gst_analysis.analyses.temporal_use.shares import expect_independent, measure_kernel
from gst_analysis.checkpoints.loaded import Checkpoint
from gst_analysis.networks.brought import AdoptedSpec
from gst_analysis.networks.described import NetworkSpec
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.networks.time_kernels import TimeKernel
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    from torch import Tensor

    from gst_analysis.checkpoints import starting
else:
    starting = Door("gst_analysis.checkpoints.starting")

Reals = np.ndarray[Any, np.dtype[np.float64]]
_LARGEST_SEED = 2**63


@dataclass(frozen=True)
class Known:
    """What is kept of a checkpoint when its weights are forgotten: kernels, their filters, and its record."""

    name: str
    spec: NetworkSpec
    kernels: tuple[TimeKernel, ...]
    shapes: Mapping[str, tuple[int, ...]]
    """Of the kernels' weights, by name."""
    provenance: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Start:
    """The share that varied when training began, of every filter, by its layer's name; none if unknown."""

    origin: str = ""
    varying: Mapping[str, Reals] = field(default_factory=dict, repr=False)


def start_of_card(known: Known) -> Start:
    """The start that a checkpoint's own record tells; an empty one where it does not.

    From a seed the network is made again as it was then. Kernels that were put into the middle of 2-D weights
    had all their energy in one tap, whatever those weights were.
    """
    told, spec = known.provenance, known.spec
    slimmed = isinstance(spec, ModelSpec) and spec.widths is not None  # filters were chosen after training
    if slimmed or isinstance(spec, AdoptedSpec) or "started_from" in told:
        return Start()
    if "inflated_from" in told and told.get("temporal") == "centred":
        return _expect(known, "2-D weights in the middle tap")
    seed = told.get("seed")
    if type(seed) is int and 0 <= seed < _LARGEST_SEED:
        state = starting.create_model(spec, seed=seed).checkpoint.state
        return start_of_state(state, known, f"random weights, drawn again from seed {seed}")
    if "seed" in told:
        return _expect(known, "random weights, as they are on average")
    return Start()


def start_of_file(checkpoint: Checkpoint, known: Known) -> Start:
    """The start that another checkpoint holds: an earlier epoch's kernels, or 2-D weights without any."""
    if checkpoint.anatomy.time_kernels or not isinstance(known.spec, ModelSpec):
        return start_of_state(checkpoint.state, known, f"an earlier checkpoint, {checkpoint.path.name}")
    centred = known.provenance.get("temporal") == "centred"
    how = "in the middle tap" if centred else "within frames; over time random ones, as they are on average"
    return _expect(known, f"2-D weights, {checkpoint.path.name}, {how}")


def start_of_state(state: Mapping[str, Tensor], known: Known, origin: str) -> Start:
    """The shares of the kernels in a state dict that have the shapes of ours."""
    fitting = {
        one.name: measure_kernel(one, state[one.weight]).varying
        for one in known.kernels
        if one.weight in state and tuple(state[one.weight].shape) == known.shapes.get(one.weight)
    }
    return Start(origin, fitting) if fitting else Start()


def _expect(known: Known, origin: str) -> Start:
    """One tap with all energy and independent taps vary alike, by 1 - 1 / taps: exactly, or on average."""
    shares = {}
    for one in known.kernels:
        shape = known.shapes.get(one.weight)
        if shape is not None:
            shares[one.name] = np.full(
                shape[0] if not one.turned else shape[1] * one.turned, expect_independent(shape[one.axis])
            )
    return Start(origin, shares)
