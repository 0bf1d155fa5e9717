"""A network, clips and a place -> which clips drive each channel there most, and what a clip owes to it.

How far a clip drives a channel is the mean of the channel over the clip's frames and positions, behind its
activation. What a clip's logit owes to a channel, its *evidence*, is output times gradient, summed: to first
order what the logit would lose without the channel. Both are taken where the norm leaves, as in ablation.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from gst_analysis.analyses.profile.channels import lies_in
from gst_analysis.analyses.profile.table import CHANNEL_EVIDENCE, PLACE_DRIVERS
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.checkpoints.sources import name_class
from gst_analysis.clips.dataset import ReadingPlan, load_views
from gst_analysis.clips.records import ClipRecord
from gst_analysis.clips.transforms import normalise_clips
from gst_analysis.errors import SpecError
from gst_analysis.inference.conditions import explain_out_of_memory, running_conditions
from gst_analysis.inference.measuring import name_apart
from gst_analysis.inference.settings import InferenceSettings, choose_device
from gst_analysis.networks.anatomy import Unit
from gst_analysis.networks.capabilities import require
from gst_analysis.networks.network import average_frames
from gst_analysis.networks.viewing import fold_frames
from gst_analysis.probes.clip_stream import ClipStream, count_steps
from gst_analysis.probes.hooks import list_activations, watched_outputs
from gst_analysis.progress import Progress
from gst_analysis.tables import check

BEST = 5
"""Clips that are named for each channel."""
Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Drivers:
    """PLACE_DRIVERS of one place; how many clips it was chosen from, and those that could not be read."""

    table: pd.DataFrame = field(repr=False)
    clips: int
    failures: Mapping[str, str]


def measure_drivers(
    model: LoadedModel,
    records: Sequence[ClipRecord],
    place: str,
    *,
    settings: InferenceSettings | None = None,
    progress: Progress | None = None,
) -> Drivers:
    """Find the clips that drive each channel of a place most; the network is left as it was found.

    Args:
        model: what load_model returned.
        records: the clips to choose from; they need no labels.
        place: such as layer3.1; channels of blocks within it belong to it.
        settings: the device, and how many clips at once.
        progress: called after every clip.

    Raises:
        DataError: not one clip can be read.
        SpecError: a place without channels that a norm scales.

    Example:
        >>> import gst_analysis as gst
        >>> model = gst.load_model("ckpt.pth")  # doctest: +SKIP
        >>> measure_drivers(model, gst.load_labelled_clips("clips"), "layer3.1").table  # doctest: +SKIP
    """
    units, settings = _find_units(model, place), settings or InferenceSettings()
    plain = [replace(record, label=record.label or 0) for record in records]  # a stream has labels
    stream = ClipStream(model, plain, settings, choose_device(settings.device))
    step, layers = count_steps(len(records), progress), list({unit.layer: None for unit in units})
    seen: list[int] = []
    means: dict[str, list[Reals]] = {layer: [] for layer in layers}
    with (
        running_conditions(model.module, replace(settings, fold=False), stream.device) as network,
        torch.no_grad(),
        watched_outputs(network, layers) as outputs,
    ):
        for batch in stream.batches(step):
            with explain_out_of_memory(len(batch.labels), stream.device):
                network(batch.clips)
            seen += batch.places
            for layer, active in _activate(model, units, outputs):
                means[layer].append(_average(active, len(batch.labels)))
    driven = {layer: np.concatenate(rows) for layer, rows in means.items()}  # (clips, channels)
    names = name_apart([record.clip for record in records])
    told = [(names[number], records[number].label_text or "") for number in seen]
    rows = [row for unit in units for row in _list_best(unit, driven[unit.layer], told)]
    table = pd.DataFrame(rows).assign(checkpoint=model.checkpoint.name, place=place)
    return Drivers(check(table[list(PLACE_DRIVERS.columns)], PLACE_DRIVERS), len(seen), dict(stream.failures))


def measure_evidence(
    model: LoadedModel,
    record: ClipRecord,
    place: str,
    *,
    class_id: int | None = None,
    settings: InferenceSettings | None = None,
) -> pd.DataFrame:
    """What each channel of a place is worth to a clip's logit, to first order: a CHANNEL_EVIDENCE table.

    Args:
        model: what load_model returned.
        record: the clip.
        place: such as layer3.1.
        class_id: whose logit; that of the predicted class if None.
        settings: the device.

    Raises:
        DataError: the clip cannot be read.
        SpecError: a place without channels that a norm scales.
    """
    units, settings = _find_units(model, place), settings or InferenceSettings()
    device, layers = choose_device(settings.device), list({unit.layer: None for unit in units})
    views, _ = load_views(record, ReadingPlan(model.clip_spec, normalise=False))
    with (
        running_conditions(model.module, replace(settings, fold=False), device) as network,
        explain_out_of_memory(1, device),
        torch.enable_grad(),
        watched_outputs(network, layers, attached=True) as outputs,
    ):
        # Of the pixels, so that there is a way back even where every weight is frozen.
        pixels = normalise_clips(views.to(device), model.clip_spec).requires_grad_()
        logits = average_frames(network(pixels))[0]
        wanted = int(logits.argmax()) if class_id is None else class_id
        gradients = torch.autograd.grad(logits[wanted], list(outputs.values()))
        found = dict(zip(outputs, gradients, strict=True))
        rows = [row for unit in units for row in _list_evidence(unit, outputs[unit.layer], found[unit.layer])]
    table = pd.DataFrame(rows).assign(
        checkpoint=model.checkpoint.name,
        place=place,
        clip=record.clip,
        class_id=wanted,
        label=name_class(model, wanted),
    )
    return check(table[list(CHANNEL_EVIDENCE.columns)], CHANNEL_EVIDENCE)


def time_one_clip(model: LoadedModel) -> float:
    """Seconds that one clip of the network's own size takes here, after a first run that prepares."""
    settings, spec = InferenceSettings(), model.clip_spec
    device = choose_device(settings.device)
    blank = torch.zeros(1, spec.frames, 3, spec.crop, spec.crop, device=device)
    with running_conditions(model.module, replace(settings, fold=False), device) as network, torch.no_grad():
        network(blank)
        begun = time.perf_counter()
        network(blank).sum().item()
        return time.perf_counter() - begun


def _find_units(model: LoadedModel, place: str) -> list[Unit]:
    """The groups of channels that norms scale in a place."""
    require(model.spec, model.anatomy, "scales", what="clips that drive channels")
    found = [unit for unit in model.anatomy.scaled if lies_in(unit.block, place)]
    if not found:
        blocks = list(dict.fromkeys(unit.block for unit in model.anatomy.scaled))
        raise SpecError(
            f"place of {model.spec.name}",
            expected=f"one from {blocks[0]} to {blocks[-1]}",
            found=repr(place)[:60],
            todo="choose one whose channels a norm scales",
        )
    return found


def _activate(
    model: LoadedModel, units: Iterable[Unit], outputs: Mapping[str, Tensor]
) -> Iterator[tuple[str, Tensor]]:
    """What leaves each norm, behind its activation: (N*T, C, H, W)."""
    activations = list_activations(model.spec)
    for layer, unit in {unit.layer: unit for unit in units}.items():
        yield layer, activations[layer](fold_frames(outputs[layer], unit.view))


def _average(folded: Tensor, clips: int) -> Reals:
    """(N*T, C, H, W) -> (N, C): means over frames and positions, in double precision."""
    by_clip = torch.unflatten(folded, 0, (clips, -1)).double()  # (N, T, C, H, W)
    return np.asarray(by_clip.mean((1, 3, 4)).cpu().numpy())


def _list_best(unit: Unit, driven: Reals, told: Sequence[tuple[str, str]]) -> Iterator[dict[str, object]]:
    """A row for each of a channel's best clips; of equal ones the earlier first."""
    for channel in range(unit.channels.start, unit.channels.stop):
        values = driven[:, channel]
        mean, deviation = float(values.mean()), float(values.std())
        for rank, clip in enumerate(np.argsort(-values, kind="stable")[:BEST], start=1):
            name, label = told[int(clip)]
            yield {
                "layer": unit.layer,
                "group": unit.group,
                "channel": channel,
                "rank": rank,
                "clip": name,
                "label": label,
                "activation": float(values[clip]),
                "mean": mean,
                "deviation": deviation,
            }


def _list_evidence(unit: Unit, output: Tensor, gradient: Tensor) -> Iterator[dict[str, object]]:
    """A row for each channel: output times gradient, summed over frames and positions."""
    both = (fold_frames(one.detach(), unit.view).double() for one in (output, gradient))
    first, second = both
    worth = (first * second).sum((0, 2, 3)).cpu().numpy()
    for channel in range(unit.channels.start, unit.channels.stop):
        yield {
            "layer": unit.layer,
            "group": unit.group,
            "channel": channel,
            "evidence": float(worth[channel]),
        }
