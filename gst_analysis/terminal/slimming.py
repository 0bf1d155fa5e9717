"""A network made smaller."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gst_analysis.terminal.output import print_pairs, show_files

if TYPE_CHECKING:
    import pandas as pd

    from gst_analysis.analysis.slimming_curve import NetworkCost
    from gst_analysis.workflows import Slimming


def show_slimming(result: Slimming, files: Mapping[str, str]) -> None:
    """Before and after, the widths of every block, and where the smaller network lies."""
    summary = result.summary
    (name,) = result.provenance.specs
    before, after = summary.before, summary.after
    print_pairs(name, {"before": _describe(before), "after": _describe(after, of=before)})
    groups = list(dict.fromkeys(result.table["group"]))
    table = Table("batch norm", title="channels, before → after")
    for group in groups:
        table.add_column(str(group), justify="right")
    for layer, rows in result.table.groupby("layer", sort=False):
        cells = [f"{one['before']} → {one['after']}" for one in rows.to_dict("records")]
        table.add_row(escape(str(layer)), *cells)
    Console().print(table)
    if result.tuned is not None:
        Console().print(_tuned_table(result.tuned))
    for note in summary.notes:
        print(f"note: {note}")
    for clip, reason in summary.failures.items():
        print(f"could not be read: {clip}: {reason}")
    show_files(files)


_METHODS = {
    "whole": "nothing taken out", "chosen": "the network written", "score": "lowest scores",
    "uniform": "as many of every group", "random": "random channels",
}  # fmt: skip


def _tuned_table(tuned: pd.DataFrame) -> Table:
    epochs, clips = int(tuned["epochs"].iloc[0]), int(tuned["clips"].iloc[0])
    table = Table(title=f"{epochs} epochs of fine-tuning, accuracy on {clips} other clips")
    for heading in ("taken out", "multiply-adds", "before", "after", "interval"):
        table.add_column(heading, justify="left" if heading == "taken out" else "right")
    for row in tuned.to_dict("records"):
        interval = f"{row['accuracy_after_low']:.1%} to {row['accuracy_after_high']:.1%}"
        shares = [f"{row[key]:.1%}" for key in ("macs_share", "accuracy_before", "accuracy_after")]
        table.add_row(_METHODS[row["method"]], *shares, interval)
    return table


def _describe(cost: NetworkCost, *, of: NetworkCost | None = None) -> str:
    shares = f" ({cost.macs / of.macs:.1%}, {cost.params / of.params:.1%})" if of is not None else ""
    right = "" if cost.accuracy is None else (
        f", accuracy {cost.accuracy.value:.1%} ({cost.accuracy.low:.1%} to {cost.accuracy.high:.1%})"
    )  # fmt: skip
    return f"{cost.macs / 1e6:,.1f} million multiply-adds, {cost.params:,} parameters{shares}{right}"
