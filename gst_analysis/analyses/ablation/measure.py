"""Is a group of channels needed? Its channels are changed at one block, and the answers are compared.

Enters a network and labelled clips; leaves an ABLATION table: for every batch norm after a temporal operator,
every group of its channels and every intervention, how far accuracy and the true class's logit fall and the
cross entropy rises, with confidence intervals over clips. Section 4.6 of the paper reads the importance of a
group from its batch-norm scales; this measures it.

Interventions (probes/hooks.py says where):
    zero            the channels are silent;
    mean            each channel is its own mean over the clips, so that it says nothing about this one;
    shuffle-batch   each clip gets the channels of another clip of its batch;
    shuffle-time    the channels' frames are put in another order, the same for a clip wherever it is done.

Clips stream through in batches. What comes before a block is computed once for all interventions in that
block and after it: a batch walks down the untouched network, and at every block each intervention goes on
from there. The cost is about half of that of whole forward passes; benchmarks/ablation.py measures it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache, partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.analyses.ablation.choice import choose_units, drop_undefined
from gst_analysis.analyses.ablation.heads import add_heads, choose_interventions, measure_head_means
from gst_analysis.analyses.ablation.table import ABLATION, Ablation, AblationOptions, AblationSummary
from gst_analysis.analyses.ablation.tabulate import tabulate_ablation
from gst_analysis.analyses.ablation.together import add_joint, build_joint
from gst_analysis.checkpoints.loaded import LoadedModel, Network
from gst_analysis.clips.records import RecordList, note_videos, number_videos
from gst_analysis.inference.classes import check_classes
from gst_analysis.inference.conditions import explain_out_of_memory, fusing_pays, running_conditions
from gst_analysis.inference.settings import InferenceSettings, choose_device
from gst_analysis.networks.anatomy import Unit
from gst_analysis.networks.capabilities import require
from gst_analysis.networks.fused import FusedNetwork, fuse_network
from gst_analysis.networks.network import VideoNetwork, average_frames
from gst_analysis.networks.viewing import fold_frames
from gst_analysis.probes.clip_stream import Batch, ClipStream, Step, count_steps
from gst_analysis.probes.heads import list_heads, require_heads
from gst_analysis.probes.hooks import (
    Change,
    changed_output,
    changed_unit,
    finish_from,
    fix_channels,
    list_activations,
    list_units,
    list_views,
    move_channels,
    watched_outputs,
    zero_channels,
)
from gst_analysis.probes.resampling import Bootstrap, Reals, summarise_means
from gst_analysis.probes.shares import summarise_shares
from gst_analysis.progress import Progress
from gst_analysis.results import Provenance
from gst_analysis.tables.schema import check

_KEPT = 512 * 2**20  # bytes: 400 clips of 8x224x224, decoded once for means, for units and for growing sets
ONE_CLIP = "one clip: intervals say nothing of others"


def check_options(options: AblationOptions) -> None:
    """Refuse what cannot be done, before a network is loaded.

    Raises:
        SpecError: a batch, device, seed, confidence or number of draws that cannot be.
    """
    settings_of(options)
    bootstrap_of(options)


def settings_of(options: AblationOptions) -> InferenceSettings:
    """One view of a clip, in fp32, by the network itself: hooks do not reach a folded copy."""
    return InferenceSettings(batch=options.batch, device=options.device, fold=False)


def bootstrap_of(options: AblationOptions) -> Bootstrap:
    """How confidence intervals are drawn."""
    return Bootstrap(options.draws, options.confidence, options.seed)


def measure_ablation(
    model: LoadedModel,
    records: RecordList,
    *,
    options: AblationOptions | None = None,
    units: Sequence[Unit] | None = None,
    progress: Progress | None = None,
) -> Ablation:
    """Change every group of channels in every way, one at a time, over labelled clips.

    The network is left as it was. The same seed, clips and batch give the same numbers.

    Args:
        model: what load_model returned.
        records: what load_records returned; every clip must have a label.
        options: interventions, batch, device, seed and confidence.
        units: what is changed; what the options name if not given.
        progress: called after every clip, once more for each where means are taken first.

    Raises:
        DataError: classes that are not the checkpoint's, clips without labels, or none that can be read.
        SpecError: nothing is left to do with such clips.
    """
    options = options or AblationOptions()
    settings = settings_of(options)
    require(model.spec, model.anatomy, "units", what="ablation")
    units = choose_units(list_units(model.spec), options) if units is None else units
    check_classes(model, records)
    device = choose_device(settings.device)
    stream = ClipStream(model, records, settings, device, keep=_KEPT)
    kept, notes = drop_undefined(options.interventions, model.clip_spec.frames, len(records), options.batch)
    with running_conditions(model.module, settings, device), torch.no_grad():
        run = AblationRun(model.module, kept, units, seed=options.seed)
        if device.type == "cpu" and fusing_pays(model.clip_spec, len(records) * len(run.rows) // 2):
            run.fast = fuse_network(model.module)  # on average half of the network comes after a change
        together = build_joint(run, units, options) if options.joint else None
        by_head = _build_heads(model, kept, options) if options.heads else None
        rounds = (2 if "mean" in kept else 1) + (together.rounds if together else 0)
        rounds += 0 if by_head is None else 1 + ("mean" in by_head.interventions)
        step = count_steps(rounds * len(records), progress)
        if "mean" in kept:
            run.means = _measure_means(model, stream, step)
        for number, batch in enumerate(stream.batches(step)):
            with explain_out_of_memory(len(batch.labels), device):
                run.take(batch, number)
                if together is not None:
                    together.take(batch, number, run)
        if by_head is not None:
            _measure_heads(by_head, stream, step)
        grown = together.grow(partial(stream.batches, step)) if together else None
    if run.clips < len(records):
        kept, more = drop_undefined(kept, model.clip_spec.frames, run.clips, options.batch)
        run.keep(kept)
        notes += more
    notes += [ONE_CLIP] if run.clips == 1 else []
    result = _build_result(run, stream, records, options, notes)
    if by_head is not None:
        judged = np.concatenate(by_head.untouched, axis=1), np.concatenate(by_head.changed, axis=2)
        result = add_heads(result, by_head.rows, judged, (records, by_head.places), bootstrap_of(options))
    if together is None:
        return result
    return add_joint(result, together, grown, records, bootstrap_of(options))


def _build_heads(model: Network, kept: Sequence[str], options: AblationOptions) -> AblationRun:
    """What changes heads, one at a time; only of layers that options name, if they name some.

    Raises:
        SpecError: a network without heads, or interventions that they cannot undergo.
    """
    heads = require_heads(list_heads(model.module, model.anatomy), model.spec)
    chosen = choose_units(heads, replace(options, groups=())) if options.layers else heads
    return AblationRun(model.module, choose_interventions(kept), chosen, seed=options.seed)


def _measure_heads(run: AblationRun, stream: ClipStream, step: Step) -> None:
    if "mean" in run.interventions:
        units = [unit for unit, name in run.rows if name == "mean"]
        run.means = measure_head_means(run.network, units, stream, step)
    for number, batch in enumerate(stream.batches(step)):
        run.take(batch, number)


def _measure_means(model: Network, stream: ClipStream, step: Step) -> dict[str, Tensor]:
    """For each batch norm, every channel's mean after its activation, over clips, frames and places."""
    network, activations, views = model.module, list_activations(model.spec), list_views(model.spec)
    sums = {layer: torch.zeros((), dtype=torch.float64) for layer in activations}
    seen = 0
    with watched_outputs(network, list(activations)) as outputs:
        for batch in stream.batches(step):
            network(batch.clips)
            seen += len(batch.labels)
            for layer, output in outputs.items():
                mean = activations[layer](fold_frames(output, views[layer])).double().mean((0, 2, 3)).cpu()
                sums[layer] = sums[layer] + mean * len(batch.labels)
    return {layer: total / seen for layer, total in sums.items()}


class AblationRun:
    """What accumulates while batches go through: per unit and intervention, three numbers a clip."""

    def __init__(
        self, network: nn.Module, interventions: Sequence[str], units: Sequence[Unit], *, seed: int = 0
    ) -> None:
        self.network, self.interventions, self.seed = network, tuple(interventions), seed
        self.means: dict[str, Tensor] = {}
        self.fast: FusedNetwork | None = None
        """What goes on after the changed block, if not the network itself."""
        self.rows = [(unit, name) for unit in units for name in interventions]
        self.places: list[int] = []
        """Of the clips that have gone through, in the list of records."""
        self.untouched: list[Reals] = []
        self.changed: list[Reals] = []

    @property
    def clips(self) -> int:
        """How many have gone through."""
        return sum(judged.shape[1] for judged in self.untouched)

    def take(self, batch: Batch, number: int) -> None:
        """Run a batch through the untouched network, and through it with every change."""
        changes = self.list_changes(batch, number)
        take = self._walk if isinstance(self.network, VideoNetwork) else self._run_whole
        logits, judged = take(batch, changes)
        self.places += batch.places
        self.untouched.append(self.judge(logits, batch.labels))
        self.changed.append(np.stack(judged))

    def _run_whole(self, batch: Batch, changes: Sequence[tuple[Unit, Change]]) -> tuple[Tensor, list[Reals]]:
        """Whole forward passes: of a network of any make it is not known where to go on from."""
        judged = []
        for unit, change in changes:
            with changed_unit(self.network, unit, change):
                judged.append(self.judge(average_frames(self.network(batch.clips)), batch.labels))
        return average_frames(self.network(batch.clips)), judged

    def _walk(self, batch: Batch, changes: Sequence[tuple[Unit, Change]]) -> tuple[Tensor, list[Reals]]:
        """Walk down the untouched network; every change goes on from its own block."""
        network = self.network
        assert isinstance(network, VideoNetwork)  # `take` asks
        folded, frames = network.fold(batch.clips)
        x = network.embed(folded)
        judged = []
        for index, (name, block) in enumerate(network.stages()):
            for unit, change in changes:
                if unit.block == name:
                    with changed_output(network, unit.layer, change):
                        changed = block(x, frames)
                    logits = finish_from(self.fast or network, changed, frames, start=index + 1)
                    judged.append(self.judge(logits, batch.labels))
            x = block(x, frames)
        return finish_from(network, x, frames, start=len(list(network.stages()))), judged

    def keep(self, interventions: Sequence[str]) -> None:
        """Forget what was measured of all other interventions."""
        kept = [place for place, (_, name) in enumerate(self.rows) if name in interventions]
        self.interventions, self.rows = tuple(interventions), [self.rows[place] for place in kept]
        self.changed = [judged[kept] for judged in self.changed]

    def list_changes(self, batch: Batch, number: int) -> list[tuple[Unit, Change]]:
        """What is done to a batch, a change for each of `rows`; its number seeds the shuffle of clips."""
        draw = lru_cache(partial(_draw_moves, batch, number, seed=self.seed))
        return [(unit, self._build_change(unit, name, len(batch.labels), draw)) for unit, name in self.rows]

    def _build_change(
        self, unit: Unit, intervention: str, clips: int, draw: Callable[[int], dict[str, Tensor]]
    ) -> Change:
        if intervention == "zero":
            return zero_channels(unit.channels)
        if intervention == "mean":
            return fix_channels(unit.channels, self.means[unit.layer])
        # A network may have fewer frames inside than its clips have, so the output says how many.
        return lambda output: move_channels(unit.channels, draw(len(output) // clips)[intervention])(output)

    @staticmethod
    def judge(logits: Tensor, labels: Tensor) -> Reals:
        """(3, N): whether the clip is right, its true class's logit, and the cross entropy."""
        logits = logits.double()
        right = (logits.argmax(1) == labels).double()
        own = logits.gather(1, labels[:, None])[:, 0]
        loss = F.cross_entropy(logits, labels, reduction="none")
        return torch.stack([right, own, loss]).cpu().numpy()


def _draw_moves(batch: Batch, number: int, frames: int, *, seed: int) -> dict[str, Tensor]:
    """Where each frame of the folded batch (N*T) takes its channels from, for both ways of shuffling."""
    clips = len(batch.labels)
    here = np.arange(clips * frames).reshape(clips, frames)
    others = draw_cycle(np.random.default_rng([seed, 0, number]), clips)
    orders = [draw_order(np.random.default_rng([seed, 1, place]), frames) for place in batch.places]
    return {
        "shuffle-batch": torch.from_numpy(here[others].ravel()),
        "shuffle-time": torch.from_numpy(np.take_along_axis(here, np.stack(orders), axis=1).ravel()),
    }


def draw_cycle(rng: np.random.Generator, count: int) -> np.ndarray:
    """A random permutation that leaves nothing in its place: one cycle through all (Sattolo's way)."""
    order = np.arange(count)
    for i in range(count - 1, 0, -1):
        j = rng.integers(i)
        order[i], order[j] = order[j], order[i]
    return order


def draw_order(rng: np.random.Generator, count: int) -> np.ndarray:
    """A random permutation that is not the one of counting; where there is no other, that one."""
    order = rng.permutation(count)
    while count > 1 and (order == np.arange(count)).all():
        order = rng.permutation(count)
    return order


def _build_result(
    run: AblationRun, stream: ClipStream, records: RecordList, options: AblationOptions, notes: Sequence[str]
) -> Ablation:
    model, bootstrap = stream.model, bootstrap_of(options)
    untouched, changed = np.concatenate(run.untouched, axis=1), np.concatenate(run.changed, axis=2)
    name = model.checkpoint.name
    videos = np.array(number_videos([records[place] for place in run.places]))
    (accuracy,) = summarise_shares(untouched[:1], confidence=bootstrap.confidence, units=videos)
    (loss,) = summarise_means(untouched[2:], bootstrap, videos)
    table = tabulate_ablation(run.rows, untouched, changed, bootstrap, videos).assign(checkpoint=name)
    described = {
        "interventions": run.interventions,
        "groups": options.groups,
        "layers": options.layers,
        "bootstrap": dataclasses.asdict(bootstrap),
        "batch": options.batch,
        "clip_spec": model.clip_spec.to_json(),
    }
    provenance = Provenance(
        {name: model.sha256, **(records.sources or {})},
        {name: model.spec.to_json()},
        described,
        clips=records.name_clips(),
    )
    return Ablation(
        check(table[list(ABLATION.columns)], ABLATION),
        AblationSummary(run.clips, accuracy, loss, run.interventions),
        provenance,
        notes=(*records.notes, *model.notes, *notes, *note_videos(videos.tolist())),
        failures=dict(stream.failures),
        path=str(model.checkpoint.path),
        measure=options.measure,
    )
