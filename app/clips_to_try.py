"""Labelled clips to run a checkpoint over: those of the planted world that fits it, or the visitor's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app import cached, cached_datasets, components, links
from app.columns import NetworkColumn
from app.commands import ClipsToTry
from app.fences import check_clips
from app.jobs import titled
from app.paths import allowed_folders, resolve_clip_path, resolve_list
from app.sending import offer_labelled
from app.sent_clips import SentClips
from app.wording import NO_WORLD, OWN_CLIPS, OWN_VIDEOS
from gst_analysis.clips.finding import find_clips
from gst_analysis.clips.labelled import ClipChoice, load_labelled_clips
from gst_analysis.planted import TRIAL_LIST, make_trial
from gst_analysis.progress import Progress
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    from gst_analysis.analyses.traces import clip_list
    from gst_analysis.clips.records import ClipRecord, RecordList
else:
    clip_list = Door("gst_analysis.analyses.traces.clip_list")

MOST_CLIPS = 2000
KINDS = {"planted": "Planted", "own": "My own", "sent": "Uploaded"}


@dataclass(frozen=True)
class Clips:
    """A planted world's clips, rendered when they are first needed, those of a list, or uploads."""

    world: str | None
    place: Path
    shown: str
    limit: int | None = None
    version: str = ""
    """The annotation file's content, where it is the visitor's own."""
    labelled: bool = True
    """Whether what is handed out is a list with labels; else clips, by their folder or one by one."""
    sent: SentClips | None = None
    """What the visitor uploaded."""
    classes: tuple[str, ...] = ()
    """Of the network, where uploads are numbered as it has them."""

    @property
    def key(self) -> str:
        """All that the clips follow from."""
        return f"{self.world} {self.place} {self.limit} {self.version} {self.labelled}"

    @property
    def names(self) -> dict[str, str]:
        """Places on the server, by what the visitor knows them as."""
        home = cached.make_upload_home()
        own = self.sent.names if self.sent is not None else {}
        return own | {str(self.place): self.shown, f"{home}/": "", str(home): "a temporary folder"}

    @property
    def as_told(self) -> dict[str, str]:
        """What results call the data set, for `rename_result`."""
        return {str(self.place): self.shown} | (self.sent.names if self.sent is not None else {})

    @property
    def to_write(self) -> ClipsToTry:
        """As commands name them."""
        named = self.shown if self.sent is None else self.sent.unpacked
        return ClipsToTry(self.world, named, self.limit, self.labelled)

    def find_records(self) -> Mapping[str, ClipRecord]:
        """The clips by the names that tables give them."""
        if self.sent is not None:  # a cache would know them by content, as another visitor's
            return clip_list.name_records(load_labelled_clips(self._read(), ClipChoice(limit=self.limit)))
        check = None if self.world else self.check
        return cached_datasets.find_records(self.key, str(self.place), limit=self.limit, _check=check)

    def check(self, paths: Iterable[Path]) -> None:
        """Refuse clips that may not be read.

        Raises:
            DataError: one lies outside the allowed folders.
        """
        check_clips(paths, self.shown, allowed_folders())

    def _read(self) -> RecordList:
        assert self.sent is not None
        return self.sent.read(self.classes)

    def prepare(self, progress: Progress) -> str | RecordList:
        """What to hand to a workflow; renders a planted world the first time."""
        if self.sent is not None:
            return self._read()
        if self.world is not None:
            worlds = self.place.parent.parent
            make_trial(worlds, self.world, progress=titled(progress, "Rendering clips"))
            progress(0, 0, "")  # what comes next is no longer rendering, and may take seconds to begin
        else:
            records = load_labelled_clips(self.place) if self.labelled else find_clips(self.place)
            self.check(Path(record.path) for record in records)
        return str(self.place)


def choose_clips(column: NetworkColumn, *, labelled: bool = True, most: int = MOST_CLIPS) -> Clips | None:
    """Planted clips, if a world has this checkpoint's classes; or a path. None, with a word on what to do.

    Args:
        column: the checkpoint.
        labelled: whether their labels are needed.
        most: clips of a visitor's own list.
    """
    kind = components.choose_one(
        "Clips",
        {name: title for name, title in KINDS.items() if name != "sent" or labelled},
        key="clips",
        help="Planted clips are rendered here, and new to every network that was trained on a planted world.",
    )
    if kind == "own":
        return _choose_own(most) if labelled else _choose_unlabelled()
    if kind == "sent":
        return _choose_sent(column, most)
    world = column.reading.world
    if world is None:
        st.info(NO_WORLD, icon=":material/info:")
        return None
    inside = f"worlds/{world}/{TRIAL_LIST if labelled else 'videos'}"
    return Clips(world, cached.make_upload_home() / inside, inside, labelled=labelled)


def _choose_sent(column: NetworkColumn, most: int) -> Clips | None:
    sent = offer_labelled()
    if sent is None:
        return None
    limit = _choose_limit(most)
    where = sent.folder if sent.labelled_by is None else sent.labelled_by
    classes = tuple(column.reading.labels)
    return Clips(None, where, Path(sent.name).stem, limit, sent.version, sent=sent, classes=classes)


def _choose_unlabelled() -> Clips | None:
    links.check_text("videos")
    typed = st.text_input(
        "Clips on the server",
        key="videos",
        bind="query-params",
        placeholder="clips",
        help="A video, a folder of frames, or a folder with either.",
    )
    if not typed.strip():
        st.info(OWN_VIDEOS, icon=":material/folder_open:")
        return None
    place, shown = resolve_clip_path(typed)
    return Clips(None, place, shown, version=str(place.stat().st_mtime_ns), labelled=False)


def _choose_own(most: int) -> Clips | None:
    links.check_text("data")
    with st.container(horizontal=True, gap="medium"):
        typed = st.text_input(
            "Annotation file",
            key="data",
            bind="query-params",
            placeholder="something/validation.json",
            help="On the server: a list of clips labelled with its classes, or a folder with it.",
        )
        limit = _choose_limit(most)
    if not typed.strip():
        st.info(OWN_CLIPS, icon=":material/folder_open:")
        return None
    place, shown = resolve_list(typed)
    version = cached.hash_file(place) if place.is_file() else str(place.stat().st_mtime_ns)
    return Clips(None, place, shown, limit, version)


def _choose_limit(most: int) -> int:
    links.check_number("limit", 2, most)
    limit = st.number_input(
        "Clips",
        2,
        most,
        60,
        key="limit",
        bind="query-params",
        width=160,
        help="Drawn at random. More take longer and say more.",
    )
    return int(limit)
