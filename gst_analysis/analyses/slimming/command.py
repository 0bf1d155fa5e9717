"""`slim`: the command, and what it prints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gst_analysis.analyses.slimming import Slimming, SlimOptions, slim
from gst_analysis.analyses.slimming.table import SLIMMED, TUNED, NetworkCost
from gst_analysis.console.options import CheckpointFile, Json, takes_options
from gst_analysis.console.output import build_table, escape, finish, print_pairs, print_table, show_progress
from gst_analysis.documents import Part
from gst_analysis.errors import legible
from gst_analysis.numbers import how_many
from gst_analysis.options import Files, files_of
from gst_analysis.outputs import check_free

if TYPE_CHECKING:
    import pandas as pd

    from gst_analysis.console.tables import PlainTable

commands = typer.Typer()

_OPTIONS = SlimOptions()
_FILES = files_of(Slimming, "slim")


def describe_documents() -> list[Part]:
    """What its documents hold."""
    return [Slimming.describe_document()]


@commands.command(
    "slim", epilog="Example: gst-analyze slim ckpt.pth worlds/temporal --score taylor --macs 0.8 --out slim"
)
@takes_options
def slim_network(
    checkpoint: CheckpointFile,
    dataset: Annotated[
        str | None,
        typer.Argument(metavar="[ROOT|FILE]", help="Labelled clips, for data scores and the curve."),
    ] = None,
    options: SlimOptions = _OPTIONS,
    files: Files = _FILES,
    json: Json = False,
) -> None:
    """Take channels out of a network.

    Writes a smaller checkpoint that loads and runs like any other, with its own spatial and temporal width in
    every block, and, given clips, accuracy over multiply-adds beside equal shares and random channels.
    --fine-tune trains it, the whole network, and points of the curve on the data set's training list, and
    measures them again. To go on alone: gst-analyze train RECIPE --set model.weights=slim/ckpt-slim.pth
    A network that is there already gives way with --overwrite alone.
    """
    if files.out is not None and not files.overwrite:
        endings = (SLIMMED,) if options.fine_tune is None else (SLIMMED, TUNED)
        names = [f"{legible(Path(checkpoint).stem)}{ending}" for ending in endings]
        check_free(files.out, Slimming.stem, names)
    with show_progress("slimming") as progress:
        result = slim(checkpoint, dataset, options=options, progress=progress)
    finish(result, files, json=json, show=print_slimming)


def print_slimming(result: Slimming) -> None:
    """Before and after, the widths of every block, and where the smaller network lies."""
    summary = result.summary
    before, after = summary.before, summary.after
    print_pairs(result.name, {"before": _describe(before), "after": _describe(after, of=before)})
    groups = list(dict.fromkeys(result.table["group"]))
    table = build_table("batch norm", title="channels, before → after")
    for group in groups:
        table.add_column(str(group), justify="right")
    for layer, rows in result.table.groupby("layer", sort=False):
        cells = [f"{one['before']} → {one['after']}" for one in rows.to_dict("records")]
        table.add_row(escape(str(layer)), *cells)
    print_table(table)
    if result.comparison:
        print(result.comparison)
    if result.tuned is not None:
        print_table(_tabulate_tuned(result.tuned))


_METHODS = {
    "whole": "nothing taken out",
    "chosen": "the network written",
    "score": "lowest scores",
    "uniform": "as many of every group",
    "random": "random channels",
}


def _tabulate_tuned(tuned: pd.DataFrame) -> PlainTable:
    epochs, clips = int(tuned["epochs"].iloc[0]), int(tuned["clips"].iloc[0])
    table = build_table(
        title=f"{how_many(epochs, 'epoch')} of fine-tuning, accuracy on {how_many(clips, 'other clip')}"
    )
    for heading in ("taken out", "multiply-adds", "before", "after", "interval", "scores ahead by"):
        table.add_column(heading, justify="left" if heading == "taken out" else "right")
    for row in tuned.to_dict("records"):
        interval = f"{row['accuracy_after_low']:.1%} to {row['accuracy_after_high']:.1%}"
        shares = [f"{row[key]:.1%}" for key in ("macs_share", "accuracy_before", "accuracy_after")]
        table.add_row(_METHODS[row["method"]], *shares, interval, _say_ahead(row))
    return table


def _say_ahead(row: dict[Any, Any]) -> str:
    """In points, with the interval of the difference on the same clips; empty where there is none."""
    lead, low, high = (100 * float(row[f"ahead{end}"]) for end in ("", "_low", "_high"))
    return "" if lead != lead else f"{lead:+.1f} ({low:+.1f} to {high:+.1f})"


def _describe(cost: NetworkCost, *, of: NetworkCost | None = None) -> str:
    shares = f" ({cost.macs / of.macs:.1%}, {cost.params / of.params:.1%})" if of is not None else ""
    right = (
        ""
        if cost.accuracy is None
        else (f", accuracy {cost.accuracy.value:.1%} ({cost.accuracy.low:.1%} to {cost.accuracy.high:.1%})")
    )
    return f"{cost.macs / 1e6:,.1f} million multiply-adds, {cost.params:,} parameters{shares}{right}"
