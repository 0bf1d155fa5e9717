"""The files that a visitor names: which may be opened, what they are called, and what a folder holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app import paths
from app.cached import CheckpointPath
from app.fences import OUTSIDE, may_be_read
from app.paths import FOLDERS_VARIABLE, allowed_folders
from app.wording import plain_name
from gst_analysis.checkpoints.naming import (
    CHECKPOINT_ENDINGS,
    CONFIG,
    PREPROCESSING,
    WEIGHTS,
    find_folder,
    list_checkpoints,
)
from gst_analysis.errors import UnreadableCheckpoint, one_line


@dataclass(frozen=True)
class Choice:
    """A chosen file, or the user's own network.

    `ref` names it in the URL, `name` in figures, `shown` in commands and errors.
    """

    ref: str
    name: str
    path: CheckpointPath
    shown: str


def resolve_path(text: str) -> Choice:
    """The checkpoint file a visitor typed or a link names, if it may be read."""
    try:
        path = _enter(Path(text.strip()).resolve())
        inside = all(map(_may_be_read, _list_read(path)))
        readable = inside and path.is_file()
    except (OSError, ValueError):  # names too long, or with bytes that no file has
        inside = readable = False
    shown = one_line(text)[:200] or "path"
    if not inside:
        raise UnreadableCheckpoint(
            shown,
            expected=f"a path inside {OUTSIDE}",
            found="one outside",
            todo=f"upload the file, or start the explorer with its folder in {FOLDERS_VARIABLE}",
        )
    if not readable or path.suffix not in CHECKPOINT_ENDINGS:
        found = (
            "no such file" if not path.exists() else "a folder" if path.is_dir() else "another kind of file"
        )
        raise UnreadableCheckpoint(
            shown,
            expected=f"a file ending in {', '.join(CHECKPOINT_ENDINGS)}, or a folder of Hugging Face's form",
            found=found,
            todo="check the path",
        )
    return name_file(path)


def list_folder(text: str) -> list[Path]:
    """The checkpoints in a folder that may be read, in order of their names; none of anything else."""
    try:
        path = Path(text.strip()).resolve()
        inside = bool(text.strip()) and path.is_dir() and _may_be_read(path)
        return list_checkpoints(path) if inside and _enter(path) == path else []
    except (OSError, ValueError):
        return []


def spread_files(files: list[Path], most: int) -> list[Path]:
    """So many of a run's checkpoints, the first and the last among them."""
    if len(files) <= most:
        return files
    return [files[place * (len(files) - 1) // (most - 1)] for place in range(most)]


def name_file(path: Path) -> Choice:
    folder = find_folder(path)
    shown = paths.shorten(folder or path)
    return Choice(_refer(path, shown), plain_name((folder or path).stem), path, shown)


def _refer(path: Path, shown: str) -> str:
    """How links name a file: a shipped one alike wherever the explorer was started.

    Unless a folder of that name lies where it was started: then that one is meant.
    """
    usual = Path(paths.SHIPPED.name, path.name)
    return str(usual) if path.parent == paths.SHIPPED and not usual.parent.exists() else shown


def _enter(path: Path) -> Path:
    """The weights in a folder of Hugging Face's form; every other path as it is."""
    return path / WEIGHTS if (path / WEIGHTS).is_file() and (path / CONFIG).is_file() else path


def _list_read(path: Path) -> list[Path]:
    """What is read of a path: weights in a folder have its settings beside them."""
    beside = (CONFIG, *PREPROCESSING) if path.name == WEIGHTS else ()
    return [path, *(path.with_name(name) for name in beside)]


def _may_be_read(path: Path) -> bool:
    return may_be_read(path, allowed_folders())
