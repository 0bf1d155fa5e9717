"""What joint ablation and order tests save by what they share: prefixes of the network, and decoded clips.

    python -m benchmarks.shared_work [--rounds 5] [--json FILE]

Ratios of processor time, of one thread each for network and reading, interleaved; below 1 is cheaper. Both
ways must find the same.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor

from benchmarks.data_rows import CPU, one_reader, planted_world, save_network
from benchmarks.machine import describe_machine
from benchmarks.pairing import Ratio, summarise_ratio, time_interleaved
from benchmarks.settings import using_threads
from gst_analysis.analyses.ablation.joint import JointRun, Walk
from gst_analysis.analyses.ablation.measure import measure_ablation
from gst_analysis.analyses.ablation.run import AblationRun
from gst_analysis.analyses.ablation.table import AblationOptions
from gst_analysis.analyses.order.measure import settings_of
from gst_analysis.analyses.order.showing import Showing
from gst_analysis.analyses.order.table import OrderOptions
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.clips.labelled import load_labelled_clips
from gst_analysis.clips.records import RecordList
from gst_analysis.files import to_json, write_whole
from gst_analysis.inference.conditions import running_conditions
from gst_analysis.networks.anatomy import Unit
from gst_analysis.networks.network import average_frames
from gst_analysis.probes.clip_stream import Batch, ClipStream
from gst_analysis.probes.hooks import Change, changed_unit, list_units, zero_channels

WIDTH, SIZE, BATCH = 8, 64, 8
Call = Callable[[], Any]


@dataclass(frozen=True)
class Pair:
    """One thing done with what is shared, and without."""

    name: str
    shared: Call
    apart: Call


@dataclass(frozen=True)
class WholeWalk(Walk):
    """Every set by a whole forward pass, as without prefixes."""

    def finish(self, changes: Sequence[tuple[Unit, Change]]) -> Tensor:
        """The batch's logits with units changed."""
        with ExitStack() as stack:
            for unit, change in changes:
                stack.enter_context(changed_unit(self.network, unit, change))
            return average_frames(self.network(self.batch.clips))


def pair_prefixes(model: LoadedModel, sets: tuple[str, ...]) -> Pair:
    """Sets of groups that are silenced together, over one batch in memory."""
    units, size = list_units(model.spec), model.clip_spec.crop
    options = AblationOptions(joint=True, sets=sets, orders=2)
    generator = torch.Generator().manual_seed(0)
    clips = torch.randn(BATCH, model.clip_spec.frames, 3, size, size, generator=generator)
    batch = Batch(clips, torch.arange(BATCH) % model.spec.num_classes, tuple(range(BATCH)))

    def run(kind: type[Walk]) -> list[np.ndarray]:
        joint = JointRun(
            model.module, units, lambda unit: zero_channels(unit.channels), AblationRun.judge, options
        )
        alone = np.empty((len(units), 3, BATCH))
        with torch.no_grad(), patch("gst_analysis.analyses.ablation.joint.Walk", kind):
            untouched = AblationRun.judge(average_frames(model.module(batch.clips)), batch.labels)
            joint.take(batch, untouched, alone)
        return [*joint.judged.together, *joint.shares]

    name = f"joint ablation, sets {', '.join(sets)}: shared prefixes over whole passes"
    return Pair(name, lambda: run(Walk), lambda: run(WholeWalk))


def pair_passes(model: LoadedModel, records: RecordList) -> Pair:
    """A growing set goes through the clips again and again: with clips in memory, and decoded each time."""
    options = AblationOptions(
        device="cpu", interventions=("zero",), joint=True, sets=("greedy",), layers=("layer4",)
    )

    def run(room: int) -> np.ndarray:
        with patch("gst_analysis.probes.shared_streams.KEPT", room):
            found = measure_ablation(model, records, options=options)
        assert found.joint is not None
        return found.joint["loss_rise"].to_numpy(float)

    return Pair(
        "joint ablation, growing sets in layer4: clips kept over decoded anew",
        lambda: run(512 * 2**20),
        lambda: run(0),
    )


def pair_orders(model: LoadedModel, records: RecordList) -> Pair:
    """All conditions of one decoding, and a decoding for each."""
    options = OrderOptions(device="cpu")
    settings = replace(settings_of(options), readers=1)

    def run(conditions: Sequence[str]) -> list[np.ndarray]:
        showing = Showing(model, conditions, shuffles=options.shuffles, seed=options.seed)
        with running_conditions(model.module, settings, CPU), torch.no_grad():
            for batch in ClipStream(model, records, settings, CPU).batches():
                showing.take(batch)
        ways = [way for condition in conditions for way in showing.list_ways(condition)]
        return [showing.gather(way).probability for way in ways]

    return Pair(
        f"order, {len(options.conditions)} conditions: clips decoded once over once for each",
        lambda: run(options.conditions),
        lambda: [one for condition in options.conditions for one in run([condition])],
    )


def measure_pair(pair: Pair, rounds: int) -> tuple[Ratio, float]:
    """The ratio of processor time, shared over apart, and how far what they found is apart."""
    found = np.concatenate([np.ravel(one) for one in pair.shared()])
    other = np.concatenate([np.ravel(one) for one in pair.apart()])
    calls = {"shared": pair.shared, "apart": pair.apart}
    timings = time_interleaved(calls, rounds=rounds, warmup=0, clock=time.process_time)
    ratio = summarise_ratio(timings, "apart", against="shared")
    return ratio, float(np.nanmax(np.abs(found - other)))


def measure_all(rounds: int) -> list[dict[str, Any]]:
    rows = []
    with planted_world() as world, using_threads(1), one_reader():
        model = save_network(world, WIDTH, SIZE)
        records = load_labelled_clips(world / "train.json")
        for pair in (
            pair_prefixes(model, ("stage",)),
            pair_prefixes(model, ("stage", "share")),
            pair_passes(model, records),
            pair_orders(model, records),
        ):
            ratio, apart = measure_pair(pair, rounds)
            rows.append({"name": pair.name, "ratio": asdict(ratio), "largest_difference": apart})
            print(f"{pair.name:80} {ratio.median:.2f} ({ratio.low:.2f}-{ratio.high:.2f})  {apart:.0e} apart")
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.shared_work", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers to FILE")
    asked = parser.parse_args(arguments)
    record = {"machine": describe_machine(threads=1), "rows": measure_all(asked.rounds)}
    if asked.json is not None:
        write_whole(asked.json, lambda handle: handle.write(to_json(record).encode()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
