"""`compare`: batch-norm scales of many checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gst_analysis.console.options import Json, Out
from gst_analysis.console.output import format_number, format_p_value, print_files

if TYPE_CHECKING:
    from gst_analysis.analyses.comparison import ScaleComparison

commands = typer.Typer()


@commands.command(epilog="Example: gst-analyze compare half.pth quarter.pth eighth.pth --out figures")
def compare(
    checkpoints: Annotated[list[str], typer.Argument(metavar="CKPT...", help="Checkpoint files.")],
    reference: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which one to compare with; the first by default.")
    ] = None,
    by: Annotated[str, typer.Option(help="Rows of the overlays: block or stage.")] = "stage",
    absolute: Annotated[bool, typer.Option("--absolute", help="Compare |γ| instead of γ.")] = False,
    formats: Annotated[
        str, typer.Option("--formats", help="Which files: png, svg, pdf, csv, parquet, json.")
    ] = "png,svg,csv,parquet,json",
    dark: Annotated[bool, typer.Option("--dark", help="Draw for a dark background.")] = False,
    out: Out = Path("compare"),
    json: Json = False,
) -> None:
    """Compare the batch-norm scales of checkpoints, with statistics.

    Time against space in every block of each checkpoint, and each checkpoint against a reference: gap of
    medians with a bootstrap interval, Wasserstein distance, Kolmogorov-Smirnov and AUC, corrected for the
    number of blocks. Exit code 1 if some files could not be read; the rest is compared.
    """
    from gst_analysis.analyses import comparison
    from gst_analysis.console.output import print_json, show_progress
    from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS
    from gst_analysis.tables.schema import check_choices

    kinds = check_choices("formats", formats.split(","), (*IMAGE_FORMATS, *TABLE_FORMATS))
    check_choices("by", [by], ("block", "stage"))
    with show_progress("reading checkpoints", len(checkpoints)) as progress:
        result = comparison.compare_scales(
            *checkpoints, reference=reference, absolute=absolute, progress=progress
        )
    files = comparison.save_comparison(result, out, kinds, by=by, dark=dark)
    if json:
        print_json(result.contract(files))
    else:
        show_comparison(result, files)
    if result.failures:
        raise typer.Exit(1)


def show_comparison(result: ScaleComparison, files: Mapping[str, str]) -> None:
    """A row a checkpoint; the gaps of each block if there are few checkpoints; what was not compared."""
    summary = result.summary
    if len(summary.checkpoints) <= 3:
        for name, rows in result.table.groupby("checkpoint", sort=False):
            Console().print(_gap_table(str(name), summary.statistic, rows.to_dict("records")))
    title = f"layers where {summary.statistic} of temporal t and spatial s differ (5%, {summary.correction})"
    table = Table(title=title)
    table.add_column("checkpoint", overflow="fold")
    for heading in ("t > s", "t < s", "tested", "unlike reference"):
        table.add_column(heading, justify="right")
    for name, counts in summary.checkpoints.items():
        unlike = f"{counts.differs_from_reference} of {counts.compared_with_reference}"
        numbers = (counts.temporal_above, counts.temporal_below)
        if not counts.compared_with_reference:
            unlike = "nothing shared"
        tested = f"{counts.tested} of {counts.layers}"
        if name == summary.reference:
            unlike = "is the reference"
        table.add_row(escape(name), *map(str, numbers), tested, unlike)
    Console().print(table)
    for row in result.uncompared.to_dict("records"):
        print(f"not compared: {row['checkpoint']}, {row['what']}: {row['why']}")
    for note in result.notes:
        print(f"note: {note}")
    for failure in result.failures.values():
        print(f"left out: {failure}")
    print_files(files)


def _gap_table(name: str, statistic: str, rows: list[dict[Any, Any]]) -> Table:
    table = Table(title=f"{escape(name)}: median {statistic}, temporal minus spatial; p after Holm")
    table.add_column("layer", no_wrap=True)
    for heading in ("n", "gap", "95% interval", "moved by", "AUC", "p", "KS p"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        interval = f"{format_number(row['gap_low'])} … {format_number(row['gap_high'])}"
        numbers = (row["gap"], row["wasserstein"], row["auc"])
        gap, moved, auc = map(format_number, numbers)
        p_values = (format_p_value(row["auc_p_holm"]), format_p_value(row["ks_p_holm"]))
        layer, counts = str(row["layer"]).removeprefix("layer"), f"{row['spatial_n']}+{row['temporal_n']}"
        table.add_row(layer, counts, gap, interval, moved, auc, *p_values)
    reasons = dict.fromkeys(row["undefined"] for row in rows if row["undefined"])
    if reasons:
        table.caption = "not defined: " + "; ".join(reasons)
    return table
