"""Inert stand-ins for plain values of other libraries that trainers keep beside weights.

A `best_prec1` of `numpy.float64` or the `argparse.Namespace` of a run is no reason to refuse a file, and no
reason to trust it either: under those names the unpickler finds what is defined here. A stand-in takes
whatever it is given and forgets it; the real class or function is never looked up, much less called.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gst_analysis.rooms import Door

if TYPE_CHECKING:
    import torch
else:
    torch = Door("torch")

_LOCK = threading.Lock()
"""torch keeps what it may meet in one place for the whole process."""


class Skipped:
    """What stands where a value of another library was left out."""

    def __new__(cls, *given: object) -> Skipped:
        """Make one, whatever it is made of."""
        return super().__new__(cls)

    def __init__(self, *given: object) -> None:
        pass

    def __setstate__(self, state: object) -> None:
        """Forget what it would hold."""

    def __repr__(self) -> str:
        return "<left out>"


def make_dict(*given: object) -> dict[Any, Any]:
    """What stands for a dict of another class: a plain one, whose entries the unpickler fills in."""
    return {}


_PATHS = ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath", "Path", "PurePath")
_NUMPY = ("scalar", "_reconstruct")
LEFT_OUT = (
    "argparse.Namespace",
    "types.SimpleNamespace",
    "numpy.dtype",
    "numpy.ndarray",
    *(f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in _NUMPY),
    *(f"numpy.dtypes.{kind}DType" for kind in ("Float16", "Float32", "Float64", "Int32", "Int64", "Bool")),
    *(f"{module}.{name}" for module in ("pathlib", "pathlib._local") for name in _PATHS),
    *(f"datetime.{name}" for name in ("datetime", "date", "time", "timedelta", "timezone")),
    *(f"builtins.{name}" for name in ("list", "dict", "set", "int", "float", "str", "bool", "slice")),
    *(f"__builtin__.{name}" for name in ("list", "dict", "set", "int", "float", "str", "bool", "long")),
)
"""Names that a file may call: whatever it makes of them is left out."""
DICTS = ("collections.defaultdict",)
"""Dicts of other classes, which become plain ones."""
_STAND_INS: list[Any] = [*((Skipped, name) for name in LEFT_OUT), *((make_dict, name) for name in DICTS)]


def load_plain(path: str | Path) -> Any:
    """What a PyTorch file holds that names nothing of other libraries."""
    return torch.load(path, map_location="cpu", weights_only=True)


def load_past_values(path: str | Path) -> Any:
    """What a PyTorch file holds, with `Skipped` where values of other libraries were.

    Raises:
        UnpicklingError: it asks for something that has no stand-in.
    """
    with _LOCK, torch.serialization.safe_globals(_STAND_INS):
        return torch.load(path, map_location="cpu", weights_only=True)
