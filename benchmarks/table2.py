"""The paper's Table 2 on a planted world: families trained alike on the hard world, beside what is printed.

    python -m benchmarks.table2 [--only c2d gst-1of4] [--seeds 3] [--epochs 24] [--runs runs/table2]

Every family is trained from random weights on the same clips by the same recipe, as often as there are seeds,
and measured on clips of another seed. The budget is printed before the first run. What is finished is not
done again, and what was interrupted goes on: give the same command once more. The table is written after
every run, whole or with what is missing, to benchmarks/results/table2.json; a new folder of runs begins with
what a table of the same budget there says.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata, t

from benchmarks.machine import describe_machine
from benchmarks.settings import add_settings
from benchmarks.table2_runs import (
    ENTRIES,
    Budget,
    Entry,
    Outcome,
    count_cost,
    do_run,
    find_outcome,
    place_run,
    prepare_budget,
    save_outcome,
)
from gst_analysis.analyses.cost.paper_audit import load_published
from gst_analysis.errors import GstError
from gst_analysis.files import to_json, write_whole

TARGET = Path("benchmarks/results/table2.json")
PRINTED = {"something-v1": "v1", "something-v2": "v2"}
_DRAWS = 2000


@dataclass(frozen=True)
class Line:
    """One line of the table; what is not printed or not measured yet is None."""

    name: str
    network: str
    params: int
    macs: int
    top1: list[float]
    """Of each seed that is finished."""
    mean: float | None
    low: float | None
    high: float | None
    """Of Student's interval of the mean over seeds, 95%; None below two."""
    printed: dict[str, float | None]
    missing: list[int]
    """Seeds that are not finished."""


def summarise_line(entry: Entry, budget: Budget, outcomes: Mapping[int, Outcome], seeds: int) -> Line:
    """A line from what its runs found."""
    top1 = [outcomes[seed].top1 for seed in sorted(outcomes)]
    mean, low, high = find_mean(top1)
    params, macs = count_cost(budget, entry)
    missing = [seed for seed in range(seeds) if seed not in outcomes]
    return Line(entry.name, entry.folder, params, macs, top1, mean, low, high, find_printed(entry), missing)


def find_mean(values: Sequence[float]) -> tuple[float | None, float | None, float | None]:
    """A mean over seeds and its interval: the seed is the unit."""
    if len(values) < 2:
        return (values[0] if values else None), None, None
    mean = float(np.mean(values))
    half = float(t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return mean, max(0.0, mean - half), min(1.0, mean + half)


def find_printed(entry: Entry) -> dict[str, float | None]:
    """Top-1 in percent as the paper's Table 2 prints it."""
    rows = load_published()
    rows = rows[(rows["table"] == 2) & (rows["method"] == entry.printed)]
    found = dict(zip(rows["dataset"], rows["top1"], strict=True))
    return {short: float(found[name]) if name in found else None for name, short in PRINTED.items()}


def correlate(lines: Sequence[Line], short: str) -> dict[str, Any]:
    """Spearman's correlation of our means with what is printed, and its spread over redrawn seeds."""
    both = [line for line in lines if line.mean is not None and line.printed[short] is not None]
    if len(both) < 3:
        return {"networks": len(both), "spearman": None, "low": None, "high": None}
    random, printed = np.random.default_rng(0), rankdata([line.printed[short] for line in both])
    redrawn = [random.choice(line.top1, (_DRAWS, len(line.top1))).mean(axis=1) for line in both]
    own = np.array([line.mean for line in both], dtype=float)[:, None]
    means = np.concatenate([own, np.stack(redrawn)], axis=1)  # (networks, 1 + draws)
    ranks, printed = rankdata(means, axis=0), printed - printed.mean()
    ranks -= ranks.mean(axis=0)
    spread = np.sqrt((ranks**2).sum(axis=0) * (printed**2).sum())
    rho = printed @ ranks / np.where(spread > 0, spread, np.inf)  # all alike: no order at all
    low, high = (float(q) for q in np.quantile(rho[1:], [0.025, 0.975]))
    return {"networks": len(both), "spearman": float(rho[0]), "low": low, "high": high}


def format_table(lines: Sequence[Line]) -> str:
    """As Markdown: ours, and what is printed for Something-Something v1 and v2."""
    rows = [
        "| network | params | MACs | top-1 (95% over seeds) | seeds | v1, printed | v2, printed |",
        f"|{'---|' * 7}",
    ]
    for line in lines:
        ours = "-" if line.mean is None else f"{line.mean:.1%}"
        if line.low is not None and line.high is not None:
            ours += f" ({line.low:.1%} to {line.high:.1%})"
        printed = ["-" if line.printed[s] is None else f"{line.printed[s]:.1f}" for s in PRINTED.values()]
        cells = (
            line.name,
            f"{line.params:,}",
            f"{line.macs / 1e6:.1f}M",
            ours,
            str(len(line.top1)),
            *printed,
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def format_correlations(record: Mapping[str, Any]) -> str:
    """As Markdown: with all networks that are printed, and without C2D, which is last everywhere."""
    rows = ["| rank correlation of | networks | with v1, printed | with v2, printed |", f"|{'---|' * 4}"]
    for name, key in {"all": "rank_correlation", "all but C2D": "rank_correlation_without_c2d"}.items():
        of = record[key]
        said = [_say_correlation(of[short]) for short in PRINTED.values()]
        rows.append(f"| {name} | {of['v1']['networks']} | {' | '.join(said)} |")
    return "\n".join(rows)


def _say_correlation(found: Mapping[str, Any]) -> str:
    if found["spearman"] is None:
        return "-"
    return f"{found['spearman']:.2f} ({found['low']:.2f} to {found['high']:.2f})"


def describe_budget(budget: Budget, entries: Sequence[Entry], seeds: int, done: Sequence[Outcome]) -> str:
    """What is going to be done, and how long that will take by what the finished runs took."""
    steps = budget.epochs * -(-budget.train_clips // budget.batch_size)
    runs = len(entries) * seeds
    left = runs - len(done)
    text = ", ".join(f"{f.name} {getattr(budget, f.name)}" for f in fields(budget))
    lines = [
        f"budget of a run: {text}; {steps} steps",
        f"{len(entries)} networks x {seeds} seeds = {runs} runs, {len(done)} finished, {left} left",
    ]
    if done and left:
        mean = float(np.mean([one.seconds for one in done]))
        lines.append(
            f"a finished run trained for {mean / 60:.1f} minutes: about {left * mean / 3600:.1f} hours left"
        )
    return "\n".join(lines)


def gather(runs: Path, entries: Sequence[Entry], seeds: int) -> dict[str, dict[int, Outcome]]:
    """What is finished, by network and seed."""
    found = {e.folder: {s: find_outcome(place_run(runs, e, s)) for s in range(seeds)} for e in entries}
    return {name: {s: one for s, one in of.items() if one is not None} for name, of in found.items()}


def build_record(runs: Path, budget: Budget, entries: Sequence[Entry], seeds: int) -> dict[str, Any]:
    """The whole document: budget, lines, correlations, and what is missing."""
    found = gather(runs, entries, seeds)
    lines = [summarise_line(entry, budget, found[entry.folder], seeds) for entry in entries]
    return {
        "machine": describe_machine(),
        "budget": budget,
        "seeds": seeds,
        "missing": [f"{line.network}-seed{seed}" for line in lines for seed in line.missing],
        "outcomes": [outcome for of in found.values() for outcome in of.values()],
        "lines": lines,
        "rank_correlation": {short: correlate(lines, short) for short in PRINTED.values()},
        "rank_correlation_without_c2d": {
            short: correlate([line for line in lines if line.network != "c2d"], short)
            for short in PRINTED.values()
        },
    }


def take_outcomes(record: Path, runs: Path, budget: Budget) -> int:
    """Put what a table of this budget says into the folder of runs, where that has nothing; returns how many.

    So a table that was begun on one machine is gone on with on another.
    """
    if not record.is_file():
        return 0
    told, taken = json.loads(record.read_text(encoding="utf-8")), 0
    if told["budget"] != asdict(budget):
        return 0
    named = {entry.folder: entry for entry in ENTRIES}
    for plain in told["outcomes"]:
        outcome = Outcome(**plain)
        folder = place_run(runs, named[outcome.network], outcome.seed)
        if find_outcome(folder) is None:
            folder.mkdir(parents=True, exist_ok=True)
            save_outcome(folder, outcome)
            taken += 1
    return taken


def main(arguments: Sequence[str] | None = None) -> int:
    """Do the runs that are missing, and write the table after each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.table2", description=__doc__.splitlines()[0])
    names = [entry.folder for entry in ENTRIES]
    parser.add_argument(
        "--only", nargs="+", choices=names, default=names, metavar="NETWORK", help=", ".join(names)
    )
    parser.add_argument("--seeds", type=int, default=3, help="runs of each network; default: %(default)s")
    parser.add_argument("--runs", type=Path, default=Path("runs/table2"), help="default: %(default)s")
    parser.add_argument("--threads", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--json", type=Path, default=TARGET, metavar="FILE", help="default: %(default)s")
    parser.add_argument(
        "--report", action="store_true", help="write the table of what is finished, and train nothing"
    )
    add_settings(parser, Budget())
    asked = parser.parse_args(arguments)
    budget = Budget(**{field.name: getattr(asked, field.name) for field in fields(Budget)})
    try:
        work(asked, budget)
    except GstError as error:
        print(f"benchmarks.table2: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted: the same command goes on from here", file=sys.stderr)
        return 130
    return 0


def work(asked: argparse.Namespace, budget: Budget) -> None:
    """Every seed of every network in turn, so that a table that is broken off has all networks."""
    entries = [entry for entry in ENTRIES if entry.folder in asked.only]
    prepare_budget(asked.runs, budget)
    if taken := take_outcomes(asked.json, asked.runs, budget):
        _say(f"{taken} runs are taken from {asked.json}")
    done = [one for of in gather(asked.runs, entries, asked.seeds).values() for one in of.values()]
    print(describe_budget(budget, entries, asked.seeds, done), file=sys.stderr)
    for seed in range(0 if asked.report else asked.seeds):
        for entry in entries:
            do_run(asked.runs, budget, entry, seed, threads=asked.threads, say=_say)
            _save(asked, budget)
    record = _save(asked, budget)
    print(format_table(record["lines"]), format_correlations(record), sep="\n\n")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _save(asked: argparse.Namespace, budget: Budget) -> dict[str, Any]:
    """The table of all networks: what was not asked for this time may be finished, too."""
    record = build_record(asked.runs, budget, ENTRIES, asked.seeds)
    write_whole(asked.json, lambda file: file.write(to_json(record).encode()))
    return record


if __name__ == "__main__":
    raise SystemExit(main())
