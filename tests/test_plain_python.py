"""Python speaks plainly: options as keywords, clips in memory, one line for a network, no raw TypeError."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest
import torch

import gst_analysis as gst
from gst_analysis.clips.arrays import hold_clips
from gst_analysis.clips.decoding import decode_frames
from gst_analysis.errors import DataError, GstError
from gst_analysis.planted import worlds
from tests.conftest import SaveSmall

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 48, 60, 3), dtype=np.uint8)


def test_arrays_and_tensors_are_clips(save_small: SaveSmall) -> None:
    model = gst.load_model(save_small())
    moved = torch.from_numpy(PIXELS).permute(0, 3, 1, 2)  # (T, 3, H, W)
    real = PIXELS.astype(np.float32) / 255
    first, second, third = (gst.predict(model, one, device="cpu").table for one in (PIXELS, moved, real))
    assert list(first["probability"]) == list(second["probability"]) == list(third["probability"])
    assert set(first["clip"]) == {str(hold_clips(PIXELS)[0])}
    both = gst.predict(model, np.stack([PIXELS, PIXELS[::-1]]), device="cpu")
    assert both.table["clip"].nunique() == 2
    traced = gst.trace(model, moved, mode="prefix", device="cpu")
    assert traced.failures == {}
    assert len(traced.table)


def test_a_clip_in_memory_gives_its_frames() -> None:
    (path,) = hold_clips(PIXELS)
    found = decode_frames(path, [3, 3, 11])
    assert np.array_equal(found.pixels, PIXELS[[3, 3, 11]])
    with pytest.raises(DataError, match="at least 13 frames"):
        decode_frames(path, [12])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (np.zeros((12, 48, 60)), r"found the shape \(12, 48, 60\)"),
        (np.zeros((0, 48, 60, 3), np.uint8), r"found the shape \(0, 48, 60, 3\)"),
        (np.full((2, 40, 40, 3), -1.0), "perhaps its mean was taken away"),
        (np.full((2, 40, 40, 3), np.nan), "NaN or infinity"),
        (torch.zeros(2, 3, 40, 40, device="meta"), "without values"),
    ],
)
def test_what_is_no_clip_in_memory_is_refused(given: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        hold_clips(given)


@pytest.mark.parametrize("word", ["limit", "clips"])
def test_flags_are_keywords(word: str) -> None:
    with pytest.raises(GstError, match=r"no such file|nothing"):
        gst.ablate("no.pth", "no-such-folder", **{word: 10})
    with pytest.raises(GstError, match=r"no such file|nothing"):
        gst.evaluate("no.pth", "no-such-folder", **{word: 10})
    with pytest.raises(GstError, match="did you mean macs"):
        gst.slim("no.pth", mac=0.8)


def test_a_world_is_made_by_keywords(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[worlds.WorldConfig] = []

    def make(folder: Any, config: worlds.WorldConfig, **_: Any) -> Any:
        asked.append(config)
        raise DataError("world", expected="a test", found="no rendering", todo="look at what was asked")

    making = importlib.import_module("gst_analysis.planted.making")  # not the package's door to it
    monkeypatch.setattr(making, "make_world", make)
    config = worlds.WorldConfig(world="temporal", clips=100)
    for given, words in (
        ((), {"world": "temporal", "clips": 100}),
        ((config,), {}),
        ((), {"options": config}),
    ):
        with pytest.raises(DataError):
            gst.make_world(tmp_path, *given, **words)
    assert asked == [config] * 3


def test_a_network_prints_in_one_line(save_small: SaveSmall) -> None:
    model = gst.load_model(save_small(), frames=16, labels=("a", "b", "c", "d", "e"))
    line = "GST resnet26s α=1/4, 5 named classes, 16 frames of 48 px, 'gst-resnet26s-0.pth'"
    assert repr(model) == f"Network({line})"
    assert repr(model.checkpoint) == f"Checkpoint({line})"


THINGS: tuple[Any, ...] = (torch.nn.Linear(1, 1), {"fc.weight": torch.ones(1)}, 3, None)


@pytest.mark.parametrize("thing", THINGS, ids=lambda thing: type(thing).__name__)
def test_a_module_or_a_state_dict_is_refused_in_a_sentence(thing: Any, tmp_path: Any) -> None:
    asked = [
        lambda: gst.save_model(tmp_path / "net.pth", thing),
        lambda: gst.create_model(thing),
        lambda: gst.trace(thing, PIXELS),
        lambda: gst.compare_scales(thing, thing),
        lambda: gst.report(thing),
        lambda: gst.cost(thing),
        lambda: gst.evaluate("net.pth", thing) if thing is not None else gst.report(thing),
    ]
    for ask in asked:
        with pytest.raises(GstError):
            ask()


def test_public_functions_that_people_looked_for() -> None:
    assert {"report", "check_dataset", "make_world", "list_recipes"} <= set(gst.__all__)
    assert "planted-temporal" in gst.list_recipes()


def test_settings_of_a_training_are_a_dict_or_words(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    loop = importlib.import_module("gst_analysis.training.loop")
    monkeypatch.setattr(loop, "train", lambda config, **_: asked.append(config))
    gst.train("planted-temporal", {"optimiser.lr": 0.02, "model.freeze": "stage2"}, out="run")
    gst.train("planted-temporal", ["optimiser.lr=0.02", "model.freeze=stage2"], out="run")
    assert asked[0] == asked[1]
    assert (asked[0].optimiser.lr, asked[0].model.freeze) == (0.02, "stage2")
