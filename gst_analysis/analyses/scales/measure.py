"""Figure 4: the scales of the batch norm after each temporal operator, split into space and time.

Enters checkpoints (no network is built); leaves a BN_SCALES table. Section 4.6 of the paper reads the
scale of a channel as its importance; docs/bn-scales.md says how far that can be trusted.

Whose channel is it? In GST the operator writes spatial channels first and temporal ones after them.
Families without such groups have one group, `all`. In STH (our reading) every filter owns a spatial and
a temporal kernel, so a channel's scale is shared between its two owners by the energy of their weights:
share² is the kernel's part of the filter's squared norm, and the two squared shares add up to 1.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from gst_analysis.analyses.scales.sharing import Reference, list_groups, load_reference
from gst_analysis.analyses.scales.table import (
    BN_SCALES,
    BnScales,
    BnSummary,
    GroupStatistics,
    LayerStatistics,
    ScaleOptions,
    scale_values,
)
from gst_analysis.checkpoints.loaded import Checkpoint
from gst_analysis.checkpoints.reading import REFERENCE, is_reference
from gst_analysis.checkpoints.several import glance_ahead
from gst_analysis.checkpoints.sources import distinct_names, glance_at, name_of, tell_each
from gst_analysis.checkpoints.stored import to_array
from gst_analysis.errors import SpecError
from gst_analysis.networks.anatomy import Unit
from gst_analysis.networks.brought import AdoptedSpec
from gst_analysis.networks.capabilities import require
from gst_analysis.networks.described import NetworkSpec
from gst_analysis.options import NetworkOptions
from gst_analysis.progress import Progress, no_progress
from gst_analysis.results import Provenance
from gst_analysis.tables import check
from gst_analysis.tables.columns import Columns, Table
from gst_analysis.tables.held import held_columns, holds_tables
from gst_analysis.tables.quantiles import find_median

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

    from gst_analysis.checkpoints.sources import Source


@holds_tables("table")
@dataclass(frozen=True)
class ScaleRecord:
    """What is kept of a checkpoint when its weights are forgotten: BN_SCALES, and what it says of itself."""

    table: pd.DataFrame = field(repr=False)
    spec: NetworkSpec
    sha256: str
    path: str
    provenance: Mapping[str, Any] = field(repr=False)

    def is_of(self, other: ScaleRecord) -> bool:
        """Whether both are of one network, whatever its classes and frames."""
        free = ("num_classes", "num_frames")
        ours, theirs = (
            {name: value for name, value in one.spec.to_json().items() if name not in free}
            for one in (self, other)
        )
        return ours == theirs

    @property
    def layers(self) -> dict[str, int]:
        """The norms after temporal operators, with their channels."""
        return {
            str(layer): int(rows["channel"].max()) + 1 for layer, rows in held_columns(self).split("layer")
        }


def record_scales(source: Source, name: str) -> ScaleRecord:
    """Read a checkpoint and take its scales from it."""
    checkpoint = glance_at(source)
    table, where = collect_bn_scales(checkpoint, name=name), str(checkpoint.path)
    return ScaleRecord(table.as_table(), checkpoint.spec, checkpoint.sha256, where, checkpoint.provenance)


def read_scales(source: Source, name: str) -> ScaleRecord:
    """Scales from a checkpoint, or from a reference in its place."""
    if not isinstance(source, (str, os.PathLike)) or not is_reference(source):
        return record_scales(source, name)
    found = load_reference(source)
    table = held_columns(found).assign(checkpoint=name)
    return ScaleRecord(table.as_table(), found.spec, found.sha256, str(source), {REFERENCE: found.checkpoint})


def take_reference(source: Source, options: NetworkOptions) -> Reference:
    """The scales of a checkpoint, to be written into a file of their own.

    Raises:
        SpecError: it is not a file's any more, or of a network that nobody else can name.
    """
    (source,) = tell_each([source], options)
    checkpoint = glance_at(source)
    brought = isinstance(checkpoint.spec, AdoptedSpec)
    if brought or not checkpoint.sha256:
        raise SpecError(
            f"reference of {checkpoint.name}",
            expected="a checkpoint file of a network that gst-analysis can name",
            found="a network that was brought" if brought else "weights that are no file's",
            todo="save it first with save_model" if not brought else "send its table of bn-hist instead",
        )
    table = collect_bn_scales(checkpoint)
    return Reference(checkpoint.name, checkpoint.sha256, checkpoint.spec, table.as_table())


def note_references(records: Mapping[str, ScaleRecord]) -> tuple[str, ...]:
    """A line for every checkpoint that only its reference was read of."""
    return tuple(
        f"{name}: the scales that a reference tells of {one.provenance[REFERENCE]}; its weights were not seen"
        for name, one in records.items()
        if REFERENCE in one.provenance
    )


def name_origins(records: Mapping[str, ScaleRecord], settings: Mapping[str, Any]) -> Provenance:
    """Where the scales of checkpoints came from, by the names that tables call them by."""
    return Provenance(
        {name: one.sha256 for name, one in records.items()},
        {name: one.spec.to_json() for name, one in records.items()},
        {**settings, "paths": {name: one.path for name, one in records.items()}},
    )


def measure_scales(
    sources: Sequence[Source],
    *,
    names: Sequence[str] | None = None,
    options: ScaleOptions,
    progress: Progress | None = None,
) -> BnScales:
    """Read checkpoints one by one, and join their scales.

    Args:
        sources: paths of checkpoints, or what `load_checkpoint` or `load_model` returned.
        names: what to call them; their file names if not given.
        options: what is shown.
        progress: called before every checkpoint is read.

    Raises:
        CheckpointError: one of them cannot be read.
        SpecError: no checkpoints, or names for others.
    """
    _check_names(sources, names)
    sources = tell_each(sources, options)
    tell, records = progress or no_progress, {}
    labels = distinct_names(names or [name_of(source) for source in sources])
    for done, (source, label) in enumerate(zip(glance_ahead(sources), labels, strict=True)):
        tell(done, len(sources), label)
        records[label] = read_scales(source, label)
    table = Columns.join([held_columns(one) for one in records.values()])
    origins = name_origins(records, {"absolute": options.absolute})
    return _assemble(table, origins, options, note_references(records))


def join_scales(
    parts: Sequence[BnScales], *, names: Sequence[str], paths: Sequence[str], options: ScaleOptions
) -> BnScales:
    """Join results of one checkpoint each, reading no file.

    Args:
        parts: the results.
        names: what to call their checkpoints.
        paths: where to say they lie.
        options: what is shown.
    """
    labelled = list(zip(distinct_names(names), parts, strict=True))
    table = Columns.join([held_columns(part).assign(checkpoint=label) for label, part in labelled])
    hashes = {label: sha for label, part in labelled for sha in part.provenance.sources.values()}
    specs = {label: spec for label, part in labelled for spec in part.provenance.specs.values()}
    settings = {"absolute": options.absolute, "paths": dict(zip(hashes, paths, strict=True))}
    return _assemble(table, Provenance(hashes, specs, settings), options)


def _check_names(sources: Sequence[Source], names: Sequence[str] | None) -> None:
    if not sources:
        raise SpecError("bn_scales", expected="at least one checkpoint", found="none", todo="name a file")
    if names is not None and len(names) != len(sources):
        raise SpecError(
            "names",
            expected=f"{len(sources)}, one a checkpoint",
            found=str(len(names)),
            todo="give a name for each, or none",
        )


def _assemble(
    table: Columns, origins: Provenance, options: ScaleOptions, remarks: Sequence[str] = ()
) -> BnScales:
    summary = summarise_bn_scales(table, absolute=options.absolute)
    notes = (*remarks, *note_equal_scales(table))
    return BnScales(table.as_table(), summary, origins, notes=notes, by=options.by, absolute=options.absolute)


def tabulate_bn_scales(checkpoint: Checkpoint, *, name: str | None = None) -> pd.DataFrame:
    """One row for every channel (for STH: channel and owner) of the norms after temporal operators."""
    return collect_bn_scales(checkpoint, name=name).to_frame()


def collect_bn_scales(checkpoint: Checkpoint, *, name: str | None = None) -> Columns:
    """BN_SCALES of a checkpoint as columns."""
    anatomy = checkpoint.anatomy
    require(checkpoint.spec, anatomy, "scales", what="batch-norm scales")
    rows = [
        _tabulate_group(checkpoint, unit, group) for unit in anatomy.scaled for group in list_groups(unit)
    ]
    table = Columns.join(rows).assign(checkpoint=name or checkpoint.name)
    return check(table.choose(list(BN_SCALES.columns)), BN_SCALES)


def summarise_bn_scales(table: Table, *, absolute: bool = False) -> BnSummary:
    """Count, mean, median and standard deviation of each group's scales."""
    columns = Columns.of(table)
    valued = columns.assign(value=scale_values(columns, absolute=absolute))
    checkpoints: dict[str, list[LayerStatistics]] = {}
    for (checkpoint, block, layer), part in valued.split("checkpoint", "block", "layer"):
        groups = {str(group): _statistics(rows["value"]) for group, rows in part.split("group")}
        checkpoints.setdefault(str(checkpoint), []).append(LayerStatistics(str(block), str(layer), groups))
    return BnSummary("|gamma|" if absolute else "gamma", checkpoints)


def note_equal_scales(table: Table) -> tuple[str, ...]:
    """A line for every checkpoint whose scales are all the same number, so that they tell nothing apart."""
    notes = []
    for name, rows in Columns.of(table).split("checkpoint"):
        gamma = rows["gamma"]
        if len(set(gamma[~np.isnan(gamma)].tolist())) == 1:
            value = float(gamma[0])
            why = "nothing passes" if value == 0 else "untrained, or folded into the convolutions"
            notes.append(f"{name}: every scale is {value:g} ({why}), so scales tell nothing apart")
    return tuple(notes)


def _statistics(values: np.ndarray) -> GroupStatistics:
    return GroupStatistics(len(values), float(values.mean()), find_median(values), float(values.std()))


def _tabulate_group(checkpoint: Checkpoint, unit: Unit, group: str) -> Columns:
    layer, channels = unit.layer, unit.channels
    read = {part: _column(checkpoint.state[f"{layer}.{part}"])[channels] for part in _PARTS}
    share = np.ones(len(read["weight"]))
    if unit.owners:
        share = _owned_share(checkpoint, unit.owners, group)
    return Columns(
        {
            "stage": unit.stage,
            "block": unit.block,
            "layer": layer,
            "group": group,
            "channel": np.arange(channels.start, channels.stop),
            **{_PARTS[part]: values for part, values in read.items()},
            "share": share,
            "importance": np.abs(read["weight"]) * share,
        }
    )


_PARTS = {"weight": "gamma", "bias": "beta", "running_mean": "running_mean", "running_var": "running_var"}


def _owned_share(checkpoint: Checkpoint, owners: tuple[str, str], group: str) -> np.ndarray:
    """The part of each filter's weight energy that its spatial or temporal kernel holds, as a scale."""
    energy = {
        owner: _sum_squares(_column(checkpoint.state[weight]))
        for owner, weight in zip(("spatial", "temporal"), owners, strict=True)
    }
    total = energy["spatial"] + energy["temporal"]
    equal = np.full_like(total, 0.5)  # a filter of zeros belongs to both alike
    share: np.ndarray = np.sqrt(np.divide(energy[group], total, out=equal, where=total > 0))
    return share


def _sum_squares(kernel: np.ndarray) -> np.ndarray:
    """The energy of each filter."""
    flat = kernel.reshape(len(kernel), -1)
    return np.asarray(np.square(flat).sum(1))


def _column(tensor: Tensor) -> np.ndarray:
    return to_array(tensor).astype(np.float64)
