"""Where a network keeps time, in a report: the first thing that is told of it."""

from __future__ import annotations

from pathlib import Path

from gst_analysis.analyses.profile import Profile, ProfileOptions, profile
from gst_analysis.analyses.profile.characters import list_facts
from gst_analysis.analyses.profile.table import PLACE
from gst_analysis.numbers import show_share, show_share_interval
from gst_analysis.options import write_command
from gst_analysis.progress import Progress
from gst_analysis.sections.parts import PageFigure, PageTable, Section, Words, draw_both, make_table
from gst_analysis.sections.subject import ReportClips, Subject, list_untold, name_dataset

NAME = "profile"
NEEDS_CLIPS = False
WORDS = Words(
    "Where it keeps time",
    "Which share of each place is time's rather than space's, by measures that stand side by side.",
    (
        "Bands are of channels, filters and clips: another training run may differ by more.",
        "A large share of a place that hardly matters is large all the same.",
    ),
)
LINES = ("gamma", "invariant", "temporal-use", "ablation")
"""Those of a report with clips: what else needs some has a section of its own."""


def write_section(subject: Subject, progress: Progress) -> Section:
    """The profile, its verdict, and its numbers."""
    clips = subject.clips
    if clips is None:
        result = profile(subject.checkpoint, progress=progress)
    else:
        options = _choose(clips)
        result = profile(clips.model, clips.dataset, options=options, progress=progress)
        clips.failures.update(result.failures)
    if result.table["value"].isna().all():
        return Section(NAME, missing="no line of it is defined for this network")
    figure = PageFigure(
        "profile",
        "Lines by place, with their bands; dotted: by the number of channels, or by chance. Filled where "
        "measures agree, hatched where they do not, empty where they cannot tell.",
        {"light": result.plot()},
        draw_both(lambda dark: result.plot_interactive(dark=dark)),
        finding=result.say_figures()["profile"],
    )
    table = _list_stages(result)
    notes = result.notes if clips is None else list_untold(clips, result.notes)
    told, verdict = list(list_facts(result)), result.verdict
    return Section(NAME, headline=verdict, text=told, figures=[figure], tables=[table], notes=notes)


def _list_stages(result: Profile) -> PageTable:
    rows = result.table[result.table["level"] != PLACE]
    ends = zip(rows["value"], rows["low"], rows["high"], strict=True)
    return make_table(
        "profile",
        rows,
        {
            "measure": ("line", str),
            "stage": ("stage", str),
            "share": ("share, with its band", str),
            "even": ("by number or chance", show_share),
        },
        caption="Stages; stage 0 is the network as a whole. The file to download has every place.",
        csv=result.table,
        more={"share": [show_share_interval(*found) for found in ends]},
    )


def write_line(subject: Subject) -> str:
    """The command that makes this section alone."""
    if subject.clips is None:
        return write_command("profile", [subject.file])
    options = _choose(subject.clips)
    root = None if options.root is None else Path(Path(options.root).name)
    given = {name: getattr(options, name) for name in vars(options)} | {"root": root}
    return write_command("profile", [subject.file, name_dataset(subject.clips)[0]], ProfileOptions(**given))


def _choose(clips: ReportClips) -> ProfileOptions:
    choice = clips.draw_few(clips.options.ablation_clips)
    return ProfileOptions(
        lines=LINES,
        root=None if choice.root is None else Path(choice.root),
        format=choice.format,
        subset=choice.subset,
        limit=choice.limit,
        batch=clips.settings.batch,
        device=clips.settings.device,
        seed=choice.seed,
    )
