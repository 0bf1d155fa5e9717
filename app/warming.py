"""What the first visitor would wait for, done while the server starts, in the order of a visit.

The first picture at once; what takes seconds in parts, each when no page is at work.
"""

from __future__ import annotations

import ast
import importlib
import sys
import threading
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from app import cached
from app.cached_quiet import quiet
from app.choosing import list_first
from app.named_files import Choice
from app.navigation import VIEWS, list_pages
from gst_analysis.analyses.scales import join_bn_scales
from gst_analysis.checkpoints.apart import start_helper
from gst_analysis.errors import GstError
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    from app import cached_clips, cached_profiles, clips, tracing
    from gst_analysis import analyses
    from gst_analysis.analyses import traces
    from gst_analysis.analyses.traces import table as trace_table
else:  # the server answers before what pages need is imported: it is this thread that imports it
    cached_clips = Door("app.cached_clips")
    cached_profiles = Door("app.cached_profiles")
    clips = Door("app.clips")
    tracing = Door("app.tracing")
    analyses = Door("gst_analysis.analyses")
    traces = Door("gst_analysis.analyses.traces")
    trace_table = Door("gst_analysis.analyses.traces.table")

_HEAD_START_S = 4.0
"""Seconds that the first page has to itself before other pages are prepared."""
_TAKES_TURNS_S = 0.0005
"""Seconds after which a thread hands over to one that waits. The browser asks for some forty files, each of
which takes several turns of the thread that answers; beside one that imports they would be 5 ms each."""


def warm_up(stopping: threading.Event) -> None:
    """Make the first picture, and then the first trace; what fails is said to the visitor who asks for it."""
    sys.setswitchinterval(_TAKES_TURNS_S)
    try:
        _draw_first()
        if stopping.wait(_HEAD_START_S):
            return
        for _ in chain(import_pages(), _prepare()):
            if not quiet().wait(stopping):
                return
    except GstError:
        return
    except Exception:
        if not stopping.is_set():  # a server that ends takes away files, threads and modules under this
            raise


def import_pages() -> Iterator[None]:
    """Import what pages import, page by page: none is slower when it is opened for the first time."""
    for page in list_pages():
        yield
        for name in list_imports(VIEWS / f"{page.script}.py"):
            importlib.import_module(name)


def list_imports(script: Path) -> list[str]:
    """The modules that a script takes names from."""
    lines = ast.parse(script.read_text(encoding="utf-8")).body
    return [line.module for line in lines if isinstance(line, ast.ImportFrom) and line.module]


def _prepare() -> Iterator[None]:
    """Everything else that is made ready, in parts: whoever asks for the next one chooses when it is made."""
    yield
    if choices := list_first():
        _draw(choices, dark=True)
    yield
    start_helper()  # which reads what visitors send, and begins with importing torch
    yield from _trace_first()


def _draw_first() -> None:
    """What the first page shows, from its top: nothing of it needs torch."""
    choices = list_first()
    if not choices:
        cached.read_untrained("gst-resnet50", "1/4")
        return
    for choice in choices:
        cached.read_checkpoint(choice.path)
    _draw(choices, dark=False)


def _draw(choices: Sequence[Choice], *, dark: bool) -> None:
    _draw_profiles(choices, dark=dark)
    _draw_scales(choices, dark=dark)


def _draw_profiles(choices: Sequence[Choice], *, dark: bool) -> None:
    sources = [cached.Source(choice.name, choice.shown, choice.path) for choice in choices]
    keys = [cached.key_of([source]) for source in sources]
    found = [cached_profiles.profile_network(*asked) for asked in zip(keys, sources, strict=True)]
    for key, profile in zip(keys, found, strict=True):
        cached_profiles.draw_profile(key, profile, dark=dark)


def _draw_scales(choices: Sequence[Choice], *, dark: bool) -> None:
    result = join_bn_scales(
        [cached.read_checkpoint(choice.path).require_scales() for choice in choices],
        names=[choice.name for choice in choices],
        paths=[choice.shown for choice in choices],
    )
    cached.draw_scales(
        tuple(result.provenance.sources.items()), result, by="stage", absolute=False, dark=dark
    )


def _trace_first() -> Iterator[None]:
    """Render the clips of the first network's world, and trace the first of them, in parts."""
    for choice in list_first()[:1]:
        world = cached.read_checkpoint(choice.path).world
        if world is None:
            return
        yield
        clip = clips.list_planted(world)[0]
        pair, files = tracing.describe(choice, clip)
        yield
        found = cached_clips.trace(pair, files, trace_table.BARE)
        yield
        cached_clips.film_trace(pair, found, trace_table.BARE)
        class_id = int(found.traced[0]["video"]["class_id"])
        for about in analyses.list_beside(traces.ABOUT):
            yield
            cached_clips.measure_evidence(about.name, pair, files, class_id=class_id)
