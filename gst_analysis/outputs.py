"""What was made in a folder, noted there: files of a result as a set, and never in the place of another's.

A question leaves one hidden note beside its files: what it was asked of, and each file's hash. So it knows
its own files from anybody's. It replaces its own where it was asked of the same inputs again, and removes
those of them that it has not made anew. No torch here.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from gst_analysis.errors import OutputError, legible, name_some
from gst_analysis.files import (
    Occupied,
    Writer,
    hash_file,
    is_plain,
    place_draft,
    to_json,
    write_draft,
    write_whole,
)
from gst_analysis.untrusted import Oversized, parse_json, read_bounded, require_regular

if sys.platform != "win32":
    import fcntl

_UNFINISHED, _PATIENCE_S = "unfinished", 30
_FORMAT, _VERSION = "gst-analysis-files", 1
_HASH_DIGITS = 64
_LARGEST, _MOST_FILES = 256_000_000, 100_000
"""Bytes of a note, which names every clip of a data set, and files that it may tell of."""
GUARDED = "a network, which gives way only where that is asked for"
"""What is said of what is written `guarded`."""


@dataclass(frozen=True)
class Made:
    """What files are of: a question, its inputs by name with their hashes, and all that the answer says."""

    question: str
    inputs: Mapping[str, str]
    answer: str = ""
    """A hash of it. Where it is the same, a file in one format goes on standing beside one in another."""
    origin: Any = None
    """Where it came from, for formats that have no room for that, as csv."""


@dataclass(frozen=True)
class Note:
    """What a question has left in a folder: files by name, with their hashes."""

    inputs: Mapping[str, str]
    answer: str
    files: Mapping[str, str]
    guarded: frozenset[str] = frozenset()
    """Those of them that are neither replaced nor removed."""
    origin: Mapping[str, Any] = field(default_factory=dict)
    """What else is told of where they came from."""
    earlier: Mapping[str, str] = field(default_factory=dict)
    """What some of them were, where whoever was to replace them may have been killed before."""

    def owns(self, path: Path) -> bool:
        """Whether a file is the one that was made, unchanged since."""
        return self.find_own(path) is not None

    def find_own(self, path: Path) -> str | None:
        """The hash of a file that was made, and is unchanged since; None of any other."""
        made = {self.files.get(path.name), self.earlier.get(path.name)}
        try:
            return sha if is_plain(path) and (sha := _hash_honest(path)) in made else None
        except Oversized:  # nearly all of it are holes: nothing that was made here
            return None

    def knows(self, word: str) -> bool:
        """Whether a file that a command names was among the inputs, or is one that its reader refuses."""
        if legible(os.path.abspath(word)) in self.inputs:
            return True
        try:
            return _hash_honest(Path(word)) in self.inputs.values()
        except Oversized:  # its reader says so
            return True


def load_note(folder: Path, question: str) -> Note | None:
    """What a question has left in a folder; None where nothing of it is there, or the note is damaged."""
    try:
        told = parse_json(read_bounded(_note_path(folder, question), most=_LARGEST))
        if (told["format"], told["version"]) != (_FORMAT, _VERSION):
            return None
        guarded = frozenset(map(str, told["guarded"]))
        inputs, files, earlier = (
            {str(k): str(v) for k, v in found.items()}
            for found in (told["inputs"], told["files"], told.get("earlier", {}))
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if len(files) > _MOST_FILES:
        return None
    here = {name: sha for name, sha in files.items() if name == Path(name).name}  # nothing outside the folder
    left = any(os.path.lexists(folder / name) for name in here)
    origin = told.get("origin")
    given = origin if isinstance(origin, dict) else {}
    return Note(inputs, str(told.get("answer")), here, guarded, given, earlier) if left else None


def _save_note(folder: Path, question: str, note: Note) -> None:
    told = {
        "format": _FORMAT,
        "version": _VERSION,
        "inputs": note.inputs,
        "answer": note.answer,
        "origin": note.origin,
        "files": note.files,
        "guarded": sorted(note.guarded),
    }
    text = to_json(told | ({"earlier": note.earlier} if note.earlier else {})).encode()
    write_whole(_note_path(folder, question), lambda file: file.write(text))


def load_notes(folder: Path) -> list[Note]:
    """What every question has left in a folder."""
    start, end = (part.replace(".", r"\.") for part in (".gst-analysis.", ".json"))
    names = sorted(os.listdir(folder)) if folder.is_dir() else []
    found = [match[1] for name in names if (match := re.fullmatch(f"{start}(.+){end}", name))]
    return [note for question in found if (note := load_note(folder, question)) is not None]


class Outputs:
    """The files of one answer in one folder: `write` them, and they appear when the block ends.

    Args:
        folder: where to; made if it is not there.
        made: what the files are of.
        overwrite: replace whatever has their names.

    Raises:
        Occupied: the folder holds the answer to this question of other inputs, or files of the same names.
    """

    def __init__(self, folder: Path, made: Made, *, overwrite: bool = False) -> None:
        self.folder, self.made, self.overwrite = folder, made, overwrite
        self._drafts: dict[str, _Draft] = {}
        self._written: dict[str, str] = {}
        self._announced, self._new = False, not os.path.lexists(folder)
        self._known = load_note(folder, made.question)
        self._guarded = self._known.guarded if self._known else frozenset()

    def __enter__(self) -> Outputs:
        self._refuse_other_inputs()
        return self

    def write(self, name: str, write: Writer, *, guarded: bool = False) -> Path:
        """Write a file whole; it has its name after the next `commit`.

        Args:
            name: its name in the folder.
            write: called with the open file.
            guarded: not even an own one is replaced, unless it has the same bytes; nor is it ever removed.
        """
        draft = write_draft(self.folder / name, write)
        try:
            self._drafts[name] = _Draft(draft, hash_file(draft), guarded)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        return self.folder / name

    def adopt(self, files: Iterable[Path]) -> None:
        """Take over finished files, which lie elsewhere on the same disk, and commit."""
        self._drafts |= {file.name: _Draft(file, hash_file(file)) for file in files}
        self.commit()

    def commit(self) -> None:
        """Let what was written have its names: all of it, or none if one of them is another's.

        Two runs may end in one folder at once: the one that comes second finds the note of the first.
        """
        with hold_folder(self.folder):
            self._look_again()
            own = [name for name, draft in self._drafts.items() if self._may_replace(name, draft)]
            if self._drafts:
                self._announce()
                self._place_drafts(own)

    def _look_again(self) -> None:
        """Take notice of what came into the folder since it was opened."""
        if self._written:
            return
        self._known = load_note(self.folder, self.made.question)
        self._guarded = self._known.guarded if self._known else frozenset()
        self._refuse_other_inputs()

    def _refuse_other_inputs(self) -> None:
        known = self._known
        if known is not None and known.inputs != self.made.inputs and not self.overwrite:
            raise _refuse_others(self.folder, known)

    def _announce(self) -> None:
        """Note what is about to have its name: who is killed meanwhile knows the files again as its own."""
        known, coming = self._known, {name: draft.sha256 for name, draft in self._drafts.items()}
        here = {name: known.find_own(self.folder / name) for name in coming} if known else {}
        self._save(
            {**(known.files if known else {}), **self._written, **coming},
            guarded=self._guarded | {name for name, draft in self._drafts.items() if draft.guarded},
            earlier={name: sha for name, sha in here.items() if sha is not None},
        )

    def _place_drafts(self, own: Sequence[str]) -> None:
        while self._drafts:
            name, draft = next(iter(self._drafts.items()))
            place_draft(draft.path, self.folder / name, replace=name in own)
            self._written[name] = draft.sha256
            self._guarded |= {name} if draft.guarded else set()
            draft.path.unlink(missing_ok=True)
            del self._drafts[name]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        complete = False
        try:
            if kind is None:
                self.commit()
                complete = True
        finally:
            for draft in self._drafts.values():
                draft.path.unlink(missing_ok=True)
            if complete:
                with hold_folder(self.folder):
                    rest = self._remove_old()
                    if self._written:
                        self._save({**rest, **self._written}, self.made.answer)
            else:
                self._leave()

    def _leave(self) -> None:
        """Note what was written of an unfinished answer; if nothing was, all is as it was before."""
        with suppress(OutputError):  # what went wrong before is what is to be told
            if self._written:
                self._save({**(self._known.files if self._known else {}), **self._written})
            elif self._announced and self._known is not None:
                _save_note(self.folder, self.made.question, self._known)
            elif self._announced:
                _note_path(self.folder, self.made.question).unlink(missing_ok=True)
        if self._new and not self._written:
            with suppress(OSError):  # never made, or somebody else's files lie there
                self.folder.rmdir()

    def _may_replace(self, name: str, draft: _Draft) -> bool:
        """Whether a draft takes the place of what is there; without it, only a free name or equal bytes do.

        Raises:
            Occupied: something is there that may not be replaced.
        """
        path = self.folder / name
        if self.overwrite or not os.path.lexists(path):
            return self.overwrite
        if self._known is not None and not draft.guarded and self._known.owns(path):
            return True
        if is_plain(path) and hash_file(path) == draft.sha256:
            return False
        raise Occupied.of(path, found=self._describe(name, draft))

    def _describe(self, name: str, draft: _Draft) -> str:
        if draft.guarded:
            return GUARDED
        noted = self._known is not None and name in self._known.files
        return "one that was changed since it was made" if noted else "a file that was not made by it"

    def _remove_old(self) -> Mapping[str, str]:
        """Remove what an earlier answer left and this one has not made anew; returns what stays.

        Of the same answer, files in other formats are as true as before.
        """
        known = self._known
        if known is None:
            return {}
        rest = {name: sha for name, sha in known.files.items() if name not in self._written}
        if (known.inputs, known.answer) == (self.made.inputs, self.made.answer) or not self._written:
            return rest
        for name in set(rest) - known.guarded:
            if known.owns(self.folder / name):
                (self.folder / name).unlink(missing_ok=True)
        return {name: sha for name, sha in rest.items() if name in known.guarded}

    def _save(
        self,
        files: Mapping[str, str],
        answer: str = _UNFINISHED,
        *,
        guarded: frozenset[str] | None = None,
        earlier: Mapping[str, str] | None = None,
    ) -> None:
        made, kept = self.made, self._guarded if guarded is None else guarded
        note = Note(made.inputs, answer, files, kept & set(files), made.origin, earlier or {})
        _save_note(self.folder, made.question, note)
        self._announced = True


@dataclass(frozen=True)
class _Draft:
    """A finished file that has not its name yet."""

    path: Path
    sha256: str = field(repr=False)
    guarded: bool = False


@contextmanager
def hold_folder(folder: Path) -> Iterator[None]:
    """Let no other run place its files in a folder meanwhile, where the system can see to that.

    The folder itself is locked, so nothing is left behind; who waits for too long goes on.
    """
    handle = None
    if sys.platform != "win32":
        with suppress(OSError):  # not there yet, or on a file system without locks
            handle = os.open(folder, os.O_RDONLY)
            _wait_for_lock(handle)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _wait_for_lock(handle: int) -> None:
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            time.sleep(0.01)


def check_free(
    folder: Path, question: str, names: Sequence[str], words: Mapping[str, Sequence[str]] | None = None
) -> None:
    """Refuse a folder in which files would not be written, before any work is done.

    Args:
        folder: where they are to go.
        question: of which they are the answer.
        names: those of the files that are known beforehand.
        words: what the question is asked of, as the command line says it, by the names of its arguments.

    Raises:
        Occupied: something has one of the names, or the folder holds the answer of other inputs.
    """
    note = load_note(folder, question)
    for name in names:
        if os.path.lexists(folder / name) and (note is None or name not in note.files):
            raise Occupied.of(folder / name, found="a file that was not made by it")
    if note is None or not any(len(value) == _HASH_DIGITS for value in note.inputs.values()):
        return
    for some in (words or {}).values():
        files = [word for word in some if os.path.isfile(word)]
        # One of several that is known is enough: others may have been unreadable then.
        if files and not any(note.knows(word) for word in files):
            raise _refuse_others(folder, note)


def _hash_honest(path: Path) -> str:
    """A file's hash; gigabytes of holes would take a minute.

    Raises:
        Oversized: it is no regular file, or nearly all of it are holes.
    """
    require_regular(path)
    return hash_file(path)


def _note_path(folder: Path, question: str) -> Path:
    return folder / f".gst-analysis.{question}.json"


def _refuse_others(folder: Path, note: Note) -> Occupied:
    files, inputs = (name_some(list(names), limit=2) for names in (note.files, note.inputs))
    return Occupied.of(folder, found=f"{files} from {inputs}, other inputs")
