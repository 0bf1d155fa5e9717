"""Which input frames each frame's logit is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gst_analysis.terminal.output import show_files

if TYPE_CHECKING:
    from gst_analysis.workflows import FrameInfluence


_MOST_COLUMNS = 16


def show_influence(result: FrameInfluence, files: Mapping[str, str]) -> None:
    """The gradient's shares, how far the other ways agree, and how far each block sees."""
    summary = result.summary
    if summary.frames <= _MOST_COLUMNS:
        _show_matrix(result)
    for method, share in summary.own_share.items():
        print(f"share of a frame in its own logit, by {method}: {share:.0%}")
    for method, found in summary.agreement.items():
        rank = "nothing to rank" if found.of_means is None else f"{found.of_means:.2f}"
        print(f"rank correlation of gradient and {method}: {rank}")
    blocks = Table("block", "frames it can reach", "spread measured")
    for block in summary.blocks:
        blocks.add_row(block.block, f"±{block.half_width}", f"±{block.spread:.2f}")
    Console().print(blocks)
    for note in summary.notes:
        print(f"note: {note}")
    for clip, reason in summary.failures.items():
        print(f"could not be read: {clip}: {reason.removeprefix(f'{clip}: ')}")
    show_files(files)


def _show_matrix(result: FrameInfluence) -> None:
    summary, rows = result.summary, result.table[result.table["method"] == "gradient"]
    shares = rows.pivot(index="output_frame", columns="input_frame", values="share").to_numpy()
    title = f"{escape(rows['checkpoint'].iloc[0])}: gradient of each frame's logit, {summary.clips} clips"
    table = Table("frame", *(f"in {j}" for j in range(summary.frames)), title=title)
    for i, row in enumerate(shares):
        reached = [abs(i - j) <= summary.half_width for j in range(summary.frames)]
        table.add_row(str(i), *(f"{s:.0%}" if near else "-" for s, near in zip(row, reached, strict=True)))
    Console().print(table)
