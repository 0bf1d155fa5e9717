"""A few clips frame by frame, in a report."""

from __future__ import annotations

from gst_analysis.analyses.traces import Traces, trace
from gst_analysis.clips.labelled import spread_records
from gst_analysis.progress import Progress
from gst_analysis.sections.parts import PageFigure, Section, Words, draw_both
from gst_analysis.sections.subject import Subject, are_cut, join_words, name_clips

NAME = "traces"
NEEDS_CLIPS = True
WORDS = Words(
    "A few clips, frame by frame",
    "What the network says of every frame before the frames are averaged (the paper's Figure 5).",
    (
        "A frame's prediction may draw on every frame of the clip, later ones too: it is no evidence of "
        "that frame alone.",
        "A marked change of state may have been recognised in pictures, not followed through time: --mode "
        "still shows each frame alone.",
    ),
)


def write_section(subject: Subject, progress: Progress) -> Section:
    """What the network says frame by frame in a few clips."""
    clips = subject.shown
    few = spread_records(clips.records, clips.options.traces)
    settings = clips.settings
    result = trace(clips.model, few, batch=settings.batch, device=settings.device, progress=progress)
    clips.failures.update(result.failures)
    figures = [_draw_trace(result, clip, number) for number, clip in enumerate(result.records, start=1)]
    return Section(NAME, figures=figures, notes=few.notes[-1:])


def _draw_trace(result: Traces, clip: str, number: int) -> PageFigure:
    return PageFigure(
        f"trace-{number}",
        f"Clip {clip}.",
        {"light": result.plot(clip)},
        draw_both(lambda dark: result.plot_interactive(clip, dark=dark)),
        "webp",
        finding=result.say_figures()[result.name_file(clip)],
    )


def write_line(subject: Subject) -> str:
    """The command that makes this section alone; empty where clips are parts of videos."""
    clips = subject.shown
    named = [] if are_cut(clips) else name_clips(clips, clips.options.traces)
    return join_words("trace", subject.file, *named) if named else ""
