"""Classes that are stories: a random state and a story in; the sprites that tell it out, and when it happens.

Where an object may be anywhere and what leaves the frame at one side comes in at the other (`wraps`), its
place in any one frame says nothing about where it goes: a single frame cannot tell such stories apart, even
if it is known which frame it is. `docs/planted-worlds.md` says of each world what else cannot.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gst_analysis.planted.events import DIRECTIONS, Event, draw_starts, name_runs, ramp, tell_pulses
from gst_analysis.planted.motion import Random, build_track
from gst_analysis.planted.render import Sprite
from gst_analysis.planted.shapes import BAR, FloatArray, contrast_colour
from gst_analysis.planted.states import Looks

Drawn = npt.NDArray[np.floating]


class Story(NamedTuple):
    """The sprites of a story, from back to front, and what happens when."""

    sprites: list[Sprite]
    events: tuple[Event, ...]


def draw_story(
    random: Random, action: str, story: tuple[str, ...], frames: int, looks: Looks, *, rest: float = 0.0
) -> Story:
    """Tell a story; what is drawn at random does not depend on which it is. Only steps know of rest."""
    if rest:
        return _take_two_steps(random, story, frames, looks, rest)
    return _TELLERS[action](random, story, frames, looks)


def _draw_wrapping(looks: Looks, path: Drawn, radius: float) -> Sprite:
    track = build_track(len(path), path[:, 0], path[:, 1], radius)
    return Sprite(
        "target", looks.shape, looks.colour, track, looks.second, looks.texture, eye=True, wraps=True
    )


def _go_and_return(random: Random, story: tuple[str, ...], frames: int, looks: Looks) -> Story:
    """It returns half a clip after it left: as long there as here, so a bag of frames tells no direction."""
    place, reach = random.uniform(0, 1, 2), random.uniform(0.22, 0.32)
    wide = random.uniform(0.6, 1) * (0.5 - 2 / frames)
    middle = random.uniform(wide / 2 + 1 / frames, 0.5 - wide / 2 - 1 / frames)
    time = (np.arange(frames) + 0.5) / frames
    leave, come_back = (np.clip((time - at) / wide + 0.5, 0, 1) for at in (middle, middle + 0.5))
    way = np.array(DIRECTIONS[story[0]] if story else (0, 0))
    path = place + reach * way * (leave - come_back)[:, None]
    return Story([_draw_wrapping(looks, path, looks.radius)], name_runs(story, path))


def _take_two_steps(
    random: Random, story: tuple[str, ...], frames: int, looks: Looks, rest: float = 0.0
) -> Story:
    """A step in each half of the clip: only who remembers the first knows the class.

    What is said to be rest is shared alike before, between and after them.
    """
    place, still, room = random.uniform(0, 1, 2), frames * rest / 3, frames * (1 - rest) / 2
    path = np.repeat(place[None], frames, axis=0)
    for number, way in enumerate(story):
        length, reach = random.uniform(0.6, 0.9) * (room - 1.5), random.uniform(0.22, 0.3)
        start = still + (room + still) * number + random.uniform(0.5, room - 1 - length)
        path += np.outer(ramp(frames, start, length), np.multiply(reach, DIRECTIONS[way]))
    return Story([_draw_wrapping(looks, path, looks.radius)], name_runs(story, path))


def _move_at_a_pace(random: Random, story: tuple[str, ...], frames: int, looks: Looks) -> Story:
    """A way in any direction that takes a twelfth, a third or three quarters of the clip."""
    place, reach = random.uniform(0, 1, 2), random.uniform(0.3, 0.45)
    way = np.array(list(DIRECTIONS.values())[int(random.integers(4))])
    length = max(1.0, {"fast": 1 / 12, "middling": 1 / 3, "slow": 3 / 4}[story[0]] * frames)
    path = place + np.outer(ramp(frames, random.uniform() * (frames - 1 - length), length), reach * way)
    return Story([_draw_wrapping(looks, path, looks.radius)], name_runs(("move",), path))


def _act(
    random: Random, looks: Looks, frames: int, curves: dict[str, FloatArray], events: tuple[Event, ...]
) -> Story:
    """One object that hops, swells, blinks and turns as the curves say, and else rests."""
    x, y, radius = random.uniform(0.3, 0.7), random.uniform(0.45, 0.7), 0.8 * looks.radius
    high, wide = random.uniform(0.15, 0.2), random.uniform(0.5, 0.7)
    turned = random.uniform(1.2, 1.6) * random.choice((-1, 1))
    rest = np.zeros(frames, dtype=np.float32)
    hop, swell, blink, turn = (curves.get(name, rest) for name in ("hop", "swell", "blink", "turn"))
    track = build_track(
        frames, x, y - high * hop, radius * (1 + wide * swell), angle=turned * turn, opacity=1 - blink
    )
    sprite = Sprite("target", looks.shape, looks.colour, track, looks.second, looks.texture, eye=True)
    return Story([sprite], events)


def _act_in_a_round(random: Random, story: tuple[str, ...], frames: int, looks: Looks) -> Story:
    """Events in a round that begins with any of them.

    Three are told one in the first half of the clip and two in the second. Four are spread evenly over a
    clip whose end is joined to its beginning, which may lie anywhere in the round: there is no first one.
    """
    first = int(random.integers(len(story)))
    names = [*story[first:], *story[:first]]
    if len(story) == 3:
        length = max(1, 3 * (frames // 2) // 8)
        starts = _draw_halves(random, frames, (1, 2), length)
    else:
        length = max(1, frames // 4 - max(1, frames // 16))
        offset = int(random.integers(frames))
        starts = [(offset + n * frames // 4) % frames for n in range(4)]
    curves, events = tell_pulses(names, starts, frames, length)
    return _act(random, looks, frames, curves, events)


def _act_by_turns(random: Random, story: tuple[str, ...], frames: int, looks: Looks) -> Story:
    """Two events in each half, begun with either: neither half shows whether the other has its order."""
    swap = {story[0]: story[1], story[1]: story[0]} if random.integers(2) else {}
    names, length = [swap.get(name, name) for name in story], max(1, 3 * (frames // 2) // 8)
    curves, events = tell_pulses(names, _draw_halves(random, frames, (2, 2), length), frames, length)
    return _act(random, looks, frames, curves, events)


def _draw_halves(random: Random, frames: int, numbers: tuple[int, int], length: int) -> list[int]:
    """Where events begin, so many in each half; the clip's first and last frame show none of them."""
    half = frames // 2
    early, late = (draw_starts(random, half - 1, number, length) for number in numbers)
    return [*(1 + start for start in early), *(frames - half + start for start in late)]


def _switch(random: Random, story: tuple[str, ...], frames: int, looks: Looks) -> Story:
    """Two states by turns, an odd number of changes, as many frames of one as of the other.

    So the ends always differ, and a bag of frames is the same whatever the number.
    """
    stays = [_share_out(random.uniform(0.5, 1, 3), whole, len(story) // 2 + 1) for whole in _halve(frames)]
    state = np.concatenate(
        [np.full(stays[n % 2][n // 2], n % 2, dtype=np.float32) for n in range(len(story) + 1)]
    )
    events = tuple(Event("switch", int(t), int(t) + 1) for t in 1 + np.flatnonzero(np.diff(state)))
    state = 1 - state if random.integers(2) else state
    radius, (x, y), heading = looks.radius, random.uniform(0.42, 0.58, 2), random.uniform(0, 2 * math.pi)
    far = random.uniform(0.18, 0.24)
    colours = [looks.colour, looks.colour]
    if random.integers(2):  # a lamp: it stays where it is, and its colour changes
        far, colours = 0.0, [looks.colour, looks.other]
    return Story(
        [
            Sprite(
                "target",
                looks.shape,
                colour,
                build_track(
                    frames,
                    x + side * far * math.cos(heading),
                    y + side * far * math.sin(heading),
                    radius,
                    opacity=shown,
                ),
                looks.second,
                looks.texture,
                eye=True,
            )
            for side, colour, shown in ((-1, colours[0], state), (1, colours[1], 1 - state))
        ],
        events,
    )


def _halve(frames: int) -> tuple[int, int]:
    return frames // 2, frames - frames // 2


def _share_out(weights: Drawn, whole: int, parts: int) -> list[int]:
    """A whole number of frames as so many parts, each long enough to be seen; what is left goes by weight."""
    least = max(1, whole // 5)
    edges = np.cumsum(weights[:parts]) / weights[:parts].sum() * (whole - parts * least)
    return [least + int(part) for part in np.diff(np.round(edges).astype(int), prepend=0)]


def _conceal(random: Random, story: tuple[str, ...], frames: int, looks: Looks) -> Story:
    """An object goes behind one of two screens; in half of the clips these then change places."""
    radius, wide, high = random.uniform(0.075, 0.09), random.uniform(0.12, 0.14), random.uniform(0.15, 0.18)
    apart, y, side = random.uniform(0.28, 0.31), random.uniform(0.46, 0.54), random.choice((-1, 1))
    start, length = random.uniform(0.08, 0.2) * frames, random.uniform(0.15, 0.25) * frames
    swapped, late = int(random.integers(2)), random.uniform(0.5, 0.6) * frames
    turn = math.pi * swapped * ramp(frames, late, random.uniform(0.2, 0.3) * frames)
    gone = ramp(frames, start, length)
    tracks = {}
    for name, at in (("striped", side), ("dotted", -side)):
        x, lift = 0.5 + at * apart * np.cos(turn), 0.12 * at * np.sin(turn)
        tracks[name] = build_track(frames, x, y + lift, wide)
    goal = tracks[story[0]]
    own = build_track(frames, 0.5 + gone * (goal[:, 0] - 0.5), y + gone * (goal[:, 1] - y), radius)
    screens = [
        Sprite("screen", BAR, looks.other, track, contrast_colour(looks.other), name, aspect=high / wide)
        for name, track in tracks.items()
    ]
    target = Sprite("target", looks.shape, looks.colour, own, looks.second, looks.texture, eye=True)
    hidden = name_runs(("hide",), gone[:, None])
    return Story([target, *screens], (*hidden, *name_runs(("swap",), turn[:, None])))


_TELLERS: Mapping[str, Callable[[Random, tuple[str, ...], int, Looks], Story]] = {
    "to-and-fro": _go_and_return,
    "round": _act_in_a_round,
    "pattern": _act_by_turns,
    "pace": _move_at_a_pace,
    "switching": _switch,
    "concealing": _conceal,
    "two-steps": _take_two_steps,
}
ACTIONS = frozenset(_TELLERS)
"""Actions of classes that are stories."""
