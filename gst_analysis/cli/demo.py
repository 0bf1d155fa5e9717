"""`demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gst_analysis.console.options import Json, Out

commands = typer.Typer()


@commands.command(epilog="Example: gst-analyze demo --out demo")
def demo(
    out: Out = Path("demo"),
    clips: Annotated[int, typer.Option(help="Clips to render; a fifth of them for validation.")] = 1600,
    epochs: Annotated[int, typer.Option(help="Epochs of each network.")] = 7,
    seed: Annotated[int, typer.Option(help="Of the planted world.")] = 0,
    json: Json = False,
) -> None:
    """See everything at work in two minutes.

    Renders videos whose class is only in the order of their frames, trains a small GST and a 2-D network
    on them, shows that one learns what the other cannot, and draws Figure 4.
    """
    from gst_analysis.cli.training import show_demo, show_training
    from gst_analysis.console.output import print_json
    from gst_analysis.demo import DemoSize, run_demo

    size = DemoSize(clips=clips, epochs=epochs, seed=seed)
    with show_training() as progress:
        found = run_demo(out, size=size, report=lambda name, at: progress(at, f"{name}: "))
    if json:
        print_json(found)
    else:
        show_demo(found)
