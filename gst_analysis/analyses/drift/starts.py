"""Where a network's scales started: from its provenance, from a file, or from the first of a series.

Enters what is kept of checkpoints (ScaleRecord, no weights) and, for a file, the checkpoint named; leaves a
Start. Provenance comes out of files that anybody may have written: it names things, it is never followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from gst_analysis.analyses.scales.measure import ScaleRecord
from gst_analysis.checkpoints.loaded import Checkpoint
from gst_analysis.errors import SpecError, name_some
from gst_analysis.networks.registry import kind_of
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    from torch import Tensor

    from gst_analysis.checkpoints import starting
else:  # only a start of 2-D weights needs torch
    starting = Door("gst_analysis.checkpoints.starting")


@dataclass(frozen=True)
class Start:
    """γ where training began: by layer, in channel order; and which channels got it from 2-D weights."""

    origin: str
    gammas: Mapping[str, np.ndarray] = field(repr=False)
    inherited: Mapping[str, np.ndarray] = field(repr=False)
    notes: tuple[str, ...] = ()


def start_of_card(record: ScaleRecord) -> Start:
    """The start that a checkpoint's own record or card tells.

    Random weights start every scale at 1; ImageNet weights are torchvision's, if they are on the disk; a
    network that went on from another tells the scales that it began with.

    Raises:
        SpecError: it does not tell, or tells of a file that must be named.
    """
    went_on = _start_of_transfer(record)
    if went_on is not None:
        return went_on
    spec = record.spec if isinstance(record.spec, ModelSpec) else None
    slimmed = spec is not None and spec.widths is not None  # its channels were chosen after training
    source = None if slimmed else record.provenance.get("inflated_from")
    if source is None and not slimmed and "seed" in record.provenance:
        gammas = {layer: np.ones(width) for layer, width in record.layers.items()}
        return Start("random weights, every scale 1", gammas, _flag(record.layers, {}))
    named = source if isinstance(source, Mapping) else {}
    if spec is not None and "weights" in named:
        # A stranger's file says so: it may not make this machine talk to another.
        state, _ = starting.load_flat_weights(spec, starting.IMAGENET, fetch=False)
        norms = _inherited_norms(record.provenance)
        return _start_from_state(state, record.layers, f"2-D weights, {named['weights']}", norms, flat=True)
    wanted = f"the 2-D weights {str(named['file'])[:60]}" if "file" in named else "what it started from"
    raise SpecError(
        record.path,
        expected="a start that is known",
        found=f"no values of {wanted}",
        todo="name the weights it began with as the start, or give several epochs of its run",
    )


def _start_of_transfer(record: ScaleRecord) -> Start | None:
    """The scales that a network took from a trained one, if it tells all of them; inherited ones stay so."""
    told = record.provenance.get("started_from")
    scales = told.get("gammas") if isinstance(told, Mapping) else None
    if not isinstance(told, Mapping) or not isinstance(scales, Mapping):
        return None
    gammas = {layer: _read_numbers(scales.get(layer), width) for layer, width in record.layers.items()}
    known = {layer: gamma for layer, gamma in gammas.items() if gamma is not None}
    if len(known) < len(gammas):
        return None
    norms = told.get("inherited")
    flags = _flag(record.layers, norms if isinstance(norms, Mapping) else {})
    return Start(f"a trained network, {str(told.get('name'))[:60]}", known, flags)


def _read_numbers(values: Any, count: int) -> np.ndarray | None:
    """So many finite numbers out of a file, or None."""
    if not isinstance(values, list) or len(values) != count:
        return None
    numbers = [one for one in values if isinstance(one, (int, float)) and -np.inf < one < np.inf]
    return np.array(numbers, dtype=float) if len(numbers) == count else None


def start_of_series(record: ScaleRecord) -> Start:
    """The scales of a series' first checkpoint, with the inherited channels that it tells of."""
    rows = record.table.drop_duplicates(["layer", "channel"]).sort_values("channel")
    gammas = {str(layer): part["gamma"].to_numpy() for layer, part in rows.groupby("layer", sort=False)}
    name = record.table["checkpoint"].iloc[0]
    norms = _inherited_norms(record.provenance)
    return Start(f"the first of the series, {name}", gammas, _flag(record.layers, norms))


def start_of_file(checkpoint: Checkpoint, record: ScaleRecord) -> Start:
    """The scales of another checkpoint: 2-D weights, all of them inherited, or an earlier epoch.

    Raises:
        SpecError: it has other norms or widths.
    """
    ours = "seed" in checkpoint.provenance
    flat = checkpoint.spec.family == "c2d" and (record.spec.family != "c2d" or not ours)
    norms: Mapping[str, Any] | bool = flat or _inherited_norms(checkpoint.provenance)
    what = "2-D weights" if flat else "an earlier checkpoint"
    named = record.provenance.get("inflated_from")
    told = named.get("sha256") if flat and isinstance(named, Mapping) else None
    notes: tuple[str, ...] = ()
    if told is not None and told != checkpoint.sha256:
        notes = (f"{record.path} says that it began with another file than {checkpoint.path.name}",)
    if kind_of(checkpoint.spec) != kind_of(record.spec):
        raise SpecError(
            str(checkpoint.path),
            expected=f"a start with {kind_of(record.spec)} blocks",
            found=f"{checkpoint.spec.label}, whose blocks are {kind_of(checkpoint.spec)}",
            todo="name the weights that this training began with",
        )
    origin = f"{what}, {checkpoint.path.name}"
    start = _start_from_state(checkpoint.state, record.layers, origin, norms, flat=flat)
    return Start(start.origin, start.gammas, start.inherited, notes)


def _start_from_state(
    state: Mapping[str, Tensor],
    layers: Mapping[str, int],
    origin: str,
    norms: Mapping[str, Any] | bool,
    *,
    flat: bool,
) -> Start:
    """The scales of a state; those of norms that 2-D weights do not have, inside an operator, began at 1."""
    new = {layer for layer in layers if flat and layer.endswith(".norm") and f"{layer}.weight" not in state}
    shapes = {layer: tuple(state[f"{layer}.weight"].shape) for layer in layers if f"{layer}.weight" in state}
    odd = [layer for layer, width in layers.items() if layer not in new and shapes.get(layer) != (width,)]
    if odd:
        raise SpecError(
            origin,
            expected="a start of the same backbone and width",
            found=f"no fitting {name_some(odd)}",
            todo="name the weights that this training began with",
        )
    gammas = {
        layer: np.ones(width) if layer in new else state[f"{layer}.weight"].double().numpy()
        for layer, width in layers.items()
    }
    flags = _flag(layers, norms)
    return Start(origin, gammas, {layer: flag & (layer not in new) for layer, flag in flags.items()})


def _flag(layers: Mapping[str, int], norms: Mapping[str, Any] | bool) -> dict[str, np.ndarray]:
    """Which channels are inherited: all, or those in the ranges told."""
    flags = {layer: np.full(width, norms is True) for layer, width in layers.items()}
    for layer, bounds in (norms if isinstance(norms, Mapping) else {}).items():
        whole = isinstance(bounds, (list, tuple)) and [type(end) for end in bounds] == [int, int]
        if layer in flags and whole:
            flags[layer][max(0, bounds[0]) : max(0, bounds[1])] = True
    return flags


def _inherited_norms(provenance: Mapping[str, Any]) -> Mapping[str, Any]:
    inherited = provenance.get("inherited")
    norms = inherited.get("norms") if isinstance(inherited, Mapping) else None
    return norms if isinstance(norms, Mapping) else {}
