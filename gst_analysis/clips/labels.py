"""Class names in class order: a label file in, or the names that the annotations themselves use.

Which order is used changes every label's index, so it is always said in the notes.
"""

from __future__ import annotations

import csv
import difflib
import io
import itertools
import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from gst_analysis.clips.entries import Annotation, Entry, is_whole, strip_quotes, strip_template
from gst_analysis.clips.locating import list_folder
from gst_analysis.clips.readers_json import parse_json
from gst_analysis.clips.readers_lists import HMDB_FILE
from gst_analysis.errors import DataError, name_some

LabelOrder = Literal["alphabetical", "file"]

_COMPARED = 5000
"""Names that a label which is not among them is compared with, at most."""
_ID_COLUMNS = (("verb_id", "class_key"), ("id", "key"), ("id", "name"))
_USUAL_NAMES: dict[str, tuple[str, ...]] = {
    "something-v1": ("something-something-v1-labels.csv", "labels.csv"),
    "something-v2": ("something-something-v2-labels.json", "labels.json"),
    "jester": ("jester-v1-labels.csv", "labels.csv"),
    "diving48": ("Diving48_vocab.json",),
    "epic-kitchens": ("EPIC_100_verb_classes.csv", "EPIC_verb_classes.csv"),
    "egtea": ("action_idx.txt",),
    "ucf101": ("classInd.txt",),
    "list": ("category.txt",),
}
_WRITTEN_WITH_SEMICOLONS = ("something-v1", "jester")
_LABELS_WITH_SEMICOLONS = (
    "something-something-v1-labels.csv",
    "jester-v1-labels.csv",
    "something-something-v2-labels.json",
    "labels.csv",
    "labels.json",
)

USUAL_LABEL_FILES = tuple(
    dict.fromkeys((*(name for names in _USUAL_NAMES.values() for name in names), *_LABELS_WITH_SEMICOLONS))
)
"""What data sets call the files that number their classes."""


def find_label_file(format_name: str, folder: Path, texts: Collection[str] | None = None) -> Path | None:
    """The data set's own label file beside its annotations, if it is there.

    Args:
        format_name: the annotations' format.
        folder: where they lie.
        texts: the labels they use, where nobody named the format. Lines of `id;label` may be of any of
            several data sets, so the label file is then the one that holds most of their labels.

    Raises:
        DataError: several label files hold as many of the labels, and not the same classes.
    """
    own = _files_in(folder, _USUAL_NAMES.get(format_name, ()))
    if format_name not in _WRITTEN_WITH_SEMICOLONS:
        return own[0] if own else None
    kin = _files_in(folder, _LABELS_WITH_SEMICOLONS)
    if texts is None:
        return next(iter(own + kin), None)
    classes = {path: names for path in kin if (names := _names_or_none(path))}
    return _choose_label_file(classes, texts) if classes else next(iter(own), None)


def _files_in(folder: Path, names: Iterable[str]) -> list[Path]:
    return [folder / name for name in names if os.path.isfile(folder / name)]


def _names_or_none(path: Path) -> list[str]:
    """A label file's classes, none if it cannot be used: it may be of something else."""
    try:
        return load_class_names(path)[0]
    except DataError:
        return []


def _choose_label_file(classes: Mapping[Path, list[str]], texts: Collection[str]) -> Path | None:
    """The file with most of the labels, or the first of several that hold the same classes."""
    found = {
        path: sum(LabelIndex(names).find(text) is not None for text in texts)
        for path, names in classes.items()
    }
    best = [path for path, count in found.items() if count == max(found.values())]
    if len({tuple(sorted(classes[path])) for path in best}) == 1:
        return best[0]
    if not texts:
        return None
    raise DataError(
        str(best[0].parent),
        expected="one label file for these annotations",
        found=f"{name_some([path.name for path in best])}, each with {found[best[0]]} of their "
        f"{len(texts)} labels",
        todo="keep theirs alone beside them, or name the format",
    )


def load_class_names(path: Path, *, order: LabelOrder = "file") -> tuple[list[str], str]:
    """Class names of a label file, and how their order came about.

    A JSON object of name -> index, a table with an id column and lists numbered on every line state
    the order themselves; a file with one name a line is sorted if `order` says so.
    """
    annotation = Annotation.load(path)
    if annotation.is_json:
        names, stated = _json_names(annotation)
    else:
        numbered = _table_names(annotation) or _numbered_names(annotation)
        names, stated = numbered or _plain_names(annotation), numbered is not None
    _check_names(path, names)
    if stated:
        return names, f"class order as numbered in {path.name}"
    if order == "alphabetical":
        return sorted(names), f"class order: the names of {path.name} sorted alphabetically"
    return names, f"class order: the lines of {path.name}"


def derive_class_names(entries: Sequence[Entry], names_beside: Iterable[str] = ()) -> tuple[list[str], str]:
    """Class names from the annotations alone; an empty list where they hold none."""
    labelled = [entry for entry in entries if entry.label is not None and entry.label_text]
    if labelled:
        return _names_by_number(labelled), "class names: the commonest text of each class number"
    names = sorted({entry.label_text for entry in entries if entry.label_text} | set(names_beside))
    if names:
        return names, "class order: the names in the annotations sorted alphabetically"
    return [], "class names unknown: the annotations hold none and no label file was given"


def hmdb51_actions(paths: Iterable[Path]) -> set[str]:
    """Every action that has a split file beside the given ones."""
    folders = sorted({path.parent for path in paths})
    matches = (HMDB_FILE.fullmatch(name) for folder in folders for name in list_folder(folder))
    return {match["action"] for match in matches if match}


class LabelIndex:
    """Label text -> class index, forgiving of [ ] and spaces only."""

    def __init__(self, names: Sequence[str]) -> None:
        self._indices = {_plain(name): index for index, name in enumerate(names)}

    def find(self, text: str) -> int | None:
        return self._indices.get(_plain(text))

    def nearest(self, text: str) -> str | None:
        """The class name that the text may have been meant to be."""
        some = itertools.islice(self._indices, _COMPARED)
        close = difflib.get_close_matches(_plain(text)[:200], some, n=1)
        return close[0] if close else None


def _plain(text: str) -> str:
    return strip_template(text.replace("_", " "))


def _names_by_number(entries: Sequence[Entry]) -> list[str]:
    texts: dict[int, Counter[str]] = {}
    for entry in entries:
        assert entry.label is not None  # the caller kept only those that have both
        assert entry.label_text is not None
        texts.setdefault(entry.label, Counter())[entry.label_text] += 1
    if max(texts) > 10 * len(entries) + 1000:
        return []  # one wild number must not make a list of millions
    return [
        texts[number].most_common(1)[0][0] if number in texts else f"class {number}"
        for number in range(max(texts) + 1)
    ]


def _json_names(annotation: Annotation) -> tuple[list[str], bool]:
    value = parse_json(annotation)
    if isinstance(value, dict):
        return _in_order(annotation, [(index, name) for name, index in value.items()]), True
    names = [" ".join(map(str, item)) if isinstance(item, list) else item for item in value]
    if not all(isinstance(name, str) for name in names):
        raise annotation.error(1, expected="a JSON list of class names", found=repr(value)[:60])
    return names, True


def _table_names(annotation: Annotation) -> list[str] | None:
    """The names of a csv whose header has an id and a name column, or None if it is not one."""
    reader = csv.DictReader(io.StringIO(annotation.text, newline=""))
    try:
        columns = next((pair for pair in _ID_COLUMNS if set(pair) <= set(reader.fieldnames or ())), None)
        if columns is None:
            return None
        number, name = columns
        return _in_order(annotation, [(row[number], row[name]) for row in reader])
    except csv.Error as error:
        line = reader.line_num
        raise annotation.error(line, expected="comma-separated values", found=str(error)) from error


def _numbered_names(annotation: Annotation) -> list[str] | None:
    """`Name Words 1` or `1 Name` on every line, from 0 or 1, each number once; or None."""
    lines = [text for _, text in annotation.lines()]
    for pattern in (r"(?P<name>.+\S)\s+(?P<number>[0-9]{1,6})", r"(?P<number>[0-9]{1,6})\s+(?P<name>.+)"):
        matches = [match for text in lines if (match := re.fullmatch(pattern, text))]
        numbers = sorted(int(match["number"]) for match in matches)
        if lines and numbers in (list(range(len(lines))), list(range(1, len(lines) + 1))):
            return [match["name"] for match in sorted(matches, key=lambda match: int(match["number"]))]
    return None


def _plain_names(annotation: Annotation) -> list[str]:
    return [strip_quotes(text) for _, text in annotation.lines()]


def _in_order(annotation: Annotation, pairs: list[tuple[Any, Any]]) -> list[str]:
    """Names by their stated index, which must run from 0 without a gap."""
    found = {int(str(index)): str(name) for index, name in pairs if is_whole(str(index).strip())}
    if not pairs or sorted(found) != list(range(len(pairs))):
        odd = [str(index) for index, _ in pairs if not is_whole(str(index).strip())]
        raise DataError(
            str(annotation.path),
            expected=f"class numbers 0 to {len(pairs) - 1}, each once",
            found=name_some(odd) if odd else "a gap or a number twice",
            todo="give the data set's label file",
        ).quoting(instead="others")
    return [found[index] for index in range(len(pairs))]


def _check_names(path: Path, names: Sequence[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if not names or twice:
        raise DataError(
            str(path),
            expected="class names, each once",
            found=f"{name_some(twice)} more than once" if twice else "none",
            todo="give a label file",
        ).quoting(instead="some more than once" if twice else "none")
