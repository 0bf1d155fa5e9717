"""`similarity`: the command, and what it prints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from gst_analysis.analyses.similarity import Similarity, SimilarityOptions, similarity
from gst_analysis.checkpoints.naming import CHECKPOINT_ENDINGS
from gst_analysis.console.options import CheckpointFile, Json, takes_options
from gst_analysis.console.output import build_table, escape, finish, format_number, print_table, show_progress
from gst_analysis.documents import Part
from gst_analysis.errors import SpecError
from gst_analysis.options import Files, files_of

commands = typer.Typer()

Words = Annotated[
    list[str],
    typer.Argument(
        metavar="[CKPT] ROOT|FILE|CLIP...",
        help="A second checkpoint if there is one; then a data set's folder or annotation file, or clips.",
    ),
]
_OPTIONS = SimilarityOptions()
_FILES = files_of(Similarity, "similarity")
_FOLDER = "config.json"
"""What a checkpoint's folder of Hugging Face's form holds."""


def describe_documents() -> list[Part]:
    """What its documents hold."""
    return [Similarity.describe_document()]


@commands.command(
    "similarity", epilog="Example: gst-analyze similarity a.pth b.pth worlds/temporal --limit 100"
)
@takes_options
def command(
    checkpoint: CheckpointFile,
    words: Words,
    options: SimilarityOptions = _OPTIONS,
    files: Files = _FILES,
    json: Json = False,
) -> None:
    """Compare how two networks, or the places of one, see clips.

    Debiased linear CKA between every place of one network and every place of the other, with intervals over
    clips; of one network alone between its own places; and between the frames within each place. Labels are
    not needed. Exits with 1 if some clips could not be read.
    """
    other, clips = split_words(words)
    with show_progress("running clips") as progress:
        result = similarity(checkpoint, clips, other=other, options=options, progress=progress)
    finish(result, files, json=json, show=print_similarity)


def split_words(words: Sequence[str]) -> tuple[str | None, list[str]]:
    """The second checkpoint, if the first word names one by its ending, and the clips.

    Raises:
        SpecError: no clips are left.
    """
    first, *rest = words
    if Path(first).suffix not in CHECKPOINT_ENDINGS and not (Path(first) / _FOLDER).is_file():
        return None, list(words)
    if not rest:
        raise SpecError(
            "similarity", expected="clips or a data set after the checkpoints", found="none", todo="name some"
        )
    return first, rest


def print_similarity(result: Similarity) -> None:
    """The most alike place for each, and how alike frames are."""
    summary = result.summary
    table = build_table(title=f"{' and '.join(map(escape, summary.networks))}: {summary.clips} clips")
    alone = len(summary.networks) == 1
    for heading in ("place", "most alike" if alone else f"most alike in {escape(summary.networks[1])}"):
        table.add_column(heading, overflow="fold")
    for heading in ("CKA", "95%"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in summary.nearest:
        ends = f"{_show(one.low)}–{_show(one.high)}"
        table.add_row(escape(one.place), escape(one.nearest or "–"), _show(one.cka), ends)
    print_table(table)
    for name, places in summary.frames.items():
        frames = build_table(
            "place", "frames", "neighbours", "first and last", title=f"{escape(name)}: frames"
        )
        for place in places:
            frames.add_row(escape(place.place), str(place.frames), _show(place.neighbours), _show(place.ends))
        print_table(frames)


def _show(value: float | None) -> str:
    return "–" if value is None else format_number(value)
