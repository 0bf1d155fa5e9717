"""Does a network need the order of frames? Clips are shown in other orders, and the answers compared.

Enters a network and labelled clips; leaves tables of conditions, classes, pairs of classes that are each
other's reversal, and clips. Each clip is decoded once, and its frames are reordered after they were sampled.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch

from gst_analysis.analyses.order.padding import count_padding
from gst_analysis.analyses.order.showing import PADDINGS, Seen, Showing
from gst_analysis.analyses.order.table import FrameOrder, OrderOptions, OrderSummary
from gst_analysis.analyses.order.tabulate import (
    Shown,
    summarise_partners,
    tabulate_classes,
    tabulate_clips,
    tabulate_conditions,
    tabulate_reversals,
)
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.clips.records import RecordList, note_videos, number_videos
from gst_analysis.errors import SpecError
from gst_analysis.inference.classes import check_classes
from gst_analysis.inference.conditions import explain_out_of_memory, running_conditions
from gst_analysis.inference.measuring import BORROWED, UNNAMED, name_apart
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.inference.sharing import Here, ModelWork, Unit, share_out
from gst_analysis.networks.capabilities import require, why_not
from gst_analysis.numbers import show_class
from gst_analysis.probes.clip_stream import ClipStream, group_evenly, refuse_unread
from gst_analysis.probes.resampling import Bootstrap, Interval
from gst_analysis.progress import Progress
from gst_analysis.results import Provenance

_STILL_A_CLOCK = 1e-4
ONE_CLIP = "one clip: intervals say nothing of others"
BY_FRAME = (
    "each frame's logits are of that frame alone: they were measured once and put in other orders, so that "
    "what order changes is exactly nothing"
)


def settings_of(options: OrderOptions) -> InferenceSettings:
    """One view of a clip, in fp32, by the network itself: other padding does not reach a folded copy."""
    return InferenceSettings(batch=options.batch, device=options.device, devices=options.devices, fold=False)


def bootstrap_of(options: OrderOptions) -> Bootstrap:
    """How confidence intervals are drawn."""
    return Bootstrap(options.draws, options.confidence, options.seed)


def measure_order(
    model: LoadedModel,
    records: RecordList,
    *,
    options: OrderOptions | None = None,
    progress: Progress | None = None,
) -> FrameOrder:
    """Show clips with their frames in other orders, and compare what they are taken for.

    The network is left as it was. The same seed and clips give the same numbers.

    Args:
        model: what load_model returned.
        records: what load_labelled_clips returned; every clip must have a label.
        options: conditions, how many shuffles, batch, device, seed and confidence.
        progress: called after every clip.

    Raises:
        DataError: classes that are not the checkpoint's, clips without labels, or none that can be read.
        SpecError: a network of one frame, whose clips have no order.
    """
    options = options or OrderOptions()
    settings, bootstrap = settings_of(options), bootstrap_of(options)
    require(model.spec, model.anatomy, "logits", what="order")
    _require_frames(model)
    check_classes(model, records)
    kept, notes = _drop_undefined(model, options.conditions)
    work = _Work(model, settings, records, kept, options.shuffles, options.seed)
    units = list(group_evenly(range(len(records)), options.batch))
    pieces = share_out(work, units, progress)
    showing = work.build_showing()
    showing.add(one for piece in pieces for one in piece.seen)
    failures = _merge_failures(pieces, records)
    if not showing.seen:
        refuse_unread(failures)
    names, unnamed = _name_classes(model, records)
    clips = name_apart([record.clip for record in records])
    shown = Shown(
        model.checkpoint.name,
        showing,
        np.concatenate([one.labels for one in showing.seen]),
        tuple(clips[place] for place in showing.places),
        names,
        model.clip_spec.frames,
        bootstrap,
        np.array(number_videos([records[place] for place in showing.places])),
    )
    result = _build_result(shown, model, records, options, (*unnamed, *notes, *_list_remarks(shown)))
    return replace(result, failures=failures)


@dataclass(frozen=True)
class _Piece:
    """What one process saw, and the clips that it could not read."""

    seen: list[Seen]
    failures: dict[str, str]


@dataclass(frozen=True)
class _Work(ModelWork):
    """What every process is given."""

    records: RecordList
    conditions: tuple[str, ...]
    shuffles: int
    seed: int

    def build_showing(self) -> Showing:
        """A showing that has seen nothing yet."""
        return Showing(self.model, self.conditions, shuffles=self.shuffles, seed=self.seed)

    def measure(self, units: Sequence[Unit], here: Here) -> _Piece:
        """Show some of the clips on one device."""
        device = here.device
        stream = ClipStream(self.model, self.records, self.settings, device, units=units)
        showing = self.build_showing()
        with running_conditions(self.model.module, self.settings, device), torch.no_grad():
            for batch in stream.batches(here.count):
                with explain_out_of_memory(len(batch.labels), device):
                    showing.take(batch)
        return _Piece(showing.seen, stream.failures)


def _merge_failures(pieces: Sequence[_Piece], records: RecordList) -> dict[str, str]:
    """All processes' failures in the order of the clips."""
    failures = {clip: why for piece in pieces for clip, why in piece.failures.items()}
    return {record.clip: failures[record.clip] for record in records if record.clip in failures}


def _require_frames(model: LoadedModel) -> None:
    if model.clip_spec.frames < 2:
        raise SpecError(
            f"order of {model.spec.label}",
            expected="clips of at least two frames",
            found="one frame, which has no order",
            todo="give more frames, where the network takes them",
        )


def _drop_undefined(model: LoadedModel, conditions: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    """Leave out what such a network cannot be shown, and say so."""
    reasons = {}
    short = why_not(model.spec, model.anatomy, "length")
    if not short and not _answers_to_half(model):
        short = "it takes its frames in runs, which half as many do not fill"
    if short:
        reasons["half-as-many"] = short
    if not count_padding(model.module):
        why = "nothing was found in it that pads the clip's ends with zeros"
        reasons |= dict.fromkeys(PADDINGS, why)
    told = [f"{name} is not defined: {reasons[name]}" for name in conditions if name in reasons]
    return tuple(name for name in conditions if name not in reasons), told


def _answers_to_half(model: LoadedModel) -> bool:
    """Whether half as many frames give answers in the same proportion, where runs of frames share one."""
    frames = model.clip_spec.frames
    answers, fewer = model.spec.count_answers(frames), (frames + 1) // 2
    return answers in (1, frames) or fewer % (frames // answers) == 0


def _name_classes(model: LoadedModel, records: RecordList) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The classes' names, or numbers, and what must be said of them."""
    if model.labels:
        return tuple(model.labels), ()
    if len(records.class_names) == model.spec.num_classes:
        return tuple(records.class_names), (BORROWED,)
    return tuple(map(show_class, range(model.spec.num_classes))), (UNNAMED,)


def _list_remarks(shown: Shown) -> list[str]:
    """What a reader should know before believing it."""
    showing, remarks = shown.showing, []
    if showing.by_frame:
        remarks.append(BY_FRAME)
    if showing.rolled is not None:
        same = showing.rolled < _STILL_A_CLOCK
        remarks.append(
            "with its ends joined, a clip that begins a frame later gets the same answers: nothing else "
            "in the network tells where a clip begins"
            if same
            else f"with its ends joined, a clip that begins a frame later still gets other answers (by up to "
            f"{showing.rolled:.2g}): steps over time, or padding of another kind, tell where a clip begins"
        )
    if len(shown.labels) == 1:
        remarks.append(ONE_CLIP)
    return [*remarks, *note_videos(shown.videos.tolist())]


def _build_result(
    shown: Shown, model: LoadedModel, records: RecordList, options: OrderOptions, notes: Sequence[str]
) -> FrameOrder:
    table, reversals = tabulate_conditions(shown), tabulate_reversals(shown)
    described = {
        "conditions": shown.showing.conditions,
        "shuffles": options.shuffles,
        "bootstrap": dataclasses.asdict(shown.bootstrap),
        "batch": options.batch,
        "clip_spec": model.clip_spec.to_json(),
    }
    provenance = Provenance(
        {shown.checkpoint: model.sha256, **(records.sources or {})},
        {shown.checkpoint: model.spec.to_json()},
        described,
        clips=records.name_clips(),
    )
    return FrameOrder(
        table,
        _summarise(shown, table, reversals),
        provenance,
        notes=(*records.notes, *model.notes, *notes),
        classes=tabulate_classes(shown),
        reversals=reversals,
        clips=tabulate_clips(shown),
    )


def _summarise(shown: Shown, table: pd.DataFrame, reversals: pd.DataFrame) -> OrderSummary:
    first = table.iloc[0]
    temporality, withheld = shown.temporality_of(np.ones(len(shown.labels), dtype=bool))
    clips, share = summarise_partners(shown, reversals)
    return OrderSummary(
        clips=len(shown.labels),
        frames=shown.frames,
        chance=shown.chance,
        accuracy=Interval(*(float(first[f"accuracy{end}"]) for end in ("", "_low", "_high"))),
        temporality=temporality,
        withheld=withheld,
        partner_clips=clips,
        partner_share=share,
    )
