"""What figures call checkpoints, layers and groups: short enough, and still apart. Text in, text out."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from gst_analysis.groups import GROUPS

GROUP_NAMES = {word: style.phrase for word, style in GROUPS.items()}
"""In the order in which figures list them."""
_WORD = re.compile(r"[^-_. /]+[-_. /]*")


def tell_apart(names: Sequence[str], limit: int, *, numbers: bool = True) -> list[str]:
    """Each name in at most about `limit` characters; if one is longer, without what all begin or end with.

    Args:
        names: what to shorten.
        limit: of characters.
        numbers: whether names that are alike even so get their places; else they stay alike.

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
    return _number(short, limit) if numbers and len(set(short)) < len(set(names)) else short


def _count_shared(words: Sequence[Sequence[str]]) -> int:
    """How many words all begin with; of one name none is shared."""
    alike = itertools.takewhile(lambda place: len(set(place)) == 1, zip(*words, strict=False))
    return len(list(alike)) if len(words) > 1 else 0


def _number(names: Sequence[str], limit: int) -> list[str]:
    """What is the same after all gets its place in the order given."""
    return [f"{i} {shorten(name, max(4, limit - 3))}" for i, name in enumerate(names, 1)]


def shorten(text: str, limit: int) -> str:
    """Leave out whole words from the middle of a long name, whose ends tell it from others."""
    if len(text) <= limit:
        return text
    head, tail = (limit - 1) // 2, limit - 1 - (limit - 1) // 2
    start, end = text[:head], text[len(text) - tail :]
    if " " in start and text[head] != " ":
        start = start.rsplit(" ", 1)[0]
    if " " in end and text[len(text) - tail - 1] != " ":
        end = end.split(" ", 1)[1]
    return f"{start.rstrip()} … {end.lstrip()}" if " " in text else f"{start}…{end}"


def drop_shared_start(names: Sequence[str]) -> list[str]:
    """Names of modules without those that they all lie in, but the innermost.

    Example:
        >>> drop_shared_start(["vit.encoder.layer.0", "vit.encoder.layer.1"])
        ['layer.0', 'layer.1']
    """
    parts = [name.split(".") for name in names]
    shared = min(_count_shared(parts), min(map(len, parts), default=0) - 1)
    return [".".join(one[max(0, shared - 1) :]) for one in parts]


def name_block(name: str) -> str:
    """A module as people call it: layer1.0 as block 1.0, whatever lies in it likewise; others as they are."""
    return f"block {name.removeprefix('layer')}" if re.match(r"layer\d", name) else name


def shorten_layers(layers: Sequence[str]) -> list[str]:
    """layer3.0.bn2 as 3.0, but where a block has two norms."""
    blocks = [layer.removeprefix("layer").rsplit(".", 1)[0] for layer in layers]
    return blocks if len(set(blocks)) == len(layers) else [layer.removeprefix("layer") for layer in layers]
