"""`saliency`: the command, and what it prints."""

from __future__ import annotations

import math
from typing import Annotated

import typer

from gst_analysis.analyses.saliency import SaliencyMaps, SaliencyOptions, saliency_maps
from gst_analysis.console.options import CheckpointFile, Json, takes_options
from gst_analysis.console.output import build_table, finish, print_pairs, print_table, show_progress
from gst_analysis.documents import Part
from gst_analysis.options import Files, files_of

commands = typer.Typer()

_OPTIONS = SaliencyOptions()
_FILES = files_of(SaliencyMaps, "saliency")


def describe_documents() -> list[Part]:
    """What its documents hold."""
    return [SaliencyMaps.describe_document()]


@commands.command(epilog="Example: gst-analyze saliency ckpt.pth clip.mp4 --block layer3.1 --out saliency")
@takes_options
def saliency(
    checkpoint: CheckpointFile,
    clip: Annotated[str, typer.Argument(metavar="CLIP", help="A video or a frame folder.")],
    options: SaliencyOptions = _OPTIONS,
    files: Files = _FILES,
    json: Json = False,
) -> None:
    """Show where in the frame a network looks.

    Maps of what speaks for a class (Grad-CAM), for every frame that went in: of a block's output, and of the
    spatial and the temporal channels of its operator.
    """
    with show_progress("looking at the clip") as progress:
        result = saliency_maps(checkpoint, clip, options=options, progress=progress)
    finish(result, files, json=json, show=print_saliency)


def print_saliency(result: SaliencyMaps) -> None:
    """What was explained, and each group's evidence in short."""
    summary = result.summary
    pairs = {
        "class": f"{summary.label} ({summary.probability:.1%})",
        "predicted": summary.predicted_label,
        "block": f"{summary.block}, maps of {summary.rows} x {summary.columns} cells",
    }
    print_pairs(summary.clip, pairs)
    table = build_table("channels", "evidence for", "evidence against", "hottest frame")
    for name, found in summary.groups.items():
        hottest = "none" if found.hottest_frame is None else str(found.hottest_frame)
        table.add_row(name, f"{found.evidence_for:.3g}", f"{found.evidence_against:.3g}", hottest)
    print_table(table)
    if summary.areas is not None:
        print_tests(result)


def print_tests(result: SaliencyMaps) -> None:
    """Whose hottest pixels carry the class, and which maps stay when the network forgets."""
    table = build_table("hottest first by", "left when taken away", "there when put back")
    for name, found in (result.summary.areas or {}).items():
        table.add_row(name, f"{found.deletion:.3f}", f"{found.insertion:.3f}")
    print_table(table)
    forgetting = result.tables["saliency_forgetting"]
    groups = list(dict.fromkeys(forgetting["group"]))
    table = build_table("forgotten", *(f"{group}: map alike" for group in groups))
    for what, rows in forgetting.groupby("forgotten", sort=False):
        alike = rows.set_index("group")["correlation"]
        table.add_row(str(what), *("-" if math.isnan(alike[one]) else f"{alike[one]:+.2f}" for one in groups))
    print_table(table)
