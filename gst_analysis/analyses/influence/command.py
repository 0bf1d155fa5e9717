"""`influence`: the command, and what it prints."""

from __future__ import annotations

import typer

from gst_analysis.analyses.influence import FrameInfluence, InfluenceOptions, frame_influence
from gst_analysis.console.options import CheckpointFile, ClipFiles, Json, takes_options
from gst_analysis.console.output import build_table, escape, finish, print_table, show_progress
from gst_analysis.documents import Part
from gst_analysis.numbers import how_many
from gst_analysis.options import Files, files_of

commands = typer.Typer()

_OPTIONS = InfluenceOptions()
_FILES = files_of(FrameInfluence, "influence")
_MOST_COLUMNS = 16


def describe_documents() -> list[Part]:
    """What its documents hold."""
    return [FrameInfluence.describe_document()]


@commands.command(epilog="Example: gst-analyze influence ckpt.pth clips/*.mp4 --out influence")
@takes_options
def influence(
    checkpoint: CheckpointFile,
    clips: ClipFiles,
    options: InfluenceOptions = _OPTIONS,
    files: Files = _FILES,
    json: Json = False,
) -> None:
    """Measure which input frames a frame's prediction is made of.

    How much the logit of each frame depends on each input frame: by the exact gradient, and by replacing
    frames one at a time; and how far each block sees through time. Exits with 1 if some clips could not be
    read.
    """
    with show_progress("tracing gradients") as progress:
        result = frame_influence(checkpoint, clips, options=options, progress=progress)
    finish(result, files, json=json, show=print_influence)


def print_influence(result: FrameInfluence) -> None:
    """The gradient's shares, how far the other ways agree, and how far each block sees."""
    summary = result.summary
    if summary.frames <= _MOST_COLUMNS:
        _print_matrix(result)
    for method, share in summary.own_share.items():
        print(f"share of a frame in its own logit, by {method}: {share:.0%}")
    for method, found in summary.agreement.items():
        rank = "nothing to rank" if found.of_means is None else f"{found.of_means:.2f}"
        print(f"rank correlation of gradient and {method}: {rank}")
    blocks = build_table("block", "frames it can reach", "spread measured")
    for block in summary.blocks:
        blocks.add_row(block.block, f"±{block.half_width}", f"±{block.spread:.2f}")
    print_table(blocks)


def _print_matrix(result: FrameInfluence) -> None:
    summary, rows = result.summary, result.table[result.table["method"] == "gradient"]
    shares = rows.pivot(index="output_frame", columns="input_frame", values="share").to_numpy()
    clips = how_many(summary.clips, "clip")
    title = f"{escape(rows['checkpoint'].iloc[0])}: gradient of each frame's logit, {clips}"
    table = build_table("frame", *(f"in {j}" for j in range(summary.frames)), title=title)
    for i, row in enumerate(shares):
        reached = [abs(i - j) <= summary.half_width for j in range(summary.frames)]
        table.add_row(str(i), *(f"{s:.0%}" if near else "-" for s, near in zip(row, reached, strict=True)))
    print_table(table)
