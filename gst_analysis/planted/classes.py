"""The classes of the planted worlds: a world's name in; what each of its classes is out. No pixels here.

A class says what makes a clip belong to it, and nothing of how that is drawn: `motion`, `states` and
`stories` do that.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

WorldName = Literal[
    "static",
    "temporal",
    "mixed",
    "state-change",
    "there-and-back",
    "long-order",
    "clock",
    "speed",
    "count",
    "hidden",
    "hard",
]

SHAPES = ("disc", "square", "triangle", "star", "cross", "ring")
TEXTURES = ("plain", "striped", "dotted", "checked")


@dataclass(frozen=True)
class PlantedClass:
    """One class: its name in Something-Something's style, and what makes a clip belong to it.

    `backwards` says that the clips are those of the partner played from last frame to first;
    `completes` that the state changes for good (None where there is no state to change);
    `story` what happens, in order, where the class is a story: see `stories`.
    """

    template: str
    action: str = ""
    backwards: bool = False
    completes: bool | None = None
    shape: str = ""
    texture: str = ""
    partner: str = ""
    story: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The template without its brackets: the key in labels.json."""
        return strip_brackets(self.template)


def strip_brackets(template: str) -> str:
    """ "Moving [something] up" -> "Moving something up"."""
    return template.replace("[", "").replace("]", "")


# action, the class that plays it forwards, the class that plays it backwards
REVERSIBLE: tuple[tuple[str, str, str], ...] = (
    ("rightwards", "Moving [something] from left to right", "Moving [something] from right to left"),
    ("upwards", "Moving [something] up", "Moving [something] down"),
    ("growing", "Letting [something] grow", "Letting [something] shrink"),
    ("appearing", "Letting [something] appear", "Letting [something] vanish"),
    ("clockwise", "Turning [something] clockwise", "Turning [something] counterclockwise"),
    (
        "approaching",
        "Moving [something] and [something] closer to each other",
        "Moving [something] and [something] away from each other",
    ),
)

# action, the class that only looks as if (A), the class that completes (B)
STATE_CHANGES: tuple[tuple[str, str, str], ...] = (
    ("tearing", "Tearing [something] just a little bit", "Tearing [something] into two pieces"),
    ("opening", "Pretending to open [something] without actually opening it", "Opening [something]"),
    ("tipping", "Tilting [something] slightly so that it doesn't fall over", "Tipping [something] over"),
    ("hiding", "Pretending to put [something] behind [something]", "Putting [something] behind [something]"),
)

STATIC_SHAPES, STATIC_TEXTURES = ("disc", "square", "triangle", "star"), ("plain", "striped", "dotted")
STATIC_ACTIONS = ("rightwards", "upwards", "growing", "clockwise")
MIXED_SHAPES = ("disc", "square", "star")

# which way a step goes, and what stands for it in a class's name
WAYS = {"right": "to the right", "left": "to the left", "up": "up", "down": "down"}
_OPPOSITE = {"right": "left", "left": "right", "up": "down", "down": "up"}
EVENTS = ("hop", "swell", "blink", "turn")
TEMPI = {"slow": "slowly", "middling": "at an even pace", "fast": "quickly"}
COUNTS = {1: "once", 3: "three times", 5: "five times"}
SCREENS = {"striped": "stripes", "dotted": "dots"}
HIDDEN_SHAPES, HARD_SHAPES = ("disc", "square", "star"), ("disc", "square", "star", "triangle")


@cache
def classes_of(world: WorldName) -> tuple[PlantedClass, ...]:
    """A world's classes in the order of their labels, which is the order of their numbers."""
    return tuple(sorted(_MAKERS[world](), key=lambda c: c.label))


def _static() -> list[PlantedClass]:
    return [
        PlantedClass(f"Showing [something] that looks like a {texture} {shape}", shape=shape, texture=texture)
        for shape in STATIC_SHAPES
        for texture in STATIC_TEXTURES
    ]


def _reversible(action: str, forth: str, back: str, shape: str = "") -> list[PlantedClass]:
    return [
        PlantedClass(forth, action, shape=shape, partner=strip_brackets(back)),
        PlantedClass(back, action, backwards=True, shape=shape, partner=strip_brackets(forth)),
    ]


def _temporal() -> list[PlantedClass]:
    return [c for action, forth, back in REVERSIBLE for c in _reversible(action, forth, back)]


def _mixed() -> list[PlantedClass]:
    kinds = [
        (action, *(t.replace("[something]", f"[something] that looks like a {shape}") for t in pair), shape)
        for action, *pair in REVERSIBLE[:2]
        for shape in MIXED_SHAPES
    ]
    return [c for action, forth, back, shape in kinds for c in _reversible(action, forth, back, shape)]


def _state_change() -> list[PlantedClass]:
    return [
        PlantedClass(template, action, completes=template == done, partner=strip_brackets(other))
        for action, never, done in STATE_CHANGES
        for template, other in ((never, done), (done, never))
    ]


def _there_and_back() -> list[PlantedClass]:
    moves = [
        PlantedClass(f"Moving [something] {words} and back", "to-and-fro", story=(way, _OPPOSITE[way]))
        for way, words in WAYS.items()
    ]
    return [*moves, PlantedClass("Holding [something] still", "to-and-fro")]


def _round(events: tuple[str, ...]) -> PlantedClass:
    """Events in a round, begun anywhere: its partner is the round the other way."""
    first, *others = events

    def name(order: list[str]) -> str:
        return f"Letting [something] {', '.join([first, *order[:-1]])} and {order[-1]} in a round"

    return PlantedClass(name(others), "round", story=events, partner=strip_brackets(name(others[::-1])))


def _long_order() -> list[PlantedClass]:
    rounds = [_round(("hop", *rest)) for rest in itertools.permutations(EVENTS[1:3])]
    patterns = [
        PlantedClass(f"Letting [something] {a} and {b}{words}", "pattern", story=(a, b, *then))
        for a, b in itertools.combinations(EVENTS[:3], 2)
        for words, then in ((" by turns", (a, b)), (", then the other way round", (b, a)))
    ]
    return [*rounds, *patterns]


def _clock() -> list[PlantedClass]:
    return [_round(("hop", *rest)) for rest in itertools.permutations(EVENTS[1:])]


def _speed() -> list[PlantedClass]:
    return [
        PlantedClass(f"Moving [something] {words}", "pace", story=(name,)) for name, words in TEMPI.items()
    ]


def _count() -> list[PlantedClass]:
    return [
        PlantedClass(f"Switching [something] {words}", "switching", story=("switch",) * number)
        for number, words in COUNTS.items()
    ]


def _hidden() -> list[PlantedClass]:
    return [
        PlantedClass(
            f"Putting [something] that looks like a {shape} behind {words}",
            "concealing",
            shape=shape,
            story=(screen,),
        )
        for shape in HIDDEN_SHAPES
        for screen, words in SCREENS.items()
    ]


def _hard() -> list[PlantedClass]:
    return [_two_steps(shape, *ways) for shape in HARD_SHAPES for ways in itertools.permutations(WAYS, 2)]


def _two_steps(shape: str, first: str, second: str) -> PlantedClass:
    """A step one way and then another; backwards, the second is undone before the first."""

    def name(one: str, other: str) -> str:
        return f"Moving [something] that looks like a {shape} {WAYS[one]} and then {WAYS[other]}"

    partner = strip_brackets(name(_OPPOSITE[second], _OPPOSITE[first]))
    template = name(first, second)
    own = partner == strip_brackets(template)  # right and left again, backwards, is right and left again
    return PlantedClass(
        template, "two-steps", shape=shape, story=(first, second), partner="" if own else partner
    )


_MAKERS: Mapping[WorldName, Callable[[], list[PlantedClass]]] = {
    "static": _static,
    "temporal": _temporal,
    "mixed": _mixed,
    "state-change": _state_change,
    "there-and-back": _there_and_back,
    "long-order": _long_order,
    "clock": _clock,
    "speed": _speed,
    "count": _count,
    "hidden": _hidden,
    "hard": _hard,
}
WORLDS: tuple[WorldName, ...] = tuple(_MAKERS)
