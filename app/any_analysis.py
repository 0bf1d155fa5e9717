"""An analysis that has no page of its own: choose what it is run on, see its figures and its table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st

from app import cached, commands, components
from app.clips_to_try import Clips, choose_clips
from app.columns import NetworkColumn, choose_column, choose_second, open_network
from app.downloads import offer_downloads
from app.job_progress import await_result
from app.wording import ANALYSES_NONE, ANALYSIS_ABOUT, rename_result
from gst_analysis.options import list_options
from gst_analysis.progress import Progress
from gst_analysis.rooms import About

ON_CLIPS = ("clips", "dataset")
_ALSO = {"profile": "start", "order": "classes"}
"""Pages that show a part of what can be run here."""
_REST: Mapping[str, Mapping[str, Any]] = {
    "ablate": {"interventions": ("mean",), "joint": True, "sets": ("network", "stage")}
}
"""What the page of an analysis does not show, and is run here. Groups changed together in pairs, in sequences
and in orders would take minutes: the command line has them."""


def list_runnable(analyses: Sequence[About]) -> dict[str, About]:
    """Those that no page shows in full and that can be run on what a visitor chooses, by their commands."""
    needs = ("checkpoint", "checkpoints", *ON_CLIPS)
    untold = (one for one in analyses if not one.page or one.command in _REST)
    return {one.command: one for one in untold if one.needs in needs}


def name_page(about: About, titles: Mapping[str, str], *, runnable: bool) -> str:
    """Where the explorer answers it: a page, the list below, both, or nowhere."""
    page = about.page or _ALSO.get(about.command, "")
    places = [titles.get(page, ""), "below" if runnable else ""]
    return ", ".join(filter(None, places)) or "–"


def show_analysis(about: About, columns: Sequence[NetworkColumn]) -> None:
    """What it asks, what it cannot tell, and its answer for the checkpoint chosen."""
    st.markdown(f"**{about.question}**")
    st.markdown(about.limits)
    column = choose_column(columns)
    takes_two = about.run.__name__ in commands.TAKE_OTHER
    second = choose_second(columns, column, "to be compared with it") if takes_two else None
    networks = [column] if second is None else [column, second]
    clips = choose_clips(column, labelled=about.needs == "dataset") if about.needs in ON_CLIPS else None
    if clips is None and about.needs in ON_CLIPS:
        return

    options = choose_options(about, clips)

    def work(progress: Progress) -> Any:
        given = [] if clips is None else [clips.prepare(progress)]
        other = {} if second is None else {"other": open_network(second)}
        found = about.run(open_network(column), *given, options=options, progress=progress, **other)
        return rename_result(found, {} if clips is None else clips.names)

    names = {str(one.path): one.shown for one in networks} | ({} if clips is None else clips.names)
    keys = [one.source.key for one in networks]
    key = f"{about.command} {keys} {clips.key if clips else ''}"
    result = await_result(key, work, start="Run it", about=ANALYSIS_ABOUT, names=names)
    if result is not None:
        _show_result(about, result, key, names)
    named = None if clips is None else clips.to_write
    shown = [one.shown for one in networks]
    components.show_code(commands.write_analysis(about, shown, options, clips=named))


def choose_options(about: About, clips: Clips | None) -> Any:
    """The room's own, what its page leaves to this one, and how many clips where it can be said."""
    known = [field.name for field in list_options(about.options)]
    limit = {"limit": clips.limit} if clips and "limit" in known else {}
    return about.options(**limit, **_REST.get(about.command, {}))


def _show_result(about: About, result: Any, key: str, names: Mapping[str, str]) -> None:
    """Figures, in plotly where one of the same name is drawn so; remarks, files, and every table."""
    dark = components.is_dark()
    figures, pages, said = result.figures(dark=dark), result.pages(dark=dark), result.say_figures()
    if not figures and not pages:
        st.info(ANALYSES_NONE, icon=":material/info:")
    for name in {**figures, **pages}:
        alt = said.get(name, f"{name} of {', '.join(result.provenance.sources)}")
        if name in pages:
            components.show_figure(pages[name], key=f"{about.command}-{name}", alt=alt)
        else:
            drawing = cached.draw(f"{key} {name}", dark=dark, _figure=partial(figures.__getitem__, name))
            components.show_drawing(drawing, alt=alt)
    components.show_remarks(result, names)
    offer_downloads(result.stem, result, result.plot if figures else None)
    for name, table in result.tables.items():
        title = "Numbers" if table is result.table else f"Numbers: {name.replace('_', ' ')}"
        if len(table):
            components.show_table(title, table, {column: column for column in table.columns})
