"""Several checkpoints, one at a time: what could be read, and why the rest could not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from gst_analysis.errors import CheckpointError, SpecError
from gst_analysis.workflows.sources import Progress

if TYPE_CHECKING:
    from gst_analysis.workflows.sources import Source

Kept = TypeVar("Kept")


def read_each(
    sources: Sequence[Source],
    labels: Sequence[str],
    read: Callable[[Source, str], Kept],
    progress: Progress | None = None,
) -> tuple[dict[str, Kept], dict[str, str]]:
    """What `read` makes of each checkpoint, by label, and why some could not be read.

    Nothing but what `read` returns is kept, so weights are forgotten before the next file is opened.

    Raises:
        SpecError: no sources.
        CheckpointError: the first one's, if not one could be read.
    """
    if not sources:
        raise SpecError("checkpoints", expected="at least one", found="none", todo="name a file")
    kept: dict[str, Kept] = {}
    errors: dict[str, CheckpointError] = {}
    for done, (source, label) in enumerate(zip(sources, labels, strict=True)):
        if progress is not None:
            progress(done, len(sources), label)
        try:
            kept[label] = read(source, label)
        except CheckpointError as error:
            errors[label] = error
    if not kept:
        raise next(iter(errors.values()))
    return kept, {label: str(error) for label, error in errors.items()}
