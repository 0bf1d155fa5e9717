"""What a report holds, and where it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gst_analysis.terminal.output import show_files

if TYPE_CHECKING:
    from gst_analysis.workflows import Report


def show_report(result: Report, files: Mapping[str, str]) -> None:
    """Its sections, what is missing, and the file."""
    print(f"{result.name}: {', '.join(result.sections)}")
    for name, why in result.missing.items():
        print(f"not for this checkpoint: {name}: {why}")
    for name, why in result.left_out.items():
        print(f"left out: {name}: {why}")
    for clip, why in result.failures.items():
        print(f"not read: {clip}: {why}")
    show_files(files)
