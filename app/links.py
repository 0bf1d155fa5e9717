"""Links that others wrote: what no control can take is left out before Streamlit reads them."""

from __future__ import annotations

import math
from urllib.parse import parse_qsl, urlencode

LARGEST = 2**53
"""Beyond it browsers do not know one whole number from the next; no control goes as far."""


def drop_wild_numbers(query: str) -> str:
    """A link's query without what reads as a number without end, or too large for any control."""
    told = parse_qsl(query, keep_blank_values=True)
    tame = [(key, value) for key, value in told if not is_wild(value)]
    return query if len(tame) == len(told) else urlencode(tame)


def is_wild(text: str) -> bool:
    """Whether a text is a number that no control can take."""
    try:
        return not math.fabs(float(text)) < LARGEST
    except ValueError:
        return False
