"""The worlds of stories: what happens is what the label says, and nothing else depends on the label."""

import dataclasses
import json

import numpy as np
import pytest

from gst_analysis.clips.mirroring import infer_mirror
from gst_analysis.planted import plan_trial
from gst_analysis.planted.classes import WORLDS, classes_of
from gst_analysis.planted.events import DIRECTIONS
from gst_analysis.planted.making import WorldConfig, draw_plan, make_world, read_world, render_clip
from gst_analysis.planted.render import ANGLE, OPACITY, RADIUS, Y, render_scene
from gst_analysis.planted.truth import describe_clip
from gst_analysis.planted.worlds import usual_frames
from gst_analysis.training.recipes import load_config

STORIES = WORLDS[4:]
CURVES = {"hop": Y, "swell": RADIUS, "blink": OPACITY, "turn": ANGLE}


@pytest.mark.parametrize("world", STORIES)
@pytest.mark.parametrize("frames", [8, 17, 32])
def test_what_happens_is_what_the_label_says(world, frames):
    """Events come in the order of the story, in frames that there are; nothing moves in between."""
    config = WorldConfig(world=world, clips=400, frames=frames)
    for index in range(min(24, 3 * len(config.classes))):
        plan = draw_plan(config, index)
        names = [event.name for event in plan.events]
        story = list(plan.planted.story)
        if world in ("there-and-back", "count", "hard"):
            assert names == story
        elif world == "clock" or "in a round" in plan.planted.label:
            assert names in [story[n:] + story[:n] for n in range(len(story))]
        elif world == "long-order":
            assert names in (story, [story[1 if name == story[0] else 0] for name in story])
        else:
            assert names in {"speed": [["move"]], "hidden": [["hide"], ["hide", "swap"]]}[world]
        stops = [0, *(event.stop for event in plan.events)]
        if world != "clock":
            assert all(stop <= event.start for stop, event in zip(stops, plan.events, strict=False))
            assert stops[-1] <= frames
        assert all(0 <= event.start < frames for event in plan.events)


@pytest.mark.parametrize("world", ["there-and-back", "hard"])
def test_steps_go_where_they_are_said_to(world):
    config = WorldConfig(world=world, clips=400)
    for index in range(48):
        plan = draw_plan(config, index)
        path = plan.scene.sprites[-1].track[:, :2]
        for event in plan.events:
            step = path[event.stop - 1] - path[event.start - 1]
            assert step @ DIRECTIONS[event.name] > 0.2
            assert abs(step @ DIRECTIONS[event.name][::-1]) < 1e-4


@pytest.mark.parametrize(("frames", "rest"), [(16, 0.75), (40, 0.6), (9, 0.3)])
def test_steps_are_as_far_from_each_other_and_from_the_ends_as_is_asked(frames, rest):
    """What moves between two frames lies between them, so that of rest at most one frame each is lost."""
    config = WorldConfig("hard", clips=400, frames=frames, rest=rest)
    for index in range(48):
        plan = draw_plan(config, index)
        (target,) = (sprite for sprite in plan.scene.sprites if sprite.role == "target")
        first, second = plan.events
        assert (first.name, second.name) == plan.planted.story
        still = frames * rest / 3
        assert min(first.start, second.start - first.stop + 1, frames - second.stop + 1) >= still - 1e-6
        for event in plan.events:
            step = target.track[event.stop - 1, :2] - target.track[event.start - 1, :2]
            assert step @ DIRECTIONS[event.name] > 0.2


@pytest.mark.parametrize("world", ["long-order", "clock"])
def test_events_move_what_they_are_called_after(world):
    config = WorldConfig(world=world, clips=400, frames=32)
    for index in range(24):
        plan = draw_plan(config, index)
        track = plan.scene.sprites[-1].track
        rest = np.median(track, axis=0)
        for event in plan.events:
            inside = np.arange(event.start, event.stop) % 32
            moved = np.abs(track[inside] - rest).max(axis=0)
            assert {n for n, column in CURVES.items() if moved[column] > 0.04} == {event.name}


def test_speed_count_and_screen_are_what_the_label_says():
    config = WorldConfig(world="speed", clips=100)
    took = {
        "Moving something slowly": 18,
        "Moving something at an even pace": 8,
        "Moving something quickly": 2,
    }
    for index in range(12):
        plan = draw_plan(config, index)
        (move,) = plan.events
        assert abs(move.stop - move.start - took[plan.planted.label]) <= 1
    config = WorldConfig(world="hidden", clips=100, size=48)
    for index in range(12):
        plan = draw_plan(config, index)
        target, *screens = plan.scene.sprites[-3:]
        (goal,) = [s for s in screens if s.texture == plan.planted.story[0]]
        assert np.allclose(target.track[-1, :2], goal.track[-1, :2], atol=1e-4)
        (hide, *_) = plan.events
        assert not any(render_clip(config, index).boxes[-3][hide.stop :])


@pytest.mark.parametrize("world", STORIES)
def test_all_but_the_story_is_the_same_whatever_the_label(world):
    config = WorldConfig(world=world, clips=400, frames=16)
    labels = [c.label for c in config.classes][:6]
    plans = [draw_plan(config, 3, label=label) for label in labels]
    for plan in plans[1:]:
        for one, other in zip(plan.scene.sprites, plans[0].scene.sprites, strict=True):
            if one.role == "distractor":
                assert np.array_equal(one.track, other.track)
            assert (one.colour, one.texture) == (other.colour, other.texture)
        assert np.array_equal(plan.scene.shake, plans[0].scene.shake)
        assert np.array_equal(plan.scene.backdrop.pan, plans[0].scene.backdrop.pan)


def test_a_bag_of_frames_that_went_right_is_one_that_went_left_from_elsewhere():
    config = WorldConfig(world="there-and-back", clips=100)
    for index in range(8):
        there, back = (
            np.sort(
                draw_plan(config, index, label=f"Moving something to the {way} and back")
                .scene.sprites[-1]
                .track[:, 0]
            )
            for way in ("right", "left")
        )
        assert np.allclose(there - there[0], back - back[0], atol=1e-5)


def test_what_leaves_at_one_side_comes_in_at_the_other():
    """As much of an object is seen wherever it is, and its box spans the frame where it is cut in two."""
    plan = draw_plan(WorldConfig(world="there-and-back", clips=100, frames=16), 0)
    sprite = plan.scene.sprites[-1]
    track = sprite.track.copy()
    track[:, 0], track[:, 1] = np.linspace(-1, 2, 16), np.linspace(0.5, 1.5, 16)
    scene = dataclasses.replace(plan.scene, shake=np.zeros_like(plan.scene.shake))
    painted = dataclasses.replace(scene, sprites=(dataclasses.replace(sprite, track=track),))
    full, bare = (render_scene(s, 64, noise=False) for s in (painted, dataclasses.replace(scene, sprites=())))
    seen = (np.abs(full.frames.astype(int) - bare.frames).max(axis=-1) > 25).sum(axis=(1, 2))
    assert seen.min() > 0.8 * seen.max()
    widths = [box[2] - box[0] for box in full.boxes[0] if box is not None]
    assert len(widths) == 16
    assert max(widths) == 64
    assert min(widths) < 32


@pytest.mark.parametrize("world", STORIES)
def test_a_mirrored_clip_has_the_class_of_the_mirrored_story(world):
    classes = classes_of(world)
    mirror = infer_mirror([c.label for c in classes])
    swap = {"left": "right", "right": "left"}
    for number, planted in enumerate(classes):
        flipped = mirror.flipped(number)
        assert flipped is not None
        assert classes[flipped].story == tuple(swap.get(event, event) for event in planted.story)
        assert classes[flipped].shape == planted.shape


def test_partners_are_each_others_reversal():
    opposite = {"left": "right", "right": "left", "up": "down", "down": "up"}
    for world in STORIES:
        named = {c.label: c for c in classes_of(world)}
        for planted in named.values():
            backwards = tuple(opposite.get(event, event) for event in planted.story[::-1])
            if planted.partner:
                partner = named[planted.partner]
                assert partner.partner == planted.label
                assert backwards in [partner.story[n:] + partner.story[:n] for n in range(len(partner.story))]
            elif world in ("there-and-back", "hard"):
                assert backwards == planted.story  # its own reversal


def test_truth_tells_events_and_reads_those_of_before(tmp_path):
    world = make_world(tmp_path / "w", WorldConfig("count", clips=12, size=32, frames=16), workers=1)
    again = read_world(world.folder)
    assert again == world
    assert [len(clip.events) for clip in again.clips] == [
        len(draw_plan(again.config, i).events) for i in range(12)
    ]
    truth = json.loads((world.folder / "truth.json").read_text())
    assert truth["config"].pop("rest") == 0
    for clip in truth["clips"]:
        del clip["events"]
        for thing in clip["things"]:
            del thing["wraps"]
    (world.folder / "truth.json").write_text(json.dumps(truth))
    before = read_world(world.folder)
    assert [clip.label for clip in before.clips] == [clip.label for clip in world.clips]
    assert before.config == world.config
    assert not any(clip.events for clip in before.clips)


def test_the_hard_world_moves_its_camera_and_its_distractors():
    plans = {w: draw_plan(WorldConfig(world=w, clips=200), 0) for w in ("hard", "speed")}
    walkers = [s for s in plans["hard"].scene.sprites if s.role == "distractor" and s.wraps]
    assert len(walkers) == 2
    assert all(np.ptp(s.track[:, :2], axis=0).max() > 0.15 for s in walkers)
    assert (
        np.ptp(plans["hard"].scene.shake, axis=0).max() > 2 * np.ptp(plans["speed"].scene.shake, axis=0).max()
    )


@pytest.mark.parametrize("world", WORLDS)
def test_what_is_rendered_to_try_a_network_is_like_what_its_recipe_renders(world):
    recipe, trial = load_config(f"planted-{world}").world, plan_trial(world)
    assert recipe is not None
    assert trial.frames == usual_frames(world) == recipe.frames
    assert trial.seed != recipe.seed
    assert trial.clips >= 2 * len(trial.classes)


def test_a_clip_of_every_world_can_be_described():
    for world in STORIES:
        config = WorldConfig(world=world, clips=200, size=32, frames=usual_frames(world))
        plan = draw_plan(config, 1)
        clip = describe_clip(config, plan, render_clip(config, 1))
        assert clip.events == plan.events
        assert np.array_equal(render_clip(config, 1).frames, render_clip(config, 1).frames)
        assert {t.wraps for t in clip.targets} == {world in ("there-and-back", "speed", "hard")}
