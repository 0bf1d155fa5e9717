"""Numbers with their intervals, and numbers as text, for the terminal and the report alike.

A file of its own: neither may ask the other, and a number must read the same in both.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Interval:
    """A mean and the ends of its confidence interval."""

    value: float
    """The number that the interval is of; null where it is not defined."""
    low: float
    """Lower end of its confidence interval; null where it is not defined."""
    high: float
    """Upper end; null where it is not defined."""


def show_real(value: float) -> str:
    """Three decimals; a dash for what is not defined."""
    if value != value:
        return "–"
    text = f"{value:.3f}"
    return "0.000" if text == "-0.000" else text.replace("-", "−")


def show_share(value: float) -> str:
    """A share as a percentage; a dash for what is not defined."""
    return f"{value:.1%}" if value == value else "–"


def show_share_interval(value: float, low: float, high: float) -> str:
    """A share with the ends of its interval: 99.3% (96.2 to 100.0%)."""
    return (
        f"{value:.1%} ({100 * low:.1f} to {high:.1%})" if low == low and high == high else show_share(value)
    )


def show_p(value: float) -> str:
    """Three decimals; small ones as being small."""
    return "–" if value != value else "<.001" if value < 0.001 else f"{value:.3f}"


def show_interval(low: float, high: float) -> str:
    """From where to where; a dash for what is not defined."""
    return f"{show_real(low)} to {show_real(high)}" if low == low and high == high else "–"


def show_class(number: int) -> str:
    """A class whose name nobody told: class 7, since a bare 7 beside probabilities reads as one of them."""
    return f"class {number}"


def show_count(number: float) -> str:
    """A large number for people: 21.0 M, 29.0 G."""
    for scale, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= scale:
            return f"{number / scale:#.3g}".rstrip(".") + f" {letter}"
    return f"{number:g}"


def how_many(number: int, one: str, several: str = "") -> str:
    """A number of things: 1 clip, 2 clips, 1,000 clips.

    Args:
        number: how many.
        one: what one is called.
        several: what several are; `one` and an s if empty.

    Example:
        >>> how_many(1, "clip"), how_many(1200, "entry", "entries")
        ('1 clip', '1,200 entries')
    """
    return f"{number:,} {one if number == 1 else several or one + 's'}"
