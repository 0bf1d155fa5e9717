"""Clips at a place that is open: the five that drive a channel most, and where in one of them it looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from app import cached, cached_places, components, links
from app.cached_clips import hash_clip
from app.cached_measurements import Asked, recall
from app.checks import name_inputs
from app.clips_to_try import Clips, choose_clips
from app.columns import NetworkColumn, choose_column, open_network
from app.downloads import offer_downloads
from app.job_progress import await_result
from app.jobs import titled
from app.listed_clips import PICTURE_WIDTH, show_listed_clip
from app.profile_wording import DRIVERS_ABOUT, DRIVERS_NOTE, DRIVERS_TITLES, LOOK_ABOUT, LOOK_NOTE
from app.wording import literal, say_time
from gst_analysis.errors import GstError
from gst_analysis.numbers import how_many
from gst_analysis.progress import Progress
from gst_analysis.rooms import Door
from gst_analysis.style.names import name_block

if TYPE_CHECKING:
    from gst_analysis.analyses.profile import drivers
    from gst_analysis.clips.records import ClipRecord
else:
    drivers = Door("gst_analysis.analyses.profile.drivers")

LARGE = 5_000_000
"""Parameters from which the page says beforehand how long clips will take, and looks only when asked."""


def show_place_clips(columns: Sequence[NetworkColumn], place: str) -> dict[str, Any]:
    """Which clips drive the channels of a place; returns what was found of a clip's logit, by network.

    Args:
        columns: the networks that have such a place; the visitor chooses one.
        place: its name.
    """
    trained = [column for column in columns if column.untrained is None]
    if not trained:
        return {}
    st.header(f"Clips that drive the channels of {literal(name_block(place))}", anchor=False)
    st.caption(DRIVERS_NOTE)
    column = choose_column(trained)
    try:
        clips = choose_clips(column)
        found = None if clips is None else _await_drivers(column, clips, place)
        if clips is None or found is None:
            return {}
        _show_failures(found.failures, clips)
        return _show_channel(column, clips, place, found)
    except GstError as error:
        components.show_error(error, names={str(column.path): column.shown})
        return {}


def _await_drivers(column: NetworkColumn, clips: Clips, place: str) -> Any:
    """The clips that drive each channel, from memory or measured once a button is pressed."""
    key = f"{column.source.key} {clips.key} {place}"

    def work(progress: Progress) -> Any:
        records = list(_prepare(clips, progress).values())
        told = titled(progress, "Looking at clips")
        return drivers.measure_drivers(open_network(column), records, place, progress=told)

    return recall(
        Asked(f"drivers {place}", column.source.key, clips.key),
        lambda: await_result(
            f"drivers {key}",
            work,
            start=f"Find the clips that drive {name_block(place)} of {column.name}",
            about=DRIVERS_ABOUT + _say_how_long(column, clips),
            names=name_inputs(column, clips),
            lane="minutes" if _is_large(column) else "seconds",
        ),
    )


def _prepare(clips: Clips, progress: Progress) -> Mapping[str, ClipRecord]:
    clips.prepare(progress)
    return clips.find_records()


def _is_large(column: NetworkColumn) -> bool:
    return column.reading.inspection.params > LARGE


def _say_how_long(column: NetworkColumn, clips: Clips) -> str:
    """For a large network how long a clip takes on this machine, as it was just timed."""
    if not _is_large(column):
        return ""
    with st.spinner("Timing one clip"):
        one = cached_places.time_one_clip(cached.key_of([column.source]), lambda: open_network(column))
    many = f", so {clips.limit} take about {say_time(max(1, one * clips.limit))}" if clips.limit else ""
    return f" One clip takes {one:.1f} s on this machine{many}, and the time to read them."


def _show_failures(failures: Mapping[str, str], clips: Clips) -> None:
    if failures:
        lost = [f"{name} could not be read: {why}" for name, why in failures.items()]
        components.show_notes([literal(line) for line in lost][:20])


def _show_channel(column: NetworkColumn, clips: Clips, place: str, found: Any) -> dict[str, Any]:
    """A channel's five clips as pictures, all channels' as a table, and a look into one of the five."""
    table, records = found.table, clips.find_records()
    table = table.assign(named=[_name_channel(row) for row in table.to_dict("records")])
    known = set(table["named"])
    # In the order of the table above, whose first rows are those of the largest scales.
    rated = cached.rate_channels(cached.key_of([column.source]), [column.source]).table
    sizes = rated.sort_values("gamma", key=abs, ascending=False, kind="stable")
    named = [name for row in sizes.to_dict("records") if (name := _name_channel(row)) in known]
    chosen = _choose("Channel", named, key="channel")
    best = table[table["named"] == chosen].to_dict("records")
    mean, deviation = best[0]["mean"], best[0]["deviation"]
    st.markdown(
        f"Its mean over a clip is **{mean:.3g}** on average over {how_many(found.clips, 'clip')}, "
        f"give or take {deviation:.2g}. The clips where it is largest:"
    )
    with st.container(horizontal=True, gap="small", key="wall"):
        for row in best:
            with st.container(width=PICTURE_WIDTH, gap="xxsmall"):
                _show_clip(column, clips, row, records.get(row["clip"]))
    components.show_table("The clips of every channel", table, DRIVERS_TITLES)
    titles = {_title_clip(row): str(row["clip"]) for row in best}
    name = titles[_choose("Where it looks in", list(titles), key="look")]
    record = records.get(name)
    return {} if record is None else _look(column, place, name, record)


def _choose(label: str, offered: Sequence[str], *, key: str) -> str:
    links.check_text(key)
    if st.session_state.get(key) not in (None, *offered):
        del st.session_state[key]  # of another place or another network
    return str(st.selectbox(label, offered, key=key, bind="query-params", width=360))


def _name_channel(row: Mapping[Any, Any]) -> str:
    return f"{row['group']} {row['channel']} of {name_block(row['layer'])}"


def _title_clip(row: Mapping[Any, Any]) -> str:
    return f"{row['clip']}: {row['label']}" if row["label"] else str(row["clip"])


def _show_clip(
    column: NetworkColumn, clips: Clips, row: Mapping[str, Any], record: ClipRecord | None
) -> None:
    name, told = str(row["clip"]), f"{row['rank']}: {row['activation']:.3g}"
    show_listed_clip(column, clips, name, record, told=told, key=f"driver-{row['rank']}")
    st.caption(literal(str(row["label"]) or name))


def _look(column: NetworkColumn, place: str, name: str, record: ClipRecord) -> dict[str, Any]:
    """Maps of the place in the clip; and what its logit owes to each channel, which the table above shows."""
    seen = _await_look(column, place, name, record)
    if seen is None:
        return {}
    maps, evidence = seen
    st.caption(LOOK_NOTE.format(label=literal(maps.summary.label), clip=literal(name)))
    alt, dark = maps.say_figures()[maps.stem], components.is_dark()
    st.html(cached_places.draw_maps(_name_look(column, place, record), maps, alt=alt, dark=dark))
    offer_downloads("saliency", maps, maps.plot)
    return {column.ref: evidence}


def _name_look(column: NetworkColumn, place: str, record: ClipRecord) -> str:
    """All that a look follows from: the network's content, the place, the clip's content and part."""
    return f"{column.source.key} {place} {hash_clip(Path(record.path))} {record!r}"


def _await_look(column: NetworkColumn, place: str, name: str, record: ClipRecord) -> Any:
    """At once where it takes a moment; with a large network once the visitor asks, beside the page."""
    key, names = _name_look(column, place, record), {str(column.path): column.shown, str(record.path): name}

    def work(progress: Progress) -> Any:
        return cached_places.look_into(key, place, _open=lambda: open_network(column), _record=record)

    if _is_large(column):
        return await_result(
            f"look {key}", work, start="Look into it", about=LOOK_ABOUT, names=names, lane="seconds"
        )
    with st.spinner("Looking for evidence"):
        return cached_places.look_into(key, place, _open=lambda: open_network(column), _record=record)
