"""Records in, FrameLogits out: the work is done here or shared among processes, then put in order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.clips.dataset import FrameReader
from gst_analysis.clips.records import ClipRecord, RecordList, number_videos
from gst_analysis.inference.logits import UNLABELLED, FrameLogits
from gst_analysis.inference.running import Job, Share
from gst_analysis.inference.settings import InferenceSettings, choose_device
from gst_analysis.inference.sharing import share_out
from gst_analysis.inference.views import ViewPlan
from gst_analysis.progress import Progress
from gst_analysis.results import Provenance

UNNAMED = "the checkpoint holds no class names: classes are shown as numbers"
BORROWED = (
    "the checkpoint holds no class names: those of the data are shown, on the assumption that its classes "
    "are numbered alike"
)


def measure_frame_logits(
    model: LoadedModel,
    records: RecordList | Sequence[ClipRecord],
    *,
    settings: InferenceSettings | None = None,
    progress: Progress | None = None,
    read: FrameReader | None = None,
) -> FrameLogits:
    """Run a network over clips; every view is averaged into one row of logits a frame.

    The network is left as it was: where it lay, its mode and its norms. Under torchrun, `fabric run` or
    SLURM every process takes its share of the clips and every process gets the whole result.

    Args:
        model: what load_model returned.
        records: what load_records or find_clips returned.
        settings: views, batch, device and so on.
        progress: called now and then, with more than one device from another thread.
        read: what reads the frames of a clip, such as that of clips that are at hand.

    Raises:
        SpecError: a device that is not here, a batch that does not fit into memory.
        BrokenCheckpoint: the network's outputs are not finite.
    """
    settings = settings or InferenceSettings()
    model.current_checkpoint()  # refuses what is no network of its spec
    names, notes = _name_classes(model, records)
    views = ViewPlan.of(settings, model.clip_spec, names, model.spec.num_classes)
    job = Job(model, settings, views, tuple(records), read)
    shares = share_out(job, job.list_units(), progress)
    told = records.notes if isinstance(records, RecordList) else ()
    unique = dict.fromkeys((*told, *model.notes, *notes, *views.notes))
    return _assemble(job, records, shares, names, tuple(unique))


def _name_classes(
    model: LoadedModel, records: RecordList | Sequence[ClipRecord]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The classes' names, and what must be said of them."""
    if model.labels:
        return model.labels, ()
    names = records.class_names if isinstance(records, RecordList) else ()
    if len(names) == model.spec.num_classes:
        return tuple(names), (BORROWED,)
    return (), (UNNAMED,)


def _assemble(
    job: Job,
    records: RecordList | Sequence[ClipRecord],
    shares: Sequence[Share],
    class_names: tuple[str, ...],
    notes: tuple[str, ...],
) -> FrameLogits:
    """All shares in the order of the records, with what is known about network and clips."""
    model, settings = job.model, job.settings
    failures = dict(sorted(item for share in shares for item in share.failures.items()))
    shares = [share for share in shares if share.places] or shares[:1]  # an empty one shows no answers
    names = name_apart([record.clip for record in records])
    places = np.array([place for share in shares for place in share.places], dtype=np.int64)
    order = np.argsort(places, kind="stable")
    labels = [record.label if record.label is not None else UNLABELLED for record in records]
    sources = dict(records.sources or {}) if isinstance(records, RecordList) else {}
    checkpoint = model.checkpoint
    return FrameLogits(
        checkpoint=checkpoint.name,
        clips=tuple(names[place] for place in places[order]),
        labels=np.array(labels, dtype=np.int64)[places[order]],
        logits=np.concatenate([share.logits for share in shares])[order],
        seconds=np.concatenate([share.seconds for share in shares])[order],
        class_names=class_names,
        failures={names[place]: reason for place, reason in failures.items()},
        notes=notes,
        provenance=Provenance(
            {checkpoint.name: model.sha256, **sources},
            {checkpoint.name: model.spec.to_json()},
            {**_describe(model, settings), "folded_norms": _say_folded(shares[0].folded)},
            clips=() if sources else tuple(names),
        ),
        videos=number_videos([records[place] for place in places[order]]),
    )


def _describe(model: LoadedModel, settings: InferenceSettings) -> dict[str, object]:
    """The settings that the numbers depend on."""
    kept = ("clips", "crops", "batch", "precision", "fold")
    device = choose_device(settings.device).type
    return {
        "clip_spec": model.clip_spec.to_json(),
        **{k: getattr(settings, k) for k in kept},
        "device": device,
    }


def _say_folded(folded: tuple[int, int]) -> str:
    done, norms = folded
    return f"{done} of {norms}"


def name_apart(names: Sequence[str]) -> list[str]:
    """Number repeated names, so that a row is one clip's."""
    counts: dict[str, int] = {}
    used: dict[str, None] = {}
    for name in names:
        unique = name
        while unique in used:
            counts[name] = counts.get(name, 1) + 1
            unique = f"{name} ({counts[name]})"
        used[unique] = None
    return list(used)
