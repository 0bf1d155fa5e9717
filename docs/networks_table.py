"""The networks as a page: every one that a name builds, what others print of it, and what can be asked of it.

    python -m docs.networks_table         # writes docs/networks.md

Tests fail when the page and the code differ: a quick one for the lists, a slow one for what takes a run.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gst_analysis.analyses import list_analyses
from gst_analysis.analyses.cost import audit_paper, summarise_cost
from gst_analysis.analyses.cost.listing import ListedNetwork, list_networks
from gst_analysis.analyses.cost.paper_rows import TWO_STREAMS, WHY_NOT
from gst_analysis.analyses.cost.printed import PRINTED, PrintedCost
from gst_analysis.networks.capabilities import why_not
from gst_analysis.networks.registry import anatomy_of, spec_from_name
from gst_analysis.rooms import About

PAGE = Path(__file__).with_name("networks.md")
PROSE = Path(__file__).with_name("networks_intro.txt")
ANSWERS = {"frames": "by frame", "clip": "by clip"}
_NOTE = "<!-- Written by python -m docs.networks_table from the code; do not edit. -->"
_LISTED = """\
| name | clip | M parameters | GMACs | answers | where space and time lie | paper | reads files of |
|---|---|---|---|---|---|---|---|
"""
_COMPARED = """\
| network | printed by | printed | computed | under | difference |
|---|---|---|---|---|---|
"""


_STREAMED = """\
| system | colour frames | optical flow | M parameters | GMACs |
|---|---|---|---|---|
"""
_MISSING = """\
| system | printed in the GST paper | why it is not here |
|---|---|---|
"""


def build_page() -> str:
    """The whole page as text."""
    parts = (
        write_prose(),
        write_list(),
        write_streams(),
        write_missing(),
        write_printed(),
        write_abilities(),
    )
    return f"# Networks\n\n{_NOTE}\n\n" + "\n".join(parts)


def write_prose() -> str:
    """What a reader has to know of networks, in words."""
    return PROSE.read_text(encoding="utf-8")


def write_list() -> str:
    """Every network that a name builds."""
    found = list_networks()
    designs = "".join(_list_row(one) for one in found if one.kind == "design")
    systems = "".join(_list_row(one) for one in found if one.kind == "system")
    return (
        "## Published systems\n\nEach as it was published; `gst-analyze models` prints this list.\n\n"
        f"{_LISTED}{systems}\n## Designs\n\nFAMILY-BACKBONE, as the GST paper runs them. α, β, width, frames "
        f"and classes are yours to choose.\n\n{_LISTED}{designs}"
    )


def _list_row(one: ListedNetwork) -> str:
    cells = (
        f"`{one.name}`",
        f"{one.frames} × {one.size}²",
        f"{one.params / 1e6:.2f}",
        f"{one.gmacs:.2f}",
        ANSWERS[one.output],
        one.space_and_time,
        one.paper,
        ", ".join(one.reads) or "its own",
    )
    return f"| {' | '.join(cells)} |\n"


def write_streams() -> str:
    """Systems of two networks, whose costs are added."""
    told = (
        "A network of colour frames and one of optical flow, whose scores are averaged; "
        "[Two streams](inference.md#two-streams) says how they are run. Any two networks of the same "
        "classes will do."
    )
    rows = ""
    for name, (colours, flow) in TWO_STREAMS.items():
        found = summarise_cost(colours, flow=flow)
        cells = (name, f"`{colours}`", f"`{flow}`", f"{found.params / 1e6:.2f}", f"{found.macs / 1e9:.2f}")
        rows += f"| {' | '.join(cells)} |\n"
    return f"## Two streams\n\n{told}\n\n{_STREAMED}{rows}"


def write_missing() -> str:
    """Systems of the GST paper's tables that are not here: what is printed of them, and why."""
    told = (
        "Systems of the GST paper's Tables 3 to 7 that nothing here builds; no figure is computed for them."
    )
    rows = "".join(f"| {name} | {_say_printed(name)} | {reason} |\n" for name, reason in WHY_NOT.items())
    return f"## Not here\n\n{told}\n\n{_MISSING}{rows}"


def _say_printed(method: str) -> str:
    """Every line that the paper prints of a method."""
    lines = [row for row in audit_paper().rows.to_dict("records") if row["method"] == method]
    return "; ".join(_say_line(row) for row in lines)


def _say_line(row: Mapping[Hashable, Any]) -> str:
    top5 = "" if row["top5"] != row["top5"] else f", top-5 {row['top5']:g}"
    return (
        f"Table {row['table']}, {row['dataset']} {row['split']}".rstrip() + f": top-1 {row['top1']:g}{top5}"
    )


def write_printed() -> str:
    """What others print, and what is computed here under the terms that come nearest."""
    told = "Counted here again, under the terms that come nearest to the printed figure."
    rows = "".join(row for one in PRINTED for row in _compare(one))
    return f"## What others print\n\n{told}\n\n{_COMPARED}{rows}"


def _compare(one: PrintedCost) -> Iterator[str]:
    found = summarise_cost(one.network, num_frames=one.frames, size=one.size)
    pairs = (
        ("M parameters", one.params_m, found.params / 1e6, f"{found.spec['num_classes']} classes"),
        ("GMACs", one.gmacs, found.conventions[one.convention] / 1e9, one.terms),
    )
    for unit, printed, computed, terms in pairs:
        if printed is None:
            continue
        off = f"{100 * (computed - printed) / printed:+.1f} %" + (f": {one.remark}" if one.remark else "")
        cells = (f"`{one.network}`", one.source, f"{printed:g} {unit}", f"{computed:.2f}", terms, off)
        yield f"| {' | '.join(cells)} |\n"


def write_abilities() -> str:
    """Which analysis can be run on which network, and why not."""
    rooms = [room for room in list_analyses() if room.needs != "annotations"]
    reasons: list[str] = []
    alike: dict[tuple[str, ...], list[str]] = {}
    for one in list_networks():
        alike.setdefault(_list_cells(one.name, rooms, reasons), []).append(f"`{one.name}`")
    rows = "".join(f"| {', '.join(names)} | {' | '.join(cells)} |\n" for cells, names in alike.items())
    head = f"| networks | {' | '.join(room.title for room in rooms)} |\n|---|{'---|' * len(rooms)}\n"
    notes = "".join(f"{number}. {reason}\n" for number, reason in enumerate(reasons, start=1))
    return (
        "## What can be asked of which\n\nyes, or the number of the reason why not, which is also what the "
        f"analysis says itself.\n\n{head}{rows}\n{notes}"
    )


def _list_cells(name: str, rooms: list[About], reasons: list[str]) -> tuple[str, ...]:
    """A network's cells; new reasons are added to the list."""
    cells = []
    for room in rooms:
        reason = find_reason(name, room)
        if reason and reason not in reasons:
            reasons.append(reason)
        cells.append(f"no ({reasons.index(reason) + 1})" if reason else "yes")
    return tuple(cells)


def find_reason(name: str, room: About) -> str:
    """Why an analysis cannot be run on a network; empty where it can."""
    spec = spec_from_name(name)
    anatomy = anatomy_of(spec)
    return next((reason for ask in room.asks if (reason := why_not(spec, anatomy, ask))), "")


if __name__ == "__main__":
    PAGE.write_text(build_page(), encoding="utf-8")
