"""A configuration in; everything that a run needs, built and in place on its device, out."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.optim import Optimizer

from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.checkpoints.starting import create_model
from gst_analysis.checkpoints.transfer import reopen_model, tell_start
from gst_analysis.clips.dataset import ClipDataset, SkippedClips
from gst_analysis.errors import DataError
from gst_analysis.networks.adopted import ClipNetwork
from gst_analysis.networks.described import NetworkSpec
from gst_analysis.networks.network import VideoNetwork
from gst_analysis.progress import Progress
from gst_analysis.training.batches import BatchPlan, TrainSampler, ValidationSampler
from gst_analysis.training.config import TrainConfig
from gst_analysis.training.depth import RunOrder, find_order, freeze
from gst_analysis.training.kept_frames import KeptFrames, open_kept_frames
from gst_analysis.training.loaders import Loader, build_dataset, build_loader
from gst_analysis.training.memory import check_size, explain_exhaustion
from gst_analysis.training.optimiser import build_optimiser, rate_shares
from gst_analysis.training.progress import Phase, TrainProgress, TrainWatcher
from gst_analysis.training.ranks import Ranks, check_sources
from gst_analysis.training.scores import Validation
from gst_analysis.training.short_clips import keep_short_convolutions
from gst_analysis.training.sources import Sources, check_unchanged, load_sources, prepare_world
from gst_analysis.training.state import Snapshot
from gst_analysis.training.sync_norm import synchronise_norms

_SMALLER = "use a smaller model.width, fewer model.num_classes, or another model.name"


@dataclass(frozen=True)
class Parts:
    """What the loop works with."""

    config: TrainConfig
    ranks: Ranks
    sources: Sources
    network: VideoNetwork | ClipNetwork
    """The bare network, whose weights are saved."""
    module: Any
    """The network as Fabric wraps it: what forward and backward go through."""
    optimiser: Optimizer
    stepper: Any
    """The optimiser as Fabric wraps it."""
    plan: BatchPlan
    dataset: ClipDataset
    sampler: TrainSampler
    loader: Loader
    skipped: SkippedClips
    validation: Validation | None
    kept: KeptFrames | None
    """What keeps frames on disk, if anything does."""
    provenance: dict[str, Any]
    notes: tuple[str, ...]
    """What to tell of the network that it began with."""

    def list_loaders(self) -> list[Loader]:
        """The loaders for training and for validation."""
        return [self.loader, *([self.validation.loader] if self.validation is not None else [])]


def build_parts(
    config: TrainConfig, ranks: Ranks, watch: TrainWatcher, snapshot: Snapshot | None = None
) -> Parts:
    """Build everything; the same error on every rank if it fails on any. A snapshot's clips must be these."""
    ranks.agree(lambda: prepare_world(config, _watch_phase(watch, "rendering")) if ranks.leads else None)
    kept = ranks.agree(lambda: _open_kept_frames(config, ranks))
    reading = _watch_phase(watch, "reading")
    build = functools.partial(build_dataset, config=config, progress=reading, kept=kept)
    sources, dataset, plan = ranks.agree(lambda: _prepare_training(config, ranks, build, snapshot))
    check_sources(ranks, sources, config)
    network, provenance, notes = ranks.agree(lambda: _build_network(config, sources, ranks))
    order = functools.partial(_find_order, network.spec, config)
    shares = ranks.agree(lambda: rate_shares(network, config.optimiser, order))
    optimiser = build_optimiser(network, config.optimiser, shares)
    if ranks.device.type == "cpu" and config.run.precision == "bf16":
        keep_short_convolutions(network)
    compiled: Any = torch.compile(network) if config.run.compile else network
    with explain_exhaustion(f"the network on {ranks.device}", _SMALLER):
        module, stepper = ranks.fabric.setup(compiled, optimiser)
    sampler = TrainSampler(plan)
    return Parts(
        config=config,
        ranks=ranks,
        sources=sources,
        network=network,
        module=module,
        optimiser=optimiser,
        stepper=stepper,
        plan=plan,
        dataset=dataset,
        sampler=sampler,
        loader=build_loader(dataset, sampler, config, ranks.device),
        skipped=SkippedClips(len(dataset), max_share=config.data.max_skipped),
        validation=ranks.agree(lambda: _prepare_validation(config, sources, ranks, plan.piece, build)),
        kept=kept,
        provenance=provenance,
        notes=notes,
    )


def _open_kept_frames(config: TrainConfig, ranks: Ranks) -> KeptFrames | None:
    """The frames that are kept on disk, and a line that says where."""
    kept = open_kept_frames(config)
    if kept is not None and ranks.leads:
        kept.tell()
    return kept


def _prepare_training(
    config: TrainConfig, ranks: Ranks, build: Callable[..., ClipDataset], snapshot: Snapshot | None
) -> tuple[Sources, ClipDataset, BatchPlan]:
    sources = load_sources(config)
    if snapshot is not None:
        check_unchanged(sources, snapshot.data, config)
    clips, seed = len(sources.train), config.run.seed
    plan = BatchPlan.of(config.optimiser, clips, seed=seed, rank=ranks.rank, ranks=ranks.size)
    dataset = build(sources.train, train=True)
    return sources, dataset, plan


def _prepare_validation(
    config: TrainConfig, sources: Sources, ranks: Ranks, batch: int, build: Callable[..., ClipDataset]
) -> Validation | None:
    if sources.validation is None:
        return None
    if not len(sources.validation):
        raise DataError(
            str(config.data.validation),
            expected="clips to validate with",
            found="none",
            todo="name another list, or set data.validation to none",
        )
    records = sources.validation
    dataset = build(records, train=False)
    sampler = ValidationSampler(len(records), batch, rank=ranks.rank, ranks=ranks.size)
    loader = build_loader(dataset, sampler, config, ranks.device)
    skipped = SkippedClips(len(records), max_share=config.data.max_skipped)
    return Validation(loader, config.clip.spec(), skipped, ranks)


def _build_network(
    config: TrainConfig, sources: Sources, ranks: Ranks
) -> tuple[VideoNetwork | ClipNetwork, dict[str, Any], tuple[str, ...]]:
    """The network in training mode, what is written about it into its checkpoints, and what is told of it."""
    with explain_exhaustion("building the network", _SMALLER):
        start = _start_network(config, sources, ranks.device)
        network = start.module.train()
        if config.run.sync_bn and ranks.size > 1:
            synchronise_norms(network, ranks.device)
        notes = (*tell_start(start.checkpoint.provenance), *_note_other_clips(config, start))
        if config.model.freeze is not None:
            frozen = freeze(network, config.model.freeze, _find_order(network.spec, config))
            many = sum(1 for _ in network.parameters())
            notes += (f"frozen up to {config.model.freeze}: {frozen} of {many} tensors that can be trained",)
    provenance = {**start.checkpoint.provenance, "config": config.to_json(), "data_sha256": sources.sha256}
    return network, provenance, notes


@functools.lru_cache(maxsize=2)
def _find_order(spec: NetworkSpec, config: TrainConfig) -> RunOrder:
    return find_order(spec, frames=config.clip.frames, size=config.clip.crop)


def _note_other_clips(config: TrainConfig, start: LoadedModel) -> tuple[str, ...]:
    """A line where the recipe's colours are not those that the network was made for."""
    ours, usual = config.clip.spec(), start.clip_spec
    names = ("mean", "std", "colours")
    odd = [name for name in names if getattr(ours, name) != getattr(usual, name)]
    if not odd:
        return ()
    told = ", ".join(f"clip.{name} {getattr(ours, name)} for {getattr(usual, name)}" for name in odd)
    return (f"{start.spec.label} is used to clips of other colours: {told}",)


def _start_network(config: TrainConfig, sources: Sources, device: torch.device) -> LoadedModel:
    model = config.model
    if model.weights is not None:
        return reopen_model(
            model.weights,
            num_classes=sources.num_classes,
            num_frames=config.clip.frames,
            head=model.head,
            seed=config.run.seed,
            dropout=model.dropout,
        )
    spec = config.model_spec(sources.num_classes)
    check_size(spec, device, _SMALLER)
    return create_model(
        spec,
        pretrained=model.pretrained,
        temporal=model.temporal,
        seed=config.run.seed,
        dropout=model.dropout,
    )


def _watch_phase(watch: TrainWatcher, phase: Phase) -> Progress:
    """Progress of what is done before the first epoch, as the watcher wants it."""

    def report(done: int, total: int, label: str) -> None:
        watch(TrainProgress(phase, done, total))

    return report
