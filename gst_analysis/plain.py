"""Values as JSON's types, and JSON documents: the same bytes for the same value."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from gst_analysis.errors import COMMANDING

_AT_ONCE = 1000
"""Values of a list that are spelt together."""


def to_plain(value: Any) -> Any:
    """Dataclasses, mappings, sequences and NumPy scalars as JSON's types; NaN and infinity become null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): to_plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(v) for v in value]
    if isinstance(value, float) or (hasattr(value, "item") and not hasattr(value, "__len__")):
        value = value.item() if hasattr(value, "item") else value
        return None if isinstance(value, float) and not math.isfinite(value) else value
    return value if isinstance(value, (str, int, bool, type(None))) else str(value)


def to_json(value: Any) -> str:
    """One JSON document, the same bytes for the same value."""
    return "".join(spell_json(value))


def spell_json(value: Any) -> Iterator[str]:
    """A JSON document, a piece at a time: one of a million rows would be held three times over."""
    for piece in _spell_value(value, "\n"):
        # A terminal obeys more characters than those that JSON spells itself, and a path may hold half a one.
        yield COMMANDING.sub(lambda found: f"\\u{ord(found[0]):04x}", piece)
    yield "\n"


def _spell_value(value: Any, margin: str) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        sign, inner = "{", f"{margin}  "
        for name, one in {str(name): one for name, one in value.items()}.items():
            yield f"{sign}{inner}{_dump(name)}: "
            yield from _spell_value(one, inner)
            sign = ","
        yield margin + "}"
    elif isinstance(value, (list, tuple)) and len(value) > _AT_ONCE:
        sign = "["
        for start in range(0, len(value), _AT_ONCE):
            rows = _dump(to_plain(value[start : start + _AT_ONCE])).removeprefix("[").removesuffix("\n]")
            yield sign + rows.replace("\n", margin)  # within a text a line's end is spelt
            sign = ","
        yield margin + "]"
    else:
        yield _dump(to_plain(value)).replace("\n", margin)


def _dump(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
