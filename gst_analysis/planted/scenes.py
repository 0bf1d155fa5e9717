"""One clip's factors: a configuration and an index in; the plan of the clip out. No pixels here.

A plan depends on (seed, index) and the kind of world, never on how many clips there are or who renders them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gst_analysis.errors import DataError
from gst_analysis.planted.classes import SHAPES, STATIC_ACTIONS, TEXTURES, PlantedClass
from gst_analysis.planted.events import DIRECTIONS, Event, ramp
from gst_analysis.planted.motion import Random, build_track, draw_motion
from gst_analysis.planted.render import Backdrop, Sprite, WorldScene
from gst_analysis.planted.shapes import HUES, Colour, FloatArray, contrast_colour, mix_colour
from gst_analysis.planted.states import Looks, draw_change, draw_tau
from gst_analysis.planted.stories import ACTIONS, draw_story
from gst_analysis.planted.worlds import Difficulty, WorldConfig

_THINGS = {"opening": "box", "tipping": "block"}


@dataclass(frozen=True)
class Look:
    """The main object's appearance. `twin_hue` is the hue of the second object, where there is one."""

    shape: str
    texture: str
    hue: str
    twin_hue: str
    colour: Colour
    second: Colour
    twin_colour: Colour
    radius: float


@dataclass(frozen=True, eq=False)
class ClipPlan:
    """All factors of one clip, and the scene they make.

    `tau` is the first frame that shows the completed change (None: it never completes, or there is none);
    `twin_tau` is where the clip of the partner class, made from the same random state, would change.
    """

    index: int
    planted: PlantedClass
    class_id: int
    action: str
    backwards: bool
    look: Look
    placeholders: tuple[str, ...]
    scene: WorldScene
    tau: int | None = None
    twin_tau: int | None = None
    events: tuple[Event, ...] = ()


def draw_plan(config: WorldConfig, index: int, *, label: str | None = None) -> ClipPlan:
    """The plan of the index-th clip; `label` asks for another class than its own from the same state."""
    class_id = class_of(config, index) if label is None else _find_class(config, label)
    planted = config.classes[class_id]
    action, backwards = _draw_action(config, index, planted)
    look = draw_look(random_state(config.seed, index, "look"), planted)
    random = random_state(config.seed, index, "action")
    twin_tau = draw_tau(random, config.frames) if planted.completes is not None else None
    tau = twin_tau if planted.completes else None
    events: tuple[Event, ...] = ()
    if action in ACTIONS:
        sprites, events = draw_story(
            random, action, planted.story, config.frames, _looks_of(look), rest=config.rest
        )
    elif planted.completes is None:
        sprites = draw_actors(random, action, config.frames, look, eye=not planted.texture)
    else:
        sprites = draw_change(random, action, config.frames, tau, _looks_of(look))
    scene = _draw_scene(config, index, sprites)
    return ClipPlan(
        index=index,
        planted=planted,
        class_id=class_id,
        action=action,
        backwards=backwards,
        look=look,
        placeholders=_name_things(planted, action, look),
        scene=scene.reversed() if backwards else scene,
        tau=tau,
        twin_tau=twin_tau,
        events=events,
    )


def _find_class(config: WorldConfig, label: str) -> int:
    labels = [c.label for c in config.classes]
    if label not in labels:
        raise DataError(
            f"class {label!r}",
            expected=f"a class of the {config.world} world",
            found="none of that name",
            todo=f"the classes are: {'; '.join(labels)}",
        )
    return labels.index(label)


def _draw_action(config: WorldConfig, index: int, planted: PlantedClass) -> tuple[str, bool]:
    """The class's own action and direction; in the static world any, whatever the class."""
    if planted.action:
        return planted.action, planted.backwards
    random = random_state(config.seed, index, "kind")
    return str(random.choice(STATIC_ACTIONS)), bool(random.integers(2))


def draw_look(random: Random, planted: PlantedClass) -> Look:
    """Drawn without a look at the class, then overruled where the class says what is seen."""
    shape, texture = str(random.choice(SHAPES)), str(random.choice(TEXTURES))
    hue, twin_hue = (str(h) for h in random.choice(list(HUES), 2, replace=False))
    vivid = [
        mix_colour(HUES[h] + random.uniform(-7, 7), random.uniform(0.78, 1), random.uniform(0.82, 1))
        for h in (hue, twin_hue)
    ]
    wide = 1.4 if planted.texture else 1.0  # a texture that is the label must be seen
    return Look(
        planted.shape or shape,
        planted.texture or texture,
        hue,
        twin_hue,
        vivid[0],
        contrast_colour(vivid[0]),
        vivid[1],
        radius=wide * random.uniform(0.13, 0.165),
    )


def _looks_of(look: Look) -> Looks:
    return Looks(look.shape, look.texture, look.colour, look.second, look.twin_colour, look.radius)


def draw_actors(random: Random, action: str, frames: int, look: Look, *, eye: bool) -> list[Sprite]:
    """One or two things of a look that do something; where they go is all that is drawn."""
    colours = (look.colour, look.twin_colour)
    return [
        Sprite("target", look.shape, colour, track, contrast_colour(colour), look.texture, eye=eye)
        for colour, track in zip(colours, draw_motion(random, action, frames, look.radius), strict=False)
    ]


def _name_things(planted: PlantedClass, action: str, look: Look) -> tuple[str, ...]:
    """What stands for each [something] in the template, in words; none gives the label away."""
    if planted.shape:
        things = [f"{look.hue} thing"]
    elif action in _THINGS:
        things = [f"{look.hue} {_THINGS[action]}"]
    else:
        other = "screen" if action == "hiding" else look.shape
        things = [f"{look.hue} {look.shape}", f"{look.twin_hue} {other}"]
    wanted = planted.template.count("[something]")
    return tuple(f"{'an' if thing[0] in 'aeiou' else 'a'} {thing}" for thing in things[:wanted])


def _draw_scene(config: WorldConfig, index: int, actors: list[Sprite]) -> WorldScene:
    """Actors in front of distractors in front of a background, seen by a shaking, noisy camera."""
    level, frames = draw_level(config, index), config.frames
    streams = ("background", "distractors", "shake", "noise", "camera")
    background, distractors, shake, noise, camera = (random_state(config.seed, index, s) for s in streams)
    return WorldScene(
        sprites=(*draw_distractors(distractors, frames, level), *actors),
        backdrop=draw_backdrop(background, frames, level),
        shake=draw_shake(shake, frames, level.shake) + _draw_swing(camera, frames, level.camera),
        noise_sigma=level.noise,
        noise_seed=int(noise.integers(2**32)),
    )


def draw_level(config: WorldConfig, index: int) -> Difficulty:
    """How much a clip hides its truth: as much as its world does, or any part of that."""
    if not config.level.varied:
        return config.level
    return config.level.scale(float(random_state(config.seed, index, "level").uniform(0, 1)))


def draw_backdrop(random: Random, frames: int, level: Difficulty) -> Backdrop:
    """A background, and the straight way in which it slides."""
    heading, way = random.uniform(0, 2 * math.pi), level.pan * random.uniform(0.5, 1)
    slide = np.linspace(0, way, frames)[:, None] * [math.cos(heading), math.sin(heading)]
    return Backdrop(
        texture_seed=int(random.integers(2**32)),
        colour=mix_colour(random.uniform(0, 360), random.uniform(0.05, 0.3), random.uniform(0.4, 0.72)),
        contrast=level.contrast,
        grain=random.uniform(0.05, 0.13),
        pan=(random.uniform(0, 1, 2) + slide).astype(np.float32),
    )


def draw_distractors(random: Random, frames: int, level: Difficulty) -> list[Sprite]:
    """Dull, without outline or eye; they drift, swing, turn and step with no regard to the label."""
    small = [_draw_distractor(random, frames) for _ in range(level.distractors)]
    return [*small, *(_draw_walker(random, frames) for _ in range(level.walkers))]


def _draw_walker(random: Random, frames: int) -> Sprite:
    """A dull thing as large as the main object, which takes two steps as long as that one's, at any time."""
    path = np.repeat(random.uniform(0, 1, (1, 2)), frames, axis=0)
    ways = list(DIRECTIONS.values())
    for start in random.uniform(0, 0.6, 2) * frames:
        step = np.multiply(random.uniform(0.22, 0.3), ways[int(random.integers(4))])
        path += np.outer(ramp(frames, start, random.uniform(0.25, 0.4) * frames), step)
    return Sprite(
        "distractor",
        str(random.choice(SHAPES)),
        mix_colour(random.uniform(0, 360), random.uniform(0.05, 0.3), random.uniform(0.3, 0.85)),
        build_track(frames, path[:, 0], path[:, 1], random.uniform(0.1, 0.15)),
        outline=False,
        wraps=True,
    )


def _draw_distractor(random: Random, frames: int) -> Sprite:
    time, radius = np.linspace(-0.5, 0.5, frames), random.uniform(0.045, 0.075)
    velocity, swing = random.uniform(-0.35, 0.35, 2), random.uniform(0, 0.04, 2)
    phase = random.uniform(0, 2 * math.pi, 2)
    place = random.uniform(0.12, 0.88, 2) + np.outer(time, velocity)
    place += swing * np.sin(8 * time[:, None] + phase)
    spin = random.uniform(0, 2 * math.pi) + random.uniform(-2, 2) * time
    return Sprite(
        "distractor",
        str(random.choice(SHAPES)),
        mix_colour(random.uniform(0, 360), random.uniform(0.05, 0.3), random.uniform(0.3, 0.85)),
        build_track(frames, place[:, 0], place[:, 1], radius, angle=spin, opacity=0.9),
        outline=False,
    )


def draw_shake(random: Random, frames: int, spread: float) -> FloatArray:
    """A hand's tremor: white noise, smoothed over three frames alike in both directions of time."""
    white = random.standard_normal((frames + 2, 2))
    smooth = (white[:-2] + 2 * white[1:-1] + white[2:]) / math.sqrt(6)
    return np.asarray(spread * smooth, dtype=np.float32)


def _draw_swing(random: Random, frames: int, reach: float) -> FloatArray:
    """A camera that swings slowly from side to side and up and down."""
    time, phase = np.linspace(0, 1, frames)[:, None], random.uniform(0, 2 * math.pi, 2)
    return np.asarray(reach * np.sin(random.uniform(2, 7, 2) * time + phase), dtype=np.float32)


def class_of(config: WorldConfig, index: int) -> int:
    """The number of the class of the index-th clip: each block of clips holds every class once."""
    classes = len(config.classes)
    block, place = divmod(index, classes)
    order = random_state(config.seed, block, "labels").permutation(classes)
    return int(order[place])


_STREAMS = (
    "labels",
    "kind",
    "action",
    "look",
    "background",
    "distractors",
    "shake",
    "noise",
    "camera",
    "level",
)


def random_state(seed: int, index: int, stream: str) -> np.random.Generator:
    """Each factor of each clip has a stream of its own, so that none depends on what another drew."""
    return np.random.default_rng(np.random.SeedSequence((seed, index, 1 + _STREAMS.index(stream))))
