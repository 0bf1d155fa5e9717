"""PROFILE -> the profile in characters: a row a line, a sign a place, for a terminal of any width."""

from __future__ import annotations

from collections.abc import Iterator

from gst_analysis.analyses.profile.layout import Curve, Sheet, lay_out
from gst_analysis.analyses.profile.table import AGREE, DISAGREE, MEASURES, Profile

BARS = "▁▂▃▄▅▆▇█"
DIGITS = "0123456789"
"""Tenths, for a terminal whose encoding has no bars."""
_NONE = "·"
_SIGNS = {AGREE: "=", DISAGREE: "x"}
_WIDEST, _NARROWEST = 48, 8
"""Places side by side; of more every second, third, … is shown."""


def write_profile(result: Profile, *, width: int = 0, bars: str = BARS) -> list[str]:
    """Lines of text: each measure's bars from 0 to 100% by place, with its least and most; then agreement.

    Args:
        result: a profile.
        width: columns that there are; 0: as many as it takes.
        bars: signs from the lowest to the highest.
    """
    sheet = lay_out(result.table, result.agreement)
    curves = [curve for panel in sheet.panels.values() for curve in panel]
    if not curves:
        return []
    count = max(1, len(sheet.names) or len(sheet.stages))
    heading = max(len(MEASURES[curve.measure].phrase) for curve in curves)
    ranges, chances = [_say_range(curve) for curve in curves], [_say_chance(curve) for curve in curves]
    room = (width or heading + _WIDEST + 80) - heading - 4 - max(map(len, ranges))
    told = max(map(len, chances))
    if room - told < _NARROWEST:  # numbers of chance go first, then places
        chances, told = [""] * len(curves), 0
    every = -(-count // max(_NARROWEST, min(_WIDEST, room - told)))
    lines = [f"{'stage':>{heading}}  {_write_stages(sheet, count, every)}"]
    for curve, reach, chance in zip(curves, ranges, chances, strict=True):
        signs = "".join(_list_bars(curve, count, bars)[::every])
        lines.append(f"{MEASURES[curve.measure].phrase:>{heading}}  {signs}  {reach}{chance}")
    if sheet.verdicts:
        signs = "".join(_SIGNS.get(sheet.verdicts.get(i, ""), _NONE) for i in range(0, count, every))
        lines.append(f"{'agreement':>{heading}}  {signs}  = agree, x disagree, {_NONE} cannot tell")
    return lines


def _say_range(curve: Curve) -> str:
    """Its least and its most as whole numbers, which know no minus zero."""
    return f"{round(100 * min(curve.value))} to {round(100 * max(curve.value))}%"


def _say_chance(curve: Curve) -> str:
    even = [one for one in curve.even if one == one]
    return f" (even {round(100 * sum(even) / len(even))}%)" if even else ""


def _list_bars(curve: Curve, count: int, bars: str) -> list[str]:
    signs = [_NONE] * count
    for x, value in zip(curve.x, curve.value, strict=True):
        step = min(len(bars) - 1, int(max(0.0, value) * len(bars)))
        signs[min(count - 1, round(x))] = bars[step]
    return signs


def _write_stages(sheet: Sheet, count: int, every: int) -> str:
    """The number of each stage at its first place."""
    signs = [" "] * count
    for stage, (left, _) in sheet.stages.items():
        for offset, digit in enumerate(str(stage)):
            if (place := max(0, round(left + 0.5)) // every + offset) < count:
                signs[place] = digit
    return "".join(signs).rstrip()


def list_facts(result: Profile) -> Iterator[str]:
    """What stands below the bars: in how many places measures agree."""
    summary = result.summary
    if summary.places:
        yield (
            f"the measures agree in {summary.agree} and disagree in {summary.disagree} "
            f"of {summary.places} places"
        )
