"""Where in the frame a network looks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from gst_analysis.terminal.output import print_pairs, show_files

if TYPE_CHECKING:
    from gst_analysis.workflows import SaliencyMaps


def show_saliency(result: SaliencyMaps, files: Mapping[str, str]) -> None:
    """What was explained, and each group's evidence in short."""
    summary = result.summary
    pairs = {
        "class": f"{summary.label} ({summary.probability:.1%})",
        "predicted": summary.predicted_label,
        "block": f"{summary.block}, maps of {summary.rows} x {summary.columns} cells",
    }
    print_pairs(summary.clip, pairs)
    table = Table("channels", "evidence for", "evidence against", "hottest frame")
    for name, found in summary.groups.items():
        hottest = "none" if found.hottest_frame is None else str(found.hottest_frame)
        table.add_row(name, f"{found.evidence_for:.3g}", f"{found.evidence_against:.3g}", hottest)
    Console().print(table)
    for note in summary.notes:
        print(f"note: {note}")
    show_files(files)
