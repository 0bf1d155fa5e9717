"""What a left-right flip makes of each class: class names in, pairs of class numbers out.

Class numbers depend on the order of the label file, so pairs are never fixed but read from the names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gst_analysis.clips.entries import strip_template
from gst_analysis.errors import DataError

_OPPOSITES = {
    "left": "right",
    "right": "left",
    "leftward": "rightward",
    "rightward": "leftward",
    "leftwards": "rightwards",
    "rightwards": "leftwards",
    "clockwise": "counterclockwise",
    "counterclockwise": "clockwise",
}
_SIDE = re.compile(rf"\b({'|'.join(sorted(_OPPOSITES, key=len, reverse=True))})\b")


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
    sided = {number: _mirror_name(name) for number, name in enumerate(names) if _mirror_name(name) != name}
    pairs = {number: index[mirrored] for number, mirrored in sided.items() if mirrored in index}
    return Mirror(len(names), pairs, frozenset(sided.keys() - pairs.keys()))


def infer_flip_pairs(class_names: Sequence[str]) -> dict[int, int]:
    """Class numbers that swap under a left-right flip, both ways round.

    Example:
        >>> infer_flip_pairs(["Swiping Left", "Stop Sign", "Swiping Right"])
        {0: 2, 2: 0}
    """
    return dict(infer_mirror(class_names).pairs)


def _mirror_name(name: str) -> str:
    return _SIDE.sub(lambda match: _OPPOSITES[match[0]], name)


def _plain(name: str) -> str:
    """Lower case words: `SwipeLeft`, `swipe_left` and `Swipe [left]` read alike."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.replace("_", " "))
    return re.sub(r"\b(counter-|anti-?)clockwise", "counterclockwise", strip_template(spaced).lower())
