"""Hints that can be followed: how a run, a demo and a world that is there already are gone on with."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

import gst_analysis as gst
from gst_analysis.demo import DemoOptions, _make_world, _new_folder
from gst_analysis.errors import OutputError, SpecError
from gst_analysis.networks.inflation import inflate
from gst_analysis.planted import making
from gst_analysis.training.config import TrainConfig, fixed_settings
from gst_analysis.training.progress import ignore_progress
from gst_analysis.training.recipes import load_config
from gst_analysis.training.sources import take_world
from gst_analysis.training.state import _compare
from tests.conftest import build_small

OPTIONS = DemoOptions(clips=24, frames=8, size=32)
STATE = Path("runs/a b/state.pt")
RESUME = "gst-analyze train 'runs/a b/config.toml' --out 'runs/a b' --resume"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "world"
    making.make_world(folder, OPTIONS.world(), workers=1)
    return folder


def change(config: TrainConfig, **schedule: Any) -> TrainConfig:
    return dataclasses.replace(config, schedule=dataclasses.replace(config.schedule, **schedule))


def test_a_resume_says_what_to_type() -> None:
    config = load_config("planted-temporal")
    saved = fixed_settings(config)
    assert _compare(saved, config, STATE) == ()
    with pytest.raises(SpecError, match=r"schedule\.warmup_epochs=3 ") as caught:
        _compare(saved, change(config, warmup_epochs=3), STATE)
    assert RESUME in str(caught.value)
    with pytest.raises(
        SpecError, match=r"found another recipe: \d+ settings differ; go on with gst-"
    ) as caught:
        _compare(saved, load_config("diving48-gst-r18-16f"), STATE)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("kind", ["cosine", "steps"])
def test_a_run_can_be_made_longer_and_says_what_that_changes(kind: str) -> None:
    config = change(load_config("planted-temporal"), kind=kind, epochs=10)
    notes = _compare(fixed_settings(config), change(config, epochs=15), STATE)
    assert [note.partition(":")[0] for note in notes] == (
        ["schedule.epochs is 15 and was 10"] if kind == "cosine" else []
    )


def test_a_world_that_is_there_brings_its_own_settings(world: Path) -> None:
    config = load_config("planted-temporal", {"data.root": world})
    assert config.world != OPTIONS.world()
    assert take_world(config, ["data.root"]).world == OPTIONS.world()
    assert take_world(config, ["world.clips"]) == config  # asked for: what lies there must be that
    empty = dataclasses.replace(config, data=dataclasses.replace(config.data, root=str(world.parent)))
    assert take_world(empty, []) == empty


def test_a_demo_that_was_stopped_is_gone_on_with(world: Path, tmp_path: Path) -> None:
    assert _new_folder(world.parent) == world.parent
    assert _make_world(world, OPTIONS, ignore_progress).config == OPTIONS.world()
    with pytest.raises(OutputError, match="the options that it was begun with"):
        _make_world(world, dataclasses.replace(OPTIONS, seed=1), ignore_progress)
    for name in ("gst", "figure-4.png", "mine.txt"):
        place = tmp_path / name.partition(".")[0]
        place.mkdir()
        (place / name).touch()
        with pytest.raises(OutputError, match="something already there"):
            _new_folder(place)


def test_a_wrong_width_is_named() -> None:
    wide = {"conv1.weight": torch.zeros(64, 3, 7, 7)}
    with pytest.raises(SpecError, match=r"a stem of 16 channels.*found one of 64; build it with width 64"):
        inflate(build_small("gst-resnet26s"), wide)


def test_settings_in_the_place_of_a_recipe_are_told_where_they_go() -> None:
    with pytest.raises(SpecError, match="found dict; settings come second"):
        gst.train({"schedule.epochs": 5}, out="runs/a")  # type: ignore[arg-type] # what people type
