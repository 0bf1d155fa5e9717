"""What pages remember, keyed by content. How much of it, app/cached_results.py bounds.

Arguments that start with an underscore are not part of a key; each is determined by those that are.
"""

from __future__ import annotations

import functools
import hashlib
import shutil
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import streamlit as st

import gst_analysis as gst
from app.cached_network import copy_of, key_of_own
from app.cached_results import kept
from app.jobs import Jobs
from app.wording import rename_result
from gst_analysis.analyses import comparison, drift, importance
from gst_analysis.analyses import cost as cost_room
from gst_analysis.analyses import scales as scales_room
from gst_analysis.analyses.comparison import ComparisonOptions, ScaleComparison
from gst_analysis.analyses.cost import Cost, CostOptions, PublishedPlacing
from gst_analysis.analyses.drift import Drift, DriftOptions
from gst_analysis.analyses.importance import Importance
from gst_analysis.analyses.profile import Profile
from gst_analysis.analyses.profile_comparison import ProfileComparison
from gst_analysis.analyses.scales import BnScales
from gst_analysis.analyses.traces.single_clips import match_world
from gst_analysis.checkpoints.naming import OwnCode, ToldFile
from gst_analysis.checkpoints.sources import glance_at
from gst_analysis.clips.labels import load_class_names
from gst_analysis.errors import NotDefinedError, UnreadableCheckpoint
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.results import hash_plain
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from matplotlib.figure import Figure

    from gst_analysis.checkpoints.sources import Inspection
    from gst_analysis.style import files

    Key = tuple[tuple[str, str], ...]
    """Names, and the content hashes or specs of what they name."""
else:  # it imports matplotlib, which the first page does without
    files = Door("gst_analysis.style.files")

CheckpointPath = Path | ToldFile | OwnCode
"""A file, one of which something was told, or the user's own network."""

Measured = TypeVar("Measured", ScaleComparison, Importance, Drift, Profile, ProfileComparison)


class Reading(NamedTuple):
    """What one checkpoint holds: tables of some thousand rows, no weights."""

    inspection: Inspection
    scales: BnScales | None
    world: str | None = None
    """The planted world whose classes it has."""
    undefined: Mapping[str, str] | None = None
    """The parts of the error that says why it has no scales; errors themselves cannot be kept."""
    clip: ClipSpec = ClipSpec()
    """The clips that it takes."""
    labels: tuple[str, ...] = ()
    """The names of its classes, where they are known."""

    def require_scales(self) -> BnScales:
        """Its scales.

        Raises:
            NotDefinedError: they are not defined for such a network.
        """
        if self.scales is None:
            raise NotDefinedError(**(self.undefined or {}))
        return self.scales


def read_checkpoint(path: CheckpointPath) -> Reading:
    """Recognise a file and tabulate its scales; the same content is read once, whatever it is called."""
    with turn():
        return _read(hash_file(path), path)


def hash_file(path: CheckpointPath) -> str:
    """A file's SHA-256, computed once for as long as the file does not change; or what stands for one.

    The last word is the hash; before it stands what was told of the file, which all results follow from, too.
    """
    if isinstance(path, OwnCode):
        return key_of_own(path)
    if isinstance(path, ToldFile):
        return f"told-{hash_plain(path.told)} {hash_file(Path(path))}"
    try:
        status = path.stat()
        return _hash(str(path), status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise UnreadableCheckpoint(
            str(path),
            expected="a file that can be read",
            found=error.strerror or str(error),
            todo="check the path and who may read it",
        ) from error


@kept
def _hash(path: str, changed_ns: int, size: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@kept
def _read(key: str, _path: CheckpointPath) -> Reading:
    checkpoint = glance_at(_path)  # torch would take seconds to import, and is not needed for this
    if not isinstance(_path, OwnCode):
        check_unchanged(_path, found=checkpoint.sha256, expected=key.split()[-1])
    labels = checkpoint.labels or ()
    inspection, world = gst.inspect_checkpoint(checkpoint), match_world(labels)
    plain = Reading(inspection, None, world, clip=checkpoint.clip_spec, labels=labels)
    try:
        return plain._replace(scales=scales_room.bn_scales(checkpoint))
    except NotDefinedError as error:  # other pages may well be for it
        return plain._replace(undefined=error.parts)


@kept
def read_names(sha256: str, _path: Path) -> tuple[str, ...]:
    """The names of classes in a list.

    Raises:
        DataError: it holds none.
    """
    return tuple(load_class_names(_path)[0])


def check_unchanged(path: Path | ToldFile, *, found: str, expected: str) -> None:
    """Refuse a file whose content is no longer what a result would be kept under."""
    if found != expected:
        raise UnreadableCheckpoint(
            str(path),
            expected="a file that stays as it is while it is read",
            found="one that changed",
            todo="wait until it is written, then reload the page",
        )


@kept
def read_untrained(name: str, alpha: str | None) -> Reading:
    """What freshly initialised weights hold, which are the same each time."""
    with turn():
        fresh = gst.build_untrained(ModelSpec.from_name(name, alpha=alpha))
        return Reading(gst.inspect_checkpoint(fresh), scales_room.bn_scales(fresh))


@st.cache_resource
def turn() -> threading.BoundedSemaphore:
    """Two visitors' work at a time: memory stays bounded, and threads do not starve each other.

    Nothing that has its turn may ask for another.
    """
    return threading.BoundedSemaphore(2)


class Source(NamedTuple):
    """A network to read: what figures and commands call it, and its file or its design."""

    name: str
    shown: str
    path: CheckpointPath | None
    untrained: ModelSpec | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Its name, and what everything measured on it follows from."""
        return self.name, str(self.untrained) if self.path is None else hash_file(self.path)


def key_of(sources: Sequence[Source]) -> Key:
    """What everything measured on several networks follows from."""
    return tuple(source.key for source in sources)


@kept
def compare_scales(key: Key, _sources: Sequence[Source], *, options: ComparisonOptions) -> ScaleComparison:
    """Statistics of several networks' scales; `key` is the `key_of` the sources."""
    names = [source.name for source in _sources]
    with turn():
        found = comparison.compare_scales(*open_sources(_sources), names=names, options=options)
    return settle(found, key, _sources)


@kept
def rate_channels(key: Key, _sources: Sequence[Source]) -> Importance:
    """Raw and invariant scores of every channel; `key` is the `key_of` the sources."""
    with turn():
        found = importance.channel_importance(
            *open_sources(_sources), names=[source.name for source in _sources]
        )
    return settle(found, key, _sources)


@kept
def measure_drift(key: Key, _sources: Sequence[Source], *, options: DriftOptions) -> Drift:
    """How far scales moved; `key` is the `key_of` the sources, and of the start where that is a file."""
    with turn():
        names = [source.name for source in _sources]
        found = drift.measure_drift(*open_sources(_sources), names=names, options=options)
    return settle(found, key, _sources)


def open_sources(sources: Sequence[Source]) -> list[Any]:
    """Paths, and freshly initialised networks where there is no file."""
    opened: list[Any] = []
    for source in sources:
        if isinstance(source.path, OwnCode):
            opened.append(copy_of(source.path))
        elif source.path is not None:
            opened.append(source.path)
        elif source.untrained is not None:
            opened.append(gst.build_untrained(source.untrained))
    return opened


def settle(found: Measured, key: Key, sources: Sequence[Source]) -> Measured:
    """Refuse what was read of other files than the key says; call files by what the visitor knows."""
    expected = {content.split()[-1] for _, content in key}  # names may be equal
    for name, sha256 in found.provenance.sources.items():
        if sha256 and sha256 not in expected:
            raise UnreadableCheckpoint(
                name,
                expected="a file that stays as it is while it is read",
                found="one that changed",
                todo="wait until it is written, then reload the page",
            )
    return rename_result(found, {str(source.path): source.shown for source in sources if source.path})


class Drawing(NamedTuple):
    """A figure as the page shows it: SVG, and its width in pixels."""

    svg: str
    width: int


PIXELS_PER_INCH = 104
"""At this scale the figures' 8-point labels are as large as the page's small print."""


@kept
def draw(key: str, *, dark: bool, _figure: Callable[[], Figure]) -> Drawing:
    """A matplotlib figure; `key` names all that it follows from but the background."""
    with turn(), tempfile.TemporaryDirectory(prefix="gst-analysis-figure-") as folder:
        figure = _figure()
        drawn = files.save_figures(figure, folder, "figure", ["svg"])
        svg = Path(drawn["svg"]).read_text()
    return Drawing(svg, round(figure.get_figwidth() * PIXELS_PER_INCH))


@kept
def draw_page(key: str, *, dark: bool, _figure: Callable[[], go.Figure]) -> go.Figure:
    """A plotly figure; `key` names all that it follows from but the background."""
    return _figure()


@kept
def draw_pages(key: str, *, dark: bool, _figures: Callable[[], dict[str, go.Figure]]) -> dict[str, go.Figure]:
    """Several plotly figures that are drawn together, as `draw_page` keeps one."""
    return _figures()


@functools.cache  # not Streamlit's: what empties those must not orphan what runs
def jobs() -> Jobs:
    """Long work, that of all visitors together."""
    return Jobs()


@functools.cache
def make_upload_home() -> Path:
    """One folder for all visitors' uploads, which nobody else may look into."""
    return Path(tempfile.mkdtemp(prefix="gst-analysis-uploads-"))


def remove_uploads() -> None:
    """Remove every upload of every visitor, as the server does when it stops."""
    jobs().close()
    jobs.cache_clear()
    shutil.rmtree(make_upload_home(), ignore_errors=True)
    make_upload_home.cache_clear()


@kept
def draw_scales(
    key: Sequence[tuple[str, str]], _result: BnScales, *, by: str, absolute: bool, dark: bool
) -> go.Figure:
    """Figure 4 in plotly; `key` holds the name and content hash of every column."""
    return _result.plot_interactive(by=by, dark=dark)


@kept
def measure_cost(key: str, _model: Callable[[], Any], *, options: CostOptions) -> Cost:
    """What a network costs; `key` says which it is, but for the options."""
    with turn():
        return cost_room.cost(_model(), options=options)


@kept
def list_systems() -> dict[str, gst.ListedNetwork]:
    """The published systems that a name builds."""
    return {one.name: one for one in gst.list_networks() if one.kind == "system"}


def design_key(cost: Cost) -> str:
    """Everything that a cost follows from, as text."""
    return f"{cost.summary.spec} {cost.summary.size} {cost.provenance.version}"


@kept
def draw_cost(design: str, _result: Cost, *, quantity: str, dark: bool) -> go.Figure:
    """Bars per stage and group; `design` is the result's `design_key`."""
    return _result.plot_interactive(quantity=quantity, dark=dark)


@kept
def draw_tradeoff(
    design: str, _result: PublishedPlacing, *, dataset: str, cost: str, dark: bool
) -> go.Figure:
    """Published accuracy over cost; `design` is the `design_key` of what is placed, and its accuracy."""
    return _result.plot_interactive(dataset=dataset, cost=cost, dark=dark)
