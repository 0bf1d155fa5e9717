"""What a room is: one folder an analysis. Its door opens when somebody goes in, not when the house is.

A room's `__init__` says what is asked, what the answer cannot tell, and how to get it; everything heavy lies
behind a door, so that the command line can list every room without torch, pandas or matplotlib.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

Needs = Literal["checkpoint", "checkpoints", "clip", "clips", "dataset", "pairs", "annotations", "nothing"]
"""What it is run on: a checkpoint, several, one with a clip, clips or labelled clips, several each with
their own labelled clips, lists of clips, nothing."""


Ask = Literal[
    "logits",
    "frames",
    "places",
    "units",
    "scales",
    "groups",
    "readers",
    "arithmetic",
    "widths",
    "length",
    "time",
    "colours",
]
"""What it needs to know of a network; `networks/capabilities.py` says what a network lacks."""


class Door(ModuleType):
    """A module that is imported when something in it is first asked for.

    Once it is imported, Python puts the module itself in the door's place in the room.
    """

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what Python itself asks of a module is no reason to go in
            raise AttributeError(name)
        return getattr(importlib.import_module(self.__name__), name)

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse it: what is set here is not seen by the module's own functions.

        Raises:
            AttributeError: always.
        """
        raise AttributeError(f"{self.__name__} is a door; import the module itself to set {name!r} in it")


@dataclass(frozen=True)
class About:
    """What the command line, the explorer, the report and the docs need to know of an analysis."""

    room: str
    """Its folder, as Python names it."""
    title: str
    """What people call it."""
    command: str
    """Its command."""
    needs: Needs
    run: Callable[..., Any]
    """The public function."""
    options: type[Any]
    """The public function's options."""
    page: str = ""
    """The explorer's page that shows it; the page of all analyses if empty."""
    section: bool = True
    """Whether a report tells it."""
    asks: tuple[Ask, ...] = ()
    """What it needs to know of a network, beside its weights."""

    @property
    def name(self) -> str:
        """What the list of rooms calls it."""
        return self.room.rpartition(".")[2]

    @property
    def question(self) -> str:
        """What it asks: the first line of the room's docstring."""
        return self._docstring.splitlines()[0]

    @property
    def limits(self) -> str:
        """What the answer cannot tell: the rest of the room's docstring."""
        return "\n".join(self._docstring.splitlines()[1:]).strip()

    @property
    def _docstring(self) -> str:
        return inspect.cleandoc(importlib.import_module(self.room).__doc__ or "")
