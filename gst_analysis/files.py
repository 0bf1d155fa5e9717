"""Files and JSON: written whole or not at all, the same bytes for the same value. No torch here."""

from __future__ import annotations

import hashlib
import os
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from gst_analysis.errors import OutputError, legible, shorten, spell_controls
from gst_analysis.plain import to_json as to_json
from gst_analysis.plain import to_plain as to_plain

if TYPE_CHECKING:
    import pandas as pd

IMAGE_FORMATS = ("png", "svg", "pdf")
PLAIN_TABLES = ("csv", "parquet")
TABLE_FORMATS = (*PLAIN_TABLES, "json")
"""The tables, and the record of what went in and what came out."""

Writer = Callable[[IO[bytes]], object]


RAW_VARIABLE = "GST_ANALYSIS_RAW_CSV"
"""Where it is set, and not to 0, text is written into csv as it is, though a spreadsheet may run it."""
_RAW: ContextVar[bool] = ContextVar("raw csv", default=False)
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")


STAMP = "gst-analysis"
"""What the entry of a file is called that says where it came from."""


def table_writer(table: pd.DataFrame, kind: str, stamp: str = "") -> Writer:
    """What writes a table as csv or parquet.

    Args:
        table: the table.
        kind: which of them.
        stamp: where it came from; it has no room in csv.
    """
    if kind == "csv":
        return lambda file: write_csv(table, file)
    return lambda file: _stamp(_make_whole(table), stamp).to_parquet(file, index=False)


def _stamp(table: pd.DataFrame, stamp: str) -> pd.DataFrame:
    """A table whose attributes, which parquet keeps, say where it came from."""
    if not stamp:
        return table
    stamped = table.copy(deep=False)
    stamped.attrs = {**table.attrs, STAMP: stamp}
    return stamped


def write_csv(table: pd.DataFrame, file: IO[Any], *, header: bool = True) -> None:
    """Write a table as csv, for anything that reads one: no cell of it is a formula.

    Args:
        table: the table.
        file: where to, open for bytes or for text.
        header: begin with the names of its columns.
    """
    guard_cells(table).to_csv(
        file, index=False, header=header, lineterminator="\n", errors="backslashreplace"
    )


def require_epoch() -> None:
    """Refuse an environment that ends matplotlib's writers, though no date of theirs is kept.

    Raises:
        OutputError: SOURCE_DATE_EPOCH, which matplotlib reads, is no time.
    """
    told = os.environ.get("SOURCE_DATE_EPOCH")
    if not told:
        return
    try:
        datetime.fromtimestamp(int(told), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise OutputError(
            "SOURCE_DATE_EPOCH",
            expected="seconds since 1970",
            found=repr(told)[:40],
            todo="correct it in the environment, or unset it",
        ) from error


@contextmanager
def raw_csv() -> Iterator[None]:
    """Within it, text is written into csv as it is, though a spreadsheet may run it."""
    before = _RAW.set(True)
    try:
        yield
    finally:
        _RAW.reset(before)


def guard_cells(table: pd.DataFrame) -> pd.DataFrame:
    """A table for csv, in which text that a spreadsheet would run as a formula has a `'` before it.

    Numbers are left alone, also those that are written as text. Control characters are spelt.
    """
    return _change_texts(table, guard_text)


def guard_text(text: str) -> str:
    """The text of a cell for csv: a `'` before a formula, control characters spelt."""
    raw = _RAW.get() or os.environ.get(RAW_VARIABLE, "0") not in ("", "0")
    return spell_controls(text if raw or not _is_formula(text) else f"'{text}")


def _is_formula(text: str) -> bool:
    if not text.startswith(_FORMULAS):
        return False
    try:
        float(text)
    except ValueError:
        return True
    return text[0] in "\t\r"


def _make_whole(table: pd.DataFrame) -> pd.DataFrame:
    """A table for parquet, which takes no half of a character, as a path may hold."""
    return _change_texts(table, legible)


def _change_texts(table: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    """A table with other texts where any changes; the same one where none does."""
    changed = {}
    for name in table.columns[[kind.kind == "O" for kind in table.dtypes]]:
        texts = (text for text in table[name].unique() if isinstance(text, str))
        known = {text: new for text in texts if (new := change(text)) != text}  # a million names may be right
        if known:
            changed[name] = table[name].map(lambda value, known=known: known.get(value, value))
    return table.assign(**changed) if changed else table


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
    new = not os.path.lexists(path.parent)
    # Named before it is made, so that Ctrl-C at any moment finds it; there is room for more letters.
    draft = path.parent / f".{path.name[:32]}.{secrets.token_hex(4)}"
    try:
        handle = _open_draft(draft, path)
        with explain_disk(path):
            with os.fdopen(handle, "wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(draft, 0o666 & ~_umask())
    except BaseException:
        with suppress(OSError, ValueError):  # a folder that was never made, a name that none can have
            draft.unlink(missing_ok=True)
        if new:
            with suppress(OSError, ValueError):  # another has come to lie there meanwhile
                path.parent.rmdir()
        raise
    return draft


def _open_draft(draft: Path, path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    except (OSError, ValueError) as error:  # a name with a null in it
        raise OutputError(
            str(path),
            expected="a folder that can be written to",
            found=getattr(error, "strerror", None) or str(error),
            todo="choose another place with --out",
        ) from error


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
    return is_there(path) and not path.is_symlink()


def is_there(path: Path) -> bool:
    """Whether there is a file; not where no disk can hold its name, as one made longer than another's."""
    with suppress(OSError):
        return path.is_file()
    return False


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
    if not path.is_absolute():
        find_current_folder()
    with explain_disk(path), suppress(FileNotFoundError, NotADirectoryError, PermissionError):
        os.lstat(path)  # which says whether a disk can hold such a name
    nearest = next(place for place in (path, *path.absolute().parents) if os.path.exists(place))
    odd = "a file" if not nearest.is_dir() else "" if os.access(nearest, os.W_OK) else "one that cannot be"
    if odd:
        raise OutputError(
            str(path),
            expected="a folder that can be written to",
            found=odd,
            todo="choose another place with --out",
        )


def find_current_folder() -> str:
    """The folder in which this process was started.

    Raises:
        OutputError: it has been removed since.
    """
    try:
        return os.getcwd()
    except FileNotFoundError as error:
        raise OutputError(
            "the current folder",
            expected="one that is there",
            found="that it was removed",
            todo="change to another one, and run the command again",
        ) from error


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


def find_cache() -> Path:
    """Our folder where this system keeps what may be thrown away.

    Raises:
        OutputError: nothing says where that is.
    """
    if sys.platform == "win32":
        cache = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        cache = Path.home() / "Library" / "Caches"
    else:
        named = os.environ.get("XDG_CACHE_HOME", "")
        # A path that begins here would be another one in every folder, and that of a stranger in his.
        cache = Path(named if os.path.isabs(named) else os.path.expanduser("~/.cache"))
    if not cache.is_absolute():
        raise OutputError(
            "the user's cache",
            expected="a home folder, named from the root on",
            found=shorten(legible(cache)),
            todo="set HOME or XDG_CACHE_HOME",
        )
    return cache / "gst-analysis"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
