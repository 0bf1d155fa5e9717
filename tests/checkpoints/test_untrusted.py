"""What a file says wrongly is noticed, and what is only unusual is read."""

from __future__ import annotations

import faulthandler
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import gst_analysis as gst
from gst_analysis.checkpoints import reading
from gst_analysis.checkpoints.loading import load_checkpoint
from gst_analysis.checkpoints.reading import load_raw
from gst_analysis.checkpoints.stored import to_array
from gst_analysis.errors import BrokenCheckpoint, CheckpointError, SpecError, UnreadableCheckpoint
from gst_analysis.untrusted import count_values
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


def share(value: Any, times: int = 60) -> Any:
    """A list in a list, twice, and so on: a few bytes of a pickle, and 2^60 ways to the innermost."""
    for _ in range(times):
        value = [value, value]
    return value


@pytest.mark.parametrize(
    "changes",
    [
        {"provenance": {"runs": share(1)}},
        {"labels": share("a")},
        {"clip_spec": {"mean": share(0.5)}},
        {"provenance": {"logs": [["x" * 1_000] * 1_000] * 1_000}},
    ],
    ids=["provenance", "labels", "clip spec", "one text a million times"],
)
def test_what_lies_in_a_record_many_times_is_counted_before_it_is_written_out(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    path = save(tmp_path / "a.pth", **changes)
    began = time.process_time()
    with pytest.raises(BrokenCheckpoint, match="more than 300,000 values"):
        load_checkpoint(path)
    assert time.process_time() - began < 5


def test_neither_is_a_version_written_out(tmp_path: Path) -> None:
    with pytest.raises(BrokenCheckpoint, match="found none"):
        load_checkpoint(save(tmp_path / "a.pth", version=share(1)))


def test_values_are_counted_as_often_as_they_would_be_written() -> None:
    shared = [1, "x" * 320]
    assert count_values({"a": shared, "b": [shared, {"c": shared}]}) == 4 + 2 + 2 + 3 * (1 + 11)
    assert count_values([]) == 0


def test_weights_in_hand_stay_when_their_file_is_shortened(tmp_path: Path) -> None:
    """To look at a mapped file beyond its end ends a process with a signal: so it is looked at in another."""
    path = tmp_path / "a.safetensors"
    path.write_bytes(small_file(safe=True))
    state = load_checkpoint(path).state
    os.truncate(path, 100)
    child = os.fork()
    if child == 0:
        faulthandler.disable()  # pytest's would go on where a signal should end this
        same = all(bool((tensor == small_state()[name]).all()) for name, tensor in state.items())
        os._exit(0 if same else 1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("unbuilt", [False, True])
def test_a_file_that_goes_while_it_is_read_is_one_line(
    unbuilt: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(small_file())
    scan = reading._scan
    monkeypatch.setattr(reading, "_scan", lambda where, size: (scan(where, size), where.unlink())[0])
    with pytest.raises(UnreadableCheckpoint, match=r"(?i)no such file"):
        load_raw(path, unbuilt=unbuilt)


def test_so_is_one_that_goes_before_its_values_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(small_file())
    tensor = next(iter(load_raw(path, unbuilt=True).state.values()))
    path.unlink()
    with pytest.raises(UnreadableCheckpoint, match="No such file"):
        to_array(tensor)


class Odd:
    """A path that is none."""

    def __init__(self, path: Any) -> None:
        self.path = path

    def __fspath__(self) -> Any:
        if isinstance(self.path, Exception):
            raise self.path
        return self.path


@pytest.mark.parametrize("path", [b"a.pth", 3, RuntimeError("gone")])
@pytest.mark.parametrize("ask", [load_checkpoint, gst.open, gst.bn_scales, gst.inspect_checkpoint])
def test_a_path_that_is_none_is_one_line(ask: Callable[[Any], Any], path: Any) -> None:
    with pytest.raises(SpecError, match="checkpoint: expected a path"):
        ask(Odd(path))


@pytest.mark.parametrize(
    ("told", "said"), [({"labels": 3}, "expected names of the classes"), ({"mean": 10**400}, "three numbers")]
)
def test_what_is_told_and_cannot_be_is_one_line(told: dict[str, Any], said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(small_file())
    with pytest.raises(SpecError, match=said):
        gst.open(path, **told)
