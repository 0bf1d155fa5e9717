"""The sums of time_tiles.py as compiled C: one pass over memory each. None where there is no compiler.

Compiled once a machine, in about half a second, into the user's cache folder; afterwards loaded from there.
That it was compiled is logged, and commands say so on stderr. The file is named by its source, the compiler's
flags and the processor, and is read only where it and its folder belong to the user.

C is given addresses and believes what it is told of them: what does not lie as it assumes is refused here.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import logging
import os
import platform
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from gst_analysis.errors import OutputError, SpecError
from gst_analysis.files import find_cache
from gst_analysis.progress import NOTICES

logger = logging.getLogger(NOTICES)
_SOURCE = Path(__file__).with_name("time_tiles.c")
# Not -ffast-math: what is not a number must stay so, and be refused as a logit.
_FLAGS = ("-O3", "-march=native", "-fopenmp", "-fno-math-errno", "-fno-trapping-math", "-fPIC")
_TYPES = {torch.float32: (), torch.bfloat16: ("-DHALF",)}
_LONGEST_S = 60
_LONG, _POINTER, _FLOAT = ctypes.c_long, ctypes.c_void_p, ctypes.c_float
_ARGUMENTS = {
    "enter_tiles": (_POINTER, _POINTER, *[_LONG] * 7, _POINTER, _LONG),
    "leave_tiles": (_POINTER, _POINTER, _POINTER, *[_LONG] * 7, _FLOAT, _FLOAT, _LONG),
    "copy_channels": (_POINTER, _LONG, _POINTER, _LONG, _LONG, _LONG, _LONG),
}


@dataclass(frozen=True)
class Channels:
    """Some channels of folded frames (N*T, C, H, W), channels last: which of them are read or written.

    Raises:
        SpecError: the tensor does not lie so on the CPU, is of other numbers, or has no such channels.
    """

    tensor: Tensor
    start: int
    count: int

    def __post_init__(self) -> None:
        found, end = self.tensor, self.start + self.count
        if found.device.type != "cpu":
            raise _refuse("a tensor on the CPU", f"one on {found.device}")
        if found.dtype not in _TYPES:
            raise _refuse("numbers of float32 or bfloat16", str(found.dtype))
        if found.dim() != 4:
            raise _refuse("frames (N*T, C, H, W)", f"a shape of {tuple(found.shape)}")
        if not found.is_contiguous(memory_format=torch.channels_last):
            raise _refuse("channels last, without gaps", f"strides {found.stride()} of {tuple(found.shape)}")
        if not 0 <= self.start < end <= found.shape[1]:
            raise _refuse(f"channels {self.start} to {end}", f"{found.shape[1]} of them")

    @property
    def pixels(self) -> int:
        return self.tensor.shape[2] * self.tensor.shape[3]


@dataclass(frozen=True)
class NativeSums:
    """The compiled functions for one type of numbers.

    Raises:
        SpecError: a tensor is of another type, or not as large as the others say.
    """

    library: ctypes.CDLL
    kind: torch.dtype

    def copy(self, source: Channels, target: Channels) -> None:
        """Channels from one tensor to another."""
        x, y, size = source.tensor, target.tensor, source.tensor.element_size()
        self._require_kind(x, y)
        _require_shape(y, (x.shape[0], y.shape[1], *x.shape[2:]))
        if source.count != target.count:
            raise _refuse(f"{source.count} channels to write", str(target.count))
        self.library.copy_channels(
            x.data_ptr() + source.start * size,
            x.shape[1],
            y.data_ptr() + target.start * size,
            y.shape[1],
            x.shape[0] * source.pixels,
            source.count,
            torch.get_num_threads(),
        )

    def enter(self, source: Channels, frames: int, span: int) -> Tensor:
        """What time_tiles.enter_tiles gives for those channels."""
        x = source.tensor
        self._require_kind(x)
        _require_span(x, frames, span)
        clips, tiles = x.shape[0] // frames, -(-frames // span)
        shape = (span + 2, clips * tiles, *x.shape[2:], source.count)
        out = torch.empty(shape, dtype=x.dtype)
        zeros = torch.zeros(source.count, dtype=x.dtype)
        numbers = (clips, frames, source.pixels, x.shape[1], source.start, source.count, span)
        self.library.enter_tiles(
            x.data_ptr(), out.data_ptr(), *numbers, zeros.data_ptr(), torch.get_num_threads()
        )
        return out.permute(0, 1, 4, 2, 3)

    def leave(
        self,
        parts: Sequence[Tensor],
        target: Channels,
        frames: int,
        bias: Tensor,
        limits: tuple[float, float],
    ) -> None:
        """What time_tiles.leave_tiles gives, kept within limits, into those channels of the target."""
        y, span = target.tensor, len(parts) - 2
        self._require_kind(y, *parts)
        _require_span(y, frames, span)
        shape = (y.shape[0] // frames * -(-frames // span), target.count, *y.shape[2:])
        for part in parts:
            _require_shape(Channels(part, 0, target.count).tensor, shape)
        plain = bias.dtype == torch.float32 and bias.device.type == "cpu" and bias.is_contiguous()
        if not plain or bias.shape != (target.count,):
            raise _refuse(f"{target.count} biases of float32", f"{tuple(bias.shape)} of {bias.dtype}")
        pointers = (ctypes.c_void_p * len(parts))(*[part.data_ptr() for part in parts])
        numbers = (y.shape[0] // frames, frames, target.pixels, y.shape[1], target.start, target.count, span)
        self.library.leave_tiles(
            pointers, y.data_ptr(), bias.data_ptr(), *numbers, *limits, torch.get_num_threads()
        )

    def _require_kind(self, *tensors: Tensor) -> None:
        for tensor in tensors:
            if tensor.dtype != self.kind:
                raise _refuse(f"numbers of {self.kind}", str(tensor.dtype))


def _require_span(rows: Tensor, frames: int, span: int) -> None:
    if frames < 1 or rows.shape[0] % frames:
        raise _refuse(f"clips of {frames} frames", f"{rows.shape[0]} frames in all")
    if span not in (2, 4):
        raise _refuse("tiles of 2 or 4 frames", str(span))


def _require_shape(tensor: Tensor, shape: tuple[int, ...]) -> None:
    if tensor.shape != shape:
        raise _refuse(f"a tensor of {shape}", str(tuple(tensor.shape)))


def _refuse(expected: str, found: str) -> SpecError:
    return SpecError(
        "compiled sums", expected=expected, found=found, todo="report it: the fused network is at fault"
    )


@functools.cache
def load_sums(kind: torch.dtype) -> NativeSums | None:
    """The compiled sums for a type of numbers; None where they cannot be had."""
    if kind not in _TYPES or sys.platform != "linux" or platform.machine() != "x86_64":
        return None
    try:
        library = ctypes.CDLL(str(_find_compiled(_TYPES[kind])))
    except (OSError, subprocess.SubprocessError, OutputError):
        return None  # no compiler, no folder, no home, a full disk: torch does it
    for name, arguments in _ARGUMENTS.items():
        getattr(library, name).argtypes = arguments
        getattr(library, name).restype = None
    return NativeSums(library, kind)


def cache_folder() -> Path:
    """Where compiled code is kept."""
    return find_cache() / "compiled"


def _find_compiled(more: tuple[str, ...]) -> Path:
    path = _name_compiled(more)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _require_own(path.parent)
    if not path.exists():
        _compile(path, more)
    _require_own(path)
    return path


def _name_compiled(more: tuple[str, ...]) -> Path:
    told = [_SOURCE.read_text(), *_FLAGS, *more, _describe_processor(), sys.byteorder]
    digest = hashlib.sha256("\0".join(told).encode()).hexdigest()[:24]
    return cache_folder() / f"time_tiles-{digest}.so"


def _describe_processor() -> str:
    """What `-march=native` depends on."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line for line in lines if line.startswith("flags")), "")


def _compile(path: Path, more: tuple[str, ...]) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise FileNotFoundError("cc")
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        part, whole = Path(folder, "sums.o"), Path(folder, "sums.so")
        for line in (
            (*_FLAGS, *more, "-c", str(_SOURCE), "-o", str(part)),
            # Without -fopenmp: its threads are those that torch has loaded already, not others beside them.
            ("-shared", str(part), "-o", str(whole)),
        ):
            subprocess.run([compiler, *line], check=True, capture_output=True, timeout=_LONGEST_S)
        os.replace(whole, path)
    spent = time.perf_counter() - start
    logger.info("compiled sums over frames for this processor in %.1f s, once, into %s", spent, path.parent)


def _require_own(path: Path) -> None:
    """Refuse code that somebody else could have put there."""
    told = path.stat()
    if told.st_uid != os.getuid() or told.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(str(path))
