"""`inspect`: what a checkpoint file tells without being run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gst_analysis.console.options import Family, Frames, Json
from gst_analysis.console.output import print_pairs

if TYPE_CHECKING:
    from gst_analysis.checkpoints.sources import Inspection

commands = typer.Typer()


@commands.command(epilog="Example: gst-analyze inspect ckpt.pth --json")
def inspect(
    checkpoint: Annotated[str, typer.Argument(metavar="CKPT", help="A checkpoint file.")],
    family: Family = None,
    frames: Frames = None,
    json: Json = False,
) -> None:
    """Recognise a checkpoint file.

    Says family, backbone, alpha, classes and layout, and what was assumed because no weight shows it.
    """
    from gst_analysis.checkpoints.sources import inspect_checkpoint
    from gst_analysis.console.output import print_json

    found = inspect_checkpoint(checkpoint, family=family, num_frames=frames)
    if json:
        print_json(found)
    else:
        show_inspection(found)


def show_inspection(found: Inspection) -> None:
    """Two columns: what, and which."""
    fields = {
        "network": found.name + (", slimmed" if found.slimmed else ""),
        "alpha": found.alpha or "none",
        "beta": found.beta or "none",
        "stem width": found.width,
        "classes": found.num_classes,
        "frames": found.num_frames,
        "layout": found.layout,
        "parameters": f"{found.params:,} ({found.params / 1e6:.1f} M)",
        "can be run": "yes" if found.runnable else "no",
        "sha256": found.sha256,
    }
    print_pairs(found.file, fields)
    for note in found.notes:
        print(f"note: {note}")
