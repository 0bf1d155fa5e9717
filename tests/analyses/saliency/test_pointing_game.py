"""The pointing game: what scores 1, what scores chance, and that a trained network is far above it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks import pointing_game as benchmark
from gst_analysis.analyses.saliency import pointing_game
from gst_analysis.analyses.saliency.controls import paint_anywhere, paint_centre, paint_colour
from gst_analysis.analyses.saliency.pointing_game import (
    list_boxes,
    measure_area,
    play_pointing_game,
    summarise_pointing,
)
from gst_analysis.analyses.saliency.table import POINTING, Pointing
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.checkpoints.starting import create_model
from gst_analysis.errors import DataError
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.planted.making import World, WorldClip, WorldConfig, make_world
from gst_analysis.probes.shares import summarise_shares
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


def test_a_clip_without_an_object_is_no_miss_for_swapped_boxes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Boxes of the next clip that has some in that frame are taken; where none has, nothing is counted."""
    spot = np.zeros((FRAMES, 7, 7))
    spot[:, 3, 3] = 1.0
    clips = world.split("validation")
    nothing = {clip.id for clip in clips[1:3]}
    known = list_boxes

    def list_some(clip: WorldClip, frame: int, *rest: Any) -> Any:
        return [] if clip.id in nothing and frame > 3 else known(clip, frame, *rest)

    monkeypatch.setattr(pointing_game, "list_boxes", list_some)
    found = play_with(world, monkeypatch, lambda clip: spot).table
    for frame in (0, 3):
        row = found[(found["clip"] == clips[0].id) & (found["frame"] == frame)].iloc[0]
        other = clips[1] if frame == 0 else clips[3]
        (box,) = list_boxes(other, 2 * frame + 1, SIZE, (1 / 16, 1 / 16, 15 / 16, 15 / 16))
        assert row["swapped_hit"] == float(box[0] <= 24.5 / CROP < box[2] and box[1] <= 24.5 / CROP < box[3])
    nothing |= {clip.id for clip in clips[1:]}
    alone = play_with(world, monkeypatch, lambda clip: spot)
    rows = alone.table[alone.table["clip"] == clips[0].id].sort_values("frame")
    assert rows["swapped_hit"].isna().tolist() == [False, False, True, True]
    score = alone.summary.groups["all"]
    assert score.swapped == pytest.approx(alone.table["swapped_hit"].mean())


def test_intervals_draw_clips(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """All frames of a clip are hit, or none is: twelve clips say as much as twelve frames."""
    clips = world.split("validation")
    maps = iter(range(len(clips)))

    def paint(clip: WorldClip) -> np.ndarray:
        heat, hit = np.full((FRAMES, 7, 7), -1.0), next(maps) % 2 == 0
        at = np.arange(7) * 8 + 0.5
        for frame, (x0, y0, x1, y1) in enumerate(boxes_in_crop(clip)):
            within = ((at >= y0) & (at < y1))[:, None] & ((at >= x0) & (at < x1))
            heat[frame][within == hit] = 1.0
        return heat

    score = play_with(world, monkeypatch, paint).summary.groups["all"]
    assert score.score == 0.5
    assert score.score_interval is not None
    assert score.beyond_swapped is not None
    (as_clips,) = summarise_shares(np.array([[1.0, 0.0] * 6]))
    width = score.score_interval.high - score.score_interval.low
    assert width > 0.9 * (as_clips.high - as_clips.low)
    assert score.beyond_swapped.value == pytest.approx(0.5 - (score.swapped or 0))
    assert score.beyond_swapped.low < score.beyond_swapped.value < score.beyond_swapped.high


def test_controls_paint_without_a_network(world: World) -> None:
    frames = torch.zeros(FRAMES, 3, CROP, CROP, dtype=torch.uint8)
    frames[:, 0, 32:40, 8:16] = 200  # a red cell: row 4, column 1
    red = paint_colour(frames, 8)
    assert red.shape == (FRAMES, 7, 7)
    rows, columns = np.nonzero(red[0] > 0)
    assert set(rows) <= {4, 5}
    assert set(columns) <= {1, 2}
    assert paint_colour(frames[:, :1].expand(-1, 3, -1, -1), 8).max() == 0, "grey is no colour"
    middle = paint_centre(frames, 8)[0]
    assert np.unravel_index(middle.argmax(), middle.shape) in ((3, 3), (4, 4))
    some = paint_anywhere(frames, 8)
    np.testing.assert_array_equal(some, paint_anywhere(frames, 8))
    model, clips = make_model(world), world.split("validation")
    found = play_pointing_game(
        model, world, clips, block="layer2.1", painter=lambda f, s: paint_centre(f, s), settings=CPU
    )
    assert list(found.summary.groups) == ["all"]
    net = play_pointing_game(model, world, clips, block="layer2.1", settings=CPU).summary
    assert (net.rows, net.columns) == (found.summary.rows, found.summary.columns)


def test_a_network_forgets_from_its_head_down(world: World) -> None:
    model = make_model(world)
    trained = {name: value + 1 for name, value in model.module.state_dict().items()}
    model.module.load_state_dict(trained)
    players = dict(benchmark.list_players(model))
    assert list(players) == ["trained", "head", "from layer4", "from layer3", "from layer2", "untrained"]
    kept = {}
    for name, player in players.items():
        state = player.module.state_dict()
        same = {key.split(".")[0] for key, value in state.items() if torch.equal(value, trained[key])}
        kept[name] = same & {"conv1", "layer1", "layer2", "layer3", "layer4", "fc"}
    assert kept["trained"] - kept["head"] == {"fc"}
    assert kept["head"] - kept["from layer4"] == {"layer4"}
    assert kept["from layer2"] == {"conv1", "layer1"}
    assert kept["untrained"] == set()


@pytest.mark.slow
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
    assert found.summary.groups["all"].score_interval is None
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


@pytest.mark.slow
def test_the_benchmark_prints_one_document(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from gst_analysis.checkpoints.saving import save_model

    path = save_model(tmp_path / "net.pth", make_model(world))
    arguments = [str(path), str(world.folder), "--clips", "2", "--device", "cpu"]
    assert benchmark.main([*arguments, "--blocks", "layer1.0", "layer2.1"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert [game["block"] for game in record["games"][:2]] == ["layer1.0", "layer2.1"]
    assert [game["player"] for game in record["games"][::2]][::5] == ["trained", "untrained"]
    assert [game["player"] for game in record["games"][::2]][6:] == ["colour", "centre", "random"]
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
