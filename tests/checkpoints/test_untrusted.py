"""What a file says wrongly is noticed, and what is only unusual is read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from gst_analysis.checkpoints.loading import load_checkpoint
from gst_analysis.checkpoints.reading import load_raw
from gst_analysis.errors import BrokenCheckpoint, CheckpointError, UnreadableCheckpoint
from tests.hostile.parts import small_file, small_record, small_state


def save(path: Path, **changes: Any) -> Path:
    torch.save({**small_record(), **changes, "state_dict": dict(small_state())}, path)
    return path


def test_a_flipped_bit_among_the_values_is_noticed(tmp_path: Path) -> None:
    content = bytearray(small_file())
    at = content.index(small_state()["fc.weight"].contiguous().numpy().tobytes()[:64])
    content[at + 5] ^= 4
    path = tmp_path / "a.pth"
    path.write_bytes(bytes(content))
    with pytest.raises(UnreadableCheckpoint, match="the checksum of"):
        load_raw(path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"version": 999}, "expected a record of version 1; found version 999"),
        ({"provenance": [1]}, "expected provenance as a record; found a list"),
        ({"provenance": float("inf")}, "expected provenance as a record; found 'inf'"),
        ({"clip_spec": {"sampling": None}}, "clip sampling"),
        ({"clip_spec": {"mean": ["x"] * 3}}, "three numbers"),
        ({"spec": {**small_record()["spec"], "alpha": "1e1000000000"}}, "a fraction such as 1/4"),
    ],
)
def test_a_record_that_cannot_be_is_refused(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(BrokenCheckpoint, match=said):
        load_checkpoint(save(tmp_path / "a.pth", **changes))


def test_text_and_numbers_of_a_record_can_be_written(tmp_path: Path) -> None:
    path = save(tmp_path / "a.pth", labels=["\ud800", *"bcde"], provenance={"loss": float("inf")})
    found = load_checkpoint(path)
    assert found.labels == ("\ufffd", *"bcde")
    assert found.provenance == {"loss": "inf"}


def test_parameters_are_read_as_values(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save(
        {
            name: torch.nn.Parameter(t, requires_grad=t.is_floating_point())
            for name, t in small_state().items()
        },
        path,
    )
    assert not any(tensor.requires_grad for tensor in load_raw(path).state.values())


@pytest.mark.parametrize("safe", [False, True])
def test_a_name_that_is_no_text(safe: bool, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + (b"/\xff.safetensors" if safe else b"/\xff.pth")))
    path.write_bytes(small_file(safe=safe))
    assert load_raw(path).state.keys() == small_state().keys()


def test_a_tensor_that_no_storage_fills(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save(dict(small_state()), path, _use_new_zipfile_serialization=False)
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(CheckpointError, match=r"ends too early|a damaged file"):
        load_raw(path)
