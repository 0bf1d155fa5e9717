"""`agreement`: the command, and what it prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from gst_analysis.analyses.agreement import AgreementOptions, ScoreAgreement, score_agreement
from gst_analysis.console.options import Json, takes_options
from gst_analysis.console.output import build_table, finish, print_table, show_progress
from gst_analysis.documents import Part
from gst_analysis.errors import SpecError
from gst_analysis.numbers import how_many
from gst_analysis.options import Files, files_of

commands = typer.Typer()

_OPTIONS = AgreementOptions()
_FILES = files_of(ScoreAgreement, "agreement")


def describe_documents() -> list[Part]:
    """What its documents hold."""
    return [ScoreAgreement.describe_document()]


@commands.command(epilog="Example: gst-analyze agreement a.pth b.pth=worlds/temporal --limit 160")
@takes_options
def agreement(
    pairs: Annotated[
        list[str],
        typer.Argument(
            metavar="CKPT=ROOT|FILE...",
            help="Checkpoint files, each with its data set; without one it takes that of the next.",
        ),
    ],
    options: AgreementOptions = _OPTIONS,
    files: Files = _FILES,
    json: Json = False,
) -> None:
    """Compare importance scores with what channels are needed for.

    Changes groups of channels as ablate does, and says which score of channels foretells by its rank what
    that costs, over several checkpoints. Exits with 1 if some clips could not be read.
    """
    with show_progress("checkpoints", len(pairs)) as progress:
        result = score_agreement(pair_up(pairs), options=options, progress=progress)
    finish(result, files, json=json, show=print_agreement)


def pair_up(words: Sequence[str]) -> list[tuple[str, str]]:
    """CKPT=WORLD words, and CKPT words that share the world of the next.

    Raises:
        SpecError: the last of them have none.
    """
    pairs: list[tuple[str, str]] = []
    waiting: list[str] = []
    for word in words:
        path, _, world = word.partition("=")
        waiting.append(path)
        if world:
            pairs += [(one, world) for one in waiting]
            waiting = []
    if waiting:
        raise SpecError(
            ", ".join(waiting), expected="a data set", found="none", todo="write CKPT=ROOT or CKPT=FILE"
        )
    return pairs


def print_agreement(result: ScoreAgreement) -> None:
    """The mean over checkpoints for what the figure shows: a row a score, a column an intervention."""
    for name, summary in result.summary.ablations.items():
        print(f"{name}: {how_many(summary.clips, 'clip')}, accuracy {summary.accuracy.value:.1%}")
    means = result.table[result.table["checkpoint"] == "all"]
    shown = means[(means["measure"] == result.measure) & (means["aggregate"] == result.aggregate)]
    title = f"rank correlation with {result.measure}, {result.aggregate} of a group's channels"
    table = build_table("score", title=title, caption="in brackets: confidence interval")
    for intervention in dict.fromkeys(shown["intervention"]):
        table.add_column(str(intervention), justify="right")
    for score, rows in shown.groupby("score", sort=False):
        numbers = rows[["spearman", "low", "high"]].to_numpy(dtype=float)
        table.add_row(str(score), *(_say(*row) for row in numbers))
    print_table(table)


def _say(rho: float, low: float, high: float) -> str:
    return "not defined" if rho != rho else f"{rho:+.2f} ({low:+.2f} to {high:+.2f})"
