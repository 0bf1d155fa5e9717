"""The shipped models are what their cards say: size, hash, and accuracy measured again on fresh clips."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gst_analysis.checkpoints.loading import load_checkpoint
from gst_analysis.planted.worlds import WorldConfig, best_order_blind, classes_of
from trained_models.make import HERE, MODELS, SERIES, fresh_world, measure_fresh, recipe_of

MIB = 1 << 20
Fresh = Callable[[str], Path]


def load_card(name: str) -> dict[str, Any]:
    card: dict[str, Any] = json.loads((HERE / f"{name}.json").read_text())
    return card


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Fresh:
    """The folder of a model's fresh world, one for each recipe, rendered when it is first used."""
    parent = tmp_path_factory.mktemp("fresh")
    return lambda name: parent / recipe_of(name)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Fresh:
    """Likewise for a fresh world of few clips."""
    parent = tmp_path_factory.mktemp("few")
    return lambda name: parent / recipe_of(name)


@pytest.mark.parametrize("name", MODELS)
def test_a_card_is_about_its_file(name: str) -> None:
    card, checkpoint = load_card(name), load_checkpoint(HERE / f"{name}.pth")
    assert card["sha256"] == checkpoint.sha256
    assert card["spec"] == checkpoint.spec.to_json()
    assert tuple(card["labels"]) == checkpoint.labels
    assert checkpoint.notes == ()
    assert (HERE / f"{name}.pth").stat().st_size <= 3 * MIB
    assert card["fresh"]["world"]["seed"] != card["world"]["seed"]


@pytest.mark.parametrize("name", MODELS)
def test_a_cards_confusions_add_up_to_its_accuracy(name: str) -> None:
    claim = load_card(name)["fresh"]
    confusion = np.array(claim["confusion"])
    assert np.trace(confusion) / confusion.sum() == pytest.approx(claim["top1"])
    assert confusion.sum() == claim["world"]["clips"]


def test_all_together_are_small() -> None:
    files = [path for path in HERE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in files) <= 30 * MIB
    assert {p.stem for p in HERE.glob("*.pth")} == set(MODELS)


def test_the_series_ends_in_the_shipped_model() -> None:
    epochs = sorted((HERE / f"{SERIES}-epochs").glob("*.pth"))
    assert 2 <= len(epochs) <= 10
    last, shipped = load_checkpoint(epochs[-1]), load_checkpoint(HERE / f"{SERIES}.pth")
    for name, tensor in shipped.state.items():
        assert bool((last.state[name] == tensor).all()), name


def test_gst_learns_order_and_a_2d_network_cannot() -> None:
    """What the cards claim of the temporal world, where order is all there is."""
    classes = classes_of("temporal")
    blind = best_order_blind([c.label for c in classes], {c.label: c.partner for c in classes})
    gst, c2d = load_card("temporal-gst-quarter"), load_card("temporal-c2d")
    assert gst["fresh"]["top1"] >= 0.95
    assert c2d["fresh"]["top1"] == pytest.approx(blind, abs=0.03)


@pytest.mark.parametrize("name", ["static-gst-quarter", "static-c2d"])
def test_both_learn_what_one_frame_shows(name: str) -> None:
    assert load_card(name)["fresh"]["top1"] >= 0.95


@pytest.mark.parametrize("name", ["temporal-gst-quarter", "temporal-c2d"])
def test_few_fresh_clips_give_about_the_cards_accuracy(name: str, few: Fresh) -> None:
    """Of 96 clips half have a standard error of 0.05."""
    claim = load_card(name)["fresh"]
    world = WorldConfig(**{**claim["world"], "clips": 96})
    found = measure_fresh(HERE / f"{name}.pth", world, few(name))
    assert found.summary.top1 == pytest.approx(claim["top1"], abs=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_fresh_clips_give_the_cards_accuracy(name: str, fresh: Fresh) -> None:
    claim = load_card(name)["fresh"]
    found = measure_fresh(HERE / f"{name}.pth", WorldConfig(**claim["world"]), fresh(name))
    assert found.summary.top1 == pytest.approx(claim["top1"], abs=0.02)
    assert found.summary.clips == claim["world"]["clips"]


@pytest.mark.parametrize("name", MODELS)
def test_fresh_clips_are_of_the_models_own_world(name: str) -> None:
    assert fresh_world(name).world == load_card(name)["world"]["world"]
