"""How alike a network's places and frames are, in a report."""

from __future__ import annotations

from gst_analysis.analyses.similarity import similarity
from gst_analysis.errors import DataError, SpecError
from gst_analysis.numbers import show_real
from gst_analysis.progress import Progress
from gst_analysis.sections.parts import Columns, PageFigure, Section, Words, draw_both, make_table
from gst_analysis.sections.subject import Subject, join_words, list_untold, name_dataset

NAME = "similarity"
NEEDS_CLIPS = True
WORDS = Words(
    "How alike its places are",
    "How alike the places of the network see clips, and the frames within each (debiased linear CKA).",
    (
        "Alike is whatever tells the same clips apart, be it the background.",
        "Most of what leaves a residual block entered it, so that neighbours are alike in any case.",
    ),
)
_COLUMNS: Columns = {
    "first_place": ("place", str),
    "second_place": ("most alike", str),
    "cka": ("CKA", show_real),
    "low": ("95% from", show_real),
    "high": ("to", show_real),
}


def write_section(subject: Subject, progress: Progress) -> Section:
    """Places by places, and frames by frames."""
    clips = subject.shown
    try:
        result = similarity(
            clips.model,
            clips.records,
            limit=clips.options.similarity_clips,
            batch=clips.options.batch,
            device=clips.settings.device,
            progress=progress,
        )
    except (DataError, SpecError) as error:  # too few clips, or no place to look at
        return Section(NAME, missing=f"expected {error.expected}; found {error.found}")
    clips.failures.update(result.failures)
    summary = result.summary
    pairs = {(one.place, one.nearest) for one in summary.nearest}
    places = zip(result.table["first_place"], result.table["second_place"], strict=True)
    chosen = [pair in pairs for pair in places]
    said = result.say_figures()
    figures = [
        PageFigure(
            "similarity",
            f"Every place beside every other, over {summary.clips} clips.",
            {"light": result.plot()},
            draw_both(lambda dark: result.plot_interactive(dark=dark)),
            finding=said["similarity"],
        ),
        PageFigure(
            "frame-similarity",
            "The frames within each place: how far what it holds changes over a clip.",
            {"light": result.figures()["frame_similarity"]},
            draw_both(lambda dark: result.pages(dark=dark)["frame_similarity"]),
            finding=said["frame_similarity"],
        ),
    ]
    caption = "For each place the one that is most like it."
    table = make_table("similarity", result.table[chosen], _COLUMNS, caption=caption, csv=result.table)
    return Section(NAME, figures=figures, tables=[table], notes=list_untold(clips, result.notes))


def write_line(subject: Subject) -> str:
    """The command that makes this section alone."""
    clips = subject.shown
    dataset, *told = name_dataset(clips)
    if told:
        return ""  # it reads data sets as they lie, and no other way
    return join_words("similarity", subject.file, dataset, "--limit", clips.options.similarity_clips)
