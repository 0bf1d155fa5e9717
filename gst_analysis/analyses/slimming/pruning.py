"""A network and which channels stay -> a smaller network; and what silencing channels does to accuracy.

What `prune_model` returns computes what the whole network computes with the other channels silenced after
their batch norm. It loads and runs like any checkpoint: its widths are in its spec.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from gst_analysis.analyses.slimming.order import Proposal
from gst_analysis.analyses.slimming.table import SLIMMED
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.checkpoints.own_weights import forget_scores
from gst_analysis.clips.records import RecordList, number_videos
from gst_analysis.inference.classes import check_classes
from gst_analysis.inference.conditions import explain_out_of_memory, running_conditions
from gst_analysis.inference.running import require_finite
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.inference.sharing import Here, Measured, ModelWork, Unit, merge_found, share_out
from gst_analysis.networks.anatomy import require_arithmetic
from gst_analysis.networks.backbones import Block
from gst_analysis.networks.network import VideoNetwork, average_frames
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.probes.clip_stream import refuse_unread
from gst_analysis.probes.hooks import masked_channels
from gst_analysis.probes.resampling import Reals, Units
from gst_analysis.probes.shared_streams import list_batches, open_share
from gst_analysis.progress import Progress


@dataclasses.dataclass(frozen=True)
class MaskedRuns:
    """For each set of silenced channels and each clip: whether it was right, and its cross entropy."""

    right: Reals
    loss: Reals
    videos: Units
    """(clips,) which clips are cut out of one video."""
    failures: dict[str, str]


def prune_model(model: LoadedModel, proposal: Proposal) -> LoadedModel:
    """Build the smaller network out of the whole one's weights; the whole one stays as it is."""
    state = prune_state(model.module.state_dict(), require_arithmetic(model.spec, "slimming"), proposal)
    with torch.random.fork_rng(devices=[]):  # what it draws is replaced: nobody's random numbers move on
        module = build_model(proposal.spec)
    module.load_state_dict(state)
    provenance = {
        **forget_scores(model.checkpoint.provenance),
        "slimmed_from": {"name": model.checkpoint.name, "sha256": model.sha256},
        "kept_channels": {layer: list(channels) for layer, channels in proposal.kept.items()},
    }
    checkpoint = dataclasses.replace(
        model.checkpoint,
        path=Path(f"{model.checkpoint.name}{SLIMMED}"),
        sha256="",
        spec=proposal.spec,
        state=state,
        provenance=provenance,
    )
    return LoadedModel(module.train(model.module.training), checkpoint)


def prune_state(state: Mapping[str, Tensor], spec: ModelSpec, proposal: Proposal) -> dict[str, Tensor]:
    """Filters, batch-norm entries and columns of the channels that stay; everything else as it is."""
    pruned = {name: tensor.detach().cpu().clone() for name, tensor in state.items()}
    for block in spec.blocks():
        (site,) = block.sites
        kept = torch.tensor(proposal.kept[f"{block.name}.{site.norm}"])
        for name, rows in _rows_by_kernel(spec, block, kept).items():
            pruned[name] = pruned[name][rows]
        for part in ("weight", "bias", "running_mean", "running_var"):
            name = f"{block.name}.{site.norm}.{part}"
            pruned[name] = pruned[name][kept]
        reader = f"{block.name}.conv3.weight"
        pruned[reader] = pruned[reader][:, kept]
    return pruned


def _rows_by_kernel(spec: ModelSpec, block: Block, kept: Tensor) -> dict[str, Tensor]:
    """Which filters of each kernel stay: kernels write their channels one after another."""
    (site,) = block.sites
    rows, start = {}, 0
    for kernel in spec.kernels(site):
        own = kept[(kept >= start) & (kept < start + kernel.filters)] - start
        rows[f"{block.name}.{site.conv}.{kernel.name}.weight"] = own
        start += kernel.filters
    return rows


def measure_masked(
    model: LoadedModel,
    records: RecordList,
    dropped: Sequence[Mapping[str, Sequence[int]]],
    *,
    settings: InferenceSettings | None = None,
    progress: Progress | None = None,
) -> MaskedRuns:
    """Silence each set of channels in turn, over labelled clips that are read once.

    The network is left as it was.

    Raises:
        DataError: classes that are not the checkpoint's, clips without labels, or none that can be read.
    """
    settings = settings or InferenceSettings()
    check_classes(model, records)
    work = _MaskedWork(model, dataclasses.replace(settings, fold=False), records, tuple(dropped))
    pieces = share_out(work, list_batches(len(records), settings), progress)
    found = merge_found(piece.judged for piece in pieces)
    if not found:
        refuse_unread(pieces[0].failures)
    videos = np.array(number_videos([records[place] for places, _ in found for place in places]))
    right, loss = (np.concatenate([judged[side] for _, judged in found], axis=1) for side in (0, 1))
    return MaskedRuns(right, loss, videos, pieces[0].failures)


@dataclasses.dataclass(frozen=True)
class _Piece:
    """What one process judged of its batches, and all clips that could not be read."""

    judged: list[Measured[tuple[Reals, Reals]]]
    failures: dict[str, str]


@dataclasses.dataclass(frozen=True)
class _MaskedWork(ModelWork):
    """What every process is given."""

    records: RecordList
    dropped: tuple[Mapping[str, Sequence[int]], ...]

    def measure(self, units: Sequence[Unit], here: Here) -> _Piece:
        """Silence every set of channels in some of the batches."""
        judged: list[Measured[tuple[Reals, Reals]]] = []
        with running_conditions(self.model.module, self.settings, here.device) as network, torch.no_grad():
            assert isinstance(network, VideoNetwork)  # not folded, so itself
            stream = open_share(self.model, self.records, self.settings, units, here)
            for batch in stream.batches(here.count):
                with explain_out_of_memory(len(batch.labels), here.device):
                    answers = [_judge(network, batch.clips, batch.labels, one) for one in self.dropped]
                right, loss = (np.stack([answer[side] for answer in answers]) for side in (0, 1))
                judged.append((batch.places, (right, loss)))
        return _Piece(judged, dict(stream.failures))


def _judge(
    network: VideoNetwork, clips: Tensor, labels: Tensor, dropped: Mapping[str, Sequence[int]]
) -> tuple[Reals, Reals]:
    with masked_channels(network, dropped):
        logits = average_frames(network(clips)).double()
    require_finite(logits, "the network")
    loss = F.cross_entropy(logits, labels, reduction="none")
    return (logits.argmax(1) == labels).double().cpu().numpy(), loss.cpu().numpy()
