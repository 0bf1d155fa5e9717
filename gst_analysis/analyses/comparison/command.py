"""`compare`: batch-norm scales of many checkpoints, and what the terminal prints of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from gst_analysis.analyses.comparison import ComparisonOptions, ScaleComparison, compare_scales
from gst_analysis.analyses.comparison.table import ComparedCheckpoint, ComparisonSummary
from gst_analysis.console.options import CheckpointFiles, Json, takes_options
from gst_analysis.console.output import (
    build_table,
    escape,
    finish,
    format_number,
    format_p_value,
    print_table,
    show_progress,
)
from gst_analysis.documents import Part
from gst_analysis.options import Files, files_of
from gst_analysis.tables.held import held_columns

if TYPE_CHECKING:
    from gst_analysis.console.tables import PlainTable

commands = typer.Typer()

_OPTIONS = ComparisonOptions()
_FILES = files_of(ScaleComparison, "compare")
_MOST_DETAILED = 3
"""Checkpoints up to which every layer has a row."""


def describe_documents() -> list[Part]:
    """What its documents hold."""
    return [ScaleComparison.describe_document()]


@commands.command(epilog="Example: gst-analyze compare half.pth quarter.pth eighth.pth --out figures")
@takes_options
def compare(
    checkpoints: CheckpointFiles,
    options: ComparisonOptions = _OPTIONS,
    files: Files = _FILES,
    json: Json = False,
) -> None:
    """Compare the batch-norm scales of checkpoints, with statistics.

    Time against space, or pathway against pathway, in the blocks of each checkpoint, and each checkpoint
    against a reference: gap of medians with a bootstrap interval, Wasserstein distance, Kolmogorov-Smirnov
    and AUC, corrected for the number of blocks. Exit code 1 if some files could not be read; the rest is
    compared.
    """
    with show_progress("reading checkpoints", len(checkpoints)) as progress:
        result = compare_scales(*checkpoints, options=options, progress=progress)
    finish(result, files, json=json, show=print_comparison)


def print_comparison(result: ScaleComparison) -> None:
    """A row a checkpoint; the gaps of each block if there are few checkpoints; what was not compared."""
    summary = result.summary
    if len(summary.checkpoints) <= _MOST_DETAILED:
        for name, rows in held_columns(result).split("checkpoint"):
            reasons = summary.checkpoints[str(name)].undefined
            print_table(_gap_table(str(name), summary.statistic, rows.to_rows(), reasons))
    title = f"where {summary.statistic} of one group and of another differ (5%, {summary.correction})"
    table = build_table(title=title)
    table.add_column("checkpoint", overflow="fold")
    for heading in ("groups", "above", "below", "tested", "unlike reference"):
        table.add_column(heading, justify="right")
    for name, counts in summary.checkpoints.items():
        pair, numbers = f"{counts.group} / {counts.against}", (str(counts.above), str(counts.below))
        tested = f"{counts.tested} of {counts.layers}"
        table.add_row(escape(name), pair, *numbers, tested, _count_unlike(name, counts, summary))
    print_table(table)
    for row in held_columns(result, "uncompared").to_rows():
        print(f"not compared: {row['checkpoint']}, {row['what']}: {row['why']}")


def _count_unlike(name: str, counts: ComparedCheckpoint, summary: ComparisonSummary) -> str:
    if name == summary.reference:
        return "is the reference"
    return counts.unlike


def _gap_table(name: str, statistic: str, rows: list[dict[Any, Any]], reasons: tuple[str, ...]) -> PlainTable:
    difference = f"{rows[0]['group']} minus {rows[0]['against']}"
    table = build_table(title=f"{escape(name)}: median {statistic}, {difference}; p after Holm")
    table.add_column(str(rows[0]["level"]), no_wrap=True)
    for heading in ("n", "gap", "95% interval", "moved by", "AUC", "p", "KS p"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        interval = f"{format_number(row['gap_low'])} … {format_number(row['gap_high'])}"
        numbers = (row["gap"], row["wasserstein"], row["auc"])
        gap, moved, auc = map(format_number, numbers)
        p_values = (format_p_value(row["auc_p_holm"]), format_p_value(row["ks_p_holm"]))
        layer, counts = str(row["layer"]).removeprefix("layer"), f"{row['against_n']}+{row['n']}"
        table.add_row(layer, counts, gap, interval, moved, auc, *p_values)
    if reasons:
        table.caption = "not defined: " + "; ".join(reasons)
    return table
