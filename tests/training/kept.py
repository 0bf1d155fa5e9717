"""What tests of kept frames are made of."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from torch import Tensor

from gst_analysis.clips.dataset import ClipDataset, ClipItem
from gst_analysis.clips.media import Frames
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.training import kept_frames
from gst_analysis.training.kept_files import Form
from gst_analysis.training.kept_frames import KeptFrames
from gst_analysis.training.kept_room import FolderRoom

FORMS: tuple[Form, ...] = ("raw", "jpeg")
SMALL = ClipSpec(2, resize=32, crop=32)
"""Smaller than the world's frames of 48 pixels."""


def settings(folder: Path, form: str, **more: str) -> dict[str, str]:
    named = {key.replace("__", "."): text for key, text in more.items()}
    return {"data.cache": form, "data.cache_folder": str(folder), "data.workers": "0"} | named


def keep(folder: Path, form: Form = "raw", *, spec: ClipSpec = SMALL, mib: float = 100) -> KeptFrames:
    folder.mkdir(exist_ok=True)
    return KeptFrames(form, spec, FolderRoom(folder, int(mib * 2**20)))


def clips_of(dataset: ClipDataset, epoch: int = 0) -> list[Tensor]:
    dataset.set_epoch(epoch)
    read = [dataset[place] for place in range(len(dataset))]
    return [item.clip for item in read if isinstance(item, ClipItem)]


def all_of(total: int) -> np.ndarray:
    return np.arange(total)


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.frames"))


def equal(one: Frames, other: Frames) -> bool:
    pairs = zip(dataclasses.astuple(one), dataclasses.astuple(other), strict=True)
    return all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in pairs)


def forbid(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on no clip can be decoded."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(kept_frames, "open_clip", refuse)
    monkeypatch.setattr("gst_analysis.clips.spans.open_clip", refuse)
