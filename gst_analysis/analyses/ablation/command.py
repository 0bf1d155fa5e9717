"""`ablate`: the command, and what it prints."""

from __future__ import annotations

import typer

from gst_analysis.analyses.ablation import Ablation, AblationOptions, ablate
from gst_analysis.console.options import CheckpointFile, Dataset, Json, takes_options
from gst_analysis.console.output import build_table, escape, finish, print_table, show_progress
from gst_analysis.options import Files, files_of
from gst_analysis.style.names import drop_shared_start

commands = typer.Typer()

_OPTIONS = AblationOptions()
_FILES = files_of(Ablation, "ablation")


@commands.command(
    "ablate", epilog="Example: gst-analyze ablate ckpt.pth worlds/temporal --clips 200 --out ablation"
)
@takes_options
def ablate_channels(
    checkpoint: CheckpointFile,
    dataset: Dataset,
    options: AblationOptions = _OPTIONS,
    files: Files = _FILES,
    json: Json = False,
) -> None:
    """Measure what each group of channels is needed for.

    Silences, averages or shuffles the spatial or the temporal channels of one block at a time, and says how
    far accuracy and the true class's logit fall. Exits with 1 if some clips could not be read.
    """
    with show_progress("ablating") as progress:
        result = ablate(checkpoint, dataset, options=options, progress=progress)
    finish(result, files, json=json, show=print_ablation)


def print_ablation(result: Ablation) -> None:
    """One row a layer and group: the fall of accuracy for each intervention, starred if it is sure.

    Of one clip nothing is: every resample of it is the clip itself.
    """
    summary = result.summary
    several = summary.clips > 1
    accuracy = f"{summary.accuracy.value:.1%} of {summary.clips} clips right when nothing is changed"
    table = build_table(
        title=f"{escape(result.name)}: {accuracy}",
        caption=f"percentage points of accuracy lost{'; *: the interval leaves out 0' if several else ''}",
    )
    for heading in ("layer", "group"):
        table.add_column(heading)
    for intervention in summary.interventions:
        table.add_column(intervention, justify="right")
    layers = list(dict.fromkeys(result.table["layer"]))
    names = dict(zip(layers, drop_shared_start(layers), strict=True))
    for (layer, group), rows in result.table.groupby(["layer", "group"], sort=False):
        drops = rows[["accuracy_drop", "accuracy_drop_low", "accuracy_drop_high"]].to_numpy(dtype=float)
        sure = [several and (low > 0 or high < 0) for _, low, high in drops]
        cells = [f"{100 * drop[0]:.1f}{'*' if star else ' '}" for drop, star in zip(drops, sure, strict=True)]
        table.add_row(names[str(layer)], str(group), *cells)
    print_table(table)
