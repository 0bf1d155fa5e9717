"""What checkpoints are, and their batch-norm scales."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gst_analysis.terminal.output import print_pairs, show_files

if TYPE_CHECKING:
    from gst_analysis.workflows import BnScales, Inspection


def show_inspection(found: Inspection) -> None:
    """Two columns: what, and which."""
    fields = {
        "network": found.name, "alpha": found.alpha or "none", "beta": found.beta or "none",
        "stem width": found.width, "classes": found.num_classes, "frames": found.num_frames,
        "layout": found.layout, "parameters": f"{found.params:,} ({found.params / 1e6:.1f} M)",
        "can be run": "yes" if found.runnable else "no", "sha256": found.sha256,
    }  # fmt: skip
    print_pairs(found.file, fields)
    for note in found.notes:
        print(f"note: {note}")


def show_bn_scales(result: BnScales, files: Mapping[str, str]) -> None:
    """One row a batch norm: count and median of each group."""
    for checkpoint, layers in result.summary.checkpoints.items():
        table = Table(title=f"{escape(checkpoint)}: {result.summary.statistic} after each temporal operator")
        groups = list(dict.fromkeys(group for layer in layers for group in layer.groups))
        table.add_column("batch norm")
        for group in groups:
            table.add_column(f"{group} n", justify="right")
            table.add_column(f"{group} median", justify="right")
        for layer in layers:
            cells = [(str(s.n), f"{s.median:.3f}") for s in (layer.groups[g] for g in groups)]
            table.add_row(layer.layer, *(cell for pair in cells for cell in pair))
        Console().print(table)
        if groups == ["all"]:
            print("This family has no spatial and temporal groups, so there is one histogram.")
    show_files(files)
