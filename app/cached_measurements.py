"""What was measured of networks on clips, kept across visits: by content, in a bounded number of bytes.

Jobs keep their last few results whatever they are, so that ten traces would push out an ablation that took
minutes. Here the oldest measurements go when all together are too large.
"""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable
from typing import Any, NamedTuple

from app.cached_results import Keeper

MOST_BYTES = 64_000_000


class Asked(NamedTuple):
    """What was measured: which check, of which network, and on what and how."""

    check: str
    network: tuple[str, str]
    """Its name, since results hold that, and its content."""
    how: str


class Measured:
    """Results by what was asked; handed out as copies, so that no page can change what another sees."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._kept = Keeper(most_bytes)

    def find(self, asked: Asked) -> Any:
        """The result; None where there is none."""
        found = self._kept.find(asked)
        return None if found is None else pickle.loads(found)  # written by this process

    def find_last(self, check: str, network: tuple[str, str]) -> Any:
        """What a check of a network last found, on whichever clips; None without any."""
        asked = (one for one in self._kept.list_keys() if isinstance(one, Asked))
        found = next((one for one in asked if one[:2] == (check, network)), None)
        return None if found is None else self.find(found)

    def keep(self, asked: Asked, result: Any) -> None:
        """Keep a result, and let the oldest go where all are too large."""
        self._kept.keep(asked, result)


@functools.cache
def memory() -> Measured:
    """What was measured for all visitors together."""
    return Measured()


def recall(asked: Asked, measure: Callable[[], Any]) -> Any:
    """What is remembered; else what is measured now, if it is done already."""
    found = memory().find(asked)
    if found is None:
        found = measure()
        if found is not None:
            memory().keep(asked, found)
    return found
