"""Scales, measured scores and the causal drop of one GST checkpoint, with bootstrap draws of each.

Enters a network and labelled clips, leaves a Finding. Two passes over the clips: one hears every channel's
mean and so gives the measured importance and what `mean` puts in a channel's place, one ablates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import torch

from benchmarks.findings_statistics import Estimate, Reals
from gst_analysis.analyses.ablation.measure import AblationRun
from gst_analysis.analyses.importance.activations import listen_to_activations
from gst_analysis.analyses.importance.measure import tabulate_importance
from gst_analysis.checkpoints.loading import LoadedModel
from gst_analysis.clips.records import RecordList
from gst_analysis.errors import SpecError
from gst_analysis.inference.classes import check_classes
from gst_analysis.inference.conditions import running_conditions
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.networks.anatomy import Unit, require_arithmetic
from gst_analysis.probes.clip_stream import ClipStream
from gst_analysis.probes.hooks import list_units

INTERVENTIONS = ("zero", "mean", "shuffle-time")
GROUPS = ("spatial", "temporal")
MATCHED = "mean, as many channels"
"""The mean put in place of as many spatial channels as there are temporal ones."""
DRAWS = 2000
MOST_PIECES = 3


@dataclass(frozen=True)
class Row:
    """One thing that is done: to which channels of which block, and which part of the block that is."""

    unit: Unit
    intervention: str
    part: str
    """spatial, temporal, or matched: as many spatial channels as there are temporal ones."""


@dataclass(frozen=True)
class Finding:
    """What was measured of one checkpoint."""

    name: str
    world: str
    network: str
    sha256: str
    clips: int
    accuracy: float
    blocks: tuple[str, ...]
    channels: tuple[tuple[int, int], ...]
    """Of each block: spatial, temporal."""
    estimates: dict[tuple[str, str], Estimate] = field(repr=False)
    """By score and measure: medians of channels; points of accuracy and nats for interventions."""


def measure_finding(
    model: LoadedModel, records: RecordList, *, name: str, world: str, batch: int = 16
) -> Finding:
    """Scales, measured scores and ablation of one GST with bottleneck blocks, in two passes over clips.

    Raises:
        SpecError: a network whose blocks do not each have spatial and temporal channels and one operator.
        DataError: clips that do not fit the network, or none that can be read.
    """
    pairs = pair_groups(model)
    check_classes(model, records)
    settings = InferenceSettings(batch=batch, device="cpu", fold=False)
    stream = ClipStream(model, records, settings, torch.device("cpu"))
    rows = list_rows(pairs)
    run = AblationRun(model.module, INTERVENTIONS, [unit for pair in pairs for unit in pair])
    run.rows = [(row.unit, row.intervention) for row in rows]
    with running_conditions(model.module, settings, torch.device("cpu")), torch.no_grad():
        with listen_to_activations(model) as listener:
            for one in stream.batches():
                model.module(one.clips)
        moments = listener.moments()
        run.means = {layer: torch.from_numpy(found.mean) for layer, found in moments.items()}
        for number, one in enumerate(stream.batches()):
            run.take(one, number)
    untouched, changed = np.concatenate(run.untouched, 1), np.concatenate(run.changed, 2)
    estimates = estimate_medians(tabulate_importance(model.checkpoint, moments))
    return Finding(
        name,
        world,
        model.spec.label,
        model.sha256,
        untouched.shape[1],
        float(untouched[0].mean()),
        tuple(spatial.block for spatial, _ in pairs),
        tuple((spatial.count, temporal.count) for spatial, temporal in pairs),
        estimates | estimate_drops(rows, untouched, changed),
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


def list_rows(pairs: Sequence[tuple[Unit, Unit]]) -> list[Row]:
    """Block by block, since that is how a batch goes through them."""
    return [
        row
        for spatial, temporal in pairs
        for row in (
            *(Row(unit, name, unit.group) for unit in (spatial, temporal) for name in INTERVENTIONS),
            *(Row(piece, "mean", "matched") for piece in cut_pieces(spatial, temporal)),
        )
    ]


def cut_pieces(spatial: Unit, temporal: Unit) -> list[Unit]:
    """Runs of spatial channels as many as there are temporal ones, at most three, spread evenly."""
    count = min(temporal.count, spatial.count)
    pieces = min(MOST_PIECES, spatial.count // count)
    starts = np.linspace(0, spatial.count - count, pieces).astype(int).tolist()
    first = spatial.channels.start
    return [replace(spatial, channels=slice(first + at, first + at + count)) for at in starts]


def estimate_medians(table: pd.DataFrame) -> dict[tuple[str, str], Estimate]:
    """IMPORTANCE of one checkpoint -> medians of both groups; draws take a group's channels anew."""
    rng = np.random.default_rng(0)
    layers = list(dict.fromkeys(table["layer"]))
    grouped = dict(iter(table.groupby(["layer", "group"])))
    found = {}
    for score, column in (("gamma", "abs_gamma"), ("invariant", "invariant")):
        values = [[grouped[layer, group][column].to_numpy() for layer in layers] for group in GROUPS]
        draws = [[_draw_medians(own, rng) for own in row] for row in values]
        medians = np.array([[np.median(own) for own in row] for row in values])
        found[score, "median"] = Estimate(medians, np.moveaxis(np.array(draws), 2, 0))
    return found


def estimate_drops(rows: Sequence[Row], untouched: Reals, changed: Reals) -> dict[tuple[str, str], Estimate]:
    """What was judged of every clip -> accuracy lost (points), loss risen (nats); draws take clips anew."""
    clips = untouched.shape[1]
    weights = np.random.default_rng(0).multinomial(clips, np.full(clips, 1 / clips), size=DRAWS) / clips
    found = {}
    for measure, place, factor in (("accuracy", 0, 100.0), ("loss", 2, -1.0)):
        drops = factor * (untouched[place] - changed[:, place])
        for name in INTERVENTIONS:
            both = [_pick(rows, drops, group, name) for group in GROUPS]
            found[name, measure] = _estimate(np.stack(both), weights)
        both = [_pick(rows, drops, part, "mean") for part in ("matched", "temporal")]
        found[MATCHED, measure] = _estimate(np.stack(both), weights)
    return found


def _pick(rows: Sequence[Row], drops: Reals, part: str, intervention: str) -> Reals:
    """(rows, clips) -> (blocks, clips): the mean over a block's rows of that part and intervention."""
    chosen: dict[str, list[Reals]] = {}
    for row, drop in zip(rows, drops, strict=True):
        if (row.part, row.intervention) == (part, intervention):
            chosen.setdefault(row.unit.block, []).append(drop)
    return np.stack([np.mean(one, axis=0) for one in chosen.values()])


def _estimate(values: Reals, weights: Reals) -> Estimate:
    """(2, blocks, clips) -> means over clips."""
    return Estimate(values.mean(2), np.einsum("dc,gbc->dgb", weights, values, optimize=True))


def _draw_medians(values: Reals, rng: np.random.Generator) -> Reals:
    drawn = values[rng.integers(len(values), size=(DRAWS, len(values)))]
    medians: Reals = np.median(drawn, axis=1)
    return medians
