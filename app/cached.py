"""Every cache of the explorer. What is kept is small, counted, and keyed by content.

Arguments that start with an underscore are not part of a key (Streamlit's rule); each is determined by
those that are.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import streamlit as st

from gst_analysis import workflows
from gst_analysis.errors import UnreadableCheckpoint
from gst_analysis.specs import ModelSpec
from gst_analysis.workflows import BnScales, Comparison, Cost, Inspection

if TYPE_CHECKING:
    import plotly.graph_objects as go

DAY = 24 * 60 * 60


class Reading(NamedTuple):
    """What one checkpoint holds: tables of some thousand rows, no weights."""

    inspection: Inspection
    scales: BnScales


def read_checkpoint(path: Path) -> Reading:
    """Recognise a file and tabulate its scales; the same content is read once, whatever it is called."""
    with _turn():
        try:
            status = path.stat()
            sha256 = _hash(str(path), status.st_mtime_ns, status.st_size)
        except OSError as error:
            raise UnreadableCheckpoint(
                str(path), expected="a file that can be read", found=error.strerror or str(error),
                todo="check the path and who may read it",
            ) from error  # fmt: skip
        return _read(sha256, path)


@st.cache_data(max_entries=512, ttl=DAY, show_spinner=False)
def _hash(path: str, changed_ns: int, size: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@st.cache_data(max_entries=64, ttl=DAY, show_spinner=False)
def _read(sha256: str, _path: Path) -> Reading:
    checkpoint = workflows.open_checkpoint(_path)
    if checkpoint.sha256 != sha256:
        raise UnreadableCheckpoint(
            str(_path), expected="a file that stays as it is while it is read", found="one that changed",
            todo="wait until it is written, then reload the page",
        )  # fmt: skip
    return Reading(workflows.inspect_checkpoint(checkpoint), workflows.bn_scales(checkpoint))


@st.cache_data(max_entries=32, ttl=DAY, show_spinner=False)
def read_untrained(name: str, alpha: str | None) -> Reading:
    """The same for freshly initialised weights, which are the same each time."""
    with _turn():
        fresh = workflows.build_untrained(ModelSpec.from_name(name, alpha=alpha))
        return Reading(workflows.inspect_checkpoint(fresh), workflows.bn_scales(fresh))


@st.cache_resource
def _turn() -> threading.BoundedSemaphore:
    """Two checkpoints at a time are in memory, however many visitors there are."""
    return threading.BoundedSemaphore(2)


@st.cache_resource
def make_upload_home() -> Path:
    """One folder for all visitors' uploads, which nobody else may look into."""
    return Path(tempfile.mkdtemp(prefix="gst-analysis-uploads-"))


def remove_uploads() -> None:
    """Remove every upload of every visitor, as the server does when it stops."""
    shutil.rmtree(make_upload_home(), ignore_errors=True)
    make_upload_home.clear()


def warm_up() -> None:
    """Import what the first picture needs, which takes seconds, before a visitor has to wait for it."""
    model = workflows.build_untrained(workflows.resolve_spec("gst-resnet26s"))
    workflows.bn_scales(model).plot_interactive(by="stage")


@st.cache_data(max_entries=64, ttl=DAY, show_spinner=False)
def draw_scales(
    key: Sequence[tuple[str, str]], _result: BnScales, *, by: str, absolute: bool, dark: bool
) -> go.Figure:
    """Figure 4 in plotly; `key` holds the name and content hash of every column."""
    return _result.plot_interactive(by=by, dark=dark)


def design_key(cost: Cost) -> str:
    """Everything that a cost follows from, as text."""
    return f"{cost.summary.spec} {cost.summary.size} {cost.provenance.version}"


@st.cache_data(max_entries=64, ttl=DAY, show_spinner=False)
def draw_cost(design: str, _result: Cost, *, quantity: str, dark: bool) -> go.Figure:
    """Bars per stage and group; `design` is the result's `design_key`."""
    return _result.plot_interactive(quantity=quantity, dark=dark)


@st.cache_data(max_entries=64, ttl=DAY, show_spinner=False)
def draw_tradeoff(design: str, _result: Comparison, *, dataset: str, cost: str, dark: bool) -> go.Figure:
    """Published accuracy over cost, with the design of that `design_key` placed."""
    return _result.plot_interactive(dataset=dataset, cost=cost, dark=dark)
