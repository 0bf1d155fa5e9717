"""`demo`: the command, and what it prints."""

from __future__ import annotations

from pathlib import Path

import typer

from gst_analysis.cli.training import show_training
from gst_analysis.console.options import Json, Out, takes_options
from gst_analysis.console.output import build_table, print_document, print_files, print_table
from gst_analysis.demo import Demo, DemoOptions, run_demo
from gst_analysis.documents import Part, describe, fields_of

commands = typer.Typer()

_OPTIONS = DemoOptions()


def describe_documents() -> list[Part]:
    """What its documents hold."""
    return [describe("demo", fields_of(Demo))]


@commands.command(epilog="Example: gst-analyze demo --out demo")
@takes_options
def demo(out: Out = Path("demo"), options: DemoOptions = _OPTIONS, json: Json = False) -> None:
    """See everything at work in two minutes.

    Renders videos whose class is only in the order of their frames, trains a small GST and a 2-D network
    on them, shows that one learns what the other cannot, and draws Figure 4.
    """
    with show_training() as progress:
        found = run_demo(out, options=options, progress=progress)
    if json:
        print_document("demo", found)
    else:
        print_demo(found)


def print_demo(demo: Demo) -> None:
    """What both networks have learned, and what to look at next."""
    table = build_table(
        "network", "top-1 on validation clips", title="The class is only in the order of frames"
    )
    table.add_row("GST, α 1/4", f"{demo.gst_top1:.1%}")
    table.add_row("the 2-D network (C2D)", f"{demo.c2d_top1:.1%}")
    table.add_row("best without any sense of order", f"{demo.order_blind_top1:.1%}")
    print_table(table)
    print(f"{demo.clips} clips rendered, two networks trained in {demo.seconds:.0f} s")
    print_files(demo.files)
    gst, world = demo.files["gst"], demo.files["world"]
    print("\nLook next at:")
    print(f"  {demo.files['figure 4']}  (spatial and temporal batch-norm scales)")
    print(f"  gst-analyze evaluate {gst} {world}")
    print(f"  gst-analyze trace {gst} {world}/videos/1.mp4")
    print(f"  gst-analyze ablate {gst} {world}  (is the picture true?)")
