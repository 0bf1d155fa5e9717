"""What a frame's logit is made of: how much output frame i depends on input frame j.

Enters a network and clips; leaves an INFLUENCE table, the mean over clips, and a RECEPTIVE_FIELDS table.
Frames are taken one by one, before they are averaged into the clip's prediction. Three measures:

- gradient: the norm, over the pixels of input frame j, of the exact gradient of frame i's logit;
- occlusion-mean: how far the logit moves when frame j is replaced by the mean of the clip's frames;
- occlusion-neighbour: the same, replaced by the frame before it (the first one by the second).

The logit is that of the class predicted for the clip, or of one class throughout.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gst_analysis.analyses.influence.means import (
    InfluenceMeans,
    list_agreements,
    list_spreads,
    tabulate_influence,
    tabulate_receptive_fields,
)
from gst_analysis.analyses.influence.table import (
    GRADIENT,
    MEAN,
    METHODS,
    NEIGHBOUR,
    FrameInfluence,
    InfluenceSummary,
)
from gst_analysis.checkpoints.loaded import Checkpoint, LoadedModel
from gst_analysis.clips.dataset import ReadingPlan
from gst_analysis.clips.records import ClipRecord, RecordList
from gst_analysis.clips.transforms import normalise_clips
from gst_analysis.errors import BrokenCheckpoint, DataError, name_some
from gst_analysis.inference.conditions import explain_out_of_memory, running_conditions
from gst_analysis.inference.reading import read_ahead
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.inference.sharing import Here, Measured, ModelWork, Unit, merge_found, share_out
from gst_analysis.networks.anatomy import Place
from gst_analysis.networks.capabilities import require
from gst_analysis.probes.answers import mark_answers, reach_of
from gst_analysis.probes.clip_stream import Step, no_step
from gst_analysis.probes.gradients import Norms, know_reach, trace_gradients
from gst_analysis.progress import Progress
from gst_analysis.results import Provenance


@dataclass(frozen=True)
class _Look:
    """One class for all clips, or each clip's own prediction; and whether blocks are looked at too."""

    class_id: int | None
    blocks: bool


def measure_influence(
    model: LoadedModel,
    records: RecordList | Sequence[ClipRecord],
    *,
    class_id: int | None = None,
    blocks: bool = True,
    settings: InferenceSettings | None = None,
    progress: Progress | None = None,
) -> FrameInfluence:
    """Measure all three ways over clips, one at a time; the network is left as it was found.

    Args:
        model: what load_model returned.
        records: what load_records or find_clips returned.
        class_id: whose logit; each clip's own prediction if None.
        blocks: whether blocks are looked at too.
        settings: the device; clips are run one at a time.
        progress: called with how many steps are done, how many there are, as many for every clip, and
            which clip it is at.

    Raises:
        DataError: not one clip could be read.
        BrokenCheckpoint: the network's outputs are not finite.
    """
    settings, look = settings or InferenceSettings(), _Look(class_id, blocks)
    settings.require_one_view("influence")
    require(model.spec, model.anatomy, "logits", what="influence")
    work, steps = _Work(model, replace(settings, fold=False), tuple(records), look), _count_steps(model, look)
    units: list[Unit] = [(place,) for place in range(len(records))]

    def name(done: int) -> str:
        return records[max(0, (done - 1) // steps)].clip

    pieces = share_out(work, units, progress, rounds=(1,) * steps, name=name)
    means, reachable, failures = InfluenceMeans(), mark_answers(model), {}
    for (place,), found in merge_found(pieces):
        if isinstance(found, str):
            failures[records[place].clip] = found
        else:
            means.add(*found, reachable)
    if not means.clips:
        raise _none_read(failures)
    notes = records.notes if isinstance(records, RecordList) else ()
    result = _assemble(model, means, look, model.anatomy.places, failures, notes)
    named = replace(result.provenance, clips=tuple(record.clip for record in records))
    return replace(result, provenance=named)


_Found = tuple[dict[str, Norms], dict[str, Norms]] | str
"""One clip's matrices by method and its blocks' profiles; or why it could not be read."""


@dataclass(frozen=True)
class _Work(ModelWork):
    """What every process is given."""

    records: tuple[ClipRecord, ...]
    look: _Look

    def measure(self, units: Sequence[Unit], here: Here) -> list[Measured[_Found]]:
        """Look at some of the clips, one at a time."""
        model, device = self.model, here.device
        found: list[Measured[_Found]] = []
        chosen = [(place, self.records[place]) for unit in units for place in unit]
        plan = ReadingPlan(model.clip_spec, normalise=False)
        with (
            running_conditions(model.module, self.settings, device) as network,
            closing(read_ahead(chosen, plan, threads=2)) as clips,
        ):
            for clip in clips:
                one: _Found = clip.failure
                if clip.views is None:  # as many steps as any other
                    for _ in range(_count_steps(model, self.look)):
                        here.count()
                else:
                    pixels = normalise_clips(clip.views.to(device), model.clip_spec)
                    with explain_out_of_memory(1, device):
                        one = _look_at(network, pixels, self.look, model.checkpoint, here.count)
                found.append(((clip.place,), one))
        return found


def _count_steps(model: LoadedModel, look: _Look) -> int:
    """A gradient for every answer and block, and two runs for every frame left out."""
    frames = model.clip_spec.frames
    return 2 * frames + model.spec.count_answers(frames) + (len(model.anatomy.places) if look.blocks else 0)


def _look_at(
    network: Any, clip: Tensor, look: _Look, checkpoint: Checkpoint, step: Step
) -> tuple[dict[str, Norms], dict[str, Norms]]:
    """One clip's matrices by method, and its blocks' profiles."""
    with torch.no_grad():
        logits = network(clip)[0]  # (T, K)
    if not torch.isfinite(logits).all():
        raise BrokenCheckpoint(
            str(checkpoint.path),
            expected="finite logits",
            found="infinite or missing ones",
            todo="use another checkpoint",
        )
    class_id = int(logits.mean(0).argmax()) if look.class_id is None else look.class_id
    places = checkpoint.anatomy.places if look.blocks else ()
    reach = know_reach(network, checkpoint.anatomy.half_width)
    gradients, profiles = trace_gradients(network, clip, class_id, places=places, half_width=reach, step=step)
    matrices = {GRADIENT: gradients}
    for method in (MEAN, NEIGHBOUR):
        matrices[method] = measure_occlusion(network, clip, class_id, stand_ins=method, step=step)
    return matrices, profiles


@torch.no_grad()
def measure_occlusion(
    network: Callable[[Tensor], Tensor],
    clip: Tensor,
    class_id: int,
    *,
    stand_ins: str = MEAN,
    step: Step = no_step,
) -> Norms:
    """(T, T): how far the logit of output frame i moves when input frame j is replaced.

    Args:
        network: clips (N, T, 3, H, W) -> per-frame logits (N, T, K).
        clip: (1, T, 3, H, W), normalised.
        class_id: whose logit.
        stand_ins: occlusion-mean, or occlusion-neighbour.
        step: called after every frame.
    """
    frames = clip.shape[1]
    if stand_ins == MEAN:  # in double precision, so that the mean of equal frames is that frame
        others = clip[0].double().mean(0).to(clip).expand_as(clip[0])
    else:
        others = clip[0, _neighbours(frames)]
    whole = network(clip)[0, :, class_id]
    columns: list[Tensor] = []
    for place in range(frames):
        # One at a time: in batches of another size convolutions round otherwise, and 0 would not be 0.
        occluded = clip.clone()
        occluded[0, place] = others[place]
        columns.append((network(occluded)[0, :, class_id] - whole).abs())
        step()
    return np.asarray(torch.stack(columns, 1).double().cpu().numpy())


def _neighbours(frames: int) -> list[int]:
    """The frame before each; the second for the first, and itself where there is no other."""
    return [min(1, frames - 1), *range(frames - 1)]


def _none_read(failures: dict[str, str]) -> DataError:
    return DataError(
        name_some(list(failures)) or "the list of clips",
        expected="at least one clip that can be read",
        found=next(iter(failures.values()), "no clips at all"),
        todo="check the files, for example with dataset-check",
    )


def _assemble(
    model: LoadedModel,
    means: InfluenceMeans,
    look: _Look,
    places: Sequence[Place],
    failures: dict[str, str],
    notes: tuple[str, ...],
) -> FrameInfluence:
    name, frames, reachable = model.checkpoint.name, model.clip_spec.frames, mark_answers(model)
    half_width = reach_of(model.anatomy.half_width, frames)
    table = tabulate_influence(name, means, reachable)
    fields = tabulate_receptive_fields(name, means, places, frames)
    summary = InfluenceSummary(
        clips=means.clips,
        frames=frames,
        half_width=half_width,
        own_share=_share_own(means),
        agreement=list_agreements(means, reachable),
        blocks=list_spreads(fields),
        unmoved={method: int(means.unmoved[method]) for method in METHODS},
    )
    settings = {
        "clip_spec": model.clip_spec.to_json(),
        "class_id": look.class_id if look.class_id is not None else "predicted for each clip",
    }
    provenance = Provenance({name: model.sha256}, {name: model.spec.to_json()}, settings)
    return FrameInfluence(
        table,
        summary,
        provenance,
        notes=(*notes, *model.notes, *_remarks(means, frames), *_note_answers(model)),
        failures=failures,
        receptive_fields=fields,
        path=str(model.checkpoint.path),
    )


def _share_own(means: InfluenceMeans) -> dict[str, float]:
    """The mean share of an answer's own frame; nothing where one answer is of the whole clip."""
    squares = {m: s for m, s in means.shares.items() if s.shape[0] == s.shape[1]}
    return {m: float(np.diag(s).mean() / means.clips) for m, s in squares.items()}


def _note_answers(model: LoadedModel) -> tuple[str, ...]:
    notes = []
    if model.spec.output == "clip":
        notes.append("one answer a clip: a single row says how much it depends on each frame")
    if model.anatomy.half_width is None:
        notes.append("how far its places reach through time is not known: every frame counts as reachable")
    return tuple(notes)


def _remarks(means: InfluenceMeans, frames: int) -> tuple[str, ...]:
    if frames == 1:
        return ("the network sees one frame, which has all the influence there is",)
    still = max(means.unmoved[method] for method in (MEAN, NEIGHBOUR))
    if not still:
        return ()
    return (
        f"in {still} of {means.clips} clips replacing a frame moved nothing: are their frames all alike?",
    )
