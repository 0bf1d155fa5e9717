"""What an ablation does to batches: every group is changed in every way, and the answers are judged.

What comes before a block is computed once for all interventions in that block and after it: a batch walks
down the untouched network, and at every block each intervention goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.checkpoints.loaded import Network
from gst_analysis.inference.running import require_finite
from gst_analysis.inference.sharing import Here, Measured, merge_found
from gst_analysis.networks.anatomy import Unit
from gst_analysis.networks.fused import FusedNetwork
from gst_analysis.networks.network import VideoNetwork, average_frames
from gst_analysis.networks.viewing import fold_frames
from gst_analysis.probes.clip_stream import Batch, ClipStream
from gst_analysis.probes.hooks import (
    Change,
    changed_output,
    changed_unit,
    finish_from,
    fix_channels,
    list_activations,
    list_views,
    move_channels,
    watched_outputs,
    zero_channels,
)
from gst_analysis.probes.resampling import Reals


def measure_means(model: Network, stream: ClipStream, here: Here) -> dict[str, Tensor]:
    """For each batch norm, every channel's mean after its activation, over clips, frames and places."""
    network, activations, views = model.module, list_activations(model.spec), list_views(model.spec)
    found: list[Measured[dict[str, Tensor]]] = []
    with watched_outputs(network, list(activations)) as outputs:
        for batch in stream.batches(here.count):
            network(batch.clips)
            means = {
                layer: activations[layer](fold_frames(output, views[layer])).double().mean((0, 2, 3)).cpu()
                for layer, output in outputs.items()
            }
            found.append((batch.places, means))
    return average_means(merge_found(here.exchange(found)))


def average_means(found: Sequence[Measured[dict[str, Tensor]]]) -> dict[str, Tensor]:
    """Means of batches -> those of all clips."""
    seen = sum(len(places) for places, _ in found)
    layers = found[0][1] if found else {}
    return {
        layer: torch.stack([means[layer] * len(places) for places, means in found]).sum(0) / seen
        for layer in layers
    }


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
        self.batches: list[tuple[int, ...]] = []
        """Of the clips that have gone through, their places in the list of records."""
        self.untouched: list[Reals] = []
        self.changed: list[Reals] = []

    @property
    def places(self) -> list[int]:
        """Where all clips that have gone through stand in the list of records."""
        return [place for batch in self.batches for place in batch]

    @property
    def clips(self) -> int:
        """How many have gone through."""
        return len(self.places)

    def tell(self) -> list[Measured[tuple[Reals, Reals]]]:
        """What was judged, batch by batch."""
        return list(zip(self.batches, zip(self.untouched, self.changed, strict=True), strict=True))

    def hear(self, found: Sequence[Measured[tuple[Reals, Reals]]]) -> None:
        """Take over what was judged, here or elsewhere."""
        self.batches = [places for places, _ in found]
        self.untouched, self.changed = ([judged[side] for _, judged in found] for side in (0, 1))

    def take(self, batch: Batch, number: int) -> None:
        """Run a batch through the untouched network, and through it with every change."""
        changes = self.list_changes(batch, number)
        take = self._walk if isinstance(self.network, VideoNetwork) else self._run_whole
        logits, judged = take(batch, changes)
        self.batches.append(batch.places)
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
        require_finite(logits, "the network")
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
