"""Checkpoints whose pickle is the attack."""

from __future__ import annotations

import os
import pickle
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.hostile.cases import MARKER, Case, Kind


class Call:
    """An object whose pickle makes a folder beside the file, if it is run."""

    def __init__(self, marker: Path, way: str) -> None:
        self.marker, self.way = str(marker), way

    def __reduce__(self) -> tuple[Any, ...]:
        if self.way == "os.mkdir":
            return os.mkdir, (self.marker,)
        return eval, (f"__import__('os').mkdir({self.marker!r})",)


def _write_pickle(folder: Path, *, way: str, protocol: int) -> Path:
    path = folder / "model.pth"
    path.write_bytes(pickle.dumps({"state_dict": Call(folder / MARKER, way)}, protocol=protocol))
    return path


def _write_bytes(folder: Path, *, content: bytes) -> Path:
    path = folder / "model.pth"
    path.write_bytes(content)
    return path


def generate(seed: int) -> Iterator[Case]:
    """Pickles without an archive around them."""
    for way in ("os.mkdir", "builtins.eval"):
        for protocol in (2, 3, 4, 5):
            make = partial(_write_pickle, way=way, protocol=protocol)
            yield Case(f"calls {way}, protocol {protocol}", make)
    deep = b"\x80\x02})" + b"\x85" * 200_000 + b"K\x01s."
    yield Case("tuples in tuples as a key, 200,000 deep", partial(_write_bytes, content=deep))


PICKLES = Kind("checkpoints, bare pickle", generate)
