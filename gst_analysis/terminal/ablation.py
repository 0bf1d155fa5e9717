"""What each group of channels is needed for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gst_analysis.terminal.output import show_files

if TYPE_CHECKING:
    from gst_analysis.workflows import Ablation


def show_ablation(result: Ablation, files: Mapping[str, str]) -> None:
    """One row a batch norm and group: the fall of accuracy for each intervention, starred if it is sure.

    Of one clip nothing is: every resample of it is the clip itself.
    """
    summary = result.summary
    several = summary.clips > 1
    accuracy = f"{summary.accuracy.value:.1%} of {summary.clips} clips right when nothing is changed"
    (name,) = result.provenance.specs
    table = Table(
        title=f"{escape(name)}: {accuracy}",
        caption=f"percentage points of accuracy lost{'; *: the interval leaves out 0' if several else ''}",
    )
    for heading in ("batch norm", "group"):
        table.add_column(heading)
    for intervention in summary.interventions:
        table.add_column(intervention, justify="right")
    for (layer, group), rows in result.table.groupby(["layer", "group"], sort=False):
        drops = rows[["accuracy_drop", "accuracy_drop_low", "accuracy_drop_high"]].to_numpy(dtype=float)
        sure = [several and (low > 0 or high < 0) for _, low, high in drops]
        cells = [f"{100 * drop[0]:.1f}{'*' if star else ' '}" for drop, star in zip(drops, sure, strict=True)]
        table.add_row(str(layer), str(group), *cells)
    Console().print(table)
    for note in summary.notes:
        print(f"note: {note}")
    for clip, reason in summary.failures.items():
        print(f"could not be read: {clip}: {reason}")
    show_files(files)
