"""Per-frame logits of many clips: kept, averaged, written whole and read back without trust."""

from __future__ import annotations

import json
import os
import tokenize
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from gst_analysis.errors import DataError
from gst_analysis.files import to_plain, write_whole
from gst_analysis.numbers import show_class
from gst_analysis.results import Provenance

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]
Seconds = npt.NDArray[np.float64]

UNLABELLED = -1
_FORMAT, _VERSION = "gst-analysis frame logits", 1
_ARRAYS = {"logits": ("f4", 3), "labels": ("i8", 1), "seconds": ("f8", 2), "record": ("u1", 1)}
"""What a file holds: every array's kind and number of axes."""


@dataclass(frozen=True, eq=False)
class FrameLogits:
    """What a network says of every frame of every clip that could be read.

    Views of a clip (other samplings of its frames, other crops) are averaged frame by frame already.
    """

    checkpoint: str
    """The network's name in tables."""
    clips: tuple[str, ...]
    labels: Labels
    """(clips,) true class numbers; -1 where unknown."""
    logits: Floats = field(repr=False)
    """(clips, T, K)"""
    seconds: Seconds = field(repr=False)
    """(clips, T) when each frame is shown; the mean where samplings are averaged, NaN where unknown."""
    class_names: tuple[str, ...] = field(repr=False)
    """Empty where neither checkpoint nor data know them."""
    failures: Mapping[str, str]
    """Clips that could not be read, and why: none of them is in the arrays."""
    notes: tuple[str, ...]
    """What was assumed."""
    provenance: Provenance = field(repr=False)
    videos: tuple[int, ...] = field(default=(), repr=False)
    """(clips,) a number for each clip's file, which several clips may be cut out of; empty where unknown."""

    def __post_init__(self) -> None:
        fault = _find_fault(self)
        if fault is not None:
            expected, found = fault
            raise DataError(
                f"frame logits of {self.checkpoint}",
                expected=expected,
                found=found,
                todo="measure them again",
            )

    @property
    def num_classes(self) -> int:
        return int(self.logits.shape[2])

    @property
    def clip_logits(self) -> Floats:
        """Consensus: the mean over frames, (clips, K)."""
        return np.asarray(self.logits.mean(axis=1, dtype=np.float64), dtype=np.float32)

    def name_class(self, number: int) -> str:
        """The class's name, or class and its number where names are unknown."""
        return self.class_names[number] if self.class_names else show_class(number)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write everything into one npz file, whole or not at all.

        Raises:
            OutputError: the place cannot be written, or another file is there that `overwrite` does not allow
                to be replaced.
        """
        return write_whole(Path(path), self.write, replace=overwrite)

    def write(self, file: IO[bytes]) -> None:
        """Write everything as npz."""
        record = {
            "format": _FORMAT,
            "version": _VERSION,
            **{key: to_plain(getattr(self, key)) for key in _RECORD},
        }
        text = np.frombuffer(json.dumps(record).encode("ascii"), dtype=np.uint8)
        np.savez(file, record=text, logits=self.logits, labels=self.labels, seconds=self.seconds)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> FrameLogits:
        """Read a file that `save` wrote; nothing in it is executed.

        Raises:
            DataError: the file is missing, damaged or holds something else.
        """
        where = Path(path)
        try:
            arrays = _load_arrays(where)
            record = json.loads(arrays.pop("record").tobytes())
            if record.pop("format") != _FORMAT or record.pop("version") != _VERSION:
                raise ValueError("another format or version")
            return cls(
                str(record.pop("checkpoint")),
                _texts(record.pop("clips")),
                arrays["labels"],
                arrays["logits"],
                arrays["seconds"],
                _texts(record.pop("class_names")),
                {str(clip): str(reason) for clip, reason in record.pop("failures").items()},
                _texts(record.pop("notes")),
                _read_provenance(record.pop("provenance")),
                tuple(map(int, record.pop("videos", ()))),  # older files do not tell
            )
        except _UNREADABLE as error:
            raise DataError(
                str(where),
                expected="frame logits as FrameLogits.save writes them",
                found=_say(error),
                todo="check the path, or measure them again",
            ) from error


_RECORD = ("checkpoint", "clips", "class_names", "failures", "notes", "provenance", "videos")
_UNREADABLE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    EOFError,
    MemoryError,
    RecursionError,
    SyntaxError,
    RuntimeError,
    zipfile.BadZipFile,
    tokenize.TokenError,
    DataError,
)
"""Whatever NumPy, zipfile and json raise on a file that is not what it should be."""


def softmax(logits: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Probabilities over the last axis."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    exponentials = np.exp(shifted)
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True))


def _find_fault(logits: FrameLogits) -> tuple[str, str] | None:
    """What was expected and what was found, if the parts do not fit together."""
    shape, clips = logits.logits.shape, len(logits.clips)
    if logits.logits.dtype != np.float32 or len(shape) != 3 or shape[0] != clips or 0 in shape[1:]:
        return f"float32 logits ({clips}, T, K)", f"{logits.logits.dtype} {shape}"
    if logits.labels.shape != (clips,) or logits.seconds.shape != shape[:2]:
        return f"labels and seconds of {clips} clips", f"{logits.labels.shape}, {logits.seconds.shape}"
    if len(set(logits.clips)) < clips or set(logits.clips) & set(logits.failures):
        return "every clip once", "some twice"
    if len(logits.videos) not in (0, clips):
        return f"the videos of {clips} clips, or of none", str(len(logits.videos))
    if len(logits.class_names) not in (0, shape[2]):
        return f"{shape[2]} class names or none", str(len(logits.class_names))
    if clips and not UNLABELLED <= logits.labels.min() <= logits.labels.max() < shape[2]:
        return f"labels below {shape[2]}", f"{logits.labels.min()} to {logits.labels.max()}"
    if not np.isfinite(logits.logits).all():
        return "finite logits", "infinite or missing ones"
    return None


def _load_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays of the file; they lie in it as they are, so a small file cannot fill the memory."""
    with zipfile.ZipFile(path) as archive:
        if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
            raise ValueError("compressed arrays")
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: np.asarray(file[name]) for name in _ARRAYS}
    for name, (kind, axes) in _ARRAYS.items():
        if arrays[name].dtype != np.dtype(kind) or arrays[name].ndim != axes:
            raise ValueError(f"{name} of kind {arrays[name].dtype} with {arrays[name].ndim} axes")
    return arrays


def _read_provenance(record: Mapping[str, Any]) -> Provenance:
    told = dict(record)
    clips, hashes = told.pop("clips", []), dict(told.pop("clip_hashes", {}))  # older files name none
    origin = Provenance(**told)
    # Set afterwards: named at once, the clips would be opened, and a path from a file is never followed.
    object.__setattr__(origin, "clips", _texts(clips))
    object.__setattr__(origin, "clip_hashes", {str(clip): str(sha) for clip, sha in hashes.items()})
    return origin


def _texts(values: list[Any]) -> tuple[str, ...]:
    return tuple(map(str, values))


def _say(error: BaseException) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return f"{type(error).__name__}: {error}"[:160]
