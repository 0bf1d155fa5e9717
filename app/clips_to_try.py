"""Labelled clips to run a checkpoint over: those of the planted world that fits it, or the visitor's own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from app import cached, components, links
from app.columns import NetworkColumn
from app.commands import ClipsToTry
from app.fences import check_clips
from app.jobs import titled
from app.paths import allowed_folders, resolve_clip_path, resolve_list
from app.wording import NO_WORLD, OWN_CLIPS, OWN_VIDEOS
from gst_analysis.clips.finding import find_clips
from gst_analysis.clips.labelled import load_labelled_clips
from gst_analysis.planted import TRIAL_LIST, make_trial
from gst_analysis.progress import Progress

MOST_CLIPS = 2000
KINDS = {"planted": "Planted", "own": "My own"}


@dataclass(frozen=True)
class Clips:
    """A planted world's clips, rendered when they are first needed, or those of an annotation file."""

    world: str | None
    place: Path
    shown: str
    limit: int | None = None
    version: str = ""
    """The annotation file's content, where it is the visitor's own."""
    labelled: bool = True
    """Whether what is handed out is a list with labels; else clips, by their folder or one by one."""

    @property
    def key(self) -> str:
        """All that the clips follow from."""
        return f"{self.world} {self.place} {self.limit} {self.version} {self.labelled}"

    @property
    def names(self) -> dict[str, str]:
        """Places on the server, by what the visitor knows them as."""
        home = cached.make_upload_home()
        return {str(self.place): self.shown, f"{home}/": "", str(home): "a temporary folder"}

    @property
    def to_write(self) -> ClipsToTry:
        """As commands name them."""
        return ClipsToTry(self.world, self.shown, self.limit, self.labelled)

    def check(self, paths: Iterable[Path]) -> None:
        """Refuse clips that may not be read.

        Raises:
            DataError: one lies outside the allowed folders.
        """
        check_clips(paths, self.shown, allowed_folders())

    def prepare(self, progress: Progress) -> str:
        """What to hand to a workflow; renders a planted world the first time."""
        if self.world is not None:
            worlds = self.place.parent.parent
            make_trial(worlds, self.world, progress=titled(progress, "Rendering clips"))
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
        KINDS,
        key="clips",
        help="Planted clips are rendered here, and new to every network that was trained on a planted world.",
    )
    if kind == "own":
        return _choose_own(most) if labelled else _choose_unlabelled()
    world = column.reading.world
    if world is None:
        st.info(NO_WORLD, icon=":material/info:")
        return None
    inside = f"worlds/{world}/{TRIAL_LIST if labelled else 'videos'}"
    return Clips(world, cached.make_upload_home() / inside, inside, labelled=labelled)


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
    links.check_number("limit", 2, most)
    with st.container(horizontal=True, gap="medium"):
        typed = st.text_input(
            "Annotation file",
            key="data",
            bind="query-params",
            placeholder="something/validation.json",
            help="On the server: a list of clips labelled with its classes, or a folder with it.",
        )
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
    if not typed.strip():
        st.info(OWN_CLIPS, icon=":material/folder_open:")
        return None
    place, shown = resolve_list(typed)
    version = cached.hash_file(place) if place.is_file() else str(place.stat().st_mtime_ns)
    return Clips(None, place, shown, limit, version)
