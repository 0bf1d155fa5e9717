"""Where a network looks, in a report."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from gst_analysis.analyses.saliency import SaliencyMaps, saliency_maps
from gst_analysis.analyses.saliency.figure import lay_out_result
from gst_analysis.analyses.saliency.page import draw_saliency_page
from gst_analysis.clips.labelled import spread_records
from gst_analysis.errors import DataError
from gst_analysis.numbers import show_real
from gst_analysis.progress import Progress
from gst_analysis.sections.parts import PageFigure, PageTable, Section, Words, draw_both, make_table
from gst_analysis.sections.subject import Subject, are_cut, join_words, name_clips

NAME = "saliency"
NEEDS_CLIPS = True
WORDS = Words(
    "Where it looks",
    "Where in the frames a clip speaks for the class predicted, for a whole block and for its spatial "
    "and its temporal channels (Grad-CAM).",
    (
        "It says where evidence is, in cells as large as those of the block's map, not which pixels "
        "would have to change.",
        "Edges and colours alone draw heat to a lone object: an untrained network can look well placed too.",
        "Deep blocks have looked around in space and time; their heat at a place is about more than that "
        "place.",
    ),
)


def write_section(subject: Subject, progress: Progress) -> Section:
    """Where a few clips speak for what is predicted of them."""
    clips = subject.shown
    few = spread_records(clips.records, clips.options.saliency_clips)
    found = []
    for number, record in enumerate(few):
        progress(number, len(few), record.clip)
        try:
            found.append(saliency_maps(clips.model, record, device=clips.settings.device))
        except DataError as error:
            clips.failures[record.clip] = str(error)
    figures = [_draw_saliency(result, number) for number, result in enumerate(found, start=1)]
    notes = [*dict.fromkeys(note for result in found for note in result.notes), *few.notes[-1:]]
    return Section(NAME, figures=figures, tables=[_list_evidence(found)] if found else [], notes=notes)


def _draw_saliency(result: SaliencyMaps, number: int) -> PageFigure:
    summary = result.summary
    caption = (
        f"Clip {summary.clip}, predicted “{summary.label}” ({summary.probability:.0%}); heat at block "
        f"{summary.block}, in {summary.rows}×{summary.columns} cells a frame."
    )
    overlays, said = lay_out_result(result), result.say_figures()[result.stem]
    return PageFigure(
        f"saliency-{number}",
        caption,
        html=draw_both(lambda dark: draw_saliency_page(overlays, alt=said, dark=dark)),
        finding=said,
    )


def _list_evidence(found: Sequence[SaliencyMaps]) -> PageTable:
    rows = [
        {"clip": result.summary.clip, "class": result.summary.label, "group": group, **vars(heat)}
        for result in found
        for group, heat in result.summary.groups.items()
    ]
    return make_table(
        "saliency",
        pd.DataFrame(rows),
        {
            "clip": ("clip", str),
            "class": ("class", str),
            "group": ("group", str),
            "evidence_for": ("evidence for it", show_real),
            "evidence_against": ("against it", show_real),
            "hottest_frame": ("hottest frame", lambda frame: "–" if pd.isna(frame) else f"{frame:.0f}"),
        },
        caption="Evidence is summed over the clip, in units of the class's logit; frames count from 0. "
        "“all” is the whole block, shortcut included.",
    )


def write_line(subject: Subject) -> str:
    """The command that makes this section alone; empty where clips are parts of videos."""
    clips = subject.shown
    named = [] if are_cut(clips) else name_clips(clips, clips.options.saliency_clips)
    return "\n".join(join_words("saliency", subject.file, clip) for clip in named)
