"""The table in docs/security.md: what was tried, and what came of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from tests.hostile.children import FAULTS

BEGIN, END = "<!-- hostile: begin -->", "<!-- hostile: end -->"
_HEAD = ("kind of input", "number tried", *FAULTS)


def read_rows(page: Path) -> dict[str, list[str]]:
    """The rows that the page has now, by kind."""
    match = re.search(re.escape(BEGIN) + "(.*?)" + re.escape(END), page.read_text(), re.DOTALL)
    if match is None:
        raise ValueError(f"{page} has no {BEGIN} … {END}")
    lines = [line for line in match[1].splitlines() if line.startswith("| ")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row[1:] for row in rows if row[0] != _HEAD[0] and not row[0].startswith("**")}


def write_rows(page: Path, counts: Mapping[str, Mapping[str, int]], order: list[str]) -> None:
    """Put the counted kinds into the page; kinds that were not run keep their rows."""
    rows = read_rows(page)
    for kind, row in counts.items():
        rows[kind] = [str(row["tried"]), *(str(row.get(fault, 0)) for fault in FAULTS)]
    lines = [f"| {' | '.join(_HEAD)} |", "|---|" + "--:|" * (len(_HEAD) - 1)]
    kept = [kind for kind in order if kind in rows]
    lines += [f"| {' | '.join([kind, *rows[kind]])} |" for kind in kept]
    sums = [sum(int(rows[kind][column]) for kind in kept) for column in range(len(_HEAD) - 1)]
    lines.append(f"| **all** | {' | '.join(f'**{number}**' for number in sums)} |")
    table = "\n".join([BEGIN, *lines, END])
    text = page.read_text()
    page.write_text(re.sub(re.escape(BEGIN) + ".*?" + re.escape(END), lambda _: table, text, flags=re.DOTALL))
