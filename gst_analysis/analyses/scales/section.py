"""Figure 4 in a report."""

from __future__ import annotations

import pandas as pd

from gst_analysis.analyses.scales import bn_scales
from gst_analysis.analyses.scales.gap_figure import draw_gaps
from gst_analysis.analyses.scales.gaps import count_gaps
from gst_analysis.numbers import show_interval, show_p, show_real
from gst_analysis.options import write_command
from gst_analysis.progress import Progress
from gst_analysis.sections.parts import PageFigure, PageTable, Section, Words, draw_both, make_table
from gst_analysis.sections.subject import Subject

NAME = "scales"
NEEDS_CLIPS = False
WORDS = Words(
    "Space and time by batch-norm scale",
    "How large the batch-norm scales γ of the spatial and of the temporal channels are, in every block "
    "(the paper's Figure 4).",
    (
        "A scale is not importance: see the next section.",
        "The tests take channels as draws from what this network might have had. They do not say what "
        "another training run would give.",
    ),
)


def write_section(subject: Subject, progress: Progress) -> Section:
    """Figure 4, and in every block whether time differs from space."""
    result = bn_scales(subject.checkpoint)
    gaps = result.gaps()
    by = "block" if gaps["layer"].nunique() <= 20 else "stage"
    figures = [
        PageFigure(
            "scales",
            "Figure 4: batch-norm scales γ after every temporal operator. Heights are percentages "
            "of a group's own channels.",
            {"light": result.plot(by=by)},
            draw_both(lambda dark: result.plot_interactive(by=by, dark=dark)),
        )
    ]
    (counts,) = count_gaps(gaps).values()
    if not counts.tested:
        text = [f"Space and time cannot be compared here: {counts.reasons}."]
        return Section(NAME, text=text, figures=figures, notes=result.notes)
    caption = "Median γ of temporal minus spatial channels in every layer, with 95% bootstrap intervals."
    figures.append(PageFigure("gaps", caption, draw_both(lambda dark: draw_gaps(gaps, dark=dark))))
    text = [
        "Layers in which temporal and spatial scales differ by more than chance (Mann-Whitney, 5%, Holm's "
        f"correction over layers): {counts.describe()}."
    ]
    notes = [*result.notes, *(f"not defined: {reason}" for reason in counts.undefined)]
    return Section(NAME, text=text, figures=figures, tables=[_tabulate_gaps(gaps)], notes=notes)


def _tabulate_gaps(gaps: pd.DataFrame) -> PageTable:
    ends = zip(gaps["gap_low"], gaps["gap_high"], strict=True)
    return make_table(
        "gaps",
        gaps,
        {
            "layer": ("layer", str),
            "spatial_n": ("spatial channels", str),
            "temporal_n": ("temporal channels", str),
            "gap": ("gap of medians", show_real),
            "interval": ("95% interval", str),
            "wasserstein": ("Wasserstein", show_real),
            "auc": ("AUC", show_real),
            "auc_p_holm": ("p (Holm)", show_p),
        },
        caption="Temporal against spatial scales. AUC: chance that a temporal scale is above a spatial one.",
        more={"interval": [show_interval(*pair) for pair in ends]},
    )


def write_line(subject: Subject) -> str:
    """The command that makes this section alone."""
    return write_command("bn-hist", [subject.file])
