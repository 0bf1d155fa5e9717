"""Whether more temporal reach pays on the hard world: TSM with shifts in all blocks, in some and in none.

    python -m benchmarks.world_reach [--rest] [--only last-block] [--minutes 60] [--report]

What is asked, what is run and what counts as an answer stands in benchmarks/world_reach.toml, which was
written before the first run. Budget, clips, and the two ends of the scale, C2D and TSM, are those of the
planted Table 2. What is finished is not done again, and what was interrupted goes on. The table is written
after every run to benchmarks/results/world-reach.json.

With `--rest`, on the hard world with rest between its steps, by benchmarks/world_reach_rest.toml: all of it
is trained here, with the same training as Table 2's, into benchmarks/results/world-reach-rest.json.
"""

from __future__ import annotations

import argparse
import importlib
import itertools
import json
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from scipy.stats import ttest_ind
from torch import Tensor, nn

from benchmarks import table2
from benchmarks.machine import describe_machine
from benchmarks.table2 import find_mean
from benchmarks.table2_runs import (
    ENTRIES,
    Budget,
    Outcome,
    conclude,
    find_outcome,
    prepare_budget,
    prepare_world,
    save_outcome,
)
from benchmarks.world_lessons import say, write_text
from gst_analysis import load_model
from gst_analysis.analyses.evaluation import evaluate
from gst_analysis.clips.labelled import load_labelled_clips
from gst_analysis.files import to_json, write_whole
from gst_analysis.networks.operators import Shift, shift_channels
from gst_analysis.networks.receptive_fields import list_reaches
from gst_analysis.networks.resnet import ResidualBlock
from gst_analysis.planted.worlds import WorldConfig
from gst_analysis.training import train

PLAN, TARGET = Path(__file__).parent / "world_reach.toml", Path("benchmarks/results/world-reach.json")
REST_PLAN, REST_TARGET = PLAN.with_stem("world_reach_rest"), TARGET.with_stem("world-reach-rest")
TSM = next(entry for entry in ENTRIES if entry.folder == "tsm")
ENDS = {"c2d": "none", "tsm": "everywhere"}
"""Lines of Table 2 that stand here, too."""


@dataclass(frozen=True)
class RestedBudget(Budget):
    """Table 2's training, on clips whose object rests before, between and after its steps."""

    rest: float = 0.0

    def world(self, *, test: bool) -> WorldConfig:
        """The clips to train on, or those to be measured on, of another seed."""
        return replace(super().world(test=test), rest=self.rest)


@dataclass(frozen=True)
class Variant:
    """TSM whose shifts are left in some blocks alone, by so many frames."""

    name: str
    title: str
    blocks: tuple[str, ...]
    step: int = 1

    @property
    def half_width(self) -> int:
        """Frames back and forth that an answer depends on, by the arithmetic of the package."""
        reaches = list_reaches(Budget().spec(TSM))
        return self.step * sum(reach.added for reach in reaches if reach.block in self.blocks)


class FarShift(Shift):
    """A shift by several frames: frames that far apart are clips of their own, shifted by one."""

    def __init__(self, share: int, step: int) -> None:
        super().__init__(share)
        self.step = step

    def forward(self, x: Tensor, frames: int) -> Tensor:
        if not self.step <= frames:
            raise ValueError(f"a shift by {self.step} in clips of {frames} frames")
        clips = x.unflatten(0, (-1, frames)).clone()
        for first in range(self.step):
            own = clips[:, first :: self.step]
            clips[:, first :: self.step] = shift_channels(
                own.flatten(0, 1), own.shape[1], self.share
            ).view_as(own)
        return clips.flatten(0, 1)


def read_plan(path: Path = PLAN) -> dict[str, Any]:
    """What was fixed before the first run."""
    with path.open("rb") as file:
        return tomllib.load(file)


def take_budget(plan: Mapping[str, Any]) -> Budget:
    """All that a run of this plan depends on, but for its network and seed."""
    rest = plan["budget"].get("rest")
    return Budget() if rest is None else RestedBudget(rest=rest)


def list_variants(plan: Mapping[str, Any]) -> list[Variant]:
    """What is trained, and after it the two ends, if Table 2 has trained them."""
    everywhere = tuple(reach.block for reach in list_reaches(Budget().spec(TSM)))
    own = [Variant(**{**one, "blocks": tuple(one["blocks"])}) for one in plan["variants"]]
    if "table" not in plan["budget"]:
        return own
    return [
        *own,
        Variant(ENDS["c2d"], "nowhere (C2D)", ()),
        Variant(ENDS["tsm"], "everywhere (TSM)", everywhere),
    ]


def limit(network: nn.Module, variant: Variant) -> None:
    """Take the shifts out of all other blocks, in place."""
    for name, block in network.named_modules():
        if isinstance(block, ResidualBlock) and block.shift is not None:
            share = block.shift.share
            block.shift = FarShift(share, variant.step) if name in variant.blocks else None


@contextmanager
def train_limited(variant: Variant) -> Iterator[None]:
    """Every network that a training begins with is limited so; a spec has no words for it, and needs none."""
    setup = importlib.import_module("gst_analysis.training.setup")
    create = setup.create_model

    def create_limited(*words: Any, **settings: Any) -> Any:
        started = create(*words, **settings)
        limit(started.module, variant)
        return started

    with patch.object(setup, "create_model", create_limited):
        yield


def do_run(runs: Path, budget: Budget, variant: Variant, seed: int, *, threads: int = 1) -> Outcome:
    """Train and measure one, or go on with it, or take what it found before."""
    folder = runs / f"{variant.name}-seed{seed}"
    if (found := find_outcome(folder)) is not None:
        return found
    world, fresh = (
        prepare_world(runs / name, budget.world(test=test), say)
        for name, test in (("world", False), ("world-test", True))
    )
    say(f"{variant.title}, seed {seed}: {budget.epochs} epochs into {folder}")
    settings, resume = budget.settings(TSM, seed, world, threads), (folder / "state.pt").is_file()
    with train_limited(variant):
        result = train("planted-hard", settings, out=folder, resume=resume)
    model = load_model(folder / "last.pth")
    limit(model.module, variant)
    measured = evaluate(model, load_labelled_clips(fresh), device="cpu").summary
    return conclude(folder, (variant.name, seed), measured, result.summary)


def take_ends(table: Path, plan: Mapping[str, Any]) -> list[Outcome]:
    """What Table 2 has of C2D and TSM, whose budget must be ours; nothing if the plan trains them itself."""
    if "table" not in plan["budget"]:
        return []
    seeds, told = plan["budget"]["seeds"], json.loads(table.read_text(encoding="utf-8"))
    if told["budget"] != asdict(Budget()):
        raise ValueError(f"{table} has another budget")
    outcomes = [Outcome(**one) for one in told["outcomes"] if one["network"] in ENDS and one["seed"] in seeds]
    return [Outcome(**{**asdict(one), "network": ENDS[one.network]}) for one in outcomes]


def compare(more: Sequence[float], less: Sequence[float], points: float) -> dict[str, Any]:
    """The rule of the plan: pays, does not, or undecided; a run is one number."""
    if min(len(more), len(less)) < 3:
        return {"difference": None, "low": None, "high": None, "answer": "undecided"}
    interval = ttest_ind(more, less, equal_var=False).confidence_interval(0.95)
    difference = float(np.mean(more) - np.mean(less))
    apart = min(more) > max(less) and difference >= points
    answer = "pays" if apart else "does not" if interval.high < points else "undecided"
    return {
        "difference": difference,
        "low": float(interval.low),
        "high": float(interval.high),
        "answer": answer,
    }


def build_record(outcomes: Sequence[Outcome], plan: Mapping[str, Any]) -> dict[str, Any]:
    """The whole document, in the order of reach."""
    top1 = {
        variant.name: [
            one.top1 for one in sorted(outcomes, key=lambda o: o.seed) if one.network == variant.name
        ]
        for variant in list_variants(plan)
    }
    lines = []
    for variant in sorted(list_variants(plan), key=lambda one: (one.half_width, one.step)):
        mean, low, high = find_mean(top1[variant.name])
        lines.append(
            {
                **asdict(variant),
                "half_width": variant.half_width,
                "top1": top1[variant.name],
                "mean": mean,
                "low": low,
                "high": high,
            }
        )
    answer = plan["answer"]
    pairs = [answer["first"], *answer["others"]]
    return {
        "machine": describe_machine(),
        "budget": take_budget(plan),
        "lines": lines,
        "answers": [
            {"more": more, "less": less, **compare(top1[more], top1[less], answer["points"])}
            for more, less in pairs
        ],
        "missing": [
            f"{line['name']}-seed{seed}"
            for line in lines
            for seed in plan["budget"]["seeds"][len(line["top1"]) :]
        ],
        "outcomes": outcomes,
    }


def format_lines(lines: Sequence[Mapping[str, Any]]) -> str:
    """As Markdown: a row each variant, its seeds side by side."""
    rows = ["| shifts in | an answer sees | top-1, by seed | mean |", f"|{'---|' * 4}"]
    for line in lines:
        seeds = ", ".join(f"{one:.1%}" for one in line["top1"]) or "-"
        mean = "-" if line["mean"] is None else f"{line['mean']:.1%}"
        rows.append(f"| {line['title']} | {describe_reach(line)} | {seeds} | {mean} |")
    return "\n".join(rows)


def describe_reach(line: Mapping[str, Any]) -> str:
    """How many frames one of the answers that are averaged depends on, at most."""
    frames, half = Budget().frames, line["half_width"]
    if line["step"] > 1:
        return f"{2 * half // line['step'] + 1} frames of {2 * half + 1}"
    reached = min(frames, 2 * half + 1)
    return f"{reached} frame{'s' if reached > 1 else ''}" + (", all" if reached == frames else "")


def format_answers(answers: Sequence[Mapping[str, Any]], titles: Mapping[str, str]) -> str:
    """As Markdown: a row each comparison that was fixed."""
    rows = ["| more | less | points more (95%, Welch) | more reach |", f"|{'---|' * 4}"]
    for one in answers:
        points = "-"
        if one["difference"] is not None:
            points = f"{100 * one['difference']:.1f} ({100 * one['low']:.1f} to {100 * one['high']:.1f})"
        rows.append(f"| {titles[one['more']]} | {titles[one['less']]} | {points} | {one['answer']} |")
    return "\n".join(rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Do the runs that are missing, and write the table after each."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.world_reach", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--rest", action="store_true", help="on the world with rest between its steps")
    parser.add_argument("--only", nargs="+", metavar="VARIANT", help="default: every one of the plan")
    parser.add_argument("--minutes", type=float, default=1e9, help="after which no other run begins")
    parser.add_argument("--runs", type=Path, help="default: runs/reach, with rest runs/reach-rest")
    parser.add_argument("--json", type=Path, metavar="FILE", help=f"default: {TARGET}; {REST_TARGET.name}")
    parser.add_argument("--report", action="store_true", help="print the table, and train nothing")
    asked = parser.parse_args(arguments)
    plan = read_plan(REST_PLAN if asked.rest else PLAN)
    target = asked.json or (REST_TARGET if asked.rest else TARGET)
    runs = asked.runs or Path("runs/reach-rest" if asked.rest else "runs/reach")
    names = [one["name"] for one in plan["variants"]]
    if odd := set(asked.only or ()) - set(names):
        parser.error(f"--only: expected {', '.join(names)}; found {', '.join(sorted(odd))}")
    end, budget = time.monotonic() + 60 * asked.minutes, take_budget(plan)
    variants = [one for one in list_variants(plan) if one.name in (asked.only or names)]
    prepare_budget(runs, budget)
    take_outcomes(target, runs, names)
    for variant, seed in itertools.product([] if asked.report else variants, plan["budget"]["seeds"]):
        if time.monotonic() < end:
            do_run(runs, budget, variant, seed)
            save(target, runs, plan)
    record = json.loads(save(target, runs, plan))
    titles = {line["name"]: line["title"] for line in record["lines"]}
    print(format_lines(record["lines"]), format_answers(record["answers"], titles), sep="\n\n")
    print(f"not run: {', '.join(record['missing']) or 'none'}", file=sys.stderr)
    return 0


def take_outcomes(record: Path, runs: Path, trained: Sequence[str]) -> None:
    """Put what the table says into the folder of runs, where that has nothing."""
    told = json.loads(record.read_text(encoding="utf-8"))["outcomes"] if record.is_file() else []
    for outcome in (Outcome(**plain) for plain in told):
        folder = runs / f"{outcome.network}-seed{outcome.seed}"
        if outcome.network in trained and find_outcome(folder) is None:
            save_outcome(folder, outcome)


def save(path: Path, runs: Path, plan: Mapping[str, Any]) -> str:
    """Write the table of what is finished."""
    seeds = plan["budget"]["seeds"]
    places = (runs / f"{one['name']}-seed{seed}" for one in plan["variants"] for seed in seeds)
    own = [found for found in map(find_outcome, places) if found is not None]
    document = to_json(build_record([*take_ends(table2.TARGET, plan), *own], plan))
    write_whole(path, partial(write_text, text=document))
    return document


if __name__ == "__main__":
    raise SystemExit(main())
