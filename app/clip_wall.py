"""Labelled clips that a network was run over: a wall of pictures and a table, each clip with its trace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

from app import components, links
from app.clips_to_try import Clips
from app.columns import NetworkColumn
from app.listed_clips import PICTURE_WIDTH, open_in_traces, show_listed_clip
from app.wording import literal
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    from gst_analysis.analyses.traces import clip_list
    from gst_analysis.clips.records import ClipRecord
else:
    clip_list = Door("gst_analysis.analyses.traces.clip_list")

PER_PAGE = 24
"""Pictures of a page: only these are decoded, however many clips there are."""
MOST_WORST = 8
SORTS = {
    "worst": "Worst first",
    "unsure": "Least sure",
    "sure": "Surest",
    "changes": "Most changes",
    "order": "Needs order most",
    "name": "By name",
}
ONLY = {"all": "All", "wrong": "Wrong", "right": "Right"}
CONTROLS = ("sort", "only", "truth", "taken")
"""What a link may say of the wall."""
ANY = "Any class"
WORST = (
    "Those whose own class the network thinks least likely. Press one to see in **Traces** what it says "
    "frame by frame."
)
ORDER_UNKNOWN = "To sort by what needs order, measure that first: view **Order**."
CUT = "Some clips are cut out of longer videos. In Traces the whole video is opened."
COLUMNS = {
    "clip": "Clip",
    "true_label": "Class",
    "predicted_label": "Taken for",
    "correct": "Right",
    "probability": "Sure",
    "true_probability": "Own class",
    "true_rank": "Own class's place",
    "changes": "Changes",
    "order_loss": "Lost when shuffled",
}


def show_worst(column: NetworkColumn, clips: Clips, table: Any) -> None:
    """The clips that the network is worst at."""
    wrong = clip_list.choose_rows(table, by="worst", only="wrong").head(MOST_WORST)
    if not len(wrong):
        return
    st.header("Its worst clips", anchor=False)
    st.markdown(WORST)
    _show_pictures(column, clips, wrong)


def show_wall(column: NetworkColumn, clips: Clips, table: Any) -> None:
    """Filters, a page of pictures, and all that is left as a table."""
    rows = _choose(table)
    if not len(rows):
        st.info("No clip is like that.", icon=":material/info:")
        return
    pages = -(-len(rows) // PER_PAGE)
    page = _choose_page(pages, len(rows))
    _show_pictures(column, clips, rows.iloc[(page - 1) * PER_PAGE : page * PER_PAGE])
    records = clips.find_records()
    if any(record.start_frame is not None or record.start_s is not None for record in records.values()):
        st.caption(CUT)
    _show_table(column, clips, rows)


def _choose(table: Any) -> Any:
    """The rows that the visitor wants to see, in his order."""
    known = bool(table["order_loss"].notna().any())
    sorts = {name: title for name, title in SORTS.items() if known or name != "order"}
    by = components.choose_one("Sort", sorts, key="sort", help=None if known else ORDER_UNKNOWN)
    with st.container(horizontal=True, gap="medium"):
        only = components.choose_one("Show", ONLY, key="only")
        true_id = _choose_class(
            "Class", "truth", dict(zip(table["true_id"], table["true_label"], strict=True))
        )
        taken = dict(zip(table["predicted_id"], table["predicted_label"], strict=True))
        predicted_id = _choose_class("Taken for", "taken", taken)
    return clip_list.choose_rows(table, by=by, only=only, true_id=true_id, predicted_id=predicted_id)


def _choose_class(label: str, key: str, names: Mapping[Any, str]) -> int | None:
    numbers = {name: int(number) for number, name in sorted(names.items())}
    links.check_choice(key, {name: name for name in (ANY, *numbers)})
    if st.session_state.get(key) not in (None, ANY, *numbers):
        del st.session_state[key]  # of another network
    chosen = st.selectbox(label, [ANY, *numbers], key=key, bind="query-params", width=260)
    return numbers.get(chosen)


def _choose_page(pages: int, clips: int) -> int:
    count = f"{clips:,} clip{'s' if clips > 1 else ''}"
    if pages == 1:
        st.caption(count)
        return 1
    if st.session_state.get("wall_page", 1) > pages:
        st.session_state.wall_page = 1  # fewer clips are left than there were
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        page = st.number_input("Page", 1, pages, 1, key="wall_page", width=140)
        st.caption(f"of {pages:,}: {count}")
    return int(page)


def _show_pictures(column: NetworkColumn, clips: Clips, rows: Any) -> None:
    records = clips.find_records()
    with st.container(horizontal=True, gap="small", key="wall"):
        for row in rows.to_dict("records"):
            record = records.get(row["clip"])
            with st.container(width=PICTURE_WIDTH, gap="xxsmall"):
                _show_picture(column, clips, row, record)


def _show_picture(
    column: NetworkColumn, clips: Clips, row: Mapping[str, Any], record: ClipRecord | None
) -> None:
    name, mark = str(row["clip"]), "✓" if row["correct"] else "✗"
    said = f"{mark} {literal(str(row['predicted_label']))[:60]}, {row['probability']:.0%}"
    show_listed_clip(column, clips, name, record, told=said, key=f"open-{name}")
    told = [] if row["correct"] else [f"it is {row['true_label']} ({row['true_probability']:.0%})"]
    if row["changes"]:
        told.append(f"{row['changes']} change{'s' if row['changes'] > 1 else ''}")
    if row["order_loss"] == row["order_loss"]:  # not missing
        told.append(f"shuffled −{row['order_loss']:.2f}".replace("−-", "+"))
    st.caption(literal("; ".join(told)) or " ")


def _show_table(column: NetworkColumn, clips: Clips, rows: Any) -> None:
    kept = [name for name in COLUMNS if name != "order_loss" or rows[name].notna().any()]
    shown = rows[kept].rename(columns=COLUMNS)
    two = st.column_config.NumberColumn(format="%.2f")
    st.caption("All of them. Tick a row to open its trace; press a column's name to sort by it.")
    event: Any = st.dataframe(
        shown,
        hide_index=True,
        height=min(420, 38 + 35 * len(shown)),
        key="wall-table",
        on_select="rerun",
        selection_mode="single-row",
        column_config={COLUMNS[name]: two for name in ("probability", "true_probability", "order_loss")},
    )
    for place in event.selection.rows[:1]:
        name = str(rows.iloc[place]["clip"])
        open_in_traces(column, clips, name, clips.find_records().get(name))
        st.rerun()
