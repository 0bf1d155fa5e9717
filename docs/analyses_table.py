"""The analyses as a page: every room of the list, from the rooms themselves.

    python -m docs.analyses_table         # writes docs/analyses.md

A test fails when the page and the list differ.
"""

from __future__ import annotations

from pathlib import Path

from gst_analysis.analyses import list_analyses
from gst_analysis.rooms import About

PAGE = Path(__file__).with_name("analyses.md")
ON = {
    "checkpoint": "a checkpoint",
    "checkpoints": "one or more checkpoints",
    "clip": "a checkpoint and a clip",
    "clips": "a checkpoint and clips",
    "pairs": "checkpoints with labelled clips each",
    "dataset": "a checkpoint and labelled clips",
    "annotations": "lists of clips",
    "nothing": "a design, or nothing",
}
_HEAD = """\
# The analyses

<!-- Written by python -m docs.analyses_table from the list of analyses; do not edit. -->

One question, one room: each of these is a folder in `gst_analysis/analyses/`, a command and a function.

| analysis | question | run on | command | Python |
|---|---|---|---|---|
"""


def build_page() -> str:
    """The whole page as text."""
    analyses = list_analyses()
    rows = "".join(_write_row(about) for about in analyses)
    limits = "".join(f"\n## {about.title}\n\n*{about.question}* {about.limits}\n" for about in analyses)
    return f"{_HEAD}{rows}\nWhat each measures, and what its answer cannot tell:\n{limits}"


def _write_row(about: About) -> str:
    command = f"[`{about.command}`](cli.md#{about.command})" if about.command else ""
    cells = (about.title, about.question, ON[about.needs], command, f"`gst.{about.run.__name__}`")
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    PAGE.write_text(build_page(), encoding="utf-8")
