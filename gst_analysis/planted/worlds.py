"""What a planted world is: a typed configuration in; its level and its splits out. No pixels, no numpy here.

Every world has balanced classes: clips are dealt in blocks that hold each class once, in an order drawn
from the seed, and whole blocks go to training or to validation.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from gst_analysis.errors import SpecError, quote
from gst_analysis.options import option
from gst_analysis.planted.classes import WORLDS, PlantedClass, WorldName, classes_of

__all__ = [
    "CONTAINERS",
    "DIFFICULTIES",
    "USUAL_FRAMES",
    "WORLDS",
    "Container",
    "Difficulty",
    "Level",
    "PlantedClass",
    "Split",
    "WorldConfig",
    "WorldName",
    "best_order_blind",
    "classes_of",
    "split_of",
    "usual_frames",
]

Container = Literal["mp4", "webm", "frames"]
Level = Literal["easy", "medium", "hard", "varied"]
Split = Literal["train", "validation"]
CONTAINERS: tuple[Container, ...] = ("mp4", "webm", "frames")


@dataclass(frozen=True)
class Difficulty:
    """How much a clip hides its truth; lengths are fractions of the frame's side."""

    distractors: int
    pan: float  # the way the background slides from the first frame to the last
    shake: float  # standard deviation of the camera's place
    noise: float  # standard deviation of the sensor's noise, in grey levels of 255
    contrast: float  # standard deviation of the background's texture, in grey levels
    compression: int  # 0 light, 1 middling, 2 strong
    walkers: int = 0  # dull things, as large as the object, that take steps of their own
    camera: float = 0.0  # how far the camera swings to either side
    varied: bool = False  # whether every clip has a part of all this, drawn from none to the whole

    def scale(self, part: float) -> Difficulty:
        """So large a part of everything but compression, from 0 to 1."""
        return dataclasses.replace(
            self,
            distractors=round(part * self.distractors),
            walkers=round(part * self.walkers),
            pan=part * self.pan,
            shake=part * self.shake,
            noise=part * self.noise,
            contrast=part * self.contrast,
            camera=part * self.camera,
        )


DIFFICULTIES: dict[Level, Difficulty] = {
    "easy": Difficulty(1, pan=0.08, shake=0.003, noise=2.0, contrast=12.0, compression=0),
    "medium": Difficulty(2, pan=0.2, shake=0.008, noise=5.0, contrast=20.0, compression=1),
    "hard": Difficulty(4, pan=0.4, shake=0.018, noise=10.0, contrast=30.0, compression=2),
    "varied": Difficulty(4, pan=0.4, shake=0.018, noise=10.0, contrast=30.0, compression=1, varied=True),
}

USUAL_FRAMES: Mapping[WorldName, int] = {"long-order": 32, "clock": 32, "count": 32, "hard": 16}
"""Frames that a world's recipe renders, where those are not the usual 24."""

MOST_REST, LEAST_ROOM = 0.75, 2
"""The most of a clip that is rest, and the fewest frames that a step has to itself."""


def usual_frames(world: WorldName) -> int:
    """How many frames a world's clips have in its packaged recipe, and so in what is made to try it on."""
    return USUAL_FRAMES.get(world, WorldConfig.frames)


@dataclass(frozen=True)
class WorldConfig:
    """What to render. A clip depends on everything here but `clips` and `train_fraction`."""

    world: WorldName = option("temporal", f"{', '.join(WORLDS[:-1])} or {WORLDS[-1]}.")
    clips: int = option(1000, "Clips in all; a fifth of them for validation.")
    train_fraction: float = 0.8
    frames: int = option(24, "Frames in a clip.")
    size: int = option(96, "Height and width in pixels.")
    fps: int = 12
    seed: int = option(0, "The same seed renders the same clips.")
    difficulty: Level = option("medium", "easy, medium, hard, or varied: from none of it to hard.")
    container: Container = option("mp4", "mp4, webm, or frames for folders of JPEGs.")
    rest: float = option(
        0.0,
        "World hard: the share of a clip that is rest, so that its two steps lie farther from each other.",
    )

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
        self._check_rest()

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

    def _check_rest(self) -> None:
        rest = self.rest
        if isinstance(rest, bool) or not isinstance(rest, (int, float)) or not 0 <= rest <= MOST_REST:
            raise SpecError(
                "world config: rest",
                expected=f"a number from 0 to {MOST_REST}",
                found=repr(rest),
                todo="use 0 for steps that fill the clip, 0.75 for short ones far from each other",
            )
        if rest and self.world != "hard":
            raise SpecError(
                "world config: rest",
                expected="the world hard, whose objects take two steps",
                found=f"the world {self.world}",
                todo="leave rest out, or ask for the world hard",
            )
        if self.frames * (1 - rest) / 2 < LEAST_ROOM:
            raise SpecError(
                "world config: rest",
                expected=f"{LEAST_ROOM} frames or more for each of two steps",
                found=f"{self.frames * (1 - rest) / 2:g} of {self.frames} frames",
                todo="ask for more frames, or for less rest",
            )

    @property
    def level(self) -> Difficulty:
        level = DIFFICULTIES[self.difficulty]
        if self.world != "hard":
            return level
        return dataclasses.replace(level, walkers=level.distractors, camera=0.25 * level.pan)

    @property
    def classes(self) -> tuple[PlantedClass, ...]:
        return classes_of(self.world)


def _check_name(field: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        near = difflib.get_close_matches(quote(value).strip("'"), known, n=1) or known[:1]
        raise SpecError(
            f"world config: {field}",
            expected=f"one of {', '.join(known)}",
            found=quote(value),
            todo=f"did you mean {near[0]}?",
        )


def _check_whole(field: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise SpecError(
            f"world config: {field}",
            expected=f"a whole number from {low} to {high}",
            found=quote(value),
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
