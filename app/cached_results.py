"""What pages remember: results by what they follow from, all of them together in a bounded number of bytes.

Streamlit bounds a cache by the number of its entries alone. Thirty caches of pictures, maps and films grow
for as long as visitors bring new networks and clips; here the result that was longest not asked for goes.
"""

from __future__ import annotations

import functools
import inspect
import pickle
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

MOST_BYTES = 192_000_000
"""Of all that `kept` remembers: a long day's worth of small networks, or some twenty traced films."""
MOST_ENTRIES = 4_000
Given = ParamSpec("Given")
Found = TypeVar("Found")


class Keeper:
    """Results as pickles, so that their sizes are known and no page can change what another sees."""

    def __init__(self, most_bytes: int, most_entries: int = MOST_ENTRIES) -> None:
        self._kept: OrderedDict[Hashable, bytes] = OrderedDict()
        self._busy: dict[Hashable, tuple[threading.Lock, int]] = {}
        self._most, self._entries, self._lock = most_bytes, most_entries, threading.Lock()
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, key: Hashable) -> bytes | None:
        """What was kept under a key, which is now the last to go."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def keep(self, key: Hashable, result: Any) -> None:
        """Keep a result, unless it alone is too large; let the oldest go where all are."""
        written = pickle.dumps(result)
        if len(written) > self._most:
            return
        with self._lock:
            self.bytes += len(written) - len(self._kept.pop(key, b""))
            self._kept[key] = written
            while self.bytes > self._most or len(self._kept) > self._entries:
                self.bytes -= len(self._kept.popitem(last=False)[1])

    def list_keys(self) -> list[Hashable]:
        """All that is kept, the last one asked for first."""
        with self._lock:
            return list(reversed(self._kept))

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()
            self.bytes = 0

    @contextmanager
    def wait_turn(self, key: Hashable) -> Iterator[None]:
        """One at a time for each key: who asks for what is being made waits for it."""
        with self._lock:
            lock, waiting = self._busy.get(key, (threading.Lock(), 0))
            self._busy[key] = lock, waiting + 1
        try:
            with lock:
                yield
        finally:
            with self._lock:
                lock, waiting = self._busy.pop(key)
                if waiting > 1:
                    self._busy[key] = lock, waiting - 1


@functools.cache
def keeper() -> Keeper:
    """That of all pages and visitors together."""
    return Keeper(MOST_BYTES)


def kept(function: Callable[Given, Found]) -> Callable[Given, Found]:
    """A function whose results are remembered.

    Arguments that start with an underscore are not part of what they follow from; each is determined by the
    others.
    """
    signature = inspect.signature(function)
    name = f"{function.__module__}.{function.__qualname__}"

    @functools.wraps(function)
    def remember(*args: Given.args, **kwargs: Given.kwargs) -> Found:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        key = name, repr([value for one, value in bound.arguments.items() if not one.startswith("_")])
        known = keeper()
        with known.wait_turn(key):
            written = known.find(key)
            if written is None:
                found = function(*args, **kwargs)
                known.keep(key, found)
                return found
        again: Found = pickle.loads(written)  # written above, by this process
        return again

    return remember
