"""Which importance score foretells what removing channels does, over several checkpoints.

    python -m benchmarks.score_agreement temporal.pth=worlds/temporal static.pth=worlds/static --out DIR

Every checkpoint is measured on the data set behind its `=`, a folder with a validation list or an annotation
file; checkpoints without one take that of the next that has one. Prints the table
of docs/measured-agreement.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch

from gst_analysis.analyses.agreement import score_agreement
from gst_analysis.analyses.agreement.command import pair_up


def format_agreement(table: pd.DataFrame, *, measure: str, aggregate: str) -> str:
    """The means over checkpoints as a Markdown table: rows scores, columns interventions."""
    shown = table.query("checkpoint == 'all' and measure == @measure and aggregate == @aggregate")
    kinds = list(dict.fromkeys(shown["intervention"]))
    lines = [f"| score | {' | '.join(kinds)} |", f"|---{'|---' * len(kinds)}|"]
    for score, rows in shown.groupby("score", sort=False):
        cells = [
            "not defined"
            if pd.isna(row["spearman"])
            else f"{row['spearman']:+.2f} ({row['low']:+.2f} to {row['high']:+.2f})"
            for row in rows.to_dict("records")
        ]
        lines.append(f"| {score} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.score_agreement", description=__doc__.splitlines()[0]
    )
    parser.add_argument("pairs", nargs="+", metavar="CKPT=WORLD")
    parser.add_argument("--clips", type=int, help="draw this many clips of each; all if not given")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, metavar="DIR", help="also write tables and figures there")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(asked.threads)
    result = score_agreement(
        pair_up(asked.pairs),
        limit=asked.clips,
        seed=asked.seed,
        batch=asked.batch,
        progress=lambda done, total, name: print(f"{done + 1} of {total}: {name}", file=sys.stderr),
    )
    for name, summary in result.summary.ablations.items():
        print(f"{name}: {summary.clips} clips, accuracy {summary.accuracy.value:.1%}")
    for measure in ("loss_rise", "accuracy_drop", "logit_drop"):
        for aggregate in ("sum", "mean"):
            print(f"\nRank correlation with {measure}, {aggregate} of a group's channels:\n")
            print(format_agreement(result.table, measure=measure, aggregate=aggregate))
    if asked.out is not None:
        files = result.save(asked.out, ["png", "svg", "csv", "parquet", "json"])
        print("\n" + "\n".join(files.values()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
