"""`train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gst_analysis.cli.program import Json, Out, app


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
    resume_if_any: Annotated[
        bool, typer.Option("--resume-if-any", help="The same, but begin one where there is none.")
    ] = False,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps; short for run.device.")] = None,
    recipes: Annotated[bool, typer.Option("--recipes", help="List the packaged recipes and stop.")] = False,
    json: Json = False,
) -> None:
    """Train a network by a recipe.

    Writes last.pth, best.pth, kept epochs, logs and the state to go on from into --out. Ctrl-C saves and
    exits with 130; --resume goes on from there, and is refused where there is no run. A script that a cluster
    may start again and again uses --resume-if-any. The default recipe is the paper's.
    """
    from gst_analysis import terminal, workflows

    if recipes:
        terminal.show_recipes(workflows.list_recipes(), json=json)
        return
    changes = [*(settings or []), *([f"run.device={device}"] if device else [])]
    try:
        with terminal.show_training() as progress:
            result = workflows.train(
                recipe, changes, out=out, resume="required" if resume else resume_if_any, progress=progress
            )
    except KeyboardInterrupt:
        terminal.show_stopped(out, saved=workflows.can_resume(out))
        raise
    if not result.leads:
        return
    if json:
        rows = result.table.to_dict("records")
        record = {"summary": result.summary, "epochs": rows, "files": result.files, "notes": result.notes}
        terminal.print_json(record)
    else:
        terminal.show_trained(result)
