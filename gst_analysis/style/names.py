"""Names of checkpoints, short enough for a figure and still apart from each other: text in, text out."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from gst_analysis.style.class_pairs import shorten

_WORD = re.compile(r"[^-_. /]+[-_. /]*")


def tell_apart(names: Sequence[str], limit: int) -> list[str]:
    """Each name in at most about `limit` characters; if one is longer, without what all begin or end with.

    Example:
        >>> tell_apart(["run-of-may-static-best", "run-of-may-mixed-best"], 12)
        ['…static…', '…mixed…']
    """
    if all(len(name) <= limit for name in names):
        return list(names)
    words = [_WORD.findall(name) or [name] for name in names]
    least = min(map(len, words)) - 1  # a word of every name is left
    start = min(least, _count_shared(words))
    end = min(least - start, _count_shared([one[::-1] for one in words]))
    middles = ["".join(one[start : len(one) - end]).rstrip("-_. /") for one in words]
    marked = [f"{'…' * (start > 0)}{middle}{'…' * (end > 0)}" for middle in middles]
    short = [shorten(name, limit) for name in marked]
    return short if len(set(short)) == len(set(names)) else _number(short, limit)


def _count_shared(words: Sequence[Sequence[str]]) -> int:
    """How many words all begin with; of one name none is shared."""
    alike = itertools.takewhile(lambda place: len(set(place)) == 1, zip(*words, strict=False))
    return len(list(alike)) if len(words) > 1 else 0


def _number(names: Sequence[str], limit: int) -> list[str]:
    """What is the same after all gets its place in the order given."""
    return [f"{i} {shorten(name, max(4, limit - 3))}" for i, name in enumerate(names, 1)]
