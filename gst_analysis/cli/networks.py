"""`models`: which networks there are, what they cost, where they keep space and time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from gst_analysis.analyses.cost.listing import ListedNetwork, list_networks
from gst_analysis.console.options import Json
from gst_analysis.console.output import print_document
from gst_analysis.documents import Part, describe, several, value_of

commands = typer.Typer()
ANSWERS = {"frames": "by frame", "clip": "by clip"}


def describe_documents() -> list[Part]:
    """What its documents hold."""
    return [describe("models", {"networks": several(value_of(ListedNetwork), "those that were asked for")})]


@commands.command("models", epilog="Example: gst-analyze models --search slowfast")
def models(
    search: Annotated[str, typer.Option(help="Words that must all occur in what is said of a network.")] = "",
    json: Json = False,
) -> None:
    """List the networks that there are.

    The designs FAMILY-BACKBONE, as the GST paper runs them, and published systems, as they were published:
    what each costs, whether it answers for every frame or once a clip, where it keeps space and where time,
    and whose files are read. A network of your own need not be here: see docs/networks.md.
    """
    found = list_networks(search)
    if json:
        print_document("models", {"networks": found})
    else:
        print_networks(found)


def print_networks(networks: Sequence[ListedNetwork]) -> None:
    """Three lines each: what it costs, where space and time lie, where it comes from."""
    width = max((len(one.name) for one in networks), default=0)
    for one in networks:
        clip = f"{one.frames} × {one.size}²"
        costs = f"{one.params / 1e6:6.2f} M parameters {one.gmacs:7.2f} GMACs"
        print(f"{one.name:{width}}  {clip:>9} {costs}  {ANSWERS[one.output]}")
        print(f"    {one.space_and_time}")
        print(f"    {one.paper}; reads files of {', '.join(one.reads) or 'its own'}")
    if not networks:
        print("none is described by these words")
