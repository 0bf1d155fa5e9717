"""Folders of Hugging Face's form: opened as the library opens them, and refused where they lie."""

from __future__ import annotations

import hashlib
import importlib
import importlib.abc
import json
import shutil
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from gst_analysis.checkpoints.apart import reading_apart
from gst_analysis.checkpoints.checking import PASSED, check_network
from gst_analysis.checkpoints.folders import read_colours
from gst_analysis.checkpoints.loading import load_checkpoint, load_model
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.checkpoints.sources import name_of
from gst_analysis.cli import run
from gst_analysis.errors import (
    BrokenCheckpoint,
    CheckpointError,
    SpecError,
    UnknownCheckpoint,
    UnsafeCheckpoint,
)
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.systems.transformer_kinds import KINDS, read_config, write_config
from gst_analysis.networks.systems.video_transformers import load_classes
from tests.networks.agreement import relative
from tests.networks.tiny_transformers import (
    CONFIGS,
    FRAMES,
    SIZE,
    ask_theirs,
    change_config,
    draw_clips,
    save_theirs,
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One folder a network."""
    home = tmp_path_factory.mktemp("folders")
    return {name: save_theirs(name, home / name) for name in CONFIGS}


@pytest.fixture
def copy(folders: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    """A folder that a test may spoil."""
    return lambda name: Path(shutil.copytree(folders[name], tmp_path / name))


@pytest.mark.parametrize("name", CONFIGS)
def test_logits_are_the_librarys_own(folders: dict[str, Path], name: str) -> None:
    network = load_model(folders[name])
    with torch.no_grad():
        logits = network.module(draw_clips())
    theirs = ask_theirs(name, folders[name], draw_clips())
    assert logits.shape == (2, FRAMES if name == "timesformer-space" else 1, 5)
    assert relative(logits.flatten(0, 1), theirs) < 1e-5
    assert relative(logits[:1], logits[1:]) > 1e-2
    assert set(check_network(network).values()) == {PASSED}


@pytest.mark.parametrize("name", CONFIGS)
def test_what_is_saved_is_read_again(folders: dict[str, Path], name: str, tmp_path: Path) -> None:
    network = load_model(folders[name])
    again = load_model(save_model(tmp_path / "own.safetensors", network))
    assert (again.spec, again.clip_spec, again.notes) == (network.spec, network.clip_spec, ())
    with torch.no_grad():
        assert torch.equal(again.module(draw_clips()), network.module(draw_clips()))


@pytest.mark.parametrize("name", CONFIGS)
def test_bare_weights_are_recognised_and_what_is_assumed_is_said(folders: dict[str, Path], name: str) -> None:
    bare = folders[name].parent / f"{name}.safetensors"
    shutil.copy(folders[name] / "model.safetensors", bare)
    found, whole = load_checkpoint(bare), load_checkpoint(folders[name])
    assert found.spec.name == whole.spec.name
    assert any("1 heads" in note for note in found.notes)  # of 64 channels, as in published ones
    differing = {n for n, v in found.spec.chosen.items() if v != whole.spec.chosen[n]}  # type: ignore[attr-defined] # a system's spec, not a design's
    assert differing <= {"num_attention_heads", "pred_num_attention_heads", "size", "layer_norm_eps"}


def test_the_file_inside_is_the_folder(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    inside = load_checkpoint(folders["vivit"] / "model.safetensors")
    assert inside.spec == load_checkpoint(folders["vivit"]).spec
    assert inside.name == name_of(inside.path) == "vivit"
    monkeypatch.chdir(folders["vivit"])
    assert (load_checkpoint(".").name, name_of(".")) == ("vivit", "vivit")


def test_a_child_reads_the_same_folder(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its weights lie in the file that is hashed here meanwhile."""
    monkeypatch.setattr(importlib.import_module("gst_analysis.checkpoints.apart"), "_may_fork", lambda: True)
    weights = folders["vivit"] / "model.safetensors"
    for path in (folders["vivit"], weights):
        plain = load_checkpoint(path)
        with reading_apart("always"):
            far = load_checkpoint(path)
        assert far.sha256 == plain.sha256 == hashlib.sha256(weights.read_bytes()).hexdigest()
        assert (far.path, far.spec, far.clip_spec, far.notes) == (
            plain.path,
            plain.spec,
            plain.clip_spec,
            plain.notes,
        )
        assert all(torch.equal(far.state[name], tensor) for name, tensor in plain.state.items())


def test_labels_and_preparation_are_the_folders(copy: Callable[[str], Path]) -> None:
    folder = copy("timesformer")
    change_config(folder, id2label={str(i): f"class {i}" for i in range(5)})
    told = {"image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6], "size": {"shortest_edge": 40}}
    (folder / "preprocessor_config.json").write_text(json.dumps(told))
    network = load_model(folder)
    assert network.labels == tuple(f"class {i}" for i in range(5))
    clip = network.clip_spec
    assert (clip.frames, clip.crop, clip.resize) == (FRAMES, SIZE, 40)
    assert (clip.mean, clip.std) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
    (note,) = network.notes
    assert "assumed dense-32" in note


def test_colours_that_are_moved_twice_come_out_as_the_librarys() -> None:
    """ViViT's files say: times 1/127.5, less one, then by a mean and a std."""
    told = {"rescale_factor": 1 / 127.5, "offset": True, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    from_file = clip_of(told)
    pixel = 200
    theirs = ((pixel / 127.5 - 1) - 0.5) / 0.5
    assert (pixel / 255 - from_file.mean[0]) / from_file.std[0] == pytest.approx(theirs)
    plain = clip_of({"do_rescale": False, "do_normalize": False})
    assert (pixel / 255 - plain.mean[0]) / plain.std[0] == pytest.approx(pixel)


def clip_of(told: dict[str, Any]) -> ClipSpec:
    mean, std = read_colours(told, ClipSpec())
    return ClipSpec(mean=mean, std=std)


@pytest.mark.parametrize("model", KINDS)
def test_settings_that_are_not_named_are_the_librarys(model: str) -> None:
    _, config = load_classes(KINDS[model], model)
    spec = read_config({"model_type": model, "num_labels": 2})
    assert spec is not None
    assert spec.settings == ()
    usual = json.loads(json.dumps(config().to_dict()))
    told = json.loads(json.dumps(write_config(spec)))
    assert {name: usual[name] for name in told if name != "num_labels"} == {
        name: value for name, value in told.items() if name != "num_labels"
    }


@pytest.mark.parametrize("bias", [True, False])
def test_older_words_and_what_two_classes_leave_out_are_understood(bias: bool, tmp_path: Path) -> None:
    """Files of before call a setting otherwise, and say nothing of classes where there are two."""
    folder = save_theirs("videomae", tmp_path, qv_bias=bias, num_labels=2)
    change_config(folder, qv_bias=None, qkv_bias=bias, id2label=None, label2id=None, layer_norm_eps=1)
    found = load_checkpoint(folder)
    assert (found.spec.num_classes, found.labels) == (2, None)
    assert dict(found.spec.settings).get("qkv_bias", True) == bias  # type: ignore[attr-defined] # a system's spec, not a design's


def test_nothing_is_fetched(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    load_model(folders["videomae"])


HUGE = 10**9
LIES: dict[str, tuple[str, dict[str, Any]]] = {
    "wider than the weights": ("timesformer", {"hidden_size": 8192, "num_attention_heads": 64}),
    "a wide layer": ("videomae", {"intermediate_size": 65_536}),
    "a hundred layers": ("vivit", {"num_hidden_layers": 100}),
    "more layers than anybody has": ("videomae", {"num_hidden_layers": HUGE}),
    "frames without end": ("videomae", {"num_frames": HUGE}),
    "frames that positions do not have": ("vivit", {"num_frames": 64}),
    "frames that times do not have": ("timesformer", {"num_frames": 64}),
    "pixels without end": ("videomae", {"image_size": HUGE}),
    "pixels that positions do not have": ("timesformer", {"image_size": 64}),
    "many patches": ("vjepa2", {"crop_size": 4096, "frames_per_clip": 64}),
    "a predictor of many layers": ("vjepa2", {"pred_num_hidden_layers": 100}),
    "a pooler of many layers": ("vjepa2", {"num_pooler_layers": 60}),
    "a ratio": ("vjepa2", {"mlp_ratio": 60.0}),
    "no number": ("vjepa2", {"mlp_ratio": "4"}),
    "a number for a truth": ("timesformer", {"qkv_bias": 0}),
    "a truth for a number": ("vjepa2", {"hidden_size": True}),
    "heads that do not divide": ("timesformer", {"num_attention_heads": 5}),
    "an activation out of a hat": ("timesformer", {"hidden_act": "os.system"}),
    "another attention": ("timesformer", {"attention_type": "joint_space_time"}),
    "frames of two sides": ("timesformer", {"image_size": [32, 48]}),
    "other classes": ("timesformer", {"id2label": {"0": "one", "1": "two"}}),
    "classes with gaps": ("timesformer", {"id2label": {str(2 * i): "x" for i in range(5)}}),
    "means and no means": ("videomae", {"use_mean_pooling": False}),
}


@pytest.mark.parametrize("case", LIES)
def test_a_config_that_lies_is_refused_before_anything_is_built(
    case: str, copy: Callable[[str], Path]
) -> None:
    name, changes = LIES[case]
    folder = copy(name)
    change_config(folder, **changes)
    begin = time.process_time()
    with pytest.raises(BrokenCheckpoint, match=r": expected .* in config\.json; found .*; copy the folder"):
        load_checkpoint(folder)
    assert time.process_time() - begin < 0.5


def spoil_config(text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / "config.json").write_text(text)


def leave_pickle(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04never read")


def split(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")


def drop_tensor(folder: Path) -> None:
    state = safetensors.torch.load_file(folder / "model.safetensors")
    del state["vivit.layernorm.weight"]
    safetensors.torch.save_file(state, folder / "model.safetensors")


WRONG: dict[str, tuple[type[CheckpointError], str, Callable[[Path], object]]] = {
    "no config": (CheckpointError, "a folder without config.json", lambda f: (f / "config.json").unlink()),
    "no weights": (CheckpointError, "found none", lambda f: (f / "model.safetensors").unlink()),
    "pickles alone": (UnsafeCheckpoint, "pytorch_model.bin alone, a pickle", leave_pickle),
    "weights in pieces": (CheckpointError, "weights in other files", split),
    "no JSON": (BrokenCheckpoint, "something else", spoil_config("{")),
    "a list": (BrokenCheckpoint, "it holds a list", spoil_config("[]")),
    "deep JSON": (BrokenCheckpoint, "something else", spoil_config("[" * 100_000)),
    "another network": (
        UnknownCheckpoint,
        "found BertModel",
        lambda f: change_config(f, architectures=["BertModel"], model_type="bert"),
    ),
    "no network": (UnknownCheckpoint, "model_type None", spoil_config("{}")),
    "no classes": (
        UnknownCheckpoint,
        "fine-tune it",
        lambda f: change_config(f, architectures=["VivitModel"]),
    ),
    "a weight less": (BrokenCheckpoint, "1 missing: vivit.layernorm.weight", drop_tensor),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_folder_is_refused_in_one_line(
    case: str, copy: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    error, said, spoil = WRONG[case]
    folder = copy("vivit")
    spoil(folder)
    with pytest.raises(error, match=said):
        load_checkpoint(folder)
    assert run(["inspect", str(folder)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_code_in_a_folder_is_left_alone_and_said(copy: Callable[[str], Path]) -> None:
    folder = copy("timesformer")
    (folder / "modeling.py").write_text("raise AssertionError('this was run')")
    change_config(folder, auto_map={"AutoModel": "modeling.Model"}, hidden_dropout_prob=0.1)
    notes = load_model(folder).notes
    assert any("never run" in note for note in notes)
    assert any("dropout" in note for note in notes)


class NotInstalled(importlib.abc.MetaPathFinder):
    """Says of the library what Python says of what is not there."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> None:
        if fullname.partition(".")[0] == "transformers":
            raise ModuleNotFoundError("No module named 'transformers'", name="transformers")


def test_without_the_library_one_line_says_what_to_install(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "transformers"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [NotInstalled(), *sys.meta_path])
    with pytest.raises(SpecError, match="found none installed; pip install 'gst-analysis"):
        load_checkpoint(folders["vivit"])
    assert run(["inspect", str(folders["vivit"])]) == 2
    assert capsys.readouterr().err.count("\n") == 1
