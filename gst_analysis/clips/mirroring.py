"""What a left-right flip makes of each class: class names in, pairs of class numbers out.

Class numbers depend on the order of the label file, so pairs are never fixed but read from the names, word by
word. A word that surely names a side (left, right-handed, lefthand, clockwise) is turned round in its
partner; one that may (leftpass) pairs only where both classes are there, which bright and leftover never see.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gst_analysis.clips.entries import strip_template
from gst_analysis.errors import DataError

_SUFFIXES = (
    "hand|handed|hander|hands|arm|armed|elbow|shoulder|foot|footed|leg|legged|knee|heel|hip|eye|ear|cheek|thumb|"
    "side|sided|most|ward|wards|ways|lane|turn|hook|jab|uppercut|kick|punch|swipe"
)
_SIDES = re.compile(rf"(left|right)({_SUFFIXES})?|(left|right)(to)?(left|right)")
"""Words that surely name a side, or two, and what is joined to it."""
_TURN = re.compile(r"(counter)?clockwise")
_PERHAPS = re.compile(r"(left|right)(?=.)|(?<=.)(left|right)$")
"""A side at either end of a longer word, which may mean something else."""


@dataclass(frozen=True)
class Mirror:
    """`pairs` swap under a flip; `stuck` classes name a side but have no partner: never flip those."""

    num_classes: int
    pairs: Mapping[int, int]
    stuck: frozenset[int]

    def flipped(self, label: int) -> int | None:
        """The label of the flipped clip; None if there is none, or if the class's name is unknown."""
        if label in self.stuck or not 0 <= label < self.num_classes:
            return None
        return self.pairs.get(label, label)


def infer_mirror(class_names: Sequence[str]) -> Mirror:
    """Pair each class that names a side with the class of the mirrored name."""
    names = [_plain(name) for name in class_names]
    index = {name: number for number, name in enumerate(names)}
    if len(index) < len(names):
        twice = next(name for number, name in enumerate(names) if index[name] != number)
        raise DataError(
            "class names", expected="each once", found=f"{twice!r} twice", todo="correct the label file"
        )
    words = [tuple(map(_read_word, _split(name))) for name in names]
    alike = defaultdict(list)  # names that are one but for their sides
    for number, own in enumerate(words):
        alike[tuple(word.sideless for word in own)].append(number)
    found: dict[int, int] = {}
    for group in alike.values():
        for one in group:
            partners = [other for other in group if _are_mirrored(words[one], words[other])]
            found |= {one: partners[0]} if len(partners) == 1 else {}
    pairs = {one: other for one, other in found.items() if found.get(other) == one}
    sided = {number for number, own in enumerate(words) if any(word.sure for word in own)}
    return Mirror(len(names), pairs, frozenset(sided - pairs.keys()))


def infer_flip_pairs(class_names: Sequence[str]) -> dict[int, int]:
    """Class numbers that swap under a left-right flip, both ways round.

    Example:
        >>> infer_flip_pairs(["Swiping Left", "Stop Sign", "Swiping Right"])
        {0: 2, 2: 0}
    """
    return dict(infer_mirror(class_names).pairs)


@dataclass(frozen=True)
class _Word:
    """One word of a name: how it reads without its side, what side that is, and whether it surely is one."""

    sideless: str
    side: str = ""
    sure: bool = False


def _read_word(word: str) -> _Word:
    if turn := _TURN.fullmatch(word):
        return _Word("|clockwise", "right" if turn[1] is None else "left", True)
    if word in ("left", "right"):
        return _Word("|", word, True)
    if side := _PERHAPS.search(word):
        return _Word(f"{word[: side.start()]}|{word[side.end() :]}", side[0])
    return _Word(word)


def _are_mirrored(one: Sequence[_Word], other: Sequence[_Word]) -> bool:
    """Whether every sure side of names that are alike is turned round, and at least one side is."""
    turned = [a.side != b.side for a, b in zip(one, other, strict=True) if a.side]
    sure = [a.side != b.side for a, b in zip(one, other, strict=True) if a.sure]
    return any(turned) and all(sure)


def _split(name: str) -> list[str]:
    """Words and what stands between them that is no space; joint words that surely name a side are parted."""
    words = re.findall(r"[a-z]+|[^a-z\s-]+", name)
    sided = [_SIDES.fullmatch(word) for word in words]
    parts = [[word] if side is None else side.groups() for word, side in zip(words, sided, strict=True)]
    return [part for joined in parts for part in joined if part]


def _plain(name: str) -> str:
    """Lower case words: `SwipeLeft`, `swipe_left` and `Swipe [left]` read alike."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.replace("_", " "))
    lower = strip_template(spaced).lower()
    turns = re.sub(r"\b(?:(?:counter|anti)[- ]?clockwise|ccw)\b", "counterclockwise", lower)
    return re.sub(r"\bcw\b", "clockwise", turns)
