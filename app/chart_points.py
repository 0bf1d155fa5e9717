"""The points of a profile as rows that the keyboard reaches: each reads its numbers, and opens its place.

A chart is drawn for the mouse. What stands in it is here in words, one button a place, so that whoever uses
keys alone, or hears the page, reads every point and enters by the same door.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.columns import NetworkColumn
from app.place_door import open_place
from app.profile_wording import POINTS
from app.wording import literal
from gst_analysis.analyses.profile import Profile
from gst_analysis.analyses.profile.spoken import say_points
from gst_analysis.style.names import name_block


def show_points(found: Sequence[tuple[NetworkColumn, Profile]]) -> None:
    """A folded list of every chart's points; drawn once it is opened."""
    box = st.expander(POINTS, icon=":material/keyboard:", key="points", on_change="rerun")
    if not box.open:
        return
    with box:
        for number, (column, result) in enumerate(found):
            if len(found) > 1:
                st.markdown(f"**{literal(column.name)}**")
            for place, told in say_points(result.table).items():
                st.button(
                    f"{literal(name_block(place))}: {literal(told)}",
                    key=f"point {number} {place}",
                    on_click=open_place,
                    args=(place,),
                    type="tertiary",
                )
