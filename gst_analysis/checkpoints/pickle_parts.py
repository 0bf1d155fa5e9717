"""Parts of what a pickle would make, and the two ways in which one is turned away.

A file of its own: the walk and the calls that it knows both speak of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


class Damaged(Exception):
    """Bytes that are no complete pickle or archive; the text says what was found."""


class Refused(Exception):
    """A file that asks for something which no network's weights need.

    Args:
        found: what it asks for.
        unsafe: reading it would run or overwrite code.
        tensor: it is about a tensor, whose name may follow.
    """

    def __init__(self, found: str, *, unsafe: bool = False, tensor: bool = False) -> None:
        super().__init__(found)
        self.found, self.unsafe, self.tensor = found, unsafe, tensor

    def named(self, where: str) -> Refused:
        """With the name of the tensor that it is about."""
        return Refused(self.found + (where if self.tensor else ""), unsafe=self.unsafe, tensor=self.tensor)


@dataclass(frozen=True, slots=True)
class View:
    """Where a tensor's values lie in a storage, counted in values."""

    storage: Part
    dtype: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(slots=True, eq=False)
class Part:
    """What would be made, by its kind and its parts.

    A list or record that lies in another is closed: whatever changed it afterwards could make it hold itself,
    and its depth, once counted, stays what it is.
    """

    kind: str
    name: str = ""
    items: list[Any] = field(default_factory=list)
    """Parts; of a record its keys and values in turn."""
    depth: int = 0
    closed: bool = False
    numel: int = 0
    width: int = 0
    held: Any = None
    """Of a storage the type of its numbers, of a tensor its `View`."""
    raw: bool = False
    """A storage, or something around one: of use to the call that makes a tensor of it alone."""

    def enclose(self, item: Part) -> None:
        """Hold a part."""
        item.closed = True
        self.depth = max(self.depth, item.depth + 1)
        self.raw = self.raw or item.raw

    def require_value(self) -> None:
        """Refuse to keep what is no value: a storage without its tensor, a function without its call."""
        if self.raw:
            raise Refused("a storage in place of a tensor", tensor=True)
        if self.kind in ("call", "storage type"):  # a class that is left out is a value like others
            raise Refused(f"{self.name[:80]} in place of a value", unsafe=True)
