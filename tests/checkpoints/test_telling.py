"""What no weight shows can be told: on every command that takes a checkpoint, in Python, and by a card."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import gst_analysis as gst
from gst_analysis.checkpoints.cards import card_path, load_card_beside
from gst_analysis.checkpoints.sources import checkpoint_of, tell
from gst_analysis.cli import app, run
from gst_analysis.errors import BrokenCheckpoint, GstError, SpecError
from gst_analysis.options import NetworkOptions, list_options
from tests.conftest import build_small

TOLD = {field.name for field in list_options(NetworkOptions)}
COLOURS = ("0.4", "0.4", "0.4")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plain state dict, as a trainer leaves it."""
    path = tmp_path_factory.mktemp("bare") / "model_best.pth.tar"
    torch.save({"state_dict": build_small("c2d-resnet26s").state_dict(), "epoch": 3}, path)
    return path


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("classes") / "classes.txt"
    path.write_text("pour\nopen\nclose\nfold\nlift\n", encoding="utf-8")
    return path


def test_every_command_that_takes_a_checkpoint_can_be_told() -> None:
    taking = {}
    for name, command in app.commands.items():
        words = {one.name for one in command.params}
        first = next((one for one in command.params if one.param_type_name == "argument"), None)
        if first is not None and "CKPT" in str(first.metavar):
            taking[name] = TOLD - words
    assert {"ablate", "slim", "importance", "bn-hist", "compare", "drift", "agreement", "inspect"} <= set(
        taking
    )
    # What is counted takes frames and a size by its own names, and no colour.
    assert taking.pop("cost") == {"frames", "labels", "resize", "crop", "mean", "std"}
    assert {name: missing for name, missing in taking.items() if missing} == {}


def test_what_is_told_is_taken(bare: Path, classes: Path) -> None:
    plain = gst.load_checkpoint(bare)
    assert (plain.spec.family, plain.spec.num_frames, plain.labels) == ("c2d", 8, None)
    assert [note for note in plain.notes if "assumed" in note] == list(plain.notes)
    told = gst.load_checkpoint(
        bare, family="tsm", frames=16, labels=classes, resize=48, crop=40, mean=0.4, std=COLOURS
    )
    assert (told.spec.family, told.spec.num_frames, told.clip_spec.frames) == ("tsm", 16, 16)
    assert told.labels == ("pour", "open", "close", "fold", "lift")
    assert (told.clip_spec.resize, told.clip_spec.crop) == (48, 40)
    assert told.clip_spec.mean == told.clip_spec.std == (0.4, 0.4, 0.4)
    assert told.notes == ()
    assert gst.load_checkpoint(bare, num_frames=16).spec == gst.load_checkpoint(bare, frames=16).spec


def test_what_was_loaded_can_be_told_too(bare: Path) -> None:
    names = ("a", "b", "c", "d", "e")
    model = gst.open_model(bare)
    told = gst.open_model(model, labels=names, crop=40)
    assert (told.labels, told.clip_spec.crop, told.module) == (names, 40, model.module)
    assert gst.open_model(model, family="tsm").spec.family == "tsm"
    kept = gst.open_checkpoint(bare)
    again = checkpoint_of(tell(kept, NetworkOptions(frames=16)))
    assert (again.spec.num_frames, again.clip_spec.frames) == (16, 16)
    assert tell(kept, NetworkOptions()) is kept


@pytest.mark.parametrize(
    ("told", "error", "words"),
    [
        ({"labels": ("a", "b")}, SpecError, "expected 5 names, one for each class of the network"),
        ({"mean": object()}, SpecError, "mean"),
        ({"mean": (123.7, 116.3, 103.5)}, SpecError, "divide by 255: 0.4851,0.4561,0.4059"),
        ({"std": ("a", "b")}, SpecError, "std: expected three numbers"),
        ({"frames": 0}, SpecError, "at least 1"),
        ({"frames": 8, "num_frames": 16}, SpecError, "expected one number of frames"),
        ({"family": "gst"}, BrokenCheckpoint, "leave family out"),
        ({"famly": "tsm"}, SpecError, "did you mean family"),
    ],
)
def test_what_cannot_be_is_said(told: dict[str, Any], error: type[GstError], words: str, bare: Path) -> None:
    with pytest.raises(error, match=words):
        gst.load_checkpoint(bare, **told)


def test_adopt_writes_a_file_that_carries_it(
    bare: Path, classes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "mine.pth"
    line = ["adopt", str(bare), "--frames", "16", "--labels", str(classes), "--resize", "48", "--crop", "40"]
    assert run([*line, "--mean", "0.4", "--std", "0.4", "--out", str(out)]) == 0
    assert "16" in capsys.readouterr().out
    kept = gst.load_checkpoint(out)
    assert (kept.spec.num_frames, kept.clip_spec.frames, kept.clip_spec.crop) == (16, 16, 40)
    assert kept.labels == ("pour", "open", "close", "fold", "lift")
    assert kept.notes == ()
    given = gst.load_checkpoint(bare).state
    assert kept.state.keys() == given.keys()
    assert all(torch.equal(tensor, given[name]) for name, tensor in kept.state.items())
    assert run([*line, "--out", str(out)]) == 2
    assert "overwrite" in capsys.readouterr().err
    assert run(["adopt", str(bare), "--out", str(tmp_path)]) == 2
    assert "expected a file to write" in capsys.readouterr().err


def test_a_card_is_found_beside_an_archive_and_one_that_does_not_fit_is_said(
    bare: Path, tmp_path: Path
) -> None:
    path = Path(shutil.copy(bare, tmp_path / "model_best.pth.tar"))
    assert card_path(path) == tmp_path / "model_best.json"
    assert card_path(tmp_path / "net.v2.pth") == tmp_path / "net.v2.json"
    card = {"clip_spec": {"frames": 16, "resize": 48, "crop": 40}, "labels": ["a", "b", "c", "d", "e"]}
    sha256 = gst.load_checkpoint(path).sha256
    for known, words in (("0" * 64, "its sha256 is 000000000000…, the file's"), (None, "it has no sha256")):
        card_path(path).write_text(json.dumps({**card, **({"sha256": known} if known else {})}))
        beside = load_card_beside(path, sha256)
        assert beside.record == {}
        assert words in beside.notes[0]
        assert beside.notes[0] in gst.load_checkpoint(path).notes
    card_path(path).write_text(json.dumps({"top1": 0.5}))  # no card at all
    assert load_card_beside(path, sha256).notes == ()
    for place in (path.with_suffix(".json"), card_path(path)):
        card_path(path).unlink(missing_ok=True)
        place.write_text(json.dumps({**card, "sha256": sha256}))
        found = gst.load_checkpoint(path)
        assert (found.spec.num_frames, found.clip_spec.crop, found.labels) == (16, 40, tuple("abcde"))
        assert not any("frames" in note for note in found.notes)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (torch.nn.Linear(1, 1), "found Linear; make a network of it first: gst.adopt"),
        ({"fc.weight": torch.ones(1)}, "found a dict, perhaps a state dict; save it with torch.save"),
        (3, "found int; name the file"),
        (None, "found NoneType"),
    ],
)
def test_what_is_no_checkpoint_is_refused_in_a_sentence(given: Any, words: str) -> None:
    for ask in (gst.bn_scales, gst.inspect_checkpoint, gst.open_model, gst.load_checkpoint, gst.load_model):
        with pytest.raises(SpecError, match=words):
            ask(given)
