"""What trainers wrap around weights is taken off, and what they keep beside them is left out unread."""

from __future__ import annotations

import argparse
import collections
import datetime
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from gst_analysis.checkpoints.loading import load_checkpoint
from gst_analysis.checkpoints.reading import load_raw
from gst_analysis.errors import UnknownCheckpoint, UnsafeCheckpoint
from tests.conftest import build_small

HARMLESS = {
    "a number of numpy": np.float64(45.2),
    "numbers of numpy": {"top1": np.float32(1.5), "epochs": np.int64(3), "good": np.bool_(True)},
    "an array": np.arange(3.0),
    "arguments": argparse.Namespace(arch="resnet50", root=Path("/data"), lr=0.1),
    "a dict with defaults": collections.defaultdict(list, a=[1]),
    "a time": datetime.datetime(2020, 1, 1),
}


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return build_small("gst-resnet26s").state_dict()


@pytest.mark.parametrize(
    "prefix", ["model.", "net.", "encoder.", "backbone.", "_orig_mod.", "module.model.", "model.backbone."]
)
def test_prefixes(prefix: str, state: dict[str, Tensor], tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    torch.save({prefix + name: tensor for name, tensor in state.items()}, path)
    assert load_checkpoint(path).state.keys() == state.keys()


def test_a_head_beside_what_is_wrapped(state: dict[str, Tensor], tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    names = {n: n.replace("fc.", "head.") if n.startswith("fc.") else f"encoder.{n}" for n in state}
    torch.save({names[name]: tensor for name, tensor in state.items()}, path)
    assert load_checkpoint(path).state.keys() == state.keys()


@pytest.mark.parametrize("keys", ["model_state", "model_state_dict", "ema", "ema/module", "weights"])
def test_keys(keys: str, tmp_path: Path) -> None:
    kept: object = {"fc.weight": torch.ones(2)}
    for key in reversed(keys.split("/")):
        kept = {key: kept, "epoch": 3}
    torch.save(kept, tmp_path / "net.pth")
    assert list(load_raw(tmp_path / "net.pth").state) == ["fc.weight"]


def test_of_averaged_weights_it_is_said_which_were_taken(tmp_path: Path) -> None:
    path, kept = tmp_path / "net.pth", {"fc.weight": torch.ones(2)}
    torch.save({"ema": {"fc.weight": torch.zeros(2)}, "model": kept}, path)
    assert load_raw(path).averaged == "it also holds weights averaged over steps (ema), which are left aside"
    assert torch.equal(load_raw(path).state["fc.weight"], torch.ones(2))
    torch.save({"ema": kept}, path)
    assert load_raw(path).averaged == "its weights are averaged over steps (ema)"
    torch.save({"model": kept}, path)
    assert load_raw(path).averaged == ""


@pytest.mark.parametrize("kind", HARMLESS)
@pytest.mark.parametrize("zipped", [True, False])
def test_harmless_values_are_left_out(kind: str, zipped: bool, tmp_path: Path) -> None:
    path, value = tmp_path / "net.pth", HARMLESS[kind]
    torch.save(
        {"state_dict": {"fc.weight": torch.ones(2)}, "kept": value, "epoch": 3},
        path,
        _use_new_zipfile_serialization=zipped,
    )
    raw = load_raw(path)
    assert torch.equal(raw.state["fc.weight"], torch.ones(2))
    assert raw.extras["epoch"] == 3
    left = raw.extras["kept"]
    # Nothing of the class that the file names: it was never looked up.
    assert type(left) in (dict, torch.Tensor) or repr(left) == "<left out>"


class Careless:
    """Looks harmless up to the last value."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (eval, ("__import__('pathlib').Path('ran').touch()",))


def test_beside_harmless_values_nothing_else_is_let_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    weights = {"state_dict": {"fc.weight": torch.ones(2)}}
    torch.save({**weights, "best": np.float64(1), "args": argparse.Namespace(x=Careless())}, "net.pth")
    with pytest.raises(UnsafeCheckpoint, match="which was not run"):
        load_raw("net.pth")
    torch.save({**weights, "args": argparse.Namespace(x=1)}, "args.pth")
    allowed = torch.serialization.get_safe_globals()
    load_raw("args.pth")
    # What was allowed for one file is not for the next one that somebody else reads.
    assert set(torch.serialization.get_safe_globals()) == set(allowed)
    assert not Path("ran").exists()


def without_head(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in state.items() if not name.startswith("fc.")}


def with_another_stem(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"stem.{name}" if name.startswith(("conv1", "bn1")) else name: state[name] for name in state}


def with_more(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {**state, "layer1.0.gate.weight": torch.ones(3), "table": torch.arange(4)}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without_head, "expected resnet26s with its classifier, fc; found its features alone"),
        (with_another_stem, "expected the stem of resnet26s, conv1 and bn1; found none"),
        (with_more, "found 2 unexpected: layer1.0.gate.weight, table"),
    ],
)
def test_a_sound_file_of_another_network_is_unknown(
    change: object, words: str, state: dict[str, Tensor], tmp_path: Path
) -> None:
    assert callable(change)
    torch.save(change(state), tmp_path / "net.pth")
    with pytest.raises(UnknownCheckpoint, match=words):
        load_checkpoint(tmp_path / "net.pth")
