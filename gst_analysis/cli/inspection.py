"""`inspect`: what a checkpoint file tells without being run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from gst_analysis.console.options import CheckpointFile, Json, takes_options
from gst_analysis.console.output import print_document, print_pairs
from gst_analysis.console.waiting import show_wait
from gst_analysis.documents import Part, describe, fields_of
from gst_analysis.options import NetworkOptions
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    from gst_analysis.checkpoints import sources
else:
    sources = Door("gst_analysis.checkpoints.sources")

commands = typer.Typer()


_OPTIONS = NetworkOptions()


def describe_documents() -> list[Part]:
    """What its documents hold."""
    return [describe("inspect", fields_of(sources.Inspection))]


@commands.command(epilog="Example: gst-analyze inspect ckpt.pth --json")
@takes_options
def inspect(checkpoint: CheckpointFile, options: NetworkOptions = _OPTIONS, json: Json = False) -> None:
    """Recognise a checkpoint file.

    Says family, backbone, alpha, classes and layout, and what was assumed because no weight shows it.
    """
    with show_wait(f"reading {checkpoint}"):
        found = sources.inspect_checkpoint(checkpoint, options=options)
    if json:
        print_document("inspect", found)
    else:
        print_inspection(found)


def print_inspection(found: sources.Inspection) -> None:
    """Two columns: what, and which."""
    designed = {"alpha": found.alpha or "none", "beta": found.beta or "none", "stem width": found.width}
    if found.width is None:  # of another make than an operator in a backbone
        designed = {
            "answers": "one a frame" if found.output == "frames" else "one a clip",
            "places that can be looked at": found.places,
            "channels that can be told apart": ", ".join(found.groups) or "none",
        }
    fields = {
        "network": found.name + (", slimmed" if found.slimmed else ""),
        **designed,
        "classes": found.num_classes,
        "frames": found.num_frames,
        "layout": found.layout,
        "parameters": f"{found.params:,} ({found.params / 1e6:.1f} M)",
        "can be run": "yes" if found.runnable else "no",
        "sha256": found.sha256,
    }
    print_pairs(found.file, fields)
    for note in (*found.notes, *found.unknown):
        print(f"note: {note}")
