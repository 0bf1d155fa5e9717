"""What a frame's prediction is made of, in a report."""

from __future__ import annotations

from gst_analysis.analyses.influence import frame_influence
from gst_analysis.numbers import how_many
from gst_analysis.progress import Progress
from gst_analysis.sections.parts import PageFigure, Section, Words, draw_both
from gst_analysis.sections.subject import Subject, are_cut, join_words, list_untold, name_clips

NAME = "influence"
NEEDS_CLIPS = True
WORDS = Words(
    "What a frame's prediction is made of",
    "How much the prediction for each frame depends on each input frame.",
    (
        "Dependence has no direction: a frame can speak for the class or against it.",
        "A frame put in another's place is no neutral frame, so occlusion shows the network something "
        "unusual too.",
    ),
)


def write_section(subject: Subject, progress: Progress) -> Section:
    """Which input frames a frame's prediction is made of."""
    clips = subject.shown
    limit = clips.options.influence_clips
    result = frame_influence(
        clips.model, clips.records, limit=limit, device=clips.settings.device, progress=progress
    )
    clips.failures.update(result.failures)
    summary = result.summary
    own = ", ".join(f"{share:.0%} by {method}" for method, share in summary.own_share.items())
    text = [
        f"Averaged over {how_many(summary.clips, 'clip')}. By arithmetic a frame's logit can reach "
        f"{how_many(summary.half_width, 'frame')} back and forth. A frame's share in its own logit: {own}; "
        f"evenly spread it would be {1 / summary.frames:.1%}."
    ]
    figure = PageFigure(
        "influence",
        "Rows: whose logit; columns: the input frame it depends on; below, how far every block looks.",
        {"light": result.plot()},
        draw_both(lambda dark: result.plot_interactive(dark=dark)),
        finding=result.say_figures()["influence"],
    )
    return Section(NAME, text=text, figures=[figure], notes=list_untold(clips, result.notes))


def write_line(subject: Subject) -> str:
    """The command that makes this section alone; empty where clips are parts of videos."""
    clips = subject.shown
    named = [] if are_cut(clips) else name_clips(clips, clips.options.influence_clips)
    return join_words("influence", subject.file, *named) if named else ""
