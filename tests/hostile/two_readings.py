"""A checkpoint read with torch and without it: the second gives what the first does, or nothing.

A file may be refused by both, or left to torch. It is a fault to answer otherwise, or where torch refuses.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gst_analysis.checkpoints.reading import RawCheckpoint, load_raw
from gst_analysis.checkpoints.stored import StoredTensor, to_array
from gst_analysis.checkpoints.unbuilt import NotPlain, Unread
from gst_analysis.errors import GstError


def compare_readers(path: Path, out: Path | None = None) -> None:
    """Read a file both ways.

    Raises:
        AssertionError: what is read without torch is not what torch gives.
    """
    try:
        ours = load_raw(path, unbuilt=True)
    except (GstError, NotPlain):
        with contextlib.suppress(GstError):
            load_raw(path)
        return
    theirs = load_raw(path)  # an error of ours here is an answer where torch refuses
    assert (ours.sha256, ours.averaged) == (theirs.sha256, theirs.averaged)
    _require_same_tensors(ours, theirs)
    assert _say(ours.extras) == _say(theirs.extras)


def _require_same_tensors(ours: RawCheckpoint, theirs: RawCheckpoint) -> None:
    assert list(ours.state) == list(theirs.state)
    for name, known in theirs.state.items():
        found: Any = ours.state[name]
        assert isinstance(found, StoredTensor)
        assert (found.shape, found.dtype) == (tuple(known.shape), str(known.dtype)), name
        values = (known.float() if known.dtype == torch.bfloat16 else known).contiguous()
        read = to_array(found)
        if known.dtype == torch.bool:  # any byte but 0 is true, and copies differ in which they take
            values, read = values.view(torch.uint8) != 0, np.asarray(read.view("u1") != 0)
        assert read.tobytes() == values.numpy().tobytes(), name
        for one, same in ((found, known), (found.float(), known.float())):
            assert not one.is_finite() or bool(torch.isfinite(same).all()), name


def _say(value: Any) -> Any:
    """Plain values as they are, all others by one word: without torch they are not made."""
    if isinstance(value, Mapping):
        return [(_say(key), _say(part)) for key, part in value.items()]
    if isinstance(value, (list, tuple)):
        return [_say(part) for part in value]
    plain = value is None or isinstance(value, (str, bytes, int, float))
    tensors = isinstance(value, (StoredTensor, torch.Tensor))
    assert plain or tensors or isinstance(value, Unread) or type(value).__module__ != __name__
    return repr(value) if plain else "a tensor" if tensors else "no plain value"
