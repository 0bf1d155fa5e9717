"""Where a network looks in one clip: maps, pictures and what is told of them.

Enters a network and one clip; leaves a SALIENCY table: for every frame that went in a map of evidence for
a class, in units of its logit.

What evidence is and whose stands in `evidence.py`; whether it says what the network uses, in `testing.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from gst_analysis.analyses.saliency.controls import CONTROLS
from gst_analysis.analyses.saliency.evidence import (
    ENOUGH_CELLS,
    Maps,
    find_block,
    find_pathways,
    measure_evidence,
    place_cells,
)
from gst_analysis.analyses.saliency.table import (
    CURVES,
    FORGETTING,
    SALIENCY,
    GroupHeat,
    SaliencyMaps,
    SaliencySummary,
)
from gst_analysis.analyses.saliency.testing import (
    find_owners,
    list_forgetting,
    measure_curves,
    measure_forgetting,
    order_pixels,
    summarise_curves,
)
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.checkpoints.sources import name_class
from gst_analysis.clips.dataset import ReadingPlan, load_views
from gst_analysis.clips.finding import name_files
from gst_analysis.clips.media import Frames, Pixels
from gst_analysis.clips.records import ClipRecord
from gst_analysis.clips.transforms import crop_places, normalise_clips
from gst_analysis.errors import BrokenCheckpoint
from gst_analysis.inference.conditions import explain_out_of_memory, running_conditions
from gst_analysis.inference.measuring import UNNAMED
from gst_analysis.inference.settings import InferenceSettings, choose_device
from gst_analysis.networks.anatomy import Anatomy, Place
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.network import average_frames
from gst_analysis.progress import Progress, no_progress
from gst_analysis.results import Provenance
from gst_analysis.tables.schema import check

LARGEST = 480
"""Pixels of the longer side of a picture that is kept."""


def measure_saliency(
    model: LoadedModel,
    record: ClipRecord,
    *,
    class_id: int | None = None,
    block: str | None = None,
    check_maps: bool = False,
    settings: InferenceSettings | None = None,
    progress: Progress = no_progress,
) -> SaliencyMaps:
    """Measure what one clip shows for a class, where and when.

    Args:
        model: what load_model returned; it is left as it was found.
        record: the clip.
        class_id: whose logit; the predicted class if None.
        block: a residual block such as layer3.1; the deepest whose map is fine enough if None.
        check_maps: whether maps are tested, too.
        settings: the device.
        progress: called when the clip has been read, and when it has been looked at.

    Raises:
        DataError: the clip cannot be read.
        SpecError: no such block.
        BrokenCheckpoint: the network's outputs are not finite.
    """
    settings = settings or InferenceSettings()
    settings.require_one_view("saliency")
    spec, device = model.clip_spec, choose_device(settings.device)
    at = find_block(model.spec, block, spec.crop)
    views, frames = load_views(record, ReadingPlan(spec, normalise=False))
    progress(1, 2, record.clip)
    itself = replace(settings, fold=False)
    with running_conditions(model.module, itself, device) as network, explain_out_of_memory(1, device):
        clip = normalise_clips(views.to(device), spec)
        with torch.no_grad():
            logits = average_frames(network(clip))[0].double()
        if not torch.isfinite(logits).all():
            raise BrokenCheckpoint(
                str(model.checkpoint.path),
                expected="finite logits",
                found="infinite or missing ones",
                todo="use another checkpoint",
            )
        wanted = int(logits.argmax()) if class_id is None else class_id
        maps = measure_evidence(network, clip, wanted, at, model.anatomy)
        progress(2, 2, record.clip)
        tests = {}
        if check_maps:
            orders = _order_pixels(maps, at, views[0], flow=spec.flow)
            curves = measure_curves(network, clip, wanted, orders, progress=progress)
            forgetting = measure_forgetting(
                network,
                list_forgetting(network, model.anatomy),
                lambda: measure_evidence(network, clip, wanted, at, model.anatomy),
                progress=progress,
            )
            tests = {"curves": curves, "forgetting": forgetting}
    return _assemble(model, record, (wanted, at), maps, frames, logits.softmax(0), tests)


def _assemble(
    model: LoadedModel,
    record: ClipRecord,
    asked: tuple[int, Place],
    maps: dict[str, Maps],
    frames: Frames,
    shares: Tensor,
    tests: Mapping[str, pd.DataFrame],
) -> SaliencyMaps:
    """Everything about one clip; `asked` is the class and the block, `shares` the probabilities."""
    class_id, block = asked
    summary = _summarise(model, record.clip, class_id, block, maps, shares)
    named = _name_tests(tests, summary, model.checkpoint.name)
    spec, name = model.clip_spec, model.checkpoint.name
    told = {"clip_spec": spec.to_json(), "clip": record.clip, "class_id": class_id, "block": block.name}
    height, width = frames.pixels.shape[1:3]
    return SaliencyMaps(
        _tabulate(model, record.clip, class_id, block, maps, frames),
        replace(summary, areas=summarise_curves(tests["curves"])) if tests else summary,
        Provenance({name: model.sha256}, {name: model.spec.to_json()}, told, clips=(record.clip,)),
        notes=(
            *model.notes,
            *(() if model.labels else (UNNAMED,)),
            *_remarks(maps),
            *_say_picked(block, model.anatomy),
        ),
        pictures=_shrink(frames),
        window=locate_crop(height, width, spec),
        path=str(model.checkpoint.path),
        title=name_files({record.clip: record})[record.clip],
        curves=named.get("curves"),
        forgetting=named.get("forgetting"),
    )


def _name_tests(
    tests: Mapping[str, pd.DataFrame], summary: SaliencySummary, checkpoint: str
) -> dict[str, pd.DataFrame]:
    """Tables of what was tested, with what they are about in every row."""
    schemas, named = {"curves": CURVES, "forgetting": FORGETTING}, {}
    for name, table in tests.items():
        told = table.assign(
            checkpoint=checkpoint, clip=summary.clip, class_id=summary.class_id, block=summary.block
        )
        named[name] = check(told[list(schemas[name].columns)], schemas[name])
    return named


def _order_pixels(maps: Mapping[str, Maps], block: Place, frames: Tensor, *, flow: bool) -> dict[str, Tensor]:
    """In which order pixels go, by every map and by the controls; colour says nothing of optical flow."""
    size = frames.shape[-1]
    heat = dict(maps)
    step = block.stride or max(1, size // ENOUGH_CELLS)
    heat |= {
        name: CONTROLS[name](frames, step) for name in ("colour", "random") if not (flow and name == "colour")
    }
    orders = {}
    for name, one in heat.items():
        centres = [place_cells(cells, block, size) for cells in one.shape[1:]]
        orders[name] = order_pixels(one, (find_owners(centres[0], size), find_owners(centres[1], size)))
    return orders


def locate_crop(height: int, width: int, spec: ClipSpec) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the one centre crop, as parts of the frame's width and height."""
    short = max(spec.resize, spec.crop)
    tall, wide = (
        (short, int(short * width / height)) if height <= width else (int(short * height / width), short)
    )
    ((top, left),) = crop_places(tall, wide, spec.crop, 1)
    return left / wide, top / tall, (left + spec.crop) / wide, (top + spec.crop) / tall


def _shrink(frames: Frames) -> Pixels:
    """Pictures for people to look at."""
    height, width = frames.pixels.shape[1:3]
    scale = LARGEST / max(height, width)
    if scale >= 1:
        return frames.pixels
    pixels = torch.from_numpy(frames.pixels).permute(0, 3, 1, 2)
    size = [max(1, round(height * scale)), max(1, round(width * scale))]
    small = F.resize(pixels, size, antialias=True)
    return np.ascontiguousarray(small.permute(0, 2, 3, 1).numpy())


def _tabulate(
    model: LoadedModel, clip: str, class_id: int, block: Place, maps: dict[str, Maps], frames: Frames
) -> pd.DataFrame:
    size = model.clip_spec.crop
    tables = []
    for group, evidence in maps.items():
        frame, row, column = (axis.ravel() for axis in np.indices(evidence.shape))
        cells = {
            "frame": frame,
            "seconds": frames.seconds[frame],
            "row": row,
            "column": column,
            "y": place_cells(evidence.shape[1], block, size)[row],
            "x": place_cells(evidence.shape[2], block, size)[column],
            "evidence": evidence.ravel(),
        }
        tables.append(pd.DataFrame({"group": group, **cells}))
    table = pd.concat(tables, ignore_index=True)
    table = table.assign(
        checkpoint=model.checkpoint.name,
        clip=clip,
        class_id=class_id,
        block=block.name,
        label=name_class(model, class_id),
    )[list(SALIENCY.columns)]
    return check(table, SALIENCY)


def _summarise(
    model: LoadedModel, clip: str, class_id: int, block: Place, maps: dict[str, Maps], shares: Tensor
) -> SaliencySummary:
    predicted = int(shares.argmax())
    return SaliencySummary(
        clip=clip,
        class_id=class_id,
        label=name_class(model, class_id),
        probability=float(shares[class_id]),
        predicted_id=predicted,
        predicted_label=name_class(model, predicted),
        block=block.name,
        rows=maps["all"].shape[1],
        columns=maps["all"].shape[2],
        groups={group: _describe(evidence) for group, evidence in maps.items()},
    )


def _describe(evidence: Maps) -> GroupHeat:
    heat = np.maximum(evidence, 0)
    hottest = int(heat.max(axis=(1, 2)).argmax()) if heat.any() else None
    return GroupHeat(float(heat.sum()), float((heat - evidence).sum()), hottest)


def _say_picked(block: Place, anatomy: Anatomy) -> tuple[str, ...]:
    """Which frames a pathway picks."""
    ends = find_pathways(block, anatomy) or {"block": block}
    return tuple(
        f"{group}: sees the frames {', '.join(map(str, one.frames))} alone; on others its maps are empty"
        for group, one in ends.items()
        if one.frames
    )


def _remarks(maps: dict[str, Maps]) -> tuple[str, ...]:
    cold = [group for group, evidence in maps.items() if not (evidence > 0).any()]
    alone = ("this operator's channels have no spatial and temporal groups",) if len(maps) == 1 else ()
    return (*alone, *(f"nothing speaks for the class in group {group}: its maps are empty" for group in cold))
