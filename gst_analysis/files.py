"""Files and JSON: written whole or not at all, the same bytes for the same value. No torch here."""

from __future__ import annotations

import dataclasses
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from gst_analysis.errors import OutputError

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


def write_whole(path: Path, write: Callable[[IO[bytes]], object]) -> Path:
    """Write a file completely or not at all: to a neighbour first, then moved into place.

    Raises:
        OutputError: the folder cannot be written to, or there is no room.
    """
    handle = None
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
            os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path


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
