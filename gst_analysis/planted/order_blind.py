"""What can be known of a clip's class without the order of its frames: labels in, a share out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence


def best_order_blind(labels: Sequence[str], partners: Mapping[str, str]) -> float:
    """The share of clips that a perfect model gets right if it is blind to the order of frames.

    It always knows the pair of a class and its time-reversed partner, and says the commoner of the two.

    Args:
        labels: every clip's class.
        partners: of each class, the one whose clips are its own played backwards; "" or none if there is
            no such class.

    Example:
        >>> best_order_blind(["up", "down", "down", "still"], {"up": "down", "down": "up"})
        0.75
    """
    commonest: dict[frozenset[str], int] = {}
    for label, count in Counter(labels).items():
        pair = frozenset({label, partners.get(label) or label})
        commonest[pair] = max(commonest.get(pair, 0), count)
    return sum(commonest.values()) / len(labels)
