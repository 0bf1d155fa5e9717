"""A place of a profile opened: its channels one by one, what weights tell at once and what was measured.

A click on a point of the picture, or the list beside it, opens a place; its name is in the URL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from app import cached, components, links
from app.cached_measurements import Asked, memory, recall
from app.cached_profiles import measure_kernels
from app.columns import NetworkColumn, open_network
from app.job_progress import await_result
from app.profile_wording import CHANNEL_TITLES, DOOR_NOTE, NO_PLACE, ROLES_ABOUT
from app.wording import literal, say_undefined
from gst_analysis.analyses import roles
from gst_analysis.analyses.profile import Profile
from gst_analysis.analyses.profile.channels import tabulate_channels
from gst_analysis.analyses.profile.table import PLACE
from gst_analysis.errors import GstError
from gst_analysis.progress import Progress
from gst_analysis.rooms import Door
from gst_analysis.style.names import name_block

if TYPE_CHECKING:
    from app import place_clips
else:  # it imports what the first page does without
    place_clips = Door("app.place_clips")

_KEY = "place"


def open_clicked(chart: str) -> None:
    """Open the place of the point that was clicked in a chart; for callbacks."""
    points = st.session_state[chart]["selection"]["points"]
    named = [name for point in points if (name := _name_of(point))]
    if named:
        st.session_state[_KEY] = named[0]


def open_place(name: str) -> None:
    """Open a place by its name; for callbacks."""
    st.session_state[_KEY] = name


def _name_of(point: Mapping[str, Any]) -> str:
    told = point.get("customdata")
    name = told[0] if isinstance(told, (list, tuple)) and told else told
    return name if isinstance(name, str) else ""


def show_door(found: Sequence[tuple[NetworkColumn, Profile]]) -> None:
    """The list of places, and the channels of the one that is open, network by network."""
    tables = [result.table for _, result in found]
    places = [name for table in tables for name in table.loc[table["level"] == PLACE, "place"].unique()]
    if not places:
        return
    links.check_text(_KEY)
    offered = [NO_PLACE, *dict.fromkeys(places)]
    if st.session_state.get(_KEY, NO_PLACE) not in offered:
        del st.session_state[_KEY]  # a stage was clicked, or the network that had it is gone
    if (told := st.query_params.get(_KEY)) in places and _KEY not in st.session_state:
        st.session_state[_KEY] = told  # a link may name it as files and commands do
    chosen = st.selectbox(
        "Open a place",
        offered,
        key=_KEY,
        format_func=name_block,
        bind="query-params",
        width=260,
        help="Or click a point above.",
    )
    if chosen == NO_PLACE:
        return
    # What clips show is asked for below the tables, and stands in them.
    held = [(one, st.container()) for one, result in found if chosen in set(result.table["place"])]
    evidence = place_clips.show_place_clips([column for column, _ in held], chosen)
    for column, room in held:
        with room:
            _show_channels(column, chosen, evidence.get(column.ref))


def _show_channels(column: NetworkColumn, place: str, evidence: Any) -> None:
    key = cached.key_of([column.source])
    shown = st.container()  # above the button that would measure more
    seen = _recall_roles(column)
    ablation = memory().find_last("ablation", column.source.key)
    try:
        kernels = measure_kernels(key, column.source)
        table = tabulate_channels(
            place,
            cached.rate_channels(key, [column.source]).table,
            kernels,
            roles=None if seen is None else seen.table,
            ablation=None if ablation is None else ablation.table,
            evidence=evidence,
        )
    except GstError as error:
        st.info(f"**{literal(column.name)}**: {say_undefined(error)}", icon=":material/info:")
        return
    title = (
        f"{literal(column.name)}, {literal(name_block(place))}: {len(table)} channels, the largest γ first"
    )
    said = {name: told for name, told in CHANNEL_TITLES.items() if _says(table[name])}
    with shown:
        components.show_table(title, table, said, expanded=True)
        st.caption(DOOR_NOTE)


def _says(column: Any) -> bool:
    """Whether a column says something of any channel, as roles do that were measured."""
    return not (column.isna() | (column == "")).all()


def _recall_roles(column: NetworkColumn) -> Any:
    """What channels see, if it was measured; else a button that measures it."""

    def work(progress: Progress) -> Any:
        return roles.channel_roles(open_network(column), progress=progress)

    return recall(
        Asked("roles", column.source.key, ""),
        lambda: await_result(
            f"roles {column.source.key}",
            work,
            start=f"See what channels of {column.name} see",
            about=ROLES_ABOUT,
            names={str(column.path): column.shown},
        ),
    )
