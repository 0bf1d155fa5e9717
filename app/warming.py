"""What the first visitor would wait for, done while the server starts."""

from __future__ import annotations

import threading

from app import cached, cached_clips
from app.choosing import list_first
from app.clips import list_planted
from app.tracing import describe
from gst_analysis.analyses import list_beside
from gst_analysis.analyses.scales import join_bn_scales
from gst_analysis.analyses.traces import ABOUT
from gst_analysis.analyses.traces.table import BARE
from gst_analysis.checkpoints.apart import start_helper
from gst_analysis.errors import GstError

_HEAD_START_S = 4.0
"""Seconds that the first page has to itself before other pages are prepared."""


def warm_up(stopping: threading.Event) -> None:
    """Make the first picture, and then the first trace; what fails is said to the visitor who asks for it."""
    try:
        _draw_first()
        start_helper()  # which reads what visitors send
        if not stopping.wait(_HEAD_START_S):
            _trace_first()
    except GstError:
        return


def _draw_first() -> None:
    """Read the checkpoints that a first visit shows; most of the time goes into importing torch."""
    choices = list_first()
    if not choices:
        cached.read_untrained("gst-resnet50", "1/4")
        return
    readings = [cached.read_checkpoint(choice.path) for choice in choices]
    result = join_bn_scales(
        [reading.require_scales() for reading in readings],
        names=[choice.name for choice in choices],
        paths=[choice.shown for choice in choices],
    )
    for dark in (False, True):
        key = tuple(result.provenance.sources.items())
        cached.draw_scales(key, result, by="stage", absolute=False, dark=dark)


def _trace_first() -> None:
    """Render the clips of the first network's world, and trace the first of them."""
    for choice in list_first()[:1]:
        world = cached.read_checkpoint(choice.path).world
        if world is None:
            return
        clip = list_planted(world)[0]
        pair, files = describe(choice, clip)
        traces = cached_clips.trace(pair, files, BARE)
        cached_clips.film_trace(pair, traces, BARE)
        class_id = int(traces.traced[0]["video"]["class_id"])
        for about in list_beside(ABOUT):
            cached_clips.measure_evidence(about.name, pair, files, class_id=class_id)
