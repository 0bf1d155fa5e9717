"""How far batch-norm scales have moved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gst_analysis.terminal.output import show_files, show_number

if TYPE_CHECKING:
    from gst_analysis.workflows import Drift


def show_drift(result: Drift, files: Mapping[str, str]) -> None:
    """A row a checkpoint and group, over all layers."""
    summary = result.summary
    table = Table(title=f"γ since the start ({escape(summary.origin)})")
    table.add_column("checkpoint", overflow="fold")
    table.add_column("group")
    unmoved = f"within {summary.tolerance:.0%}"
    for heading in ("n", "|change|", unmoved, "2-D", "still", "rank"):
        table.add_column(heading, justify="right")
    for name, groups in summary.checkpoints.items():
        for group, found in groups.items():
            rank = float("nan") if found.rank_correlation is None else found.rank_correlation
            cells = (found.n, show_number(found.mean_change), found.unmoved, found.inherited, found.carried)
            table.add_row(escape(name), group, *map(str, cells), show_number(rank))
    table.caption = (
        f"2-D: inherited from 2-D weights; still: of those, within {summary.tolerance:.0%} of that value; "
        "rank: Spearman's correlation with the start, median over layers"
    )
    Console().print(table)
    for note in result.notes:
        print(f"note: {note}")
    for failure in result.failures.values():
        print(f"left out: {failure}")
    show_files(files)
