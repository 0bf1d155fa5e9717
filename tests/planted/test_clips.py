"""What the planted clips show: reversed partners, twins with and without a change, boxes, determinism."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from gst_analysis.planted.making import DIFFICULTIES, WORLDS, WorldConfig, classes_of, draw_plan, render_clip
from gst_analysis.planted.render import render_scene
from gst_analysis.planted.truth import describe_clip

PARTNERED = ("temporal", "mixed")
SMALLER: dict[str, Any] = {
    world: {"frames": 10, "size": 48} for world in WORLDS[4:]
}  # they have fewer sprites


def small(world, **options):
    return WorldConfig(world=world, size=48, frames=16, seed=3, **options)


def first_of_each_class(config):
    found: dict[int, int] = {}
    for index in range(2 * len(config.classes)):
        found.setdefault(draw_plan(config, index).class_id, index)
    assert len(found) == len(config.classes)
    return found.values()


def colourfulness(frames):
    return frames.max(axis=-1).astype(int) - frames.min(axis=-1)


@pytest.mark.parametrize("world", PARTNERED)
@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_a_clip_played_backwards_is_its_partners_clip(world, difficulty):
    config = small(world, difficulty=difficulty)
    for index in first_of_each_class(config):
        plan = draw_plan(config, index)
        own = render_clip(config, index)
        other = render_clip(config, index, label=plan.planted.partner)
        assert np.array_equal(own.frames[::-1], other.frames)
        assert [boxes[::-1] for boxes in own.boxes] == list(other.boxes)
        assert not np.array_equal(own.frames, other.frames)


def test_every_temporal_class_moves_as_its_name_says():
    config = WorldConfig(world="temporal", clips=240, seed=1)
    seen = set()
    for index in range(120):
        plan = draw_plan(config, index)
        targets = [s.track for s in plan.scene.sprites if s.role == "target"]
        x, y, radius, angle, opacity = (targets[0][-1] - targets[0][0]).tolist()
        gap = [float(np.hypot(*(targets[0] - targets[-1])[t, :2])) for t in (0, -1)]
        says = {
            "Moving something from left to right": x > 0.3,
            "Moving something from right to left": x < -0.3,
            "Moving something up": y < -0.3,
            "Moving something down": y > 0.3,
            "Letting something grow": radius > 0.05,
            "Letting something shrink": radius < -0.05,
            "Letting something appear": opacity == 1,
            "Letting something vanish": opacity == -1,
            "Turning something clockwise": 1.2 < angle < 2.1,
            "Turning something counterclockwise": -2.1 < angle < -1.2,
            "Moving something and something closer to each other": gap[0] - gap[1] > 0.15,
            "Moving something and something away from each other": gap[1] - gap[0] > 0.15,
        }
        assert says[plan.planted.label], plan.planted.label
        seen.add(plan.planted.label)
    assert seen == {c.label for c in classes_of("temporal")}


def test_pixels_move_as_the_name_says():
    """The centre of the vivid pixels, found without the plan, goes where the label says."""
    config = WorldConfig(world="temporal", clips=100, difficulty="easy", seed=5)
    ways = {
        "Moving something from left to right": (1, 1),
        "Moving something from right to left": (1, -1),
        "Moving something down": (0, 1),
        "Moving something up": (0, -1),
    }
    checked = 0
    for index in range(96):
        label = draw_plan(config, index).planted.label
        if label in ways:
            vivid = colourfulness(render_clip(config, index, noise=False).frames) > 140
            axis, sign = ways[label]
            first, last = (np.mean(np.nonzero(vivid[t])[axis]) for t in (0, -1))
            assert sign * (last - first) > 0.2 * config.size
            checked += 1
    assert checked == 32


def test_clockwise_turns_the_eye_clockwise_on_screen():
    config = WorldConfig(world="temporal", clips=100, difficulty="easy", seed=2)
    index = next(i for i in range(50) if draw_plan(config, i).planted.label == "Turning something clockwise")
    scene = draw_plan(config, index).scene
    track = scene.sprites[-1].track.copy()
    track[:, :2], track[:, 2] = 0.5, 0.3
    track[:, 3] -= track[0, 3]  # upright at first
    sprite = dataclasses.replace(
        scene.sprites[-1], track=track, shape="disc", texture="plain", colour=(0, 0, 200)
    )
    still = dataclasses.replace(scene, sprites=(sprite,), shake=np.zeros_like(scene.shake))
    frames = render_scene(still, 96, noise=False).frames
    white = (frames.min(axis=-1) > 240) & (np.hypot(*np.mgrid[-47.5:48, -47.5:48]) < 24)
    rows, columns = zip(*[(np.mean(np.nonzero(w)[0]), np.mean(np.nonzero(w)[1])) for w in white], strict=True)
    assert abs(columns[0] - 47.5) < 1
    assert rows[0] < 40  # the eye is above the centre
    quarter = int(np.argmin(np.abs(track[:, 3] - np.pi / 2)))
    assert columns[quarter] > 55  # a quarter turn clockwise takes it to the right


@pytest.mark.parametrize("index", range(16))
def test_twins_are_equal_before_tau_and_never_again(index):
    config = WorldConfig(world="state-change", clips=100, seed=11)
    plan = draw_plan(config, index)
    mine = render_clip(config, index, noise=False).frames.astype(int)
    twin = render_clip(config, index, noise=False, label=plan.planted.partner).frames
    tau = plan.twin_tau
    assert tau is not None
    difference = np.abs(mine - twin).max(axis=(1, 2, 3))
    assert np.all(difference[:tau] == 0)
    assert np.all(difference[tau:] > 40)
    changed = (np.abs(mine - twin).max(axis=-1) > 40).mean(axis=(1, 2))
    assert np.all(changed[tau + 4 :] > 0.015)  # 1.5% of the frame, 138 pixels


def test_what_has_changed_stays_changed():
    """After the change the object rests, where the pretender's goes on moving."""
    config = WorldConfig(world="state-change", clips=100, frames=40, seed=4)

    def unrest(index, planted, frames):
        sprites = draw_plan(config, index, label=planted.label).scene.sprites
        return max(np.ptp(s.track[frames], axis=0).max() for s in sprites if s.role != "distractor")

    named = {c.label: c for c in classes_of("state-change")}
    checked = 0
    for index in range(32):
        plan = draw_plan(config, index)
        done, never = sorted((plan.planted, named[plan.planted.partner]), key=lambda c: not c.completes)
        assert plan.twin_tau is not None
        if plan.twin_tau < 20:
            after = slice(plan.twin_tau + 9, None)
            assert unrest(index, done, after) < 1e-3
            assert unrest(index, never, after) > 0.02
            checked += 1
    assert checked > 8


@pytest.mark.parametrize("world", WORLDS)
def test_boxes_hold_their_objects(world):
    """Where the picture changes when an object is left out lies in its box, and fills it."""
    config = WorldConfig(world=world, clips=100, difficulty="medium", seed=8, **SMALLER.get(world, {}))
    tight = []
    for index in list(first_of_each_class(config))[: 5 if world in SMALLER else 12]:
        full = render_clip(config, index, noise=False)
        roles = [s.role for s in draw_plan(config, index).scene.sprites]
        for number, role in enumerate(roles):
            bare = render_clip(config, index, noise=False, without=[number])
            assert bare.boxes[number] == (None,) * config.frames
            changed = np.abs(full.frames.astype(int) - bare.frames).max(axis=-1) > 30
            for frame, box in enumerate(full.boxes[number]):
                rows, columns = np.nonzero(changed[frame])
                if len(rows):
                    assert box is not None
                    x0, y0, x1, y1 = box
                    assert x0 <= columns.min() <= columns.max() < x1
                    assert y0 <= rows.min() <= rows.max() < y1
                    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
                    if role != "distractor" and width < config.size / 2 > height:  # not both ends of a wrap
                        tight.append(height * width / ((x1 - x0) * (y1 - y0)))
    assert len(tight) > 15
    assert np.median(tight) > 0.85


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_objects_stand_out_from_their_background(difficulty):
    config = WorldConfig(world="mixed", clips=100, difficulty=difficulty, seed=6)
    for index in range(8):
        full = render_clip(config, index, noise=False)
        target = len(full.boxes) - 1
        bare = render_clip(config, index, noise=False, without=[target])
        change = np.abs(full.frames.astype(int) - bare.frames).max(axis=-1)
        assert (change > 50).sum(axis=(1, 2)).min() > 0.015 * config.size**2
        assert all(box is not None for box in full.boxes[target])


def test_objects_stay_inside_the_frame():
    for world in WORLDS:
        config = WorldConfig(world=world, clips=100, difficulty="easy", seed=9, **SMALLER.get(world, {}))
        for index in range(8 if world in SMALLER else 24):
            full = render_clip(config, index, noise=False)
            for sprite, boxes in zip(draw_plan(config, index).scene.sprites, full.boxes, strict=True):
                if sprite.role != "distractor" and not sprite.wraps:
                    for box in filter(None, boxes):
                        assert min(box) > 0
                        assert max(box) < config.size


def test_the_hidden_object_is_seen_before_tau_and_not_after():
    config = WorldConfig(world="state-change", clips=100, seed=0)
    for index in range(40):
        plan = draw_plan(config, index)
        if plan.planted.label == "Putting something behind something":
            rendering = render_clip(config, index)
            target = [s.role for s in plan.scene.sprites].index("target")
            boxes = rendering.boxes[target]
            assert plan.tau is not None
            assert all(box is not None for box in boxes[: plan.tau])
            assert all(box is None for box in boxes[plan.tau + 5 :])


def test_difficulty_scales_what_hides_the_truth():
    def measure(difficulty):
        config = WorldConfig(clips=100, difficulty=difficulty, seed=1)
        clean = np.stack([render_clip(config, i, noise=False).frames for i in range(6)]).astype(float)
        noisy = np.stack([render_clip(config, i).frames for i in range(6)])
        plans = [draw_plan(config, i) for i in range(40)]
        return (
            float(np.std(noisy - clean)),
            float(np.mean([p.scene.shake.std() for p in plans])),
            float(np.mean([np.hypot(*(p.scene.backdrop.pan[-1] - p.scene.backdrop.pan[0])) for p in plans])),
            float(np.mean([sum(s.role == "distractor" for s in p.scene.sprites) for p in plans])),
        )

    easy, medium, hard = (measure(d) for d in ("easy", "medium", "hard"))
    assert all(a < b < c for a, b, c in zip(easy, medium, hard, strict=True))
    assert [easy[0], medium[0], hard[0]] == pytest.approx([2, 5, 10], rel=0.06)
    assert (easy[3], hard[3]) == (1, 4)


def test_a_varied_clip_has_any_part_of_what_a_hard_one_has_and_the_same_story():
    def count(plan):
        return sum(sprite.role == "distractor" for sprite in plan.scene.sprites)

    configs = {level: WorldConfig("hard", clips=100, difficulty=level) for level in ("varied", "hard")}
    plans = {level: [draw_plan(config, i) for i in range(60)] for level, config in configs.items()}
    assert {count(plan) for plan in plans["varied"]} == {0, 2, 4, 6, 8}
    assert {count(plan) for plan in plans["hard"]} == {8}
    for varied, hard in zip(plans["varied"], plans["hard"], strict=True):
        assert varied.events == hard.events
        assert varied.look == hard.look
        part = varied.scene.noise_sigma / hard.scene.noise_sigma
        assert 0 <= part <= 1
        assert varied.scene.backdrop.contrast == pytest.approx(part * hard.scene.backdrop.contrast)
        assert varied.scene.shake == pytest.approx(part * hard.scene.shake, abs=1e-6)
    parts = [plan.scene.noise_sigma / 10 for plan in plans["varied"]]
    assert min(parts) < 0.1
    assert max(parts) > 0.9


def test_a_clip_depends_on_seed_and_index_alone():
    few, many = small("temporal", clips=24), small("temporal", clips=900, train_fraction=0.5)
    assert np.array_equal(render_clip(few, 5).frames, render_clip(many, 5).frames)
    again = render_clip(few, 5)
    assert np.array_equal(again.frames, render_clip(few, 5).frames)
    for other in (render_clip(few, 6), render_clip(dataclasses.replace(few, seed=4), 5)):
        assert not np.array_equal(again.frames, other.frames)


def test_the_background_moves_and_the_camera_shakes_as_the_truth_says():
    config = WorldConfig(clips=100, difficulty="hard", seed=3)
    plan = draw_plan(config, 0)
    clip = describe_clip(config, plan, render_clip(config, 0))
    empty = dataclasses.replace(plan.scene, sprites=())
    frames = render_scene(empty, config.size, noise=False).frames.astype(float).mean(axis=-1)
    pan, shake = np.array(clip.pan), np.array(clip.shake)
    moved = (shake[10] - pan[10] - shake[0] + pan[0]) * config.size
    padded = [f - f.mean() for f in (frames[0], frames[10])]
    match = np.fft.irfft2(np.conj(np.fft.rfft2(padded[0])) * np.fft.rfft2(padded[1]), s=frames[0].shape)
    row, column = np.unravel_index(np.argmax(match), match.shape)
    found = [(v + config.size // 2) % config.size - config.size // 2 for v in (column, row)]
    assert np.hypot(*moved) > 4
    assert found == pytest.approx(moved.tolist(), abs=2)
