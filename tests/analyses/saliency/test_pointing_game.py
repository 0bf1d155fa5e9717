"""The pointing game: what scores 1, what scores chance, and that a trained network is far above it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import pointing_game as benchmark
from gst_analysis.analyses.saliency import pointing_game
from gst_analysis.analyses.saliency.pointing_game import (
    list_boxes,
    measure_area,
    play_pointing_game,
    summarise_pointing,
)
from gst_analysis.analyses.saliency.table import POINTING, Pointing
from gst_analysis.checkpoints.loading import LoadedModel
from gst_analysis.checkpoints.starting import create_model
from gst_analysis.errors import DataError
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.networks.specs import ClipSpec, ModelSpec
from gst_analysis.planted.making import World, WorldClip, WorldConfig, make_world
from gst_analysis.tables.schema import check
from tests.untyped import untyped

CPU = InferenceSettings(device="cpu")
FRAMES, SIZE, CROP = 4, 64, 56


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    config = WorldConfig("static", clips=24, frames=8, size=SIZE, difficulty="easy", train_fraction=0.5)
    return make_world(tmp_path_factory.mktemp("worlds") / "static", config, workers=1)


def make_model(world: World, **clip: int) -> LoadedModel:
    spec = ModelSpec.from_name("gst-resnet26s", width=16, num_classes=len(world.labels), num_frames=FRAMES)
    made = create_model(spec, seed=0)
    settings: dict[str, Any] = {"frames": FRAMES, "resize": SIZE, "crop": CROP} | clip
    checkpoint = dataclasses.replace(made.checkpoint, clip_spec=ClipSpec(**settings), labels=world.labels)
    return LoadedModel(made.module, checkpoint)


def play_with(
    world: World, monkeypatch: pytest.MonkeyPatch, paint: Callable[[WorldClip], np.ndarray]
) -> Pointing:
    """The game with maps of one's own instead of the network's; cells of 8 pixels, 7 by 7."""
    clips = iter(world.split("validation"))
    monkeypatch.setattr(pointing_game, "measure_evidence", lambda *given: {"all": paint(next(clips))})
    return play_pointing_game(make_model(world), world, world.split("validation"), settings=CPU)


def boxes_in_crop(clip: WorldClip) -> list[tuple[float, float, float, float]]:
    """By hand: segments of two frames are read in their second; the crop leaves 4 pixels each side."""
    (target,) = clip.targets
    return [tuple(v - 4 for v in untyped(target.boxes[frame])) for frame in (1, 3, 5, 7)]


def test_heat_in_the_box_scores_one_and_heat_elsewhere_none(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def paint(clip: WorldClip, inside: bool) -> np.ndarray:
        maps = np.full((FRAMES, 7, 7), -1.0)
        pixels = np.arange(7) * 8 + 0.5
        for frame, (x0, y0, x1, y1) in enumerate(boxes_in_crop(clip)):
            within = ((pixels >= y0) & (pixels < y1))[:, None] & ((pixels >= x0) & (pixels < x1))
            maps[frame][within if inside else ~within] = np.arange(1, 50)[: int((within == inside).sum())]
        return maps

    right = play_with(world, monkeypatch, lambda clip: paint(clip, True)).summary.groups["all"]
    wrong = play_with(world, monkeypatch, lambda clip: paint(clip, False)).summary.groups["all"]
    assert right.score == 1.0
    assert right.inside == pytest.approx(1.0)
    assert (wrong.score, wrong.inside) == (0.0, 0.0)
    assert right.heated == right.frames == FRAMES * 12


def test_swapped_hits_are_in_the_next_clips_boxes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    one_cell = np.zeros((FRAMES, 7, 7))
    one_cell[:, 2, 3] = 1.0  # pixel 16 down, 24 across
    found = play_with(world, monkeypatch, lambda clip: one_cell).table
    clips = world.split("validation")
    for own, following in zip(clips, [*clips[1:], clips[0]], strict=True):
        rows = found[found["clip"] == own.id]
        for column, clip in (("hit", own), ("swapped_hit", following)):
            inside = [x0 <= 24.5 < x1 and y0 <= 16.5 < y1 for x0, y0, x1, y1 in boxes_in_crop(clip)]
            assert rows[column].tolist() == inside
    assert found["hit"].tolist() != found["swapped_hit"].tolist()


def test_heat_at_random_scores_chance(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    rows = [
        play_with(world, monkeypatch, lambda clip: rng.random((FRAMES, 7, 7))).summary.groups["all"]
        for _ in range(12)
    ]
    score = np.mean([row.score for row in rows])
    assert score == pytest.approx(rows[0].chance, abs=0.05)
    assert np.mean([row.inside for row in rows]) == pytest.approx(rows[0].grid_chance, abs=0.02)


def test_chance_is_the_area_of_the_boxes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    found = play_with(world, monkeypatch, lambda clip: np.ones((FRAMES, 7, 7)))
    assert check(found.table, POINTING) is found.table
    for clip in world.split("validation"):
        rows = found.table[found.table["clip"] == clip.id]
        for row, box in zip(rows.to_dict("records"), boxes_in_crop(clip), strict=True):
            x0, y0, x1, y1 = np.clip(box, 0, CROP)
            assert row["chance"] == pytest.approx((x1 - x0) * (y1 - y0) / CROP**2, abs=0.01)


def test_no_heat_is_no_hit_and_no_nan(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    found = play_with(world, monkeypatch, lambda clip: np.full((FRAMES, 7, 7), -1.0))
    assert not found.table.isna().any().any()
    assert not found.table["hit"].any()
    score = found.summary.groups["all"]
    assert (score.heated, score.score, score.inside) == (0, None, None)


def test_areas_are_counted_once() -> None:
    assert measure_area([(0, 0, 0.5, 0.5), (0.25, 0.25, 0.75, 0.75)]) == pytest.approx(7 / 16, abs=0.01)
    assert measure_area([(-1, -1, 2, 2)]) == 1.0
    assert measure_area([(0.1, 0.1, 0.1, 0.9)]) == 0.0


def test_boxes_outside_the_crop_are_left_out(world: World) -> None:
    clip = world.clips[0]
    assert len(list_boxes(clip, 0, SIZE, (0, 0, 1, 1))) == 1
    x0, y0, x1, y1 = (value / SIZE for value in untyped(clip.targets[0].boxes[0]))
    assert list_boxes(clip, 0, SIZE, (0, 0, 1, 1)) == [pytest.approx((x0, y0, x1, y1))]
    assert list_boxes(clip, 0, SIZE, (x1 + 0.001, 0, 1.2, 1)) == []


def test_scores_are_means_over_frames_with_heat(world: World) -> None:
    found = play_pointing_game(make_model(world), world, world.split("validation"), settings=CPU)
    assert list(found.summary.groups) == ["all", "spatial", "temporal"]
    assert summarise_pointing(found.table) == found.summary.groups
    for group, score in found.summary.groups.items():
        rows = found.table[(found.table["group"] == group) & found.table["heated"]]
        assert score.score == pytest.approx(rows["hit"].astype(float).mean())
        assert score.swapped == pytest.approx(rows["swapped_hit"].astype(float).mean())
    assert found.summary.clips == 12
    assert 0 <= found.summary.accuracy <= 1


def test_other_classes_and_no_clips_are_refused(world: World) -> None:
    model = make_model(world)
    with pytest.raises(DataError, match="some clips"):
        play_pointing_game(model, world, [], settings=CPU)
    other = dataclasses.replace(model.checkpoint, labels=tuple(reversed(world.labels)))
    with pytest.raises(DataError, match="in its order"):
        play_pointing_game(LoadedModel(model.module, other), world, world.clips, settings=CPU)


def test_the_benchmark_prints_one_document(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from gst_analysis.checkpoints.loading import save_model

    path = save_model(tmp_path / "net.pth", make_model(world))
    arguments = [str(path), str(world.folder), "--clips", "2", "--device", "cpu"]
    assert benchmark.main([*arguments, "--blocks", "layer1.0", "layer2.1"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert [game["block"] for game in record["games"]] == ["layer1.0", "layer2.1"]
    assert set(record["games"][0]["groups"]) == {"all", "spatial", "temporal"}
    assert benchmark.main([str(path), str(tmp_path)]) == 2
    assert "truth.json" in capsys.readouterr().err


@pytest.mark.slow
def test_a_trained_network_points_at_the_object(tmp_path: Path) -> None:
    """Trained for a minute or two on the static world: the score is far above chance, and above luck."""
    from gst_analysis.checkpoints.loading import load_model
    from gst_analysis.planted.making import read_world
    from gst_analysis.training import train

    size = ("world.clips=600", "world.frames=8", "world.size=64", "schedule.epochs=14", "data.cache=memory")
    changes = (f"data.root={tmp_path / 'world'}", "run.device=cpu", *size)
    result = train("planted-static", changes, out=tmp_path / "run")
    model, world = load_model(result.files["last"]), read_world(tmp_path / "world")
    found = play_pointing_game(model, world, world.split("validation")[:60], settings=CPU).summary
    whole = found.groups["all"]
    assert whole.score is not None
    assert whole.chance is not None
    assert whole.swapped is not None
    assert found.accuracy > 0.3
    assert whole.score > 2 * whole.chance
    assert whole.score > whole.swapped + 0.1
