"""Checkpoints -> TEMPORAL_USE, one row a filter, from weights alone.

No network is built, but to draw a start again from its seed. What clips decide (gates that move channels,
kernels made for each clip) is measured where there are clips.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from gst_analysis.analyses.temporal_use.shares import Shares, measure_kernel
from gst_analysis.analyses.temporal_use.starts import Known, Start, start_of_card, start_of_file
from gst_analysis.analyses.temporal_use.summary import (
    list_heads,
    summarise_heads,
    summarise_kernels,
    summarise_use,
)
from gst_analysis.analyses.temporal_use.table import (
    CLIPS,
    FROM_CARD,
    FROM_FIRST,
    NO_START,
    TEMPORAL_USE,
    WEIGHTS,
    TemporalUse,
    TemporalUseOptions,
)
from gst_analysis.checkpoints.loaded import Checkpoint, Network
from gst_analysis.checkpoints.naming import OwnCode
from gst_analysis.checkpoints.several import read_each
from gst_analysis.checkpoints.sources import (
    Source,
    checkpoint_of,
    distinct_names,
    glance_at,
    name_of,
    open_model,
    tell_each,
)
from gst_analysis.errors import SpecError
from gst_analysis.networks.capabilities import require
from gst_analysis.networks.time_kernels import ATTENTION, BY_CLIP, MovedChannels, TimeKernel, say_left_out
from gst_analysis.progress import Progress
from gst_analysis.results import Provenance
from gst_analysis.rooms import Door
from gst_analysis.tables import check
from gst_analysis.tables.columns import Columns

if TYPE_CHECKING:
    from gst_analysis.analyses.temporal_use import by_clip
    from gst_analysis.clips.records import RecordList
    from gst_analysis.inference import settings
    from gst_analysis.inference.settings import InferenceSettings
    from gst_analysis.probes import listening
else:  # without clips nothing is run, and nothing that runs networks is imported
    by_clip = Door("gst_analysis.analyses.temporal_use.by_clip")
    listening = Door("gst_analysis.probes.listening")
    settings = Door("gst_analysis.inference.settings")


@dataclass(frozen=True)
class _Read:
    """What is kept of a checkpoint: no weights."""

    table: Columns = field(repr=False)
    known: Known
    sha256: str
    path: str
    unread: Mapping[str, str]
    left_out: tuple[tuple[str, str], ...] = ()
    start: Start = field(default_factory=Start)


def measure_temporal_use(
    sources: Sequence[Source],
    records: RecordList | None = None,
    *,
    names: Sequence[str] | None = None,
    options: TemporalUseOptions,
    progress: Progress | None = None,
) -> TemporalUse:
    """Read checkpoints one after the other, and put each beside its start.

    Args:
        sources: paths of checkpoints, or what was loaded.
        records: clips on which gates and made kernels are measured, too.
        names: what to call the checkpoints; their file names if None.
        options: where kernels started, what figures show, where clips are run.
        progress: called before every checkpoint.

    Raises:
        CheckpointError: not one of them could be read. If some could not, the result names them.
        SpecError: a network in which nothing reaches over frames, or a start that is asked for and unknown.
        DataError: not one clip could be read.
    """
    labels = distinct_names(names or [name_of(source) for source in sources])
    told = tell_each(sources, options)
    read, failures = read_each(
        told,
        labels,
        lambda source, label: _read_one(source, label, records, options),
        progress,
        glances=records is None,
    )
    found = _add_starts(read, options)
    # Checkpoint by checkpoint: what looks at a whole column takes as much memory again as its numbers.
    kernels = Columns.join([summarise_kernels(check(one.table, TEMPORAL_USE)) for one in found.values()])
    heads = Columns.join([list_heads(one.table) for one in found.values()])
    table = Columns.join_and_forget([one.table for one in found.values()])
    unread = {clip: why for one in found.values() for clip, why in one.unread.items()}
    origins = {name: one.start.origin for name, one in found.items()}
    return TemporalUse(
        table.as_table(),
        summarise_use(kernels, origins, clips=len(records or ()) - len(unread)),
        _name_origins(found, options, records),
        notes=tuple(_list_notes(found, kernels, with_clips=records is not None)),
        failures={**failures, **unread},
        kernels=kernels.as_table(),
        heads=summarise_heads(heads),
        show=options.show,
        by=options.by,
    )


def _read_one(source: Source, label: str, records: RecordList | None, options: TemporalUseOptions) -> _Read:
    checkpoint = glance_at(source) if records is None else checkpoint_of(source)
    anatomy, decided = checkpoint.anatomy, _Decided()
    if records is not None:
        own = source if isinstance(source, (Network, OwnCode)) else checkpoint
        where = settings.InferenceSettings(device=options.device, devices=options.devices)
        decided = measure_by_clip(open_model(own), records, where)
    if not decided.kernels:  # attention has no kernel, but clips may show it
        require(checkpoint.spec, anatomy, "time", what="temporal use")
    parts = [_tabulate(kernel, shares, WEIGHTS) for kernel, shares in _list_weights(checkpoint)]
    parts += [_tabulate(kernel, shares, CLIPS) for kernel, shares in decided.kernels]
    table = Columns.join(parts).assign(checkpoint=label).choose(list(TEMPORAL_USE.columns))
    shapes = {
        one.weight: tuple(checkpoint.state[one.weight].shape)
        for one in anatomy.time_kernels
        if one.weight in checkpoint.state
    }
    known = Known(label, checkpoint.spec, anatomy.time_kernels, shapes, checkpoint.provenance)
    return _Read(table, known, checkpoint.sha256, str(checkpoint.path), decided.unread, anatomy.left_out)


def _list_weights(checkpoint: Checkpoint) -> Iterator[tuple[TimeKernel, Shares]]:
    """What weights, or the lack of any, say of each kernel."""
    for kernel in checkpoint.anatomy.time_kernels:
        if kernel.kind == "shift" and kernel.moved is not None:
            yield kernel, _measure_moved(kernel.moved)
        elif kernel.weight in checkpoint.state:
            yield kernel, measure_kernel(kernel, checkpoint.state[kernel.weight])


def _measure_moved(moved: MovedChannels) -> Shares:
    """A fixed shift gives every channel one tap, here or a frame away; nothing in it was learned."""
    nothing = np.full(moved.channels, np.nan)
    shift = np.zeros(moved.channels)
    shift[: moved.ahead], shift[moved.ahead : moved.ahead + moved.back] = 1, -1
    return Shares(3, nothing, nothing, nothing, np.abs(shift), shift)


@dataclass(frozen=True)
class _Decided:
    """What clips decide on, and clips that could not be read."""

    kernels: Sequence[tuple[TimeKernel, Shares]] = ()
    unread: Mapping[str, str] = field(default_factory=dict)


def measure_by_clip(model: Network, records: RecordList, told: InferenceSettings) -> _Decided:
    """Run clips where a network has gates, makes kernels or attends to frames; nothing is run where not.

    Raises:
        DataError: not one clip could be read.
    """
    if not by_clip.decides_by_clip(model):
        return _Decided()
    heard = listening.listen_to_clips(model, records, told, by_clip.hear_decisions)
    return _Decided(list(by_clip.list_kernels(heard.batches, model.anatomy)), heard.failures)


def _tabulate(kernel: TimeKernel, shares: Shares, source: str) -> Columns:
    """Rows of one kernel, without the start."""
    return Columns(
        {
            "stage": kernel.stage,
            "block": kernel.place,
            "layer": kernel.name,
            "group": kernel.group,
            "kind": kernel.kind,
            "source": source,
            "channel": np.arange(len(shares.shift)),
            "taps": shares.taps,
            "energy": shares.energy,
            "varying": shares.varying,
            "ordered": shares.ordered,
            "off_frame": shares.off_frame,
            "even": shares.even,
            "shift": shares.shift,
            "start": np.nan,
        }
    )


def _add_starts(read: dict[str, _Read], options: TemporalUseOptions) -> dict[str, _Read]:
    """Each checkpoint with what its kernels were when training began, as far as that is known.

    What was read is let go of on the way: a table is as large as all else that is kept of a checkpoint.

    Raises:
        SpecError: a start was asked for, and it is that of none of them.
    """
    wanted = options.start
    find = _choose_start(read, options)
    starts = {name: find(one.known) for name, one in read.items()}
    if wanted not in (None, NO_START) and not any(start.varying for start in starts.values()):
        raise SpecError(
            f"start {str(wanted)[:60]}",
            expected="kernels of these shapes, or a record of how they began",
            found="neither",
            todo="name an earlier epoch or the 2-D weights that training began with, or leave it out",
        )
    return {name: _add_start(read.pop(name), start) for name, start in starts.items()}


def _choose_start(read: Mapping[str, _Read], options: TemporalUseOptions) -> Callable[[Known], Start]:
    if options.start == NO_START:
        return lambda _: Start()
    if options.start is None or options.start == FROM_CARD:
        return start_of_card
    if options.start == FROM_FIRST:
        first = next(iter(read.values()))
        layers = first.table.take(first.table["source"] == WEIGHTS).split("layer")
        varying = {str(layer): rows["varying"] for layer, rows in layers}
        begun = Start(f"the first of the series, {first.known.name}", varying)
        return lambda _: begun
    checkpoint = glance_at(options.start)
    return lambda known: start_of_file(checkpoint, known)


def _add_start(one: _Read, start: Start) -> _Read:
    """The table with the start beside each filter whose layer had as many then."""
    began, places = one.table["start"].copy(), np.arange(len(one.table))
    fitting = False
    for layer, rows in one.table.assign(row=places).take(one.table["source"] == WEIGHTS).split("layer"):
        values = start.varying.get(str(layer), np.empty(0))
        if len(values) == len(rows):
            began[rows["row"]] = values
            fitting = fitting or bool(np.isfinite(values).any())
    return replace(one, table=one.table.assign(start=began), start=start) if fitting else one


def _name_origins(
    found: Mapping[str, _Read], options: TemporalUseOptions, records: RecordList | None
) -> Provenance:
    start = "" if options.start is None else str(options.start)
    return Provenance(
        {name: one.sha256 for name, one in found.items()},
        {name: one.known.spec.to_json() for name, one in found.items()},
        {"paths": {name: one.path for name, one in found.items()}, "start": start, "device": options.device},
        clips=() if records is None else records.name_clips(),
    )


def _list_notes(found: Mapping[str, _Read], kernels: Columns, *, with_clips: bool) -> Iterator[str]:
    """What was not known, and what weights alone do not say."""
    for name, one in found.items():
        kinds = {kernel.kind for kernel in one.known.kernels}
        own = kernels.take(kernels["checkpoint"] == name)
        learned = bool((own["source"] == WEIGHTS).any() and kinds - {"shift", *BY_CLIP})
        if learned and not one.start.varying:
            yield f"{name}: how its kernels began is not known, so nothing stands beside them but chance"
        silent = int(own["silent"].sum())
        if silent:
            yield f"{name}: {silent} filters over time have no weight at all and are left out of all shares"
        if "moved by clip" in kinds and not with_clips:
            yield f"{name}: how far its gates open is decided by each clip: give clips to measure it"
        if "made by clip" in kinds and not with_clips:
            yield f"{name}: its kernels are made anew for each clip: give clips to measure them"
        yield from _note_left_out(name, one.left_out, with_clips=with_clips)


def _note_left_out(name: str, left_out: Sequence[tuple[str, str]], *, with_clips: bool) -> Iterator[str]:
    """What reaches over frames, or may, and is in no row."""
    others = [(own, what) for own, what in left_out if what != ATTENTION]
    if others:
        yield f"{name}: left out, as they have no kernel that could be read: {say_left_out(others)}"
    if len(others) < len(left_out) and not with_clips:
        yield f"{name}: where its attention looks is decided by each clip: give clips to measure it"
