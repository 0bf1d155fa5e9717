"""What a visitor may name by its path: in the current folder, and those in GST_ANALYSIS_FOLDERS.

That variable is separated as PATH is.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from app.fences import LIST_ENDINGS, OUTSIDE, check_beside, may_be_read
from gst_analysis.analyses.traces.single_clips import CLIP_ENDINGS
from gst_analysis.errors import DataError, one_line

SHIPPED = Path(__file__).resolve().parents[1] / "trained_models"
FOLDERS_VARIABLE = "GST_ANALYSIS_FOLDERS"


class Wanted(NamedTuple):
    """What a field asks for: how errors call it, whether a path is one, and what to do where it is not."""

    expected: str
    fits: Callable[[Path], bool]
    todo: str


def allowed_folders() -> list[Path]:
    """Where a typed path or a link may point to."""
    extra = [Path(text) for text in os.environ.get(FOLDERS_VARIABLE, "").split(os.pathsep) if text]
    folders = dict.fromkeys(folder.resolve() for folder in (Path.cwd(), *extra, SHIPPED))
    return [folder for folder in folders if not any(other in folder.parents for other in folders)]


def shorten(path: Path) -> str:
    """Relative to the folder the explorer was started in, where it lies below it."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def resolve_folder(text: str) -> tuple[Path, str]:
    """A folder a visitor typed or a link names, and how to show it, if it may be read."""
    return _resolve(text, Wanted("a folder", Path.is_dir, "name the folder that it lies in"))


def resolve_list(text: str) -> tuple[Path, str]:
    """An annotation file, or a folder that holds one, likewise."""
    expected = f"a list of labelled clips ({', '.join(LIST_ENDINGS)}), or a folder with one"
    todo = "name the list that says each clip's class; one video alone can be looked at on the page Traces"
    return _resolve(text, Wanted(expected, lambda path: path.is_dir() or _is_list(path), todo))


def resolve_clip_path(text: str) -> tuple[Path, str]:
    """A video, or a folder of frames or of clips, likewise."""
    expected = f"a video ({', '.join(CLIP_ENDINGS)}), or a folder of frames"
    return _resolve(
        text, Wanted(expected, lambda path: path.is_dir() or _is_video(path), "name a video or a folder")
    )


def resolve_names(text: str) -> tuple[Path, str]:
    """A file with the names of classes, likewise."""
    expected = f"a file with the names of the classes, a line each ({', '.join(LIST_ENDINGS)})"
    return _resolve(text, Wanted(expected, _is_list, "name the list that the network was trained with"))


def _is_list(path: Path) -> bool:
    """By its name: what else is text, such as settings and keys, is not to be looked into."""
    return path.is_file() and path.suffix.lower() in LIST_ENDINGS and not path.name.startswith(".")


def _is_video(path: Path) -> bool:
    """By its name: a decoder takes much for a video, plain text too."""
    return path.is_file() and path.suffix.lower().removeprefix(".") in CLIP_ENDINGS


def _resolve(text: str, wanted: Wanted) -> tuple[Path, str]:
    try:
        path = Path(text.strip()).resolve()
        inside = may_be_read(path, allowed_folders())
        fits, there = inside and wanted.fits(path), inside and path.exists()
    except (OSError, ValueError):  # names too long, or with bytes that no file has
        inside = fits = there = False
    shown = one_line(text)[:200] or "path"
    if not inside:
        todo = f"start the explorer with its folder in {FOLDERS_VARIABLE}"
        raise DataError(shown, expected=f"a path inside {OUTSIDE}", found="one outside", todo=todo)
    if not fits:
        kind = "a folder" if path.is_dir() else "another kind of file"
        raise DataError(
            shown,
            expected=wanted.expected,
            found=kind if there else "no such file or folder",
            todo=wanted.todo if there else "check the path",
        )
    check_beside(path, shown, allowed_folders())
    return path, shorten(path)
