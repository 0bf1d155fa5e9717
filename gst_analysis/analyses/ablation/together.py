"""--joint as a part of an ablation: what it is built of, how long it goes on, what it adds to the result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import numpy as np
import pandas as pd
from torch import Tensor, nn

from gst_analysis.analyses.ablation.joint import (
    Halves,
    JointRun,
    Judged,
    count_greedy,
    find_greedy,
    keep_clips,
    measure_sets,
)
from gst_analysis.analyses.ablation.joint_table import UnitSet
from gst_analysis.analyses.ablation.joint_tabulate import Shown, tabulate_joint, tabulate_shares
from gst_analysis.analyses.ablation.table import Ablation, AblationOptions
from gst_analysis.clips.records import RecordList, number_videos
from gst_analysis.errors import SpecError
from gst_analysis.inference.sharing import Here
from gst_analysis.networks.anatomy import Unit
from gst_analysis.probes.clip_stream import Batch
from gst_analysis.probes.hooks import Change, fix_channels, zero_channels
from gst_analysis.probes.resampling import Bootstrap, Reals, Units


class Beside(Protocol):
    """What a joint run takes over from the ablation beside which it goes."""

    network: nn.Module
    interventions: tuple[str, ...]
    means: dict[str, Tensor]
    rows: list[tuple[Unit, str]]
    untouched: list[Reals]
    changed: list[Reals]

    @staticmethod
    def judge(logits: Tensor, labels: Tensor) -> Reals:
        """(3, N): whether the clip is right, its true class's logit, and the cross entropy."""
        ...


@dataclass(frozen=True)
class Together:
    """A joint run, and what it does to channels."""

    run: JointRun
    intervention: str

    @property
    def greedy(self) -> bool:
        return "greedy" in self.run.options.sets

    @property
    def beside(self) -> int:
        """How many changed networks run beside the ablation, in its own time through the clips."""
        shares = self.run.options.orders * len(self.run.units) if "share" in self.run.options.sets else 0
        return len(self.run.sets) + shares

    @property
    def rounds(self) -> tuple[int, ...]:
        """How many changed networks run, each time that it goes through the clips after that."""
        return count_greedy(self.run.units) if self.greedy else ()

    def take(self, batch: Batch, beside: Beside) -> None:
        """Take the batch that the ablation has just taken."""
        alone = [row for row, (_, name) in enumerate(beside.rows) if name == self.intervention]
        self.run.take(batch, beside.untouched[-1], beside.changed[-1][alone])

    def grow(self, stream: Callable[[], Iterator[Batch]], here: Here) -> tuple[list[UnitSet], Judged] | None:
        """What groups cost as one unit after another goes; None where that was not asked for."""
        if not self.greedy:
            return None
        halves = Halves.of(self.run.judged.places)
        sets = find_greedy(self.run, partial(keep_clips, stream, halves.choosing), here)
        if not sets:
            return None
        return sets, measure_sets(self.run, sets, keep_clips(stream, halves.measuring), here)


def build_joint(run: Beside, units: Sequence[Unit], options: AblationOptions) -> Together:
    """A joint run beside an ablation, which has the channels' means.

    Raises:
        SpecError: neither mean nor zero is among its interventions, or there is one unit alone.
    """
    intervention = next((name for name in ("mean", "zero") if name in run.interventions), None)
    if intervention is None or len(units) < 2:
        raise SpecError(
            "ablate --joint",
            expected="at least two groups of channels, and mean or zero among the interventions",
            found=f"{len(units)} groups and {', '.join(run.interventions)}",
            todo="choose more groups or layers, or other interventions",
        )
    by_mean = intervention == "mean"

    def build(unit: Unit) -> Change:
        return fix_channels(unit.channels, run.means[unit.layer]) if by_mean else zero_channels(unit.channels)

    joint = JointRun(run.network, units, build, run.judge, options)
    return Together(joint, intervention)


def add_joint(
    result: Ablation,
    together: Together,
    grown: tuple[list[UnitSet], Judged] | None,
    records: RecordList,
    bootstrap: Bootstrap,
) -> Ablation:
    """The ablation with what was measured together."""
    run = together.run
    shown = Shown(result.name, together.intervention, bootstrap)
    parts = []
    if run.sets:
        parts.append(tabulate_joint(run, run.sets, run.judged, _number(records, run.judged.places), shown))
    if grown is not None:
        sets, judged = grown
        parts.append(tabulate_joint(run, sets, judged, _number(records, judged.places), shown))
    shares = tabulate_shares(run, _number(records, run.judged.places), shown) if run.shares else None
    settings = {"joint": run.options.sets, "orders": run.options.orders, **result.provenance.settings}
    return replace(
        result,
        joint=pd.concat(parts, ignore_index=True) if parts else None,
        shares=shares,
        provenance=replace(result.provenance, settings=settings),
    )


def _number(records: RecordList, places: Sequence[int]) -> Units:
    return np.array(number_videos([records[place] for place in places]))
