"""How many batch norms does a network have?

It counts them. It cannot tell what they do.
"""

from __future__ import annotations

from typing import Any

from gst_analysis.checkpoints.sources import checkpoint_of
from gst_analysis.options import keyword_options
from gst_analysis.progress import Progress
from gst_analysis.rooms import About

from . import measure
from .table import Count, CountOptions


@keyword_options(CountOptions)
def count_norms(source: Any, *, options: CountOptions, progress: Progress | None = None) -> Count:
    """Count the batch norms of a checkpoint."""
    return measure.measure_count(checkpoint_of(source), options)


ABOUT = About(
    room=__name__,
    title="Toy",
    command="count-norms",
    needs="checkpoint",
    run=count_norms,
    options=CountOptions,
)
