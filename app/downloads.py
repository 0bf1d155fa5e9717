"""A row of buttons that make a file when they are pressed."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import streamlit as st

from gst_analysis.files import IMAGE_FORMATS, PLAIN_TABLES, table_writer, to_json
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gst_analysis.style import files
else:  # it imports matplotlib, which nobody needs before a button is pressed
    files = Door("gst_analysis.style.files")

MIMES = {
    "png": "image/png",
    "svg": "image/svg+xml",
    "pdf": "application/pdf",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "json": "application/json",
}


class Saved(Protocol):
    """Any result of an analysis."""

    @property
    def table(self) -> Any: ...

    @property
    def stamp(self) -> str: ...

    def record(self) -> dict[str, Any]: ...

    def say_figures(self) -> dict[str, str]: ...


def offer_downloads(
    stem: str, result: Saved, draw: Callable[[], Figure] | None, *, label: str = "Download"
) -> None:
    """The figure, if there is one, as PNG, SVG, PDF; the table as CSV, parquet; the rest as JSON."""
    kinds = [kind for kind in MIMES if draw or kind not in IMAGE_FORMATS]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{label}**", width="content")
        for kind in kinds:
            st.download_button(
                kind.upper() if kind != "parquet" else "Parquet",
                partial(make_file, kind, stem, result, draw),
                file_name=f"{stem}.{kind}",
                mime=MIMES[kind],
                key=f"{stem}-{kind}",
                on_click="ignore",
                type="tertiary",
                icon=":material/download:",
            )


def make_file(kind: str, stem: str, result: Saved, draw: Callable[[], Figure] | None) -> bytes:
    """The bytes of one format, the same that the command line writes."""
    file = io.BytesIO()
    if kind in IMAGE_FORMATS and draw is not None:
        said = result.say_figures().get(stem, "") if kind == "svg" else ""
        files.image_writer(draw(), kind, result.stamp, said)(file)
    elif kind in PLAIN_TABLES:
        table_writer(result.table, kind, result.stamp)(file)
    else:
        file.write(to_json(result.record()).encode())
    return file.getvalue()
