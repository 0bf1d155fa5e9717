"""Annotation files with one clip a line and white space between fields: text in, entries out.

TSN, TRN, TSM, GST and MMAction2 lists; EGTEA Gaze+, HMDB-51 and UCF-101 split files.
"""

from __future__ import annotations

import re

from gst_analysis.clips.entries import Annotation, Entry, is_whole

_N = "([0-9]{1,9})"
EGTEA_CLIP = re.compile(rf"(?P<video>[^-/\s]+-[^-/\s]+-[^-/\s]+)-{_N}-{_N}-F{_N}-F{_N}")
UCF_CLIP = re.compile(r"[^/\\\s]+/v_[^/\\\s]+_g\d+_c\d+\.\w+")
HMDB_FILE = re.compile(r"(?P<action>.+)_test_split(?P<split>\d)\.txt")
_PLAIN_LINE = re.compile(rf"(\S+) {_N}(?: {_N})?(?: {_N})?")
"""A line as nearly all are: a path without spaces, and one to three numbers, each after one space."""
_HMDB_SUBSETS = {"0": "unused", "1": "train", "2": "test"}


def read_list(annotation: Annotation) -> list[Entry]:
    """`path label`, `path num_frames label` or `path offset num_frames label`, by spaces or TAB.

    The first line says which of the three it is, and all others must agree.
    """
    entries: list[Entry] = []
    count = 0
    for line, text in annotation.lines():
        path, numbers = _split_numbers(text)
        if len(numbers) != (count or len(numbers)) or not 1 <= len(numbers) <= 3:
            raise annotation.error(
                line,
                expected=f"a path and {count or '1 to 3'} whole numbers",
                found=text,
                todo="write `path label`, `path num_frames label` or `path offset num_frames label`, with "
                "one label a clip (separate by TAB where paths hold spaces)",
            )
        count = len(numbers)
        entries.append(_list_entry(annotation, line, path, numbers))
    return entries


def _split_numbers(text: str) -> tuple[str, list[int]]:
    """The path and the whole numbers after it; a path may itself be a number, or hold spaces."""
    plain = _PLAIN_LINE.fullmatch(text)
    if plain is not None:
        return plain[1], [int(number) for number in plain.groups()[1:] if number is not None]
    tokens = text.split("\t") if "\t" in text else text.split(" ")
    tokens = [token.strip() for token in tokens]
    first = len(tokens)
    while first > 1 and is_whole(tokens[first - 1]):
        first -= 1
    separator = "\t" if "\t" in text else " "
    return separator.join(tokens[:first]).strip(), [int(token) for token in tokens[first:]]


def _list_entry(annotation: Annotation, line: int, path: str, numbers: list[int]) -> Entry:
    *sizes, label = numbers
    if sizes and sizes[-1] < 1:
        raise annotation.error(line, expected="at least 1 frame", found=str(sizes[-1]))
    if len(sizes) == 2:
        offset, total = sizes
        return Entry(f"{path}@{offset}", line, sources=(path,), label=label, frames=(offset, offset + total))
    return Entry(path, line, files=(path,), label=label, num_frames=sizes[0] if sizes else None)


def read_egtea(annotation: Annotation) -> list[Entry]:
    """`CLIP action verb noun…`: ids from 1, the action in column 2."""
    entries: list[Entry] = []
    meanings: dict[int, tuple[str, ...]] = {}
    for line, text in annotation.lines():
        clip, *ids = text.split()
        match = EGTEA_CLIP.fullmatch(clip)
        if match is None or len(ids) < 1 or not all(map(is_whole, ids)) or int(ids[0]) < 1:
            raise annotation.error(line, expected="VIDEO-ms-ms-Fn-Fn action verb noun…", found=text)
        action = int(ids[0])
        if meanings.setdefault(action, tuple(ids[1:])) != tuple(ids[1:]):
            raise annotation.error(
                line,
                expected="the action in column 2, always with the same verb and nouns "
                f"({' '.join(meanings[action])} for {action})",
                found=text,
                todo="put the action before the verb and the nouns",
            )
        entries.append(_egtea_entry(annotation, line, clip, action - 1))
    return entries


def _egtea_entry(annotation: Annotation, line: int, clip: str, label: int) -> Entry:
    match = EGTEA_CLIP.fullmatch(clip)
    assert match is not None  # the caller matched it
    video = match["video"]
    start_ms, stop_ms, first, last = (int(text) for text in match.groups()[1:])
    annotation.span(start_ms, stop_ms, line, "time")
    annotation.span(first, last, line, "frame")
    return Entry(
        clip,
        line,
        files=(f"{video}/{clip}", clip),
        sources=(video,),
        label=label,
        # EGTEA counts from 1 and names the last frame; ours are from 0 to the one after.
        frames=(max(0, first - 1), last),
        times=(start_ms / 1000, stop_ms / 1000),
    )


def read_hmdb51(annotation: Annotation) -> list[Entry]:
    """`NAME.avi 1` (train), 2 (test) or 0 (neither); the file's name says the action."""
    match = HMDB_FILE.fullmatch(annotation.path.name)
    if match is None:
        raise annotation.error(
            1,
            expected="a file named ACTION_test_splitN.txt",
            found=annotation.path.name,
            todo="keep HMDB-51's own file names",
        )
    action = match["action"]
    entries = []
    for line, text in annotation.lines():
        name, *tags = text.rsplit(None, 1)
        subset = _HMDB_SUBSETS.get(tags[0]) if tags else None
        if subset is None:
            raise annotation.error(line, expected="NAME.avi and 0, 1 or 2", found=text)
        files = (f"{action}/{name}", name)
        entries.append(Entry(name, line, files=files, label_text=action, subset=subset))
    return entries


def read_ucf101(annotation: Annotation) -> list[Entry]:
    """`Action/v_Action_g01_c01.avi 1`, numbered from 1; test lists have no number."""
    entries = []
    for line, text in annotation.lines():
        path, *numbers = text.split()
        if not UCF_CLIP.fullmatch(path) or len(numbers) > 1 or not all(map(is_whole, numbers)):
            raise annotation.error(line, expected="Action/v_Action_g01_c01.avi and a class", found=text)
        if numbers and int(numbers[0]) < 1:
            raise annotation.error(line, expected="a class from 1", found=numbers[0])
        action, name = path.split("/")
        label = int(numbers[0]) - 1 if numbers else None
        entries.append(Entry(path, line, files=(path, name), label=label, label_text=action))
    return entries
