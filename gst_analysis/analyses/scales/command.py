"""`bn-hist`: Figure 4 of checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gst_analysis.console.options import Json, Out
from gst_analysis.console.output import format_number, format_p_value, print_files

if TYPE_CHECKING:
    from gst_analysis.analyses.scales import BnScales
    from gst_analysis.analyses.scales.measure import GroupStatistics

commands = typer.Typer()


@commands.command(
    "bn-hist", epilog="Example: gst-analyze bn-hist quarter.pth eighth.pth --by stage --out figures"
)
def bn_hist(
    checkpoints: Annotated[list[str], typer.Argument(metavar="CKPT...", help="Checkpoint files.")],
    by: Annotated[str, typer.Option(help="Rows of the figure: block or stage.")] = "block",
    absolute: Annotated[bool, typer.Option("--absolute", help="Use |γ| instead of γ.")] = False,
    formats: Annotated[
        str, typer.Option("--formats", help="Which files: png, svg, pdf, html, csv, parquet, json.")
    ] = "png,svg,pdf,csv,parquet,json",
    dark: Annotated[bool, typer.Option("--dark", help="Draw for a dark background.")] = False,
    out: Out = Path("bn-hist"),
    json: Json = False,
) -> None:
    """Draw Figure 4 from checkpoints.

    Histograms of the batch-norm scales after every temporal operator, spatial beside temporal, and the
    table behind them. No network is built.
    """
    from gst_analysis.analyses import scales
    from gst_analysis.console.output import print_json, show_progress
    from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS
    from gst_analysis.tables.schema import check_choices

    kinds = check_choices("formats", formats.split(","), (*IMAGE_FORMATS, "html", *TABLE_FORMATS))
    check_choices("by", [by], ("block", "stage"))
    with show_progress("reading checkpoints", len(checkpoints)) as progress:
        result = scales.bn_scales(*checkpoints, absolute=absolute, progress=progress)
    files = scales.save_bn_scales(result, out, kinds, by=by, dark=dark)
    if json:
        print_json(result.contract(files))
    else:
        show_bn_scales(result, files)


def show_bn_scales(result: BnScales, files: Mapping[str, str]) -> None:
    """One row a batch norm: count and median of each group, their gap and whether it is more than chance."""
    gaps = {(row["checkpoint"], row["layer"]): row for row in result.gaps().to_dict("records")}
    for checkpoint, layers in result.summary.checkpoints.items():
        table = Table(title=f"{escape(checkpoint)}: {result.summary.statistic} after each temporal operator")
        groups = list(dict.fromkeys(group for layer in layers for group in layer.groups))
        table.add_column("batch norm", no_wrap=True, min_width=12)
        for heading in [
            *(f"{group} {what}" for group in groups for what in ("n", "median")),
            "gap",
            "p (Holm)",
        ]:
            table.add_column(heading, justify="right")
        for layer in layers:
            cells = [cell for g in groups for cell in _count_and_median(layer.groups[g])]
            row = gaps[checkpoint, layer.layer]
            table.add_row(layer.layer, *cells, format_number(row["gap"]), format_p_value(row["auc_p_holm"]))
        Console().print(table)
        if groups == ["all"]:
            print("This family has no spatial and temporal groups, so there is one histogram.")
    for note in result.notes():
        print(f"note: {note}")
    print_files(files)


def _count_and_median(group: GroupStatistics) -> tuple[str, str]:
    return str(group.n), format_number(group.median)
