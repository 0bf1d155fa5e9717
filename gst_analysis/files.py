"""Files and JSON: written whole or not at all, the same bytes for the same value. No torch here."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from gst_analysis.errors import OutputError, legible

if TYPE_CHECKING:
    import pandas as pd

IMAGE_FORMATS = ("png", "svg", "pdf")
PLAIN_TABLES = ("csv", "parquet")
TABLE_FORMATS = (*PLAIN_TABLES, "json")
"""The tables, and the record of what went in and what came out."""

Writer = Callable[[IO[bytes]], object]


def table_writer(table: pd.DataFrame, kind: str) -> Writer:
    """What writes a table as csv or parquet."""
    if kind == "csv":
        return lambda file: table.to_csv(file, index=False, lineterminator="\n")
    return lambda file: table.to_parquet(file, index=False)


def to_plain(value: Any) -> Any:
    """Dataclasses, mappings, sequences and NumPy scalars as JSON's own types; NaN becomes null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(k): to_plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_plain(v) for v in value]
    if isinstance(value, float) or (hasattr(value, "item") and not hasattr(value, "__len__")):
        value = value.item() if hasattr(value, "item") else value
        return None if value != value else value
    return value if isinstance(value, (str, int, bool, type(None))) else str(value)


def to_json(value: Any) -> str:
    """One JSON document, the same bytes for the same value."""
    text = json.dumps(to_plain(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return text.encode("utf-8", "backslashreplace").decode()  # a path may hold half a character


def write_whole(path: Path, write: Writer, *, replace: bool = True) -> Path:
    """Write a file completely or not at all: to a neighbour first, then moved into place.

    Args:
        path: where to; its folder is made if it is not there.
        write: called with the open file.
        replace: take the place of a file of that name. If not, one of the same bytes is left as it is.

    Raises:
        OutputError: the folder cannot be written to, there is no room, or another file is there.
    """
    draft = write_draft(path, write)
    try:
        place_draft(draft, path, replace=replace)
    finally:
        draft.unlink(missing_ok=True)
    return path


def write_draft(path: Path, write: Writer) -> Path:
    """Write a hidden neighbour of a file, complete and on the disk, to be moved into its place.

    Raises:
        OutputError: the folder cannot be written to, or there is no room.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise OutputError(
            str(path),
            expected="a folder that can be written to",
            found=error.strerror or str(error),
            todo="choose another place with --out",
        ) from error
    try:
        with explain_disk(path):
            with os.fdopen(handle, "wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, 0o666 & ~_umask())
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)


def place_draft(draft: Path, path: Path, *, replace: bool) -> None:
    """Move a draft to where it belongs.

    Args:
        draft: what `write_draft` returned; without `replace` it may be left behind.
        path: where to.
        replace: take the place of a file of that name. If not, one of the same bytes is left as it is.

    Raises:
        Occupied: another file is there.
        OutputError: the disk says no.
    """
    with explain_disk(path):
        if replace:
            os.replace(draft, path)
            return
        try:
            _place_first(draft, path)
        except FileExistsError:
            if not is_plain(path) or hash_file(path) != hash_file(draft):
                raise Occupied.of(path, found="another file") from None


def _place_first(draft: Path, path: Path) -> None:
    """Move a draft to a name that nothing has: of several processes one alone succeeds."""
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links: take the name, then fill it
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        os.replace(draft, path)


class Occupied(OutputError):
    """A name that something else has, which is not replaced unless that was asked for."""

    @classmethod
    def of(cls, path: Path, *, found: str) -> Occupied:
        """Such a file or folder, and what is there."""
        return cls(
            legible(path),
            expected="a free name, or files of its own from the same inputs",
            found=found,
            todo="choose another place with --out, or replace it with --overwrite (overwrite=True in Python)",
        )


def is_plain(path: Path) -> bool:
    """Whether a path is a file itself, not a link to one."""
    return path.is_file() and not path.is_symlink()


def hash_file(path: Path) -> str:
    """A file's sha256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_place(folder: str | os.PathLike[str]) -> None:
    """Refuse a folder that nothing can be written to, before any work is done.

    Raises:
        OutputError: such a folder.
    """
    path = Path(folder)
    nearest = next(place for place in (path, *path.absolute().parents) if os.path.exists(place))
    odd = "a file" if not nearest.is_dir() else "" if os.access(nearest, os.W_OK) else "one that cannot be"
    if odd:
        raise OutputError(
            str(path),
            expected="a folder that can be written to",
            found=odd,
            todo="choose another place with --out",
        )


@contextmanager
def explain_disk(path: Path) -> Iterator[None]:
    """Turn what the system says while a file is written into an error of ours.

    Raises:
        OutputError: there is no room, for instance.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OutputError(
            str(path),
            expected="room to write it, and a disk that works",
            found=error.strerror or str(error),
            todo="make room, or choose another place with --out",
        ) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
