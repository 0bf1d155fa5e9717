"""Values that specs are made of, as people and files write them, and the bounds that they are held to."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from fractions import Fraction
from typing import Any

from gst_analysis.errors import SpecError, name_some

MIN_SIZE = 32
LARGEST_SIDE = 8_192
"""Pixels of a side. These bounds stop a slip of the hand, or a file's wild claim, from filling the memory."""
MOST_FRAMES = 10_000
MOST_CLASSES = 1_000_000
MOST_CHANNELS = 65_536
"""Of the stem."""
_FRACTION = re.compile(r"\d{1,9}/\d{1,9}|\d{0,9}\.?\d{0,30}(e[-+]?\d{1,2})?", re.IGNORECASE)
"""A number of few digits: Python would write out all of 1e1000000000."""


def parse_fraction(text: object, *, name: str = "alpha") -> Fraction:
    """Read 1/4, 0.25, or the official code's 4 (which means a quarter) as the same fraction."""
    try:
        known = text if isinstance(text, (str, Fraction, int, float)) and text == text else ""
        plain = str(known).strip() if not isinstance(known, int) or known.bit_length() < 64 else ""
        # 0.3333333333 is meant as a third.
        value = Fraction(plain if _FRACTION.fullmatch(plain) else "").limit_denominator(4096)
    except (ValueError, ZeroDivisionError):
        value = Fraction(0)
    if value > 1 and value.denominator == 1:
        value = 1 / value
    if not 0 < value <= 1:
        raise SpecError(
            name,
            expected="a fraction such as 1/4, 0.25, or 4 for a quarter",
            found=repr(text)[:60],
            todo="write it in one of those ways",
        )
    return value


def find_near(name: str, names: Sequence[str]) -> list[str]:
    """The name that was probably meant, in a list; letters that changed places come before other likeness."""
    swapped = [one for one in names if sorted(one) == sorted(name)]
    return swapped[:1] or difflib.get_close_matches(name, names, n=1, cutoff=0.5)


def check_known(name: object, registry: Mapping[str, object], kind: str) -> None:
    """Refuse what a registry does not have, with the name that was probably meant."""
    if not isinstance(name, str) or name not in registry:
        close = find_near(str(name)[:60], list(registry))
        raise SpecError(
            kind,
            expected=f"one of {', '.join(registry)}",
            found=repr(name)[:60],
            todo=f"did you mean {close[0]}?" if close else "choose one of them",
        )


def check_count(value: object, name: str, *, most: int | None = None) -> None:
    """Refuse what is no whole number from 1 to `most`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise SpecError(
            name.replace("_", " "),
            expected="a whole number of at least 1",
            found=repr(value)[:60],
            todo="give a larger one",
        )
    if most is not None and value > most:
        raise SpecError(
            name.replace("_", " "),
            expected=f"at most {most}",
            found=f"{value}"[:60],
            todo="give a smaller one",
        )


def check_fields(name: str, record: Mapping[str, Any], kind: type[Any]) -> None:
    """Refuse a record that has more than the fields of what is made of it.

    Raises:
        SpecError: it has, with their names.
    """
    extra = sorted(set(map(str, record)) - {field.name for field in fields(kind)})
    if extra:
        raise SpecError(
            name,
            expected=f"the fields of {kind.__name__}",
            found=f"also {name_some(extra)}",
            todo="remove them, or update gst-analysis",
        )
