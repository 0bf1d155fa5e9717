"""Several checkpoints, one after the other: what is kept of each, and which could not be read."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from gst_analysis.checkpoints.sources import Source, glance_unbuilt
from gst_analysis.errors import CheckpointError, SpecError
from gst_analysis.progress import Progress

Kept = TypeVar("Kept")


def read_each(
    sources: Sequence[Source],
    labels: Sequence[str],
    read: Callable[[Source, str], Kept],
    progress: Progress | None = None,
    *,
    glances: bool = False,
) -> tuple[dict[str, Kept], dict[str, str]]:
    """What `read` makes of each checkpoint, by label, and why some could not be read.

    Nothing but what `read` returns is kept, so weights are forgotten before the next file is opened; of files
    that are glanced at ahead they are still in the file.

    Args:
        sources: the checkpoints.
        labels: what they are called.
        read: what is done with each.
        progress: called before every checkpoint.
        glances: `read` begins with `glance_at`, so that files can be looked through ahead of it.

    Raises:
        SpecError: no sources.
        CheckpointError: the first one's, if not one could be read.
    """
    if not sources:
        raise SpecError("checkpoints", expected="at least one", found="none", todo="name a file")
    kept: dict[str, Kept] = {}
    errors: dict[str, CheckpointError] = {}
    each = glance_ahead(sources) if glances else sources
    for done, (source, label) in enumerate(zip(each, labels, strict=True)):
        if progress is not None:
            progress(done, len(sources), label)
        try:
            kept[label] = read(source, label)
        except CheckpointError as error:
            errors[label] = error
    if not kept:
        raise next(iter(errors.values()))
    return kept, {label: str(error) for label, error in errors.items()}


def glance_ahead(sources: Sequence[Source]) -> Iterator[Source]:
    """Sources in their order, two files being looked through at a time: one keeps no two cores busy.

    What torch has to read, or nobody can, stays a path, for whoever takes it to read.
    """
    if len(sources) < 2 or (os.cpu_count() or 1) < 2:
        yield from sources
        return
    with ThreadPoolExecutor(2, thread_name_prefix="glance-ahead") as pool:
        begun = (pool.submit(_glance, source) for source in sources)
        waiting = deque(islice(begun, 2))
        while waiting:
            found = waiting.popleft().result()
            waiting.extend(islice(begun, 1))
            yield found


def _glance(source: Source) -> Source:
    return glance_unbuilt(source) or source
