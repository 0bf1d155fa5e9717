"""What channels see of appearance and motion, in a report."""

from __future__ import annotations

from gst_analysis.analyses.roles import channel_roles
from gst_analysis.analyses.roles.table import PARTS, ROLES, ChannelRoles, Share
from gst_analysis.errors import SpecError
from gst_analysis.numbers import show_real
from gst_analysis.progress import Progress
from gst_analysis.sections.parts import Columns, PageFigure, Section, Words, draw_both, make_table
from gst_analysis.sections.subject import Subject, join_words

NAME = "roles"
NEEDS_CLIPS = True
WORDS = Words(
    "What channels see: appearance or motion",
    "Shares of channels' variance over rendered scenes, in which looks and orders of frames are crossed.",
    (
        "Rendered looks and motions differ as much as they do: compare groups, places and networks.",
        "A channel is seen by its mean over the clip, and where a thing is counts as no motion.",
        "Whether what a channel sees is used shows in ablation, not here.",
    ),
)
_COLUMNS: Columns = {
    "layer": ("layer", str),
    "group": ("group", str),
    "channels": ("channels", str),
    "static": ("static", show_real),
    "dynamic": ("dynamic", show_real),
    "joint": ("joint", show_real),
    "rest": ("rest", show_real),
    **{f"{role}_channels": (f"{role} channels", str) for role in ROLES},
    **{f"pair_{role}_channels": (f"{role} by pairs", str) for role in ROLES},
}


def write_section(subject: Subject, progress: Progress) -> Section:
    """Shares by depth, and how many channels have which role."""
    clips = subject.shown
    try:
        result = channel_roles(
            clips.model,
            scenes=clips.options.roles_scenes,
            batch=clips.options.batch,
            device=clips.settings.device,
            progress=progress,
        )
    except SpecError as error:
        return Section(NAME, missing=f"expected {error.expected}; found {error.found}")
    said = result.say_figures()
    figures = [
        PageFigure(
            "roles",
            "Mean shares of the variance of channels, with intervals over scenes; dashes: chance.",
            {"light": result.plot()},
            draw_both(lambda dark: result.plot_interactive(dark=dark)),
            finding=said["roles"],
        ),
        PageFigure(
            "role-counts",
            "How many channels have which role, by shares of variance and by correlations of pairs.",
            {"light": result.figures()["role_counts"]},
            draw_both(lambda dark: result.pages(dark=dark)["role_counts"]),
            finding=said["role_counts"],
        ),
    ]
    caption = (
        f"Groups by layer, over {result.summary.clips} rendered clips of {result.summary.scenes} scenes."
    )
    table = make_table("role_sums", result.sums, _COLUMNS, caption=caption)
    notes = [note for note in result.notes if note not in clips.model.notes]
    return Section(NAME, text=list_gaps(result), figures=figures, tables=[table], notes=notes)


def list_gaps(result: ChannelRoles) -> list[str]:
    """By how much one group sees more than the other, a sentence for the whole network."""
    return [
        f"Block by block, {gap.group} channels are above {gap.against} ones by "
        + ", ".join(f"{_show(getattr(gap, part))} in the {part} share" for part in PARTS)
        + "."
        for gap in result.summary.gaps
        if gap.stage == 0
    ]


def _show(share: Share) -> str:
    if share.value is None or share.low is None or share.high is None:
        return "–"
    return f"{share.value:+.3f} ({share.low:+.3f} to {share.high:+.3f})"


def write_line(subject: Subject) -> str:
    """The command that makes this section alone."""
    return join_words("roles", subject.file, "--scenes", subject.shown.options.roles_scenes)
