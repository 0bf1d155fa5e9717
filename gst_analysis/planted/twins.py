"""Exact twins: a scene's number in; its clips in other looks, and the orders that its frames are shown in.

Two clips of one look show the same frames in another order, pixel by pixel, so that no single frame tells
them apart: what differs is motion alone. Two clips of one order show other things before another background,
which take the same way at the same time: what differs is appearance alone. Cameras differ by tremor and
noise, which belong to neither.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from gst_analysis.planted.classes import REVERSIBLE, PlantedClass
from gst_analysis.planted.motion import Random
from gst_analysis.planted.render import Backdrop, Frames, Sprite, WorldScene, render_scene
from gst_analysis.planted.scenes import draw_actors, draw_backdrop, draw_distractors, draw_look, draw_shake
from gst_analysis.planted.worlds import DIFFICULTIES

ORDERS = ("forth", "back", "there and back", "back and there", "later half first", "later half first, back")
"""Ways to show the same frames: one after the other but for the turns, which skip every second frame."""
ACTIONS = tuple(action for action, *_ in REVERSIBLE)
"""What happens in a scene: these in turn."""
_LEVEL = DIFFICULTIES["medium"]
_RADIUS = 0.15
_PATH, _LOOK, _CAMERA = range(3)


@dataclass(frozen=True)
class TwinConfig:
    """What is rendered of every scene: so many looks, each seen by so many cameras."""

    frames: int
    size: int
    looks: int = 3
    cameras: int = 2
    seed: int = 0


def list_orders(frames: int, count: int = len(ORDERS)) -> tuple[tuple[int, ...], ...]:
    """The first orders of ORDERS as places of frames, without those that are the same in a clip so short.

    Example:
        >>> list_orders(4, 3)
        ((0, 1, 2, 3), (3, 2, 1, 0), (0, 2, 3, 1))
    """
    forth = tuple(range(frames))
    turn = forth[::2] + forth[1::2][::-1]
    halves = forth[frames // 2 :] + forth[: frames // 2]
    far = tuple(frames - 1 - place for place in turn)
    return tuple(dict.fromkeys((forth, forth[::-1], turn, far, halves, halves[::-1])))[:count]


def render_twins(config: TwinConfig, scene: int) -> Frames:
    """The frames of one scene forth, (looks, cameras, T, H, W, 3).

    What there is depends on the look, where it goes on the scene, how the camera shakes on all three.
    """
    clips = [
        render_scene(build_twin(config, scene, look, camera), config.size).frames
        for look in range(config.looks)
        for camera in range(config.cameras)
    ]
    return np.stack(clips).reshape(config.looks, config.cameras, *clips[0].shape)


def build_twin(config: TwinConfig, scene: int, look: int, camera: int) -> WorldScene:
    """What one camera sees of a scene in one look."""
    frames, action = config.frames, ACTIONS[scene % len(ACTIONS)]
    drawn = draw_look(_state(config, _LOOK, scene, look), PlantedClass("", action))
    seen = dataclasses.replace(drawn, radius=_RADIUS)  # the way depends on it
    actors = draw_actors(_state(config, _PATH, scene), action, frames, seen, eye=True)
    shaken = _state(config, _CAMERA, scene, look, camera)
    return WorldScene(
        sprites=(*_dress(config, scene, look), *actors),
        backdrop=_draw_ground(config, scene, look),
        shake=draw_shake(shaken, frames, _LEVEL.shake),
        noise_sigma=_LEVEL.noise,
        noise_seed=int(shaken.integers(2**32)),
    )


def _draw_ground(config: TwinConfig, scene: int, look: int) -> Backdrop:
    """The look's background, which slides as the scene says."""
    way, seen = (
        draw_backdrop(_state(config, *place, 1), config.frames, _LEVEL)
        for place in ((_PATH, scene), (_LOOK, scene, look))
    )
    return dataclasses.replace(seen, pan=way.pan)


def _dress(config: TwinConfig, scene: int, look: int) -> Iterable[Sprite]:
    """Distractors that go where the scene says, in the shapes and colours of the look."""
    ways, looks = (
        draw_distractors(_state(config, *place, 2), config.frames, _LEVEL)
        for place in ((_PATH, scene), (_LOOK, scene, look))
    )
    return [dataclasses.replace(one, track=way.track) for one, way in zip(looks, ways, strict=True)]


def _state(config: TwinConfig, *place: int) -> Random:
    """Each part of each scene has a random state of its own."""
    # Numbers of another length than `random_state` gives: no clip of a world is one of these by chance.
    return np.random.default_rng(np.random.SeedSequence((config.seed, 7919, *place, len(place))))
