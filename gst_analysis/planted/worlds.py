"""What the planted worlds are: a typed configuration in; classes and splits out. No pixels, no numpy here.

Every world has balanced classes: clips are dealt in blocks that hold each class once, in an order drawn
from the seed, and whole blocks go to training or to validation.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Literal

from gst_analysis.errors import SpecError
from gst_analysis.options import option

WorldName = Literal["static", "temporal", "mixed", "state-change"]
Container = Literal["mp4", "webm", "frames"]
Level = Literal["easy", "medium", "hard"]
Split = Literal["train", "validation"]
WORLDS: tuple[WorldName, ...] = ("static", "temporal", "mixed", "state-change")
CONTAINERS: tuple[Container, ...] = ("mp4", "webm", "frames")

SHAPES = ("disc", "square", "triangle", "star", "cross", "ring")
TEXTURES = ("plain", "striped", "dotted", "checked")


@dataclass(frozen=True)
class Difficulty:
    """How much a clip hides its truth; lengths are fractions of the frame's side."""

    distractors: int
    pan: float  # the way the background slides from the first frame to the last
    shake: float  # standard deviation of the camera's place
    noise: float  # standard deviation of the sensor's noise, in grey levels of 255
    contrast: float  # standard deviation of the background's texture, in grey levels
    compression: int  # 0 light, 1 middling, 2 strong


DIFFICULTIES: dict[Level, Difficulty] = {
    "easy": Difficulty(1, pan=0.08, shake=0.003, noise=2.0, contrast=12.0, compression=0),
    "medium": Difficulty(2, pan=0.2, shake=0.008, noise=5.0, contrast=20.0, compression=1),
    "hard": Difficulty(4, pan=0.4, shake=0.018, noise=10.0, contrast=30.0, compression=2),
}


@dataclass(frozen=True)
class PlantedClass:
    """One class: its name in Something-Something's style, and what makes a clip belong to it.

    `backwards` says that the clips are those of the partner played from last frame to first;
    `completes` that the state changes for good (None where there is no state to change).
    """

    template: str
    action: str = ""
    backwards: bool = False
    completes: bool | None = None
    shape: str = ""
    texture: str = ""
    partner: str = ""

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


@cache
def classes_of(world: WorldName) -> tuple[PlantedClass, ...]:
    """A world's classes in the order of their labels, which is the order of their numbers."""
    makers = {"static": _static, "temporal": _temporal, "mixed": _mixed, "state-change": _state_change}
    return tuple(sorted(makers[world](), key=lambda c: c.label))


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


@dataclass(frozen=True)
class WorldConfig:
    """What to render. A clip depends on everything here but `clips` and `train_fraction`."""

    world: WorldName = option("temporal", "static, temporal, mixed or state-change.")
    clips: int = option(1000, "Clips in all; a fifth of them for validation.")
    train_fraction: float = 0.8
    frames: int = option(24, "Frames in a clip.")
    size: int = option(96, "Height and width in pixels.")
    fps: int = 12
    seed: int = option(0, "The same seed renders the same clips.")
    difficulty: Level = option("medium", "easy, medium or hard.")
    container: Container = option("mp4", "mp4, webm, or frames for folders of JPEGs.")

    def __post_init__(self) -> None:
        for field, known in (
            ("world", WORLDS),
            ("difficulty", tuple(DIFFICULTIES)),
            ("container", CONTAINERS),
        ):
            _check_name(field, getattr(self, field), known)
        limits = {"clips": (1, 1_000_000), "frames": (8, 512), "size": (32, 512), "fps": (1, 120)}
        for field, (low, high) in {**limits, "seed": (0, 2**32 - 1)}.items():
            _check_whole(field, getattr(self, field), low, high)
        self._check_size()
        self._check_split()

    def _check_size(self) -> None:
        if self.size % 2:
            raise SpecError(
                "world config: size",
                expected="an even number of pixels, as the video formats ask for",
                found=str(self.size),
                todo=f"use {self.size + 1}",
            )

    def _check_split(self) -> None:
        fraction, needed = self.train_fraction, 2 * len(classes_of(self.world))
        if isinstance(fraction, bool) or not isinstance(fraction, (int, float)) or not 0 <= fraction <= 1:
            raise SpecError(
                "world config: train_fraction",
                expected="a number from 0 to 1",
                found=repr(fraction),
                todo="use 0.8 for the usual split",
            )
        if 0 < fraction < 1 and self.clips < needed:
            raise SpecError(
                "world config: clips",
                expected=f"at least {needed}, so that both splits hold every class",
                found=str(self.clips),
                todo=f"ask for {needed} or more clips",
            )

    @property
    def level(self) -> Difficulty:
        return DIFFICULTIES[self.difficulty]

    @property
    def classes(self) -> tuple[PlantedClass, ...]:
        return classes_of(self.world)


CONFIG_FIELDS = tuple(field.name for field in fields(WorldConfig))


def _check_name(field: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        near = difflib.get_close_matches(str(value), known, n=1) or known[:1]
        raise SpecError(
            f"world config: {field}",
            expected=f"one of {', '.join(known)}",
            found=repr(value),
            todo=f"did you mean {near[0]}?",
        )


def _check_whole(field: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise SpecError(
            f"world config: {field}",
            expected=f"a whole number from {low} to {high}",
            found=repr(value),
            todo=f"set {field} within these limits",
        )


def split_of(config: WorldConfig, index: int) -> Split:
    """Whole blocks go to validation, spread evenly; an unfinished last block goes to training."""
    if config.train_fraction in (0, 1):
        return "train" if config.train_fraction else "validation"
    blocks, block = config.clips // len(config.classes), index // len(config.classes)
    wanted = config.clips * (1 - config.train_fraction) / len(config.classes)
    held_out = min(max(1, round(wanted)), blocks - 1)
    chosen = block < blocks and (block + 1) * held_out // blocks > block * held_out // blocks
    return "validation" if chosen else "train"


def best_order_blind(labels: Sequence[str], partners: Mapping[str, str]) -> float:
    """The share of clips that a perfect model gets right if it is blind to the order of frames.

    It always knows the pair of a class and its time-reversed partner, and says the commoner of the two.

    Args:
        labels: every clip's class.
        partners: of each class, the one whose clips are its own played backwards; "" or none if there is
            no such class.

    Example:
        >>> best_order_blind(["up", "down", "down", "still"], {"up": "down", "down": "up"})
        0.75
    """
    commonest: dict[frozenset[str], int] = {}
    for label, count in Counter(labels).items():
        pair = frozenset({label, partners.get(label) or label})
        commonest[pair] = max(commonest.get(pair, 0), count)
    return sum(commonest.values()) / len(labels)
