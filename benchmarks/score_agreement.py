"""Which importance score foretells what removing channels does, over several checkpoints.

    python -m benchmarks.score_agreement [--worlds DIR] [--clips 160] [--json FILE] [--out DIR]
    python -m benchmarks.score_agreement temporal.pth=worlds/temporal static.pth=worlds/static

Without checkpoints it takes all shipped models, each on fresh clips of its world that no training saw; the
worlds are rendered into DIR unless they lie there. A checkpoint that is named is measured on the data set
behind its `=`, a folder with a validation list or an annotation file; one without takes that of the next that
has one. Prints the tables of docs/measured-agreement.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from benchmarks.machine import describe_machine
from gst_analysis.analyses.agreement import ScoreAgreement, score_agreement
from gst_analysis.analyses.agreement.command import pair_up
from gst_analysis.errors import GstError
from gst_analysis.files import to_json, write_whole
from gst_analysis.planted.making import make_world
from trained_models.make import HERE, MODELS, fresh_world, recipe_of

TARGET = Path("benchmarks/results/score-agreement.json")
MEASURES, AGGREGATES = ("loss_rise", "accuracy_drop", "logit_drop"), ("sum", "mean")


def pair_shipped(worlds: Path) -> list[tuple[str, str]]:
    """Every shipped model and the fresh clips of its world, rendered unless they are there."""
    pairs = []
    for name in MODELS:
        folder = worlds / recipe_of(name)
        if not folder.exists():
            print(f"rendering {folder}", file=sys.stderr)
            make_world(folder, fresh_world(name))
        pairs.append((str(HERE / f"{name}.pth"), str(folder)))
    return pairs


def build_record(result: ScoreAgreement, *, clips: int | None, seed: int) -> dict[str, Any]:
    """The whole document: what was measured, means over checkpoints, and Taylor's score against sizes."""
    columns = [
        "measure",
        "aggregate",
        "intervention",
        "score",
        "checkpoints",
        "units",
        "spearman",
        "low",
        "high",
    ]
    means = result.table[result.table["checkpoint"] == "all"][columns].round(4)
    return {
        "machine": describe_machine(),
        "clips": clips,
        "seed": seed,
        "accuracy": {name: one.accuracy.value for name, one in result.summary.ablations.items()},
        "gamma": result.summary.gamma,
        "means": means.astype(object).where(means.notna(), None).to_dict("records"),
        "taylor_above_channels": weigh_taylor(result.table),
    }


def weigh_taylor(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    """By intervention: in how many checkpoints Taylor's summed score ranks the loss better than sizes do."""
    own = table.query("checkpoint != 'all' and measure == 'loss_rise' and aggregate == 'sum'")
    found = {}
    for intervention, rows in own.groupby("intervention", sort=False):
        wide = rows.pivot(index="checkpoint", columns="score", values="spearman")
        gap = (wide["taylor"] - wide["channels"]).dropna()
        above = int((gap > 0).sum())
        found[str(intervention)] = {"of": len(gap), "above": above, "mean": round(float(gap.mean()), 4)}
    return found


def format_agreement(means: Sequence[dict[str, Any]], *, measure: str, aggregate: str) -> str:
    """The means over checkpoints as a Markdown table: rows scores, columns interventions."""
    shown = [row for row in means if (row["measure"], row["aggregate"]) == (measure, aggregate)]
    kinds, scores = (list(dict.fromkeys(row[key] for row in shown)) for key in ("intervention", "score"))
    cells = {(row["score"], row["intervention"]): _say(row) for row in shown}
    lines = [f"| score | {' | '.join(kinds)} |", f"|---{'|---' * len(kinds)}|"]
    lines += [f"| {score} | {' | '.join(cells[score, kind] for kind in kinds)} |" for score in scores]
    return "\n".join(lines)


def _say(row: dict[str, Any]) -> str:
    if row["spearman"] is None:
        return "not defined"
    if row["low"] is None or row["high"] is None:
        return f"{row['spearman']:+.2f}"
    return f"{row['spearman']:+.2f} ({row['low']:+.2f} to {row['high']:+.2f})"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.score_agreement", description=__doc__.splitlines()[0]
    )
    parser.add_argument("pairs", nargs="*", metavar="CKPT=WORLD", help="all shipped models if none is given")
    parser.add_argument(
        "--worlds", type=Path, default=Path("runs/fresh"), help="of shipped models; default: %(default)s"
    )
    parser.add_argument("--clips", type=int, default=160, help="drawn of each world; default: %(default)s")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE", help=f"of shipped models: {TARGET} if not given")
    parser.add_argument("--out", type=Path, metavar="DIR", help="also write tables and figures there")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(asked.threads)
    try:
        work(asked)
    except GstError as error:
        print(f"benchmarks.score_agreement: {error}", file=sys.stderr)
        return 2
    return 0


def work(asked: argparse.Namespace) -> None:
    """Measure, print every table, and write the document."""
    result = score_agreement(
        pair_up(asked.pairs) if asked.pairs else pair_shipped(asked.worlds),
        limit=asked.clips,
        seed=asked.seed,
        batch=asked.batch,
        progress=lambda done, total, name: print(f"{done + 1} of {total}: {name}", file=sys.stderr),
    )
    record = build_record(result, clips=asked.clips, seed=asked.seed)
    for name, summary in result.summary.ablations.items():
        print(f"{name}: {summary.clips} clips, accuracy {summary.accuracy.value:.1%}")
    for measure in MEASURES:
        for aggregate in AGGREGATES:
            print(f"\nRank correlation with {measure}, {aggregate} of a group's channels:\n")
            print(format_agreement(record["means"], measure=measure, aggregate=aggregate))
    print(f"\nTaylor's score above sizes: {record['taylor_above_channels']}")
    target = asked.json or (None if asked.pairs else TARGET)
    if target is not None:
        write_whole(target, lambda file: file.write(to_json(record).encode()))
    if asked.out is not None:
        files = result.save(asked.out, ["png", "svg", "csv", "parquet", "json"])
        print("\n" + "\n".join(files.values()))


if __name__ == "__main__":
    raise SystemExit(main())
