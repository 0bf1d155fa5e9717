"""An ablation as work that processes share: each takes batches, and all tell each other what they judged.

Means are taken over all clips before any channel is fixed to them, and a growing set is chosen by all of
them, so processes tell each other in between, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch

from gst_analysis.analyses.ablation.choice import choose_units
from gst_analysis.analyses.ablation.heads import choose_interventions, measure_head_means
from gst_analysis.analyses.ablation.joint import Judged
from gst_analysis.analyses.ablation.joint_table import UnitSet
from gst_analysis.analyses.ablation.run import AblationRun, measure_means
from gst_analysis.analyses.ablation.table import AblationOptions
from gst_analysis.analyses.ablation.together import Together, build_joint
from gst_analysis.clips.records import RecordList
from gst_analysis.inference.conditions import explain_out_of_memory, fusing_pays, running_conditions
from gst_analysis.inference.sharing import Here, Measured, ModelWork, Unit, merge_found
from gst_analysis.networks.anatomy import Unit as Group
from gst_analysis.networks.fused import fuse_network
from gst_analysis.networks.network import VideoNetwork
from gst_analysis.probes.clip_stream import ClipStream
from gst_analysis.probes.heads import list_heads, require_heads
from gst_analysis.probes.resampling import Reals
from gst_analysis.probes.shared_streams import open_share


@dataclass(frozen=True)
class Told:
    """What was judged of all clips, and the clips that could not be read."""

    run: list[Measured[tuple[Reals, Reals]]]
    heads: list[Measured[tuple[Reals, Reals]]]
    joint: Judged | None
    shares: list[Reals]
    grown: tuple[list[UnitSet], Judged] | None
    failures: dict[str, str]


@dataclass(frozen=True)
class Runs:
    """The ablation itself, and what was asked for beside it."""

    run: AblationRun
    together: Together | None
    by_head: AblationRun | None

    @property
    def rounds(self) -> tuple[int, ...]:
        """For each time that clips are gone through, in their order, how often half of the network runs.

        After a change that is half of it on average, or all of a network whose blocks nobody knows.
        """
        half = 1 if isinstance(self.run.network, VideoNetwork) else 2
        own, heads = (_count_changed(run) if run else [] for run in (self.run, self.by_head))
        later: Sequence[int] = ()
        if self.together is not None:
            own[-1] += self.together.beside
            later = self.together.rounds
        return tuple(2 + half * changed for changed in (*own, *heads, *later))

    def hear(self, told: Told) -> None:
        """Take over what was judged, here or elsewhere."""
        self.run.hear(told.run)
        if self.by_head is not None:
            self.by_head.hear(told.heads)
        if self.together is not None and told.joint is not None:
            self.together.run.judged, self.together.run.shares = told.joint, told.shares


def _count_changed(run: AblationRun) -> list[int]:
    """None while means are taken, where channels are fixed to them; then every change."""
    return [*([0] if "mean" in run.interventions else []), len(run.rows)]


@dataclass(frozen=True)
class AblationWork(ModelWork):
    """What every process is given."""

    records: RecordList
    interventions: tuple[str, ...]
    groups: tuple[Group, ...]
    options: AblationOptions

    def build_runs(self) -> Runs:
        """Runs of which nothing is done yet.

        Raises:
            SpecError: nothing that could be changed together, or no heads, where that was asked for.
        """
        options, seed = self.options, self.options.seed
        run = AblationRun(self.model.module, self.interventions, self.groups, seed=seed)
        together = build_joint(run, self.groups, options) if options.joint else None
        if not options.heads:
            return Runs(run, together, None)
        heads = require_heads(list_heads(self.model.module, self.model.anatomy), self.model.spec)
        chosen = choose_units(heads, replace(options, groups=())) if options.layers else heads
        kinds = choose_interventions(self.interventions)
        return Runs(run, together, AblationRun(self.model.module, kinds, chosen, seed=seed))

    def measure(self, units: Sequence[Unit], here: Here) -> Told:
        """Go through some of the batches; what all processes judged comes out."""
        runs, model = self.build_runs(), self.model
        run, together = runs.run, runs.together
        with running_conditions(model.module, self.settings, here.device), torch.no_grad():
            stream = open_share(model, self.records, self.settings, units, here)
            stream.begin()
            # On average half of the network comes after a change; all processes decide alike.
            if here.device.type == "cpu" and fusing_pays(
                model.clip_spec, len(self.records) * len(run.rows) // 2
            ):
                run.fast = fuse_network(model.module)
            if "mean" in run.interventions:
                run.means = measure_means(model, stream, here)
            _take_all(run, stream, here, together)
            heads = _measure_heads(runs.by_head, stream, here)
            if together is not None:
                together.run.gather(here)
            grown = together.grow(partial(stream.batches, here.count), here) if together else None
        joint, shares = (together.run.judged, together.run.shares) if together else (None, [])
        return Told(run.tell(), heads, joint, shares, grown, dict(stream.failures))


def _take_all(run: AblationRun, stream: ClipStream, here: Here, together: Together | None = None) -> None:
    """Take every batch of this process's, and then what all others judged of theirs."""
    for place, batch in enumerate(stream.batches(here.count)):
        with explain_out_of_memory(len(batch.labels), here.device):
            run.take(batch, here.number(place))
            if together is not None:
                together.take(batch, run)
    run.hear(merge_found(here.exchange(run.tell())))


def _measure_heads(
    run: AblationRun | None, stream: ClipStream, here: Here
) -> list[Measured[tuple[Reals, Reals]]]:
    """Every head changed by itself, over the same batches."""
    if run is None:
        return []
    if "mean" in run.interventions:
        run.means = measure_head_means(
            run.network, [unit for unit, name in run.rows if name == "mean"], stream, here
        )
    _take_all(run, stream, here)
    return run.tell()
