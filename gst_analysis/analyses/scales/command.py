"""`bn-hist` and `reference`: Figure 4 of checkpoints, what the terminal prints of it, and scales to send."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gst_analysis.analyses.scales import BnScales, ScaleOptions, bn_scales, reference
from gst_analysis.analyses.scales.table import GroupStatistics
from gst_analysis.console.options import CheckpointFiles, Json, Out, Overwrite, takes_options
from gst_analysis.console.output import (
    build_table,
    escape,
    finish,
    format_number,
    format_p_value,
    print_document,
    print_files,
    print_pairs,
    print_table,
    show_progress,
)
from gst_analysis.documents import FILES, HEAD, SHA256, TEXT, WHOLE, Part, alias, describe, say, tell_source
from gst_analysis.options import Files, NetworkOptions, files_of
from gst_analysis.tables.held import held_columns

commands = typer.Typer()

_OPTIONS = ScaleOptions()
_FILES = files_of(BnScales, "bn-hist")
_TOLD = NetworkOptions()
_File = Annotated[
    str, typer.Argument(metavar="CKPT", help="A checkpoint file, of a network that is built by name.")
]
"""No place for a network of one's own: whoever gets the reference could not tell what it is."""


def describe_documents() -> list[Part]:
    """What its documents hold."""
    told = {
        **HEAD,
        "network": say(TEXT, "what network it is"),
        "sha256": alias("source.sha256", SHA256),
        "scales": say(WHOLE, "scales in the file"),
        "bytes": say(WHOLE, "how large the file is"),
        "files": FILES,
    }
    return [BnScales.describe_document(), describe("reference", told)]


@commands.command(
    "bn-hist", epilog="Example: gst-analyze bn-hist quarter.pth eighth.pth --by stage --out figures"
)
@takes_options
def bn_hist(
    checkpoints: CheckpointFiles, options: ScaleOptions = _OPTIONS, files: Files = _FILES, json: Json = False
) -> None:
    """Draw Figure 4 from checkpoints.

    Histograms of the batch-norm scales after every temporal operator, spatial beside temporal, and the
    table behind them. No network is built.
    """
    with show_progress("reading checkpoints", len(checkpoints)) as progress:
        result = bn_scales(*checkpoints, options=options, progress=progress)
    finish(result, files, json=json, show=print_bn_scales)


@commands.command("reference", epilog="Example: gst-analyze reference ckpt.pth --out to-send")
@takes_options
def write_reference(
    checkpoint: _File,
    told: NetworkOptions = _TOLD,
    out: Out = Path(),
    overwrite: Overwrite = False,
    json: Json = False,
) -> None:
    """Write the scales of a checkpoint into a small file to send.

    It holds the checkpoint's hash, what network it is, and the batch norms after its temporal operators, but
    no weights. compare and bn-hist take it in the checkpoint's place.
    """
    found = reference(checkpoint, options=told)
    path = found.save(out, overwrite=overwrite)
    facts = {
        "network": found.spec.label,
        "sha256": found.sha256,
        "scales": len(held_columns(found)),
        "bytes": path.stat().st_size,
    }
    if json:
        source = tell_source(found.checkpoint, checkpoint, found.sha256)
        print_document("reference", {**source, **facts, "files": {"reference": str(path)}})
    else:
        print_pairs(checkpoint, facts)
        print_files({"reference": str(path)})


def print_bn_scales(result: BnScales) -> None:
    """One row a batch norm: count and median of each group, their gap and whether it is more than chance."""
    found_gaps = result.find_gaps()
    for checkpoint, layers in result.summary.checkpoints.items():
        table = build_table(
            title=f"{escape(checkpoint)}: {result.summary.statistic} after each temporal operator"
        )
        groups = list(dict.fromkeys(group for layer in layers for group in layer.groups))
        table.add_column("batch norm", no_wrap=True, min_width=12)
        counted = [f"{group} {what}" for group in groups for what in ("n", "median")]
        for heading in (*counted, "gap", "p (Holm)"):
            table.add_column(heading, justify="right")
        shown = ""
        for layer in layers:
            cells = [cell for g in groups for cell in _count_and_median(layer.groups.get(g))]
            row = found_gaps[checkpoint, layer.layer]
            found = (format_number(row["gap"]), format_p_value(row["auc_p_holm"]))
            # Of norms that share a gap, as those of a block do, the first one has it.
            table.add_row(layer.layer, *cells, *(found if row["layer"] != shown else ("", "")))
            shown = row["layer"]
        if row["level"] != "layer":
            table.caption = f"gap: {row['group']} minus {row['against']}, over all norms of a {row['level']}"
        print_table(table)
        if groups == ["all"]:
            print("This family has no spatial and temporal groups, so there is one histogram.")


def _count_and_median(group: GroupStatistics | None) -> tuple[str, str]:
    if group is None:  # a network may scale space and time by norms of their own
        return "", ""
    return str(group.n), format_number(group.median)
