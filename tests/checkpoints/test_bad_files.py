"""Every bad file is refused with one line that names it, and nothing in it runs."""

from __future__ import annotations

import os
import pickle
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
import torchvision

from gst_analysis.checkpoints.loading import load_checkpoint
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.cli import run
from gst_analysis.errors import (
    BrokenCheckpoint,
    CheckpointError,
    UnknownCheckpoint,
    UnreadableCheckpoint,
    UnsafeCheckpoint,
)
from tests.checkpoints import foreign
from tests.conftest import build_small

GST = "module.base_model."


class Evil:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return (os.mkdir, (str(self.marker),))


def official(path: Path, **changes: torch.Tensor | None) -> None:
    state = foreign.gst_video(planes=16, classes=5)
    for name, tensor in changes.items():
        key = name if name in state else GST + name
        if tensor is None:
            del state[key]
        else:
            state[key] = tensor
    torch.save({"state_dict": state}, path)


def truncated(path: Path) -> None:
    whole = save_model(path.with_name("whole.pth"), build_small("gst-resnet26s")).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def truncated_safetensors(path: Path) -> None:
    whole = save_model(path.with_name("whole.safetensors"), build_small("gst-resnet26s")).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def random_bytes(path: Path) -> None:
    path.write_bytes(
        torch.randint(0, 256, (4096,), generator=torch.Generator().manual_seed(1)).byte().numpy().tobytes()
    )


def code_in_zip(path: Path) -> None:
    torch.save({"state_dict": foreign.gst_video(planes=16), "extra": Evil(path.with_name("ran"))}, path)


def code_in_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps(Evil(path.with_name("ran")), protocol=2))


def operators_of_other_parts(path: Path) -> None:
    """A part for time in every block, and in place of that for space one of another name."""
    state = build_small("gst-resnet26s").state_dict()
    torch.save({key.replace(".spatial.", ".other."): tensor for key, tensor in state.items()}, path)


def another_network(path: Path) -> None:
    torch.save(torchvision.models.squeezenet1_0(num_classes=2).state_dict(), path)


def grouped_resnet(path: Path) -> None:
    torch.save(torchvision.models.resnext50_32x4d(num_classes=2).state_dict(), path)


def labels_of_another_count(path: Path) -> None:
    save_model(path, build_small("gst-resnet26s"))
    payload = torch.load(path, weights_only=True)
    torch.save({**payload, "labels": ["only one"]}, path)


def spec_of_another_network(path: Path) -> None:
    save_model(path, build_small("gst-resnet26s"))
    payload = torch.load(path, weights_only=True)
    torch.save({**payload, "spec": {**payload["spec"], "alpha": "1/2"}}, path)


def senseless_spec(path: Path) -> None:
    save_model(path, build_small("gst-resnet26s"))
    payload = torch.load(path, weights_only=True)
    torch.save({**payload, "spec": {"family": "gst", "backbone": "resnet26s", "width": "wide"}}, path)


def save_system(path: Path, **changes: object) -> None:
    spec = {"system": "r3d-18", "num_frames": 16, "num_classes": 5, **changes}
    record = {"format": "gst-analysis", "version": 1, "spec": spec}
    torch.save({**record, "state_dict": {"fc.weight": torch.zeros(5, 512)}}, path)


def changed(path: Path, change: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """A bare state dict whose head is of another kind."""
    state = build_small("gst-resnet26s").state_dict()
    torch.save({**state, "fc.weight": change(state["fc.weight"])}, path)


def twice(path: Path) -> None:
    state = build_small("gst-resnet26s").state_dict()
    torch.save({**state, "module.fc.weight": 2 * state["fc.weight"]}, path)


def no_opcodes(path: Path) -> None:
    """The start of a pickle, then bytes that mean nothing: damaged, and nobody's code."""
    path.write_bytes(b"\x80\x02" + bytes(4096))


KINDS: dict[str, tuple[Callable[[torch.Tensor], torch.Tensor], str]] = {
    "no values": (lambda t: t.to("meta"), "a shape without values in fc.weight"),
    "sparse": (lambda t: t.to_sparse(), "a sparse or quantised tensor in fc.weight"),
    "complex": (lambda t: t.to(torch.complex64), "complex64 values in fc.weight"),
    "whole numbers": (lambda t: (100 * t).to(torch.int8), "int8 values in fc.weight"),
    "eight bits": (lambda t: t.to(torch.float8_e4m3fn), "float8_e4m3fn values in fc.weight"),
    "one value for many": (
        lambda t: torch.zeros(1).expand(10**9, t.shape[1]),
        "000,000 values, of which the file holds fewer in fc.weight",
    ),
}

CASES: dict[str, tuple[Callable[[Path], object], type[CheckpointError], str]] = {
    "missing file": (lambda p: None, UnreadableCheckpoint, "no such file"),
    "directory": (lambda p: p.mkdir(), UnreadableCheckpoint, "a folder without config.json"),
    "empty file": (lambda p: p.touch(), UnreadableCheckpoint, "an empty file"),
    "random bytes": (random_bytes, UnreadableCheckpoint, "bytes of neither kind"),
    "text": (lambda p: p.write_text("epoch 3, loss 0.1\n"), UnreadableCheckpoint, "bytes of neither kind"),
    "truncated": (truncated, UnreadableCheckpoint, "damaged"),
    "truncated safetensors": (truncated_safetensors, UnreadableCheckpoint, "damaged"),
    "code in zip": (code_in_zip, UnsafeCheckpoint, "was not run"),
    "code in pickle": (code_in_pickle, UnsafeCheckpoint, "was not run"),
    "a list": (lambda p: torch.save([1, 2], p), UnknownCheckpoint, "found a list"),
    "no tensors": (lambda p: torch.save({"epoch": 3}, p), UnknownCheckpoint, "a dict of epoch"),
    "another network": (another_network, UnknownCheckpoint, "found names such as"),
    "a grouped ResNet": (grouped_resnet, UnknownCheckpoint, r"spatial \(1024, 32, 3, 3\)"),
    "a missing tensor": (
        lambda p: official(p, **{"layer4.2.bn2.weight": None}),
        BrokenCheckpoint,
        "1 missing: layer4.2.bn2.weight",
    ),
    "a missing kernel": (
        lambda p: official(p, **{"layer4.2.Tconv.weight": None}),
        BrokenCheckpoint,
        "1 missing: layer4.2.conv2.temporal",
    ),
    "operators of other parts": (operators_of_other_parts, UnknownCheckpoint, "found other .*, temporal "),
    "a missing stem": (lambda p: official(p, **{"conv1.weight": None}), BrokenCheckpoint, "conv1.weight"),
    "a missing head": (
        lambda p: official(p, **{"module.new_fc.weight": None}),
        BrokenCheckpoint,
        "fc.weight",
    ),
    "a surplus tensor": (
        lambda p: official(p, **{"layer1.0.gate.weight": torch.ones(3)}),
        UnknownCheckpoint,
        "1 unexpected: layer1.0.gate",
    ),
    "a misshapen tensor": (
        lambda p: official(p, **{"layer4.2.bn2.weight": torch.ones(3)}),
        BrokenCheckpoint,
        r"1 misshapen: layer4.2.bn2.weight \(3,\) not \(128,\)",
    ),
    "NaN": (
        lambda p: official(p, **{"layer4.2.bn2.weight": torch.full((128,), torch.nan)}),
        BrokenCheckpoint,
        "NaN or infinity in layer4.2.bn2.weight",
    ),
    "no classes": (
        lambda p: official(p, **{"module.new_fc.weight": torch.ones(0, 512)}),
        BrokenCheckpoint,
        "0 classes",
    ),
    **{
        f"tensors: {name}": (partial(changed, change=change), BrokenCheckpoint, words)
        for name, (change, words) in KINDS.items()
    },
    "two tensors for one name": (twice, BrokenCheckpoint, "found two for fc.weight"),
    "a damaged pickle": (no_opcodes, UnreadableCheckpoint, "a damaged pickle"),
    "labels of another count": (labels_of_another_count, BrokenCheckpoint, "5 labels"),
    "the spec of another network": (spec_of_another_network, BrokenCheckpoint, "misshapen"),
    "a system of senseless settings": (
        partial(save_system, settings={"builder": "no"}),
        BrokenCheckpoint,
        "settings that",
    ),
    "a system of senseless frames": (partial(save_system, num_frames="x"), BrokenCheckpoint, "embedded spec"),
    "a system of a list": (
        partial(save_system, settings={"builder": [1]}),
        BrokenCheckpoint,
        "embedded spec",
    ),
    "a senseless spec": (senseless_spec, BrokenCheckpoint, "embedded spec"),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_files_are_refused_in_one_line(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make, error, words = CASES[case]
    path = tmp_path / "bad.pth"
    make(path)
    with pytest.raises(error, match=words) as caught:
        load_checkpoint(path)
    message = str(caught.value)
    assert re.match(rf"{re.escape(str(path))}: expected .+; found .+; \w+", message)
    for command in (["inspect", str(path)], ["bn-hist", str(path), "--out", str(tmp_path / "out"), "--json"]):
        assert run(command) == 2
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err == f"gst-analyze: {message}\n"
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "out").exists()


def test_a_network_named_by_a_hostile_key_prints_one_safe_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.pth"
    torch.save({"a\nb\x1b[31m": torch.ones(1)}, path)
    with pytest.raises(UnknownCheckpoint) as caught:
        load_checkpoint(path)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)
