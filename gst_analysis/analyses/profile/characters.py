"""PROFILE -> the profile in characters: a row a line, a sign a place, for a terminal of any width."""

from __future__ import annotations

from collections.abc import Iterator

from gst_analysis.analyses.profile.layout import Curve, Sheet, lay_out
from gst_analysis.analyses.profile.table import AGREE, DISAGREE, MEASURES, Profile

_BARS = "▁▂▃▄▅▆▇█"
_NONE = "·"
_SIGNS = {AGREE: "=", DISAGREE: "x"}
_WIDEST = 48
"""Places side by side; of more every second, third, … is shown."""


def write_profile(result: Profile) -> list[str]:
    """Lines of text: each measure's bars from 0 to 100% by place, with its least and most; then agreement."""
    sheet = lay_out(result.table, result.agreement)
    curves = [curve for panel in sheet.panels.values() for curve in panel]
    if not curves:
        return []
    count = max(1, len(sheet.names) or len(sheet.stages))
    every = -(-count // _WIDEST)
    heading = max(len(MEASURES[curve.measure].phrase) for curve in curves)
    lines = [f"{'stage':>{heading}}  {_write_stages(sheet, count, every)}"]
    for curve in curves:
        bars = "".join(_list_bars(curve, count)[::every])
        told = f"{100 * min(curve.value):.0f} to {100 * max(curve.value):.0f}%"
        even = [one for one in curve.even if one == one]
        chance = f" (even {100 * sum(even) / len(even):.0f}%)" if even else ""
        lines.append(f"{MEASURES[curve.measure].phrase:>{heading}}  {bars}  {told}{chance}")
    if sheet.verdicts:
        signs = "".join(_SIGNS.get(sheet.verdicts.get(i, ""), _NONE) for i in range(0, count, every))
        lines.append(f"{'agreement':>{heading}}  {signs}  = agree, x disagree, {_NONE} cannot tell")
    return lines


def _list_bars(curve: Curve, count: int) -> list[str]:
    signs = [_NONE] * count
    for x, value in zip(curve.x, curve.value, strict=True):
        step = min(len(_BARS) - 1, int(max(0.0, value) * len(_BARS)))
        signs[min(count - 1, round(x))] = _BARS[step]
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
