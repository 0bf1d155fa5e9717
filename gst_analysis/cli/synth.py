"""`synth`: the command, and what it prints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gst_analysis.console.options import Json, takes_options
from gst_analysis.console.output import print_document, print_pairs, show_progress
from gst_analysis.documents import Part, describe, fields_of
from gst_analysis.planted import MadeWorld, make_world
from gst_analysis.planted.worlds import WorldConfig

commands = typer.Typer()

_CONFIG = WorldConfig()


def describe_documents() -> list[Part]:
    """What its documents hold."""
    return [describe("synth", fields_of(MadeWorld))]


@commands.command(epilog="Example: gst-analyze synth worlds/temporal --world temporal --clips 1000 --seed 0")
@takes_options
def synth(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    config: WorldConfig = _CONFIG,
    json: Json = False,
) -> None:
    """Render a planted world of videos.

    Real video files in Something-Something v2's layout whose every factor is known and written down in
    truth.json: the class is readable from one frame (static), only from the order of frames (temporal),
    from both (mixed), from a change that completes at a known frame or never does (state-change), or from
    what happens over the whole clip (the others).
    """
    with show_progress(f"rendering {config.world} clips", config.clips) as progress:
        made = make_world(folder, config, progress=progress)
    if json:
        print_document("synth", made)
    else:
        print_world(made)


def print_world(made: MadeWorld) -> None:
    """What was rendered, and where."""
    fields = {
        "world": made.world,
        "clips": made.clips,
        "for training": made.train,
        "for validation": made.validation,
        "classes": "\n".join(made.labels),
    }
    print_pairs(made.folder, fields)
