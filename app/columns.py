"""What stands side by side on a page: the chosen checkpoints, read; or an untrained stand-in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import streamlit as st

from app import cached, links
from app.cached_network import copy_of
from app.choosing import choose_checkpoints
from app.components import choose_one, show_error
from app.designing import choose_design
from app.named_files import Choice
from app.wording import UNTRAINED, literal, tell_apart
from gst_analysis.analyses.traces.single_clips import open_named
from gst_analysis.checkpoints.naming import OwnCode
from gst_analysis.checkpoints.sources import glance_at
from gst_analysis.errors import GstError
from gst_analysis.networks.specs import ModelSpec


class NetworkColumn(NamedTuple):
    """One network: what figures call it, what commands call it, and what was read.

    `ref` tells it from all others, also from those of the same name.
    """

    name: str
    shown: str
    reading: cached.Reading
    untrained: ModelSpec | None = None
    path: cached.CheckpointPath | None = None
    ref: str = ""

    @property
    def source(self) -> cached.Source:
        """Where to read more of it."""
        return cached.Source(self.name, self.shown, self.path, self.untrained)


Shown = TypeVar("Shown", Choice, NetworkColumn)


def open_network(column: NetworkColumn) -> Any:
    """The network itself, called as the visitor knows it; for work outside the page."""
    if isinstance(column.path, OwnCode):
        return copy_of(column.path)
    path = column.path or Path(column.shown)
    model = open_named(path, column.shown)
    cached.check_unchanged(path, found=model.sha256, expected=column.reading.inspection.sha256)
    return model


def glance_at_network(column: NetworkColumn) -> Any:
    """What `open_network` opens, without its weights, for which torch would have to be imported."""
    if isinstance(column.path, OwnCode):
        return copy_of(column.path)
    path = column.path or Path(column.shown)
    checkpoint = glance_at(path)
    cached.check_unchanged(path, found=checkpoint.sha256, expected=column.reading.inspection.sha256)
    return replace(checkpoint, path=Path(column.shown))


def gather_columns(untrained: str = UNTRAINED) -> list[NetworkColumn]:
    """Read what the visitor chose; where nothing is chosen, a freshly initialised network stands in.

    Args:
        untrained: what the page then says of it, with `{name}` for its name.
    """
    choices = choose_checkpoints()
    with st.spinner("Reading checkpoints"):
        columns = [_read(choice) for choice in choices] if choices else [_stand_in(untrained)]
    return [column for column in columns if column is not None]


def _read(choice: Choice) -> NetworkColumn | None:
    try:
        reading = cached.read_checkpoint(choice.path)
        return NetworkColumn(choice.name, choice.shown, reading, path=choice.path, ref=choice.ref)
    except GstError as error:
        show_error(error, names={str(choice.path): choice.shown})
        return None


def _stand_in(told: str) -> NetworkColumn | None:
    with st.sidebar:
        st.markdown("**Untrained network**")  # no heading: those begin with the title of the page
        design = choose_design()
    try:
        spec = design.resolve()
        reading = cached.read_untrained(spec.name, str(spec.alpha) if spec.alpha else None)
    except GstError as error:
        show_error(error)
        return None
    st.info(told.format(name=literal(spec.label)), icon=":material/info:")
    return NetworkColumn(spec.label, f"untrained-{spec.name}", reading, spec)


def choose_column(columns: Sequence[NetworkColumn]) -> NetworkColumn:
    """One of those chosen; the first, if the visitor does not say."""
    if len(columns) == 1:
        return columns[0]
    titles = tell_apart({column.ref: column.name for column in columns})
    ref = choose_one("Checkpoint", titles, key="of")
    return next(column for column in columns if column.ref == ref)


def choose_second(shown: Sequence[Shown], first: Shown, why: str) -> Shown | None:
    """Another of those chosen, to stand beside the first; none if the visitor does not say."""
    known = {one.ref: one for one in shown if one.ref != first.ref}
    names: dict[str, str] = {ref: one.name for ref, one in known.items()}
    titles: dict[str, str] = {"": "No second network", **tell_apart(names)}
    links.check_choice("beside", titles, usual=titles[""])
    if not known:
        return None
    if st.session_state.get("beside") not in (None, *titles):
        del st.session_state["beside"]
    ref = st.selectbox(
        "Beside it",
        list(titles),
        key="beside",
        bind="query-params",
        format_func=titles.__getitem__,
        help=f"Another of the checkpoints that you chose, {why}.",
    )
    return known.get(ref)
