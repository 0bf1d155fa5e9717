"""What checkpoints are, and their batch-norm scales."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gst_analysis.terminal.output import print_pairs, show_files, show_number, show_p_value

if TYPE_CHECKING:
    from gst_analysis.analysis.bn_scales import GroupStatistics
    from gst_analysis.workflows import BnScales, Inspection


def show_inspection(found: Inspection) -> None:
    """Two columns: what, and which."""
    fields = {
        "network": found.name + (", slimmed" if found.slimmed else ""),
        "alpha": found.alpha or "none", "beta": found.beta or "none",
        "stem width": found.width, "classes": found.num_classes, "frames": found.num_frames,
        "layout": found.layout, "parameters": f"{found.params:,} ({found.params / 1e6:.1f} M)",
        "can be run": "yes" if found.runnable else "no", "sha256": found.sha256,
    }  # fmt: skip
    print_pairs(found.file, fields)
    for note in found.notes:
        print(f"note: {note}")


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
            table.add_row(layer.layer, *cells, show_number(row["gap"]), show_p_value(row["auc_p_holm"]))
        Console().print(table)
        if groups == ["all"]:
            print("This family has no spatial and temporal groups, so there is one histogram.")
    for note in result.notes():
        print(f"note: {note}")
    show_files(files)


def _count_and_median(group: GroupStatistics) -> tuple[str, str]:
    return str(group.n), show_number(group.median)
