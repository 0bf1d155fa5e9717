"""The command line: arguments in, workflow out. Nothing heavy is imported before a command runs.

Exit codes: 0 done, 1 a problem was found that the command was asked to find, 2 bad input (one line on
stderr), 130 interrupted. With --json stdout carries one JSON document and nothing else.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from gst_analysis.errors import GstError, one_line

UsageError: Any = typer.BadParameter.__bases__[0]
"""Click's, of whichever copy of click this Typer carries."""

app = typer.Typer(
    name="gst-analyze",
    help="See where a video network keeps space and where it keeps time.",
    epilog="Example: gst-analyze bn-hist ckpt.pth --out figures",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
Family = Annotated[str | None, typer.Option(help="Say c2d or tsm where the weights cannot tell.")]
Frames = Annotated[int | None, typer.Option(help="Frames in a clip, which no weight shows.")]
Out = Annotated[Path, typer.Option("--out", help="Folder for the files it writes.", metavar="DIR")]


def main() -> None:
    """Run a command; turn every error into one line and an exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run a command line and return its exit code."""
    try:
        code = app(arguments, prog_name="gst-analyze", standalone_mode=False)
        return int(code or 0)
    except GstError as error:
        return _complain(str(error))
    except UsageError as error:
        command = error.ctx.command_path if error.ctx else "gst-analyze"
        return _complain(f"{one_line(error.format_message())} See '{command} --help'.")
    except (KeyboardInterrupt, typer.Abort):
        _complain("interrupted")
        return 130
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _complain(message: str) -> int:
    print(f"gst-analyze: {message}", file=sys.stderr)
    return 2


@app.callback(invoke_without_command=True)
def _top(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        from gst_analysis import __version__

        print(__version__)
        raise typer.Exit


@app.command(epilog="Example: gst-analyze inspect ckpt.pth --json")
def inspect(
    checkpoint: Annotated[str, typer.Argument(metavar="CKPT", help="A checkpoint file.")],
    family: Family = None,
    frames: Frames = None,
    json: Json = False,
) -> None:
    """Recognise a checkpoint file.

    Says family, backbone, alpha, classes and layout, and what was assumed because no weight shows it.
    """
    from gst_analysis import terminal
    from gst_analysis.workflows import inspect_checkpoint

    found = inspect_checkpoint(checkpoint, family=family, num_frames=frames)
    if json:
        terminal.print_json(found)
    else:
        terminal.show_inspection(found)


@app.command("bn-hist", epilog="Example: gst-analyze bn-hist quarter.pth eighth.pth --by stage --out figures")
def bn_hist(
    checkpoints: Annotated[list[str], typer.Argument(metavar="CKPT...", help="Checkpoint files.")],
    by: Annotated[str, typer.Option(help="Rows of the figure: block or stage.")] = "block",
    absolute: Annotated[bool, typer.Option("--absolute", help="Use |γ| instead of γ.")] = False,
    formats: Annotated[
        str, typer.Option("--formats", help="Which files: png, svg, pdf, html, csv, parquet, json.")
    ] = "png,svg,pdf,csv,parquet,json",
    dark: Annotated[bool, typer.Option("--dark", help="Draw for a dark background.")] = False,
    out: Out = Path("bn-hist"),
    json: Json = False,
) -> None:
    """Draw Figure 4 from checkpoints.

    Histograms of the batch-norm scales after every temporal operator, spatial beside temporal, and the
    table behind them. No network is built.
    """
    from gst_analysis import terminal, workflows
    from gst_analysis.tables import check_choices

    kinds = check_choices(
        "formats", formats.split(","), (*workflows.IMAGE_FORMATS, "html", *workflows.TABLE_FORMATS)
    )
    check_choices("by", [by], ("block", "stage"))
    with terminal.show_progress("reading checkpoints", len(checkpoints)) as progress:
        result = workflows.bn_scales(*checkpoints, absolute=absolute, progress=progress)
    files = workflows.save_bn_scales(result, out, kinds, by=by, dark=dark)
    if json:
        terminal.print_json(result.contract(files))
    else:
        terminal.show_bn_scales(result, files)


@app.command(epilog="Example: gst-analyze cost gst-resnet50 --alpha 1/4 --frames 8 --size 224 --classes 174")
def cost(
    model: Annotated[str, typer.Argument(metavar="SPEC|CKPT", help="FAMILY-BACKBONE, or a checkpoint file.")],
    alpha: Annotated[str | None, typer.Option(help="Fraction of temporal channels: 1/4, 0.25 or 4.")] = None,
    beta: Annotated[str | None, typer.Option(help="Fraction of the input each path reads: 1/2 or 1.")] = None,
    frames: Annotated[int | None, typer.Option(help="Frames in a clip (8).")] = None,
    size: Annotated[int, typer.Option(help="Height and width of a frame in pixels.")] = 224,
    classes: Annotated[int | None, typer.Option(help="Classes of the head (174).")] = None,
    width: Annotated[int | None, typer.Option(help="Channels of the stem.")] = None,
    json: Json = False,
) -> None:
    """Count parameters and multiply-adds.

    For the spatial and the temporal kernels and what both share, by three counting conventions.
    """
    from gst_analysis import terminal, workflows

    design = {"alpha": alpha, "beta": beta, "num_frames": frames, "num_classes": classes, "width": width}
    summary = workflows.summarise_cost(model, size=size, **design)
    if json:
        terminal.print_json(summary)
    else:
        terminal.show_cost(summary)


@app.command("paper-audit", epilog="Example: gst-analyze paper-audit --json")
def paper_audit(json: Json = False) -> None:
    """Check the costs that the paper prints.

    Recomputes every parameter count and GFLOP figure of Tables 1-3 of the GST paper for the families that
    exist here, and flags those that contradict the paper's own formulas.
    """
    from gst_analysis import terminal
    from gst_analysis.workflows import audit_paper

    result = audit_paper()
    if json:
        terminal.print_json({"rows": result.table.to_dict("records"), "summary": result.summary})
    else:
        terminal.show_audit(result)


@app.command(epilog="Example: gst-analyze synth worlds/temporal --world temporal --clips 1000 --seed 0")
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
    from gst_analysis import terminal, workflows
    from gst_analysis.data.synthetic_worlds import WorldConfig

    settings: dict[str, Any] = {
        "world": world, "clips": clips, "frames": frames, "size": size, "seed": seed,
        "difficulty": difficulty, "container": container,
    }  # fmt: skip
    config = WorldConfig(**settings)
    with terminal.show_progress(f"rendering {world} clips", clips) as progress:
        made = workflows.make_world(folder, config, progress=progress)
    if json:
        terminal.print_json(made)
    else:
        terminal.show_world(made)


@app.command("dataset-check", epilog="Example: gst-analyze dataset-check something-something-v2 --out report")
def dataset_check(
    annotations: Annotated[
        list[str], typer.Argument(metavar="ROOT|FILE...", help="A folder, or annotation files.")
    ],
    root: Annotated[Path | None, typer.Option(help="The folder the clips lie in.")] = None,
    format: Annotated[
        str | None, typer.Option(help="The annotations' format; detected if not given.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Clips looked at at once.")] = 2,
    out: Annotated[Path | None, typer.Option("--out", help="Folder for the table.", metavar="DIR")] = None,
    json: Json = False,
) -> None:
    """Look through a data set's clips.

    Reports missing, unreadable, truncated, too short and mislabelled clips in one table. Exits with 1 if
    there is any.
    """
    from gst_analysis import terminal, workflows

    with terminal.show_progress("looking at clips", 0) as progress:
        result = workflows.check_dataset(
            annotations, root=root, format=format, workers=workers, progress=progress
        )
    files = result.save(out, "dataset_check") if out else {}
    if json:
        rows = result.table.to_dict("records")
        terminal.print_json(
            {"summary": result.summary, "problems": rows, "notes": result.notes, "files": files}
        )
    else:
        terminal.show_dataset_check(result, files)
    if result.summary.sound < result.summary.clips:
        raise typer.Exit(1)


@app.command(epilog="Example: gst-analyze train planted-temporal --set schedule.epochs=5 --out runs/temporal")
def train(
    recipe: Annotated[
        str, typer.Argument(metavar="RECIPE|FILE", help="A packaged recipe, or a TOML file.")
    ] = "something-v2-gst-r50-8f",
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting of the recipe.")
    ] = None,
    out: Out = Path("runs/last"),
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps; short for run.device.")] = None,
    recipes: Annotated[bool, typer.Option("--recipes", help="List the packaged recipes and stop.")] = False,
    json: Json = False,
) -> None:
    """Train a network by a recipe.

    Writes last.pth, best.pth, kept epochs, logs and the state to go on from into --out. Ctrl-C saves and
    exits with 130; --resume goes on from there. The default recipe is the paper's.
    """
    from gst_analysis import terminal, workflows

    if recipes:
        terminal.show_recipes(workflows.list_recipes(), json=json)
        return
    changes = [*(settings or []), *([f"run.device={device}"] if device else [])]
    with terminal.show_training() as progress:
        result = workflows.train(recipe, changes, out=out, resume=resume, progress=progress)
    if json:
        rows = result.table.to_dict("records")
        record = {"summary": result.summary, "epochs": rows, "files": result.files, "notes": result.notes}
        terminal.print_json(record)
    else:
        terminal.show_trained(result)
