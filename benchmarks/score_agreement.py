"""Which importance score foretells what removing channels does, over several checkpoints.

    python -m benchmarks.score_agreement temporal.pth=worlds/temporal static.pth=worlds/static --out DIR

Every checkpoint is measured on the data set behind its `=`, a folder with a validation list or an annotation
file; checkpoints without one take that of the next that has one. Prints the table of docs/ablation.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch

from gst_analysis.analyses import agreement
from gst_analysis.analyses.ablation.measure import AblationPlan
from gst_analysis.clips.labelled import ClipChoice
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.probes.resampling import Bootstrap


def pair_up(words: Sequence[str]) -> list[tuple[str, str]]:
    """CKPT=WORLD words, and CKPT words that share the world of the next."""
    pairs: list[tuple[str, str]] = []
    waiting: list[str] = []
    for word in words:
        path, equals, world = word.partition("=")
        waiting.append(path)
        if equals:
            pairs += [(one, world) for one in waiting]
            waiting = []
    if waiting:
        raise SystemExit(f"no data set for {', '.join(waiting)}: write CKPT=WORLD")
    return pairs


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
    result = agreement(
        pair_up(asked.pairs),
        choice=ClipChoice(limit=asked.clips, seed=asked.seed),
        plan=AblationPlan(bootstrap=Bootstrap(seed=asked.seed)),
        settings=InferenceSettings(batch=asked.batch),
        progress=lambda done, total, name: print(f"{done + 1} of {total}: {name}", file=sys.stderr),
    )
    for name, summary in result.summary.items():
        print(f"{name}: {summary.clips} clips, accuracy {summary.accuracy.value:.1%}")
    for measure in ("loss_rise", "accuracy_drop", "logit_drop"):
        for aggregate in ("sum", "mean"):
            print(f"\nRank correlation with {measure}, {aggregate} of a group's channels:\n")
            print(format_agreement(result.table, measure=measure, aggregate=aggregate))
    if asked.out is not None:
        files = agreement.save_score_agreement(result, asked.out, ["png", "svg", "csv", "parquet", "json"])
        print("\n" + "\n".join(files.values()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
