"""The profiles of the chosen networks: a sentence for each, then their pictures, apart or together."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import streamlit as st

from app import cached, commands, components
from app.cached_profiles import compare_profiles, draw_profile, profile_network
from app.chart_points import show_points
from app.columns import NetworkColumn
from app.downloads import offer_downloads
from app.place_door import open_clicked, show_door
from app.profile_wording import PROFILE_NOTE, PROFILE_VIEW_NOTES, PROFILE_VIEWS
from app.wording import literal
from gst_analysis.analyses.profile import Profile
from gst_analysis.analyses.profile.verdict import say_confidence
from gst_analysis.analyses.profile_comparison import ABOUT
from gst_analysis.errors import GstError

MOST_APART = 6
"""Of more the page begins with one map of all: as many pictures would be a page of their own each."""


def show_profiles(columns: Sequence[NetworkColumn]) -> None:
    """The verdict of every network above the picture of each, or of all together."""
    found = [(column, result) for column in columns if (result := _profile(column)) is not None]
    _show_verdicts(found)
    drawn = [(column, result) for column, result in found if result.table["value"].notna().any()]
    view = "apart"
    if len(drawn) > 1:
        first = "apart" if len(drawn) <= MOST_APART else "profile_map"
        view = components.choose_one("Profiles", PROFILE_VIEWS, key="profiles", first=first)
    if view != "apart":
        _compare([column for column, _ in drawn], view)
        return
    for row, pair in enumerate(drawn[start : start + 2] for start in range(0, len(drawn), 2)):
        with st.container(key=f"profiles-{row}"):
            places = st.columns(len(pair))
        for place, (column, result) in zip(places, pair, strict=True):
            with place:
                _show(column, result, named=len(found) > 1)
    if drawn:
        st.caption(PROFILE_NOTE)
        show_points(drawn)
        show_door(drawn)


def _show_verdicts(found: Sequence[tuple[NetworkColumn, Profile]]) -> None:
    """A sentence for each network; how sure all of them are stands once below, where there are several."""
    if len(found) == 1:
        ((column, result),) = found
        st.markdown(f"**{literal(column.name)}**: {literal(result.verdict)}")
        return
    sure = {say_confidence(result.summary.confidence) for _, result in found}
    (shared,) = sure if len(sure) == 1 else ("",)
    told = [(column.name, result.verdict.replace(f"{shared}.", ".")) for column, result in found]
    with _fold("What each profile says", len(found)):
        st.markdown("\n".join(f"- **{literal(name)}**: {literal(words)}" for name, words in told))
        if shared and any(shared in result.verdict for _, result in found):
            st.caption(f"{shared.removeprefix('; ').capitalize()}.")


def _compare(columns: Sequence[NetworkColumn], view: str) -> None:
    """One figure of all networks together, what surely differs from the first, and the numbers."""
    sources = [column.source for column in columns]
    try:
        with st.spinner("Setting profiles against each other"):
            result = compare_profiles(cached.key_of(sources), sources)
    except GstError as error:
        components.show_error(error, names={str(column.path): column.shown for column in columns})
        return
    if view == "profile_differences":
        with _fold("What surely differs from the first", len(columns)):
            for name, told in result.summary.differences.items():
                st.markdown(
                    f"**{literal(name)}** against **{literal(result.summary.reference)}**: {literal(told)}"
                )
    figure = result.pages(dark=components.is_dark())[view]
    components.show_figure(figure, key=f"profiles {view}", alt=result.say_figures()[view])
    st.caption(PROFILE_VIEW_NOTES[view])
    offer_downloads(view, result, lambda: result.figures()[view])
    table = result.differences if view == "profile_differences" else result.networks
    components.show_table("Numbers", table, {name: name for name in table.columns})
    lines = commands.write_analysis(ABOUT, [column.shown for column in columns])
    components.show_code(lines, key="code-profiles")  # the page has others about scales


def _fold(title: str, networks: int) -> AbstractContextManager[object]:
    """Where a sentence for each network goes: into a fold where the picture would lie far below them."""
    if networks <= MOST_APART:
        return nullcontext()
    return st.expander(f"{title}: {networks} networks", icon=":material/format_list_bulleted:")


def _profile(column: NetworkColumn) -> Profile | None:
    """A network's profile; of a file that cannot be read any more, why."""
    try:
        with st.spinner("Drawing up profiles"):
            return profile_network(cached.key_of([column.source]), column.source)
    except GstError as error:
        components.show_error(error, names={str(column.path): column.shown})
        return None


def _show(column: NetworkColumn, result: Profile, *, named: bool) -> None:
    if named:
        st.markdown(f"**{literal(column.name)}**")
    key = cached.key_of([column.source])
    figure = draw_profile(key, result, dark=components.is_dark())
    alt = f"{column.name}. {result.say_figures()[result.stem]}"
    components.show_figure(figure, key=f"profile {column.ref or column.name}", alt=alt, on_click=open_clicked)
    offer_downloads(f"profile-{column.name}", result, result.plot)
