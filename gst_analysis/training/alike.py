"""What the processes of one run must share: each reads its own settings and lists, on its own machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gst_analysis.errors import DataError, SpecError, name_some
from gst_analysis.training.config import TrainConfig
from gst_analysis.training.crew import Crew
from gst_analysis.training.sources import Sources

_OWN = ("data.root", "data.clips", "data.workers", "data.cache", "data.cache_mib", "run.threads")
"""Settings that a machine may have of its own: where its copy of the clips lies, and how it is read."""


def check_settings(crew: Crew, config: TrainConfig) -> None:
    """Refuse processes that were started with other settings than the first one.

    Raises:
        SpecError: on every rank alike; it names the settings.
    """
    record = {
        f"{section}.{key}": value
        for section, values in config.to_json().items()
        for key, value in values.items()
        if f"{section}.{key}" not in _OWN
    }
    rank, odd = _find_other(crew.gather_objects(record))
    if odd:
        raise SpecError(
            "training in several processes",
            expected="the same settings in all of them",
            found=f"others in process {rank}: {name_some(odd)}",
            todo="give every node the same command",
        )


def check_sources(crew: Crew, sources: Sources, config: TrainConfig) -> None:
    """Refuse lists or classes other than those of the first process: the ranks would deal out other clips.

    Raises:
        DataError: on every rank alike; it names the lists.
    """
    rank, odd = _find_other(crew.gather_objects(sources.fingerprint))
    names = {"train": f"data.train ({config.data.train})", "classes": "the class names"}
    names["validation"] = f"data.validation ({config.data.validation})"
    if odd:
        raise DataError(
            "training in several processes",
            expected="the same clip lists and classes in all of them",
            found=f"other contents in process {rank}: {name_some([names[key] for key in odd])}",
            todo="give every node the same annotations",
        )


def _find_other(records: list[Mapping[str, Any]]) -> tuple[int, list[str]]:
    """The first process whose record is not that of the first one, and in which entries."""
    first = records[0]
    for rank, record in enumerate(records):
        if odd := [k for k in dict.fromkeys([*first, *record]) if first.get(k) != record.get(k)]:
            return rank, odd
    return 0, []
