"""Labelled clips that visitors send: an archive, or several files with a list, becomes a data set of theirs.

On the disk clips go by numbers in a folder of the visitor's own; what they were called is kept beside, for
lists to find them and for pages to show. The folder goes with the visitor.
"""

from __future__ import annotations

import hashlib
import io
import re
import secrets
import shutil
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from app.archives import ARCHIVE_ENDINGS, Member, open_archive, unpack
from app.fences import LIST_ENDINGS
from app.sent_clips import SentClips, split_classes
from app.uploads import check_room, make_folder
from app.wording import plain_name
from gst_analysis.clips.labels import USUAL_LABEL_FILES
from gst_analysis.clips.locating import VIDEO_SUFFIXES
from gst_analysis.errors import DataError, OutputError

MOST_SETS = 2
MOST_LIST_BYTES = 20_000_000
_FRAME = re.compile(r"(?:[^.].*)?(?<![0-9])([0-9]{1,12})(\.(?:jpe?g|png))", re.IGNORECASE)
_MEASURED = ("val", "test")
"""What names of lists hold, of those that networks are measured on; as `find_lists` has it."""
_one_at_a_time = threading.Lock()
"""So that what is free on the disk is still free when the next begins."""


class LabelledUploads:
    """One visitor's, by the names that pages show."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.sets: dict[str, SentClips] = {}
        self.folder = make_folder(home, self)

    def keep(self, files: Sequence[tuple[str, BinaryIO, int]]) -> str:
        """Take an archive, or clips with a list, and return the name that the data set goes by.

        Raises:
            DataError: what was sent is no data set.
            OutputError: there is no room for it.
        """
        name = _name_set([name for name, _, _ in files])
        if name not in self.sets and len(self.sets) >= MOST_SETS:
            raise OutputError(
                name,
                expected=f"at most {MOST_SETS} data sets at a time",
                found="one more",
                todo="remove those that you sent",
            )
        with _one_at_a_time, _open(files, name) as members:
            check_room(self.home, name, sum(member.size for member in members))
            folder = self.folder / secrets.token_hex(8)
            folder.mkdir()
            try:
                found = _take(members, name, folder, _digest(files))
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
        if name in self.sets:  # the same once more: the newer one counts
            self.remove(name)
        self.sets[name] = found
        return name

    def remove(self, name: str) -> None:
        """Remove one of them now."""
        shutil.rmtree(self.sets.pop(name).folder, ignore_errors=True)

    def clear(self) -> None:
        """Remove all of them now."""
        for name in list(self.sets):
            self.remove(name)


def _name_set(names: Sequence[str]) -> str:
    """That of the archive, or of the list."""
    if not names:
        raise DataError(
            "clips", expected="an archive, or clips with a list", found="nothing", todo="choose files"
        )
    told = next(
        (name for name in names if name.lower().endswith((*ARCHIVE_ENDINGS, *LIST_ENDINGS))), names[0]
    )
    return plain_name(Path(told.replace("\\", "/")).name)


@contextmanager
def _open(files: Sequence[tuple[str, BinaryIO, int]], name: str) -> Iterator[list[Member]]:
    """What was sent, whether in an archive or file by file."""
    archives = [name for name, _, _ in files if name.lower().endswith(ARCHIVE_ENDINGS)]
    if archives and len(files) > 1:
        raise DataError(
            name,
            expected="one archive, or clips with a list",
            found=f"{len(files)} files with an archive among them",
            todo="send the archive alone",
        )
    if archives:
        with open_archive(files[0][1], name) as members:
            yield members
        return
    yield [
        Member(plain_name(Path(own.replace("\\", "/")).name, limit=200), size, partial(_rewind, content))
        for own, content, size in files
    ]


def _rewind(content: BinaryIO) -> Any:
    content.seek(0)
    return io.BytesIO(content.read())


def _digest(files: Sequence[tuple[str, BinaryIO, int]]) -> str:
    told = hashlib.sha256()
    for name, content, size in files:
        content.seek(0)
        told.update(f"{name}\0{size}\0".encode("utf-8", "replace"))
        while chunk := content.read(2**20):
            told.update(chunk)
        content.seek(0)
    return told.hexdigest()


def _take(members: Sequence[Member], name: str, folder: Path, version: str) -> SentClips:
    """Write clips under numbers, and the list that labels them; what is neither stays where it is."""
    wanted = [member for member in members if not _is_hidden(member.name)]
    clips = _group_clips(wanted)
    if not clips:
        raise DataError(
            name,
            expected=f"clips: videos ({', '.join(VIDEO_SUFFIXES)}) or folders of numbered pictures",
            found=f"none among {len(members):,} files",
            todo="send clips in folders that are named as their classes, or with a list",
        )
    listed, labels = _choose_list(wanted, clips, name)
    where = {member: folder / f"{number:06d}" for number, member in enumerate(clips)}
    targets = _plan(clips, where)
    own_list = None if listed is None else folder / f"list{Path(listed.name).suffix.lower()}"
    for member in members:  # in the archive's own order, which is quickest to read
        if member.name in targets:
            targets[member.name].parent.mkdir(exist_ok=True)
            unpack(member, targets[member.name])
        elif member is listed and own_list is not None:
            unpack(member, own_list)
        elif member is labels:
            unpack(member, folder / _find_usual(labels))
    places = {clip: where[clip].with_suffix(_ending(files)) for clip, files in clips.items()}
    flat = not any("/" in member.name for member in members)
    return SentClips(name, version, folder, places, own_list, listed.name if listed else "", flat)


def _find_usual(labels: Member) -> str:
    """What data sets call a file that numbers classes, as we write it."""
    return next(name for name in USUAL_LABEL_FILES if name.lower() == _base(labels.name).lower())


def _is_hidden(name: str) -> bool:
    """What systems leave beside files, such as __MACOSX/._a.mp4."""
    return any(part.startswith((".", "__MACOSX")) for part in name.split("/"))


def _base(name: str) -> str:
    return name.rpartition("/")[2]


def _group_clips(members: Sequence[Member]) -> dict[str, list[Member]]:
    """Videos by their names, and folders of numbered pictures by theirs, each with its files."""
    videos = {one.name: [one] for one in members if one.name.lower().endswith(VIDEO_SUFFIXES)}
    beside = {name.rpartition("/")[0] for name in videos}
    frames: dict[str, list[Member]] = {}
    for one in members:
        folder, _, base = one.name.rpartition("/")
        if folder and folder not in beside and _FRAME.fullmatch(base):
            frames.setdefault(folder, []).append(one)
    return videos | frames


def _ending(files: Sequence[Member]) -> str:
    """A video's own, one of a few; nothing for a folder."""
    return next((end for end in VIDEO_SUFFIXES if files[0].name.lower().endswith(end)), "")


def _plan(clips: Mapping[str, Sequence[Member]], where: Mapping[str, Path]) -> dict[str, Path]:
    """Where each file goes: pictures by their numbers, those of one kind where several are in a folder."""
    targets = {}
    for clip, files in clips.items():
        if _ending(files):
            targets[files[0].name] = where[clip].with_suffix(_ending(files))
            continue
        prefixes = Counter(_split_frame(one)[0] for one in files)
        kept = max(prefixes, key=lambda prefix: (prefix.lower() in _COLOUR, prefixes[prefix]))
        for one in files:
            prefix, number, ending = _split_frame(one)
            if prefix == kept:
                targets.setdefault(one.name, where[clip] / f"{number:012d}{ending}")
    if len(set(targets.values())) < len(targets):
        raise DataError(
            "pictures of a clip", expected="numbers, each once", found="one twice", todo="rename the pictures"
        )
    return targets


_COLOUR = ("img_", "image_", "frame_", "rgb_", "")
"""What colour pictures are called where flow lies beside them."""


def _split_frame(member: Member) -> tuple[str, int, str]:
    base = _base(member.name)
    match = _FRAME.fullmatch(base)
    assert match is not None  # it was grouped by that
    return base[: match.start(1)], int(match[1]), match[2].lower()


def _choose_list(
    members: Sequence[Member], clips: Mapping[str, Sequence[Member]], name: str
) -> tuple[Member | None, Member | None]:
    """The list that labels the clips, None where folders do; and the file that numbers classes, if any."""
    texts = [one for one in members if one.name.lower().endswith(LIST_ENDINGS)]
    usual = [known.lower() for known in USUAL_LABEL_FILES]
    labels = next((one for one in texts if _base(one.name).lower() in usual), None)
    lists = [one for one in texts if _base(one.name).lower() not in usual]
    for kind in _MEASURED:
        named = [one for one in lists if kind in _base(one.name).lower()]
        if named:
            lists = named
            break
    else:
        if len({label for _, label in split_classes(clips).values()} - {""}) > 1:
            return None, None
    if not lists:
        return None, None
    if len(lists) > 1:
        raise DataError(
            name,
            expected="one list for validation, such as validation.json",
            found=f"{len(lists)} lists",
            todo="leave the others out",
        )
    if lists[0].size > MOST_LIST_BYTES:
        raise DataError(
            name,
            expected=f"a list of at most {MOST_LIST_BYTES // 10**6} MB",
            found="a larger one",
            todo="list the clips that you send alone",
        )
    return lists[0], labels if labels is not None and labels.size <= MOST_LIST_BYTES else None
