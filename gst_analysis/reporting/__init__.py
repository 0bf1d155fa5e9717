"""Everything about one checkpoint on one page that needs no network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gst_analysis.rooms import Door
from gst_analysis.sections.options import ReportOptions

if TYPE_CHECKING:
    from gst_analysis.reporting import making
else:
    making = Door(f"{__name__}.making")

__all__ = ["ReportOptions", "making"]
