"""`look`: what a checkpoint is, its profile, and where to go on; what a file's name alone asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from gst_analysis.console.options import CheckpointFile, Json, takes_options
from gst_analysis.console.output import print_document, print_sentence
from gst_analysis.console.waiting import show_wait
from gst_analysis.documents import HEAD, TEXT, Part, describe, say, several, tell_source, value_of
from gst_analysis.numbers import how_many
from gst_analysis.options import NetworkOptions, join_words
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    from gst_analysis.analyses import profile as profile_room
    from gst_analysis.analyses.profile import command as profile_command
    from gst_analysis.checkpoints import sources
else:
    profile_room = Door("gst_analysis.analyses.profile")
    profile_command = Door("gst_analysis.analyses.profile.command")
    sources = Door("gst_analysis.checkpoints.sources")

commands = typer.Typer()

_OPTIONS = NetworkOptions()


def describe_documents() -> list[Part]:
    """What its documents hold."""
    told = {
        **HEAD,
        "inspection": value_of(sources.Inspection),
        "profile": say(profile_room.Profile.describe_document(), "what `profile` prints of its weights"),
        "next": several(TEXT, "lines to go on with"),
    }
    return [describe("look", told)]


@commands.command(epilog="Example: gst-analyze look ckpt.pth")
@takes_options
def look(checkpoint: CheckpointFile, options: NetworkOptions = _OPTIONS, json: Json = False) -> None:
    """Say what a checkpoint is, and show its profile.

    Three commands to go on with are told, too. A file's name alone, without a command, asks for this. It
    reads weights, and writes nothing.
    """
    with show_wait(f"reading {checkpoint}"):
        opened = sources.checkpoint_of(sources.tell(checkpoint, options))
        found, profile = sources.inspect_checkpoint(opened), profile_room.profile(opened)
    following = list_next(found)
    if json:
        source = tell_source(opened.name, str(opened.path), found.sha256)
        told = {**source, "inspection": found, "profile": profile.to_document(), "next": following}
        print_document("look", told)
        return
    answers = "an answer a frame" if found.output == "frames" else "an answer a clip"
    frames = how_many(found.num_frames, "frame")
    print_sentence(f"{found.file}: {found.name}, {found.num_classes} classes, {frames}, {answers}")
    profile_command.print_profile(profile)
    print("to go on:")
    for line in following:
        print(f"  {line}")


def list_next(found: sources.Inspection) -> list[str]:
    """Three lines that can be typed next: with clips, with a clip, and everything on a page."""
    if not found.runnable:
        return [_write(name, found.file) for name in ("inspect", "bn-hist", "report")]
    return [
        _write("profile", found.file, "DATASET"),
        _write("trace", found.file, "CLIP"),
        _write("report", found.file, "DATASET"),
    ]


def _write(command: str, *words: str) -> str:
    return join_words(["gst-analyze", command, *words])
