"""`synth` and `dataset-check`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gst_analysis.console.options import Format, Json, Root, check_out
from gst_analysis.console.output import print_files, print_pairs

if TYPE_CHECKING:
    from gst_analysis.analyses.dataset_check import DatasetCheck, MadeWorld

commands = typer.Typer()


@commands.command(epilog="Example: gst-analyze synth worlds/temporal --world temporal --clips 1000 --seed 0")
def synth(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
    world: Annotated[str, typer.Option(help="static, temporal, mixed or state-change.")] = "temporal",
    clips: Annotated[int, typer.Option(help="Clips in all; a fifth of them for validation.")] = 1000,
    frames: Annotated[int, typer.Option(help="Frames in a clip.")] = 24,
    size: Annotated[int, typer.Option(help="Height and width in pixels.")] = 96,
    seed: Annotated[int, typer.Option(help="The same seed renders the same clips.")] = 0,
    difficulty: Annotated[str, typer.Option(help="easy, medium or hard.")] = "medium",
    container: Annotated[str, typer.Option(help="mp4, webm, or frames for folders of JPEGs.")] = "mp4",
    json: Json = False,
) -> None:
    """Render a planted world of videos.

    Real video files in Something-Something v2's layout whose every factor is known and written down in
    truth.json: the class is readable from one frame (static), only from the order of frames (temporal),
    from both (mixed), or from a change that completes at a known frame or never does (state-change).
    """
    from gst_analysis.analyses import dataset_check as dataset_check_room
    from gst_analysis.console.output import print_json, show_progress
    from gst_analysis.planted.worlds import WorldConfig

    settings: dict[str, Any] = {
        "world": world,
        "clips": clips,
        "frames": frames,
        "size": size,
        "seed": seed,
        "difficulty": difficulty,
        "container": container,
    }
    config = WorldConfig(**settings)
    with show_progress(f"rendering {world} clips", clips) as progress:
        made = dataset_check_room.make_world(folder, config, progress=progress)
    if json:
        print_json(made)
    else:
        show_world(made)


@commands.command(
    "dataset-check", epilog="Example: gst-analyze dataset-check something-something-v2 --out report"
)
def dataset_check(
    annotations: Annotated[
        list[str], typer.Argument(metavar="ROOT|FILE...", help="A folder, or annotation files.")
    ],
    root: Root = None,
    format: Format = None,
    subset: Annotated[
        str | None, typer.Option(help="Of those in the annotations, such as train; every one if not given.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Clips looked at at once.")] = 2,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the table.", metavar="DIR", callback=check_out)
    ] = None,
    json: Json = False,
) -> None:
    """Look through a data set's clips.

    Reports missing, unreadable, truncated, too short and mislabelled clips in one table: of a folder those
    of all its lists, for training, validation and testing. Exits with 1 if there is any.
    """
    from gst_analysis.analyses import dataset_check as dataset_check_room
    from gst_analysis.console.output import print_json, show_progress

    with show_progress("looking at clips", 0) as progress:
        result = dataset_check_room.check_dataset(
            annotations, root=root, format=format, subset=subset, workers=workers, progress=progress
        )
    files = result.save(out, "dataset_check") if out else {}
    if json:
        rows = result.table.to_dict("records")
        print_json({"summary": result.summary, "problems": rows, "notes": result.notes, "files": files})
    else:
        show_dataset_check(result, files)
    if result.summary.sound < result.summary.clips:
        raise typer.Exit(1)


def show_world(made: MadeWorld) -> None:
    """What was rendered, and where."""
    fields = {
        "world": made.world,
        "clips": made.clips,
        "for training": made.train,
        "for validation": made.validation,
        "classes": "\n".join(made.labels),
    }
    print_pairs(made.folder, fields)


def show_dataset_check(result: DatasetCheck, files: Mapping[str, str]) -> None:
    """How many clips are sound, then every problem."""
    for note in result.notes:
        print(f"note: {note}")
    if len(result.table):
        table = Table("clip", "problem", "detail")
        for row in result.table.to_dict("records"):
            table.add_row(*(escape(str(row[name])) for name in ("clip", "problem", "detail")))
        Console().print(table)
    summary = result.summary
    print(f"{summary.sound} of {summary.clips} clips are sound")
    print_files(files)
