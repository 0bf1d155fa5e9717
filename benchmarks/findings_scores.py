"""What docs/findings.md needs to know of one trained GST: every score of both groups, block by block.

Enters a network and labelled clips, leaves plain numbers. The clips are gone through three times: to hear
every channel's mean, for Taylor's gradients, and to put groups at their means, one and several at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from gst_analysis.analyses.ablation.joint import Walk
from gst_analysis.analyses.ablation.run import AblationRun
from gst_analysis.analyses.importance.activations import listen_to_activations
from gst_analysis.analyses.importance.data_scores import measure_data_scores
from gst_analysis.analyses.importance.measure import tabulate_importance
from gst_analysis.analyses.temporal_use import temporal_use
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.clips.records import RecordList
from gst_analysis.errors import SpecError
from gst_analysis.inference.classes import check_classes
from gst_analysis.inference.conditions import running_conditions
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.networks.anatomy import Unit, require_arithmetic
from gst_analysis.probes.clip_stream import ClipStream
from gst_analysis.probes.hooks import fix_channels, list_units

Reals = npt.NDArray[np.float64]
Pair = list[float]
"""Of spatial and of temporal channels."""
GROUPS = ("spatial", "temporal")
PARTS = ("shallow", "deep", "whole")
RIGHT, LOSS = 0, 2
"""Rows of what is judged of a clip."""


@dataclass(frozen=True)
class Measured:
    """Scores of one network. Lists of two have spatial channels first; inside, a number a block."""

    sha256: str
    clips: int
    accuracy: float
    loss: float
    moved: float
    """Mean distance of the scales after temporal operators from 1, where they begin."""
    blocks: list[str]
    channels: list[list[int]]
    gamma: list[list[float]]
    """Medians of |γ|."""
    gamma_sum: list[list[float]]
    invariant: list[list[float]]
    taylor: list[list[float]]
    alone: list[list[float]]
    """Rise of the cross entropy, in nats."""
    alone_accuracy: list[list[float]]
    """Points of accuracy lost."""
    joint: dict[str, Pair]
    """Of the shallow half, the deep half and the whole: all groups of one kind at once."""
    joint_accuracy: dict[str, Pair]
    temporal_use: list[float]
    ordered: list[float]


def measure_run(model: LoadedModel, records: RecordList, *, batch: int = 16) -> Measured:
    """All scores of a GST whose blocks have spatial and temporal channels behind one operator.

    Raises:
        SpecError: a network without such blocks.
        DataError: clips that do not fit the network, or none that can be read.
    """
    pairs = pair_groups(model)
    check_classes(model, records)
    settings = InferenceSettings(batch=batch, device="cpu", fold=False)
    stream = ClipStream(model, records, settings, torch.device("cpu"))
    with running_conditions(model.module, settings, torch.device("cpu")), torch.no_grad():
        with listen_to_activations(model) as listener:
            for one in stream.batches():
                model.module(one.clips)
        moments = listener.moments()
        means = {layer: torch.from_numpy(found.mean) for layer, found in moments.items()}
        judged = judge_changes(model, stream, means, pairs)
    untouched, changed = judged
    drops = np.stack([100 * (untouched[RIGHT] - changed[:, RIGHT]), changed[:, LOSS] - untouched[LOSS]])
    accuracy, loss = drops.mean(axis=2)  # (rows,): groups alone, then parts
    scores = tabulate_importance(model.checkpoint, moments)
    taylor = measure_data_scores(model, records, settings=settings).table
    kernels = temporal_use(model, start="none").kernels.groupby("block", sort=False)
    return Measured(
        sha256=model.sha256,
        clips=untouched.shape[1],
        accuracy=float(untouched[RIGHT].mean()),
        loss=float(untouched[LOSS].mean()),
        moved=float((scores["gamma"] - 1).abs().mean()),
        blocks=[spatial.block for spatial, _ in pairs],
        channels=[[pair[group].count for pair in pairs] for group in (0, 1)],
        gamma=_by_group(scores, "abs_gamma", "median"),
        gamma_sum=_by_group(scores, "abs_gamma", "sum"),
        invariant=_by_group(scores, "invariant", "median"),
        taylor=_by_group(taylor, "taylor", "sum"),
        alone=_split_blocks(loss, len(pairs)),
        alone_accuracy=_split_blocks(accuracy, len(pairs)),
        joint=_split_parts(loss, len(pairs)),
        joint_accuracy=_split_parts(accuracy, len(pairs)),
        temporal_use=kernels["varying"].mean().tolist(),
        ordered=kernels["ordered"].mean().tolist(),
    )


def pair_groups(model: LoadedModel) -> list[tuple[Unit, Unit]]:
    """Every block's spatial and temporal channels; raises where a network has no such pairs."""
    units = list_units(model.spec)
    pairs = list(zip(units[::2], units[1::2], strict=len(units) % 2 == 0))
    blocks = require_arithmetic(model.spec, "the pairs of groups").blocks()
    alike = all((a.layer, a.group, b.group) == (b.layer, *GROUPS) for a, b in pairs)
    if len(units) % 2 or not alike or any(len(block.sites) > 1 for block in blocks):
        raise SpecError(
            model.checkpoint.name,
            expected="bottleneck blocks with spatial and temporal channels",
            found=model.spec.label,
            todo="give a GST or GST-Large network in a ResNet with bottlenecks",
        )
    return pairs


def list_changes(pairs: Sequence[tuple[Unit, Unit]]) -> list[list[Unit]]:
    """What is put at its mean together: spatial and temporal group of each block, then of each part."""
    half = len(pairs) // 2
    parts = (pairs[:half], pairs[half:], pairs)
    alone = [[pair[group]] for group in (0, 1) for pair in pairs]
    return alone + [[pair[group] for pair in part] for part in parts for group in (0, 1)]


def judge_changes(
    model: LoadedModel, stream: ClipStream, means: dict[str, torch.Tensor], pairs: Sequence[tuple[Unit, Unit]]
) -> tuple[Reals, Reals]:
    """(3, clips) of the untouched network and (changes, 3, clips): right, true class's logit, loss."""
    sets, untouched, changed = list_changes(pairs), [], []
    for batch in stream.batches():
        walk = Walk.along(model.module, batch)
        untouched.append(AblationRun.judge(walk.untouched, batch.labels))
        logits = [
            walk.finish([(unit, fix_channels(unit.channels, means[unit.layer])) for unit in units])
            for units in sets
        ]
        changed.append(np.stack([AblationRun.judge(one, batch.labels) for one in logits]))
    return np.concatenate(untouched, axis=1), np.concatenate(changed, axis=2)


def _by_group(table: pd.DataFrame, column: str, how: str) -> list[list[float]]:
    """A row a channel -> both groups, a number a block."""
    grouped = table.groupby(["group", "layer"], sort=False)[column].agg(how)
    return [[float(value) for value in grouped[group]] for group in GROUPS]


def _split_blocks(drops: Reals, blocks: int) -> list[list[float]]:
    return [[float(value) for value in drops[blocks * group : blocks * (group + 1)]] for group in (0, 1)]


def _split_parts(drops: Reals, blocks: int) -> dict[str, Pair]:
    parts = drops[2 * blocks :].reshape(len(PARTS), 2)
    return {part: [float(value) for value in pair] for part, pair in zip(PARTS, parts, strict=True)}
