"""`demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gst_analysis.cli.program import Json, Out, app


@app.command(epilog="Example: gst-analyze demo --out demo")
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
    from gst_analysis import terminal, workflows

    size = workflows.DemoSize(clips=clips, epochs=epochs, seed=seed)
    with terminal.show_training() as progress:
        found = workflows.run_demo(out, size=size, report=lambda name, at: progress(at, f"{name}: "))
    if json:
        terminal.print_json(found)
    else:
        terminal.show_demo(found)
