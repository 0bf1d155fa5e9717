"""How kernels use time, in a report."""

from __future__ import annotations

from gst_analysis.analyses.temporal_use import temporal_use
from gst_analysis.errors import SpecError
from gst_analysis.numbers import show_real
from gst_analysis.options import write_command
from gst_analysis.progress import Progress
from gst_analysis.sections.parts import Columns, PageFigure, Section, Words, draw_both, make_table
from gst_analysis.sections.subject import Subject

NAME = "temporal_use"
NEEDS_CLIPS = False
WORDS = Words(
    "How kernels use time",
    "How much the weights of kernels over time differ from frame to frame, from weights alone.",
    (
        "A kernel that is constant over its taps reads other frames, too: it averages them.",
        "Whether what a kernel sees is used shows in ablation, not here.",
        "Differences between frames, attention and the mean at the end have no kernel and are not seen.",
    ),
)
_COLUMNS: Columns = {
    "layer": ("kernel", str),
    "kind": ("kind", str),
    "taps": ("taps", str),
    "filters": ("filters", str),
    "varying": ("not constant", show_real),
    "start": ("at the start", show_real),
    "independent": ("independent taps", show_real),
    "ordered": ("turns with time", show_real),
    "off_frame": ("on other frames", show_real),
    "moved": ("mean |shift|", show_real),
}


def write_section(subject: Subject, progress: Progress) -> Section:
    """Kernels by depth, beside how they began."""
    try:
        result = temporal_use(subject.checkpoint)
    except SpecError as error:
        return Section(NAME, missing=f"{error.found}; {error.todo}")
    (found,) = result.summary.checkpoints.values()
    text = [f"{one.kernels} of kind {one.kind!r} ({one.group}): {one.describe()}." for one in found.kinds]
    if found.start:
        text.append(f"The start: {found.start}.")
    figure = PageFigure(
        "temporal_use",
        "Means over the filters of every kernel. Above, what is not constant over the taps (upright lines: "
        "the middle half of the filters; hollow: at the start); below, what lies on other frames.",
        {"light": result.figures()["kernel_use"]},
        draw_both(lambda dark: result.plot_interactive(dark=dark)),
        finding=result.say_figures()["kernel_use"],
    )
    table = make_table(
        "temporal_use",
        result.kernels,
        _COLUMNS,
        caption="Shares of energy, means over filters. Shift: frames from a filter's own to its centre.",
    )
    return Section(NAME, text=text, figures=[figure], tables=[table], notes=result.notes)


def write_line(subject: Subject) -> str:
    """The command that makes this section alone."""
    return write_command("temporal-use", [subject.file])
