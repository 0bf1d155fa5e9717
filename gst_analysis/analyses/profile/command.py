"""`profile`: the command, and what it prints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gst_analysis.analyses.profile import Profile, ProfileOptions, profile
from gst_analysis.analyses.profile.characters import BARS, DIGITS, list_facts, write_profile
from gst_analysis.checkpoints.naming import CHECKPOINT_ENDINGS
from gst_analysis.console.options import CheckpointFile, Json, takes_options
from gst_analysis.console.output import can_write, find_width, finish, print_sentence, show_progress
from gst_analysis.documents import Part
from gst_analysis.errors import SpecError
from gst_analysis.options import Files, files_of

commands = typer.Typer()

_OPTIONS = ProfileOptions()
_FILES = files_of(Profile, "profile")


def describe_documents() -> list[Part]:
    """What its documents hold."""
    return [Profile.describe_document()]


@commands.command("profile", epilog="Example: gst-analyze profile ckpt.pth worlds/temporal --limit 100")
@takes_options
def command(
    checkpoint: CheckpointFile,
    dataset: Annotated[
        str | None,
        typer.Argument(metavar="[ROOT|FILE]", help="A folder with a validation list, or an annotation file."),
    ] = None,
    options: ProfileOptions = _OPTIONS,
    files: Files = _FILES,
    json: Json = False,
) -> None:
    """Show where in its depth a network keeps time.

    Place by place the share that is time's: by γ, by the invariant score and by kernels over time, which
    weights tell at once; with labelled clips also by ablation, of one group at a time and of all together,
    by what channels see of motion, and by how far places reach over frames. One sentence says what the
    bands support.
    """
    if dataset is not None and Path(dataset).suffix in CHECKPOINT_ENDINGS:
        raise SpecError(
            dataset,
            expected="a data set behind the checkpoint",
            found="another checkpoint",
            todo=f"gst-analyze compare-profiles {checkpoint} {dataset}",
        )
    with show_progress("profile", 100) as progress:
        result = profile(checkpoint, dataset, options=options, progress=progress)
    finish(result, files, json=json, show=print_profile)


def print_profile(result: Profile) -> None:
    """The lines in characters, where they agree, and the verdict."""
    bars = BARS if can_write(BARS) else DIGITS
    for line in (*write_profile(result, width=find_width(), bars=bars), *list_facts(result)):
        print(line)
    print_sentence(result.verdict)
