"""How much each channel matters, by what goes through it: its activation's norm, and a first-order guess.

Enters a network and labelled clips; leaves a DATA_SCORES table, one row a channel of the batch norms after
temporal operators.

The guess is Taylor's (Molchanov et al., 2017, 2019): to first order, silencing a channel changes a clip's
loss by the sum over frames and places of output × gradient. That sum is γ·∂loss/∂γ + β·∂loss/∂β of the clip,
and does not move when γ and β are multiplied and the next convolution is divided. The score is the mean of
its size over clips.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.analyses.importance.table import DATA_SCORES
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.clips.records import RecordList
from gst_analysis.inference.classes import check_classes
from gst_analysis.inference.conditions import explain_out_of_memory, running_conditions
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.inference.sharing import Here, Measured, ModelWork, Unit, merge_found, share_out
from gst_analysis.networks.capabilities import require
from gst_analysis.networks.described import NetworkSpec
from gst_analysis.networks.viewing import fold_frames
from gst_analysis.probes.clip_stream import Batch, refuse_unread
from gst_analysis.probes.hooks import list_activations, list_views, watched_outputs
from gst_analysis.probes.shared_streams import list_batches, open_share
from gst_analysis.progress import Progress
from gst_analysis.tables.schema import check


@dataclasses.dataclass(frozen=True)
class MeasuredScores:
    """Scores from clips, a row a channel, how many there were, and which could not be read and why."""

    table: pd.DataFrame = dataclasses.field(repr=False)
    clips: int
    failures: Mapping[str, str]


def measure_data_scores(
    model: LoadedModel,
    records: RecordList,
    *,
    settings: InferenceSettings | None = None,
    progress: Progress | None = None,
) -> MeasuredScores:
    """The norm of every channel's activation and its first-order importance, over labelled clips.

    The network is left as it was, gradients included.

    Raises:
        DataError: classes that are not the checkpoint's, clips without labels, or none that can be read.
    """
    settings = settings or InferenceSettings()
    check_classes(model, records)
    require(model.spec, model.anatomy, "scales", what="scores from clips")
    work = _Work(model, dataclasses.replace(settings, fold=False), records)
    pieces = share_out(work, list_batches(len(records), settings), progress)
    found = merge_found(piece.scores for piece in pieces)
    if not found:
        refuse_unread(pieces[0].failures)
    clips = sum(len(places) for places, _ in found)
    sums: dict[str, Tensor] = {}
    for _, scores in found:
        sums = {layer: sums.get(layer, torch.zeros(())) + more for layer, more in scores.items()}
    means = {layer: (total / clips).numpy() for layer, total in sums.items()}
    return MeasuredScores(_tabulate(model, means), clips, pieces[0].failures)


@dataclasses.dataclass(frozen=True)
class _Piece:
    """What one process scored in its batches, and all clips that could not be read."""

    scores: list[Measured[dict[str, Tensor]]]
    failures: dict[str, str]


@dataclasses.dataclass(frozen=True)
class _Work(ModelWork):
    """What every process is given."""

    records: RecordList

    def measure(self, units: Sequence[Unit], here: Here) -> _Piece:
        """Score channels in some of the batches."""
        layers = list(dict.fromkeys(unit.layer for unit in self.model.anatomy.scaled))
        scores: list[Measured[dict[str, Tensor]]] = []
        with (
            running_conditions(self.model.module, self.settings, here.device) as network,
            watched_outputs(network, layers, attached=True) as outputs,
        ):
            stream = open_share(self.model, self.records, self.settings, units, here)
            for batch in stream.batches(here.count):
                with explain_out_of_memory(len(batch.labels), here.device):
                    scores.append((batch.places, _score_batch(network, batch, outputs, self.model.spec)))
        return _Piece(scores, dict(stream.failures))


def _score_batch(
    network: nn.Module, batch: Batch, outputs: Mapping[str, Tensor], spec: NetworkSpec
) -> dict[str, Tensor]:
    """For each batch norm (3, C): mean, mean square and |first-order change|, summed over clips."""
    activations, views, clips = list_activations(spec), list_views(spec), len(batch.labels)
    with torch.enable_grad():
        # Of the pixels, so that there is a way back even where every weight is frozen.
        logits = network(batch.clips.requires_grad_()).mean(1)
        loss = F.cross_entropy(logits, batch.labels, reduction="sum")
        gradients = torch.autograd.grad(loss, list(outputs.values()))
    found = {}
    for (layer, output), gradient in zip(outputs.items(), gradients, strict=True):
        folded = fold_frames(output.detach(), views[layer])
        active = _by_clip(activations[layer](folded), clips)
        change = _by_clip(folded * fold_frames(gradient, views[layer]), clips)
        rows = (active.mean((1, 3, 4)), active.square().mean((1, 3, 4)), change.sum((1, 3, 4)).abs())
        found[layer] = torch.stack([row.sum(0) for row in rows]).cpu()
    return found


def _by_clip(folded: Tensor, clips: int) -> Tensor:
    """(N*T, C, H, W) -> (N, T, C, H, W) in double precision."""
    return torch.unflatten(folded.double(), 0, (clips, -1))


def _tabulate(model: LoadedModel, means: Mapping[str, np.ndarray]) -> pd.DataFrame:
    parts = []
    for unit in model.anatomy.scaled:
        mean, square, change = means[unit.layer][:, unit.channels]
        part = {
            "checkpoint": model.checkpoint.name,
            "stage": unit.stage,
            "block": unit.block,
            "layer": unit.layer,
            "group": unit.group,
            "channel": np.arange(unit.channels.start, unit.channels.stop),
            "activation_mean": mean,
            "activation_norm": np.sqrt(square),
            "taylor": change,
        }
        parts.append(pd.DataFrame(part))
    return check(pd.concat(parts, ignore_index=True), DATA_SCORES)
