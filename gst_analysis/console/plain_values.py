"""Values of a command line that need no conversion: what was not given, and what is of its type already.

Typer converts values with pydantic, whose import takes longer than that of NumPy. A value that conversion
would return as it is passes by here; all else is Typer's to convert, and whatever is wrong is Typer's to say.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

_PATH_RULES = {
    "exists": False,
    "file_okay": True,
    "dir_okay": True,
    "writable": False,
    "readable": True,
    "resolve_path": False,
    "allow_dash": False,
    "path_type": None,
}
"""What Typer asks of a path if nothing else is said."""


class PlainValues:
    """Stands before the conversion of one parameter, which is made when a value asks for it."""

    def __init__(self, parameter: Any, build: Callable[[], Any]) -> None:
        self._several = parameter.multiple or parameter.nargs == -1
        self._kind = parameter.type_descriptor.annotation
        self._rules = parameter.type_descriptor.parameter_info
        self._build = build

    def coerce(self, value: Any, *rest: Any, **more: Any) -> Any:
        """The value as the command takes it."""
        if value is None:
            return () if self._several else None
        if self._kind == list[str] and isinstance(value, (list, tuple)) and all(map(_is_text, value)):
            return list(value)
        if not self._several and self._is_plain(value):
            return Path(value) if self._kind is Path else value
        return self._build().coerce(value, *rest, **more)

    def _is_plain(self, value: Any) -> bool:
        rules = self._rules
        if rules.parser is not None:
            return False
        if self._kind is str:
            return _is_text(value)
        if self._kind in (int, float):
            return type(value) is self._kind and rules.min is None and rules.max is None
        usual = all(getattr(rules, name) == value for name, value in _PATH_RULES.items())
        return self._kind is Path and usual and _may_be_read(value)


def pass_plain_values(parameters: list[Any]) -> list[Any]:
    """Parameters of a command, whose plain values pass without conversion from now on.

    A Typer that converts in another way than the one this was written for is left to itself.
    """
    for one in parameters:
        fits = hasattr(one, "get_runtime_param") and hasattr(one, "type_descriptor")
        if fits and "get_runtime_param" not in vars(one):
            vars(one)["get_runtime_param"] = functools.partial(PlainValues, one, one.get_runtime_param)
    return parameters


def _is_text(value: Any) -> bool:
    """Whether it is text of whole characters: a name whose bytes are no text is refused by conversion."""
    try:
        return type(value) is str and bool(value.encode() or True)
    except UnicodeEncodeError:
        return False


def _may_be_read(value: Any) -> bool:
    """Whether it is a path at which there is nothing, or something that may be read."""
    if not (_is_text(value) or type(value) is type(Path())):
        return False
    try:
        os.stat(value)
    except OSError:
        return True
    except ValueError:
        return False
    return os.access(value, os.R_OK)
