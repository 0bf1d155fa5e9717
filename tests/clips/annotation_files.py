"""Annotation files and clips that are there only by name, for tests of the readers."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from gst_analysis.clips.records import RecordList

EPIC_55 = """\
uid,participant_id,video_id,narration,start_timestamp,stop_timestamp,start_frame,stop_frame,verb,verb_class,\
noun,noun_class,all_nouns,all_noun_classes
0,P01,P01_01,open door,00:00:00.14,00:00:03.37,8,202,open,2,door,8,['door'],[8]
1,P01,P01_01,"take cup, then",00:01:00.00,00:01:02.5,3597,3746,take,0,cup,13,"['cup', 'lid']","[13, 5]"
2,P01,P01_01,grab cup,00:02:00.00,00:02:02.5,7197,7346,grab,0,cup,13,['cup'],[13]
3,P01,P01_01,take cup,00:03:00.00,00:03:02.5,9197,9346,take,0,cup,13,['cup'],[13]
"""


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


def touch(root: Path, *names: str) -> None:
    for name in names:
        if name.endswith("/"):
            (root / name).mkdir(parents=True)
        else:
            write(root / name, "")


def brief(records: RecordList) -> list[tuple[str, int | None, str | None]]:
    return [(record.clip, record.label, record.label_text) for record in records]


def close(folder: Path, monkeypatch: pytest.MonkeyPatch, *, listing_only: bool = False) -> None:
    """From now on nothing in the folder can be listed or looked at, as for someone who may not enter it."""

    def refuse(path: object) -> None:
        if os.path.abspath(os.fspath(path)).startswith(f"{folder}{os.sep}"):  # type: ignore[call-overload] # whatever os is given
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    def listed(path: Any = ".") -> list[str]:
        refuse(Path(os.path.abspath(path)) / "x")
        return listdir(path)

    def looked_at(path: Any, *arguments: Any, **options: Any) -> os.stat_result:
        refuse(path)
        return stat(path, *arguments, **options)

    listdir, stat = os.listdir, os.stat
    monkeypatch.setattr(os, "listdir", listed)
    if not listing_only:
        monkeypatch.setattr(os, "stat", looked_at)
