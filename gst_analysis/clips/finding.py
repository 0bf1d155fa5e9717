"""Files, folders and globs in, clips without labels out; and what a drawing calls a clip that has no name."""

from __future__ import annotations

import glob
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from gst_analysis.clips.arrays import hold_clips, is_array
from gst_analysis.clips.locating import VIDEO_SUFFIXES
from gst_analysis.clips.records import AnyPath, ClipRecord, RecordList
from gst_analysis.errors import DataError, legible, one_line

_FRAME = re.compile(r".*[0-9]\.(jpe?g|png)", re.IGNORECASE)


def find_clips(sources: AnyPath | Sequence[AnyPath] | Sequence[ClipRecord]) -> RecordList:
    """Every clip that is meant, once, each named by its path; records and arrays are taken as they are.

    A file is a clip, whatever its ending. A folder is a clip if it holds numbered images and no videos;
    else its videos and the frame folders below it are. What does not exist is read as a glob, in which
    `**` means any folders.

    Raises:
        DataError: a name that stands for no clip.
    """
    if is_array(sources):
        return _hold(hold_clips(sources))
    given = [sources] if isinstance(sources, (str, os.PathLike)) else list(sources)
    if given and all(map(is_array, given)):
        return _hold([path for one in given for path in hold_clips(one)])
    if not given:
        raise _no_clip("clips", "none")
    records = [source for source in given if isinstance(source, ClipRecord)]
    if len(records) == len(given):
        return RecordList(tuple(records))
    found: dict[Path, None] = {}
    for source in given:
        if not isinstance(source, (str, os.PathLike)):
            raise _no_clip("clips", f"{type(source).__name__} {source!r}"[:80])
        found |= dict.fromkeys(_expand(Path(source)))
    return RecordList(tuple(ClipRecord(legible(path), path) for path in found))


def _hold(paths: Sequence[Path]) -> RecordList:
    return RecordList(tuple(ClipRecord(str(path), path) for path in dict.fromkeys(paths)))


def _expand(source: Path) -> list[Path]:
    if "\0" in str(source):
        raise _no_clip("clips", repr(str(source))[:80])
    if os.path.isdir(source):
        found = list(_walk(source, set()))
        if not found:
            raise _no_clip(str(source), "a folder without any")
        return found
    if os.path.exists(source):
        return [source]
    matches = [Path(name) for name in sorted(glob.glob(str(source), recursive=True))]
    # A pattern may well meet folders and files that are no clips: they are passed over.
    found = [path for match in matches for path in _visit(match)]
    if not found:
        raise _no_clip(str(source), "nothing there" if not matches else "matches, but none is one")
    return found


def _visit(match: Path) -> list[Path]:
    if match.is_dir():
        return list(_walk(match, set()))
    return [match] if match.suffix.lower() in VIDEO_SUFFIXES else []


def _walk(folder: Path, seen: set[Path]) -> Iterator[Path]:
    """Clips in and below a folder in the order of their names; links that lead back are not followed."""
    real = folder.resolve()
    if real in seen:
        return
    seen.add(real)
    try:
        entries = sorted(os.listdir(folder))
    except OSError as error:
        raise _no_clip(str(folder), error.strerror or str(error)) from error
    videos = [name for name in entries if _is_video(folder / name)]
    if not videos and any(_FRAME.fullmatch(name) for name in entries):
        yield folder
        return
    for name in entries:
        if name in videos:
            yield folder / name
        elif (folder / name).is_dir() and not name.startswith("."):
            yield from _walk(folder / name, seen)


def _is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES and not path.name.startswith(".") and path.is_file()


def _no_clip(subject: str, found: str) -> DataError:
    return DataError(
        subject,
        expected="a video file, a folder of frames, a folder of clips, or a glob",
        found=found,
        todo="check the path",
    )


def name_files(records: Mapping[str, ClipRecord]) -> dict[str, str]:
    """A title of one line for every clip: of one named by its path, the file and what tells it apart.

    Others keep the name that their data set gives them. One that is listed twice keeps its number.
    """
    paths = {name: Path(record.path) for name, record in records.items() if name.startswith(str(record.path))}
    ends = Counter(end for path in set(paths.values()) for end in _list_ends(path))
    short = {
        name: str(Path(*next((end for end in _list_ends(path) if ends[end] == 1), path.parts)))
        + name.removeprefix(str(path))
        for name, path in paths.items()
    }
    return {name: one_line(short.get(name, name)) for name in records}


def _list_ends(path: Path) -> list[tuple[str, ...]]:
    """The file, the file in its folder, and so on."""
    return [path.parts[-length:] for length in range(1, len(path.parts) + 1)]
