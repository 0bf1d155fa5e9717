"""What a frame, two frames, a bag of frames or half a clip give away of a planted world, by trained probes.

    python -m benchmarks.world_probes [CASE ...] [--clips 3000] [--pixels] [--json FILE]

A probe sees a view of a clip and is kernel ridge regression of degree two, so that it can compare what two
frames show; a third of the clips are held out. It looks at pixels, or, as a perfect eye would, at what is
known of the objects that can be seen. Prints the table of docs/planted-worlds.md: the share of held-out clips
that each probe tells right, in bold where that is more than a guess (beyond the binomial interval of 99.99%).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

from gst_analysis.files import to_json, write_whole
from gst_analysis.planted.making import WorldConfig, draw_plan, render_clip
from gst_analysis.planted.render import ANGLE, OPACITY, RADIUS, Sprite
from gst_analysis.planted.worlds import WorldName

Array = npt.NDArray[np.float64]
Truth = npt.NDArray[np.int64]
Eye = Callable[[WorldConfig, int, str | None], Array]
View = Callable[[Array], Array]
UNLIKELY = 1e-4


@dataclass(frozen=True)
class Score:
    """Held-out clips that a probe told right, and how many there were of how many classes."""

    right: int
    clips: int
    classes: int

    @property
    def share(self) -> float:
        return self.right / self.clips

    @property
    def is_guess(self) -> bool:
        """Whether so many right answers are no wonder for somebody who guesses."""
        low, high = binom.interval(1 - UNLIKELY, self.clips, 1 / self.classes)
        return bool(low <= self.right <= high)


def see_objects(config: WorldConfig, index: int, label: str | None) -> Array:
    """(T, features): place, angle, size and opacity of all that takes part, as numbers that products suit."""
    seen, sprites = [], draw_plan(config, index, label=label).scene.sprites
    for sprite in sprites:
        if sprite.role != "distractor":
            turns = np.concatenate([2 * np.pi * sprite.track[:, :2], sprite.track[:, ANGLE, None]], axis=1)
            looks = [
                np.cos(turns),
                np.sin(turns),
                10 * sprite.track[:, RADIUS, None],
                np.ones((len(turns), 1)),
            ]
            shown = sprite.track[:, OPACITY, None] * ~_find_hidden(sprite, sprites)
            seen.append(shown * np.concatenate(looks, axis=1))
    return np.concatenate(seen, axis=1).astype(float)


def _find_hidden(sprite: Sprite, sprites: Sequence[Sprite]) -> npt.NDArray[np.bool_]:
    """(T, 1): where a target lies wholly behind a screen, so that an eye would not see it."""
    hidden = np.zeros((len(sprite.track), 1), dtype=bool)
    for screen in sprites:
        if screen.role == "screen" and sprite.role == "target":
            away = np.abs(sprite.track[:, :2] - screen.track[:, :2]) + 1.2 * sprite.track[:, RADIUS, None]
            hidden |= np.all(away < screen.track[:, RADIUS, None] * [1, screen.aspect], axis=1, keepdims=True)
    return hidden


def see_pixels(config: WorldConfig, index: int, label: str | None) -> Array:
    """(T, features) of vivid pixels alone: how many, where, of which colour, and waves of them.

    The wave of a picture turns as the picture moves, so products of two frames' waves tell the move.
    """
    frames = render_clip(config, index, label=label).frames.astype(float) / 255
    vivid = np.clip(frames.max(axis=-1) - frames.min(axis=-1) - 0.35, 0, None)  # (T, H, W)
    mass = vivid.sum(axis=(1, 2))[:, None] + 1e-3
    waves = np.fft.fft2(vivid)[:, [0, 1, 1, 1, 2, 0], [1, 0, 1, -1, 0, 2]] / mass
    colour = np.einsum("thw,thwc->tc", vivid, frames) / mass
    return np.concatenate([np.log(mass), waves.real, waves.imag, colour], axis=1)


def pick(*places: float) -> View:
    """Frames of known place: 0 is the first and 1 the last."""
    return lambda frames: frames[[round(place * (len(frames) - 1)) for place in places]].ravel()


def anywhere(frames: Array) -> Array:
    """One frame of unknown place: which, is the clip's own affair."""
    return frames[int(abs(frames).sum() * 1e6) % len(frames)]


def bag(frames: Array) -> Array:
    """Frames in no order: means of what they show, and of products of any two things in one frame."""
    products = np.einsum("ti,tj->ij", frames, frames)[np.triu_indices(frames.shape[1])]
    return np.concatenate([frames.mean(axis=0), products / len(frames), np.sort(frames, axis=0).ravel()])


def half(number: int) -> View:
    """The first or the second half, in order."""
    return lambda frames: np.split(frames, 2)[number].ravel()


VIEWS: Mapping[str, View] = {
    "first": pick(0),
    "early": pick(1 / 3),
    "middle": pick(1 / 2),
    "last": pick(1),
    "anywhere": anywhere,
    "ends": pick(0, 1),
    "pair": pick(0.3, 0.6),
    "bag": bag,
    "first half": half(0),
    "second half": half(1),
    "all": np.ravel,
}
FRAME = ("first", "early", "middle", "last", "anywhere")
NARROW = (*FRAME, "ends", "bag")


@dataclass(frozen=True)
class Case:
    """Classes to be told apart, by the ends of their names; views that cannot, and views that can."""

    world: WorldName
    endings: tuple[str, ...]
    chance: tuple[str, ...]
    tell: tuple[str, ...]
    """The last is the one that shows most."""

    @property
    def labels(self) -> list[str]:
        classes = WorldConfig(self.world, clips=200).classes
        return [planted.label for planted in classes if planted.label.endswith(self.endings)]


CASES: Mapping[str, Case] = {
    "there-and-back": Case("there-and-back", ("",), (*FRAME, "ends"), ("pair", "bag", "all")),
    "there-and-back: right or left": Case(
        "there-and-back", ("right and back", "left and back"), NARROW, ("pair", "all")
    ),
    "long-order: rounds of three": Case(
        "long-order", ("in a round",), (*NARROW, "first half"), ("second half", "all")
    ),
    "long-order: by turns or not": Case(
        "long-order",
        ("hop and swell by turns", "hop and swell, then the other way round"),
        (*NARROW, "first half", "second half"),
        ("all",),
    ),
    "clock": Case("clock", ("",), NARROW, ("first half", "second half", "all")),
    "speed": Case("speed", ("",), (*FRAME, "ends"), ("bag",)),
    "count": Case("count", ("",), NARROW, ("first half", "second half", "all")),
    "hidden: which screen": Case(
        "hidden",
        ("disc behind stripes", "disc behind dots"),
        ("first", "middle", "last", "ends", "second half"),
        ("early", "first half", "all"),
    ),
    "hard: which steps": Case(
        "hard",
        ("disc up and then down", "disc up and then to the left", "disc down and then up"),
        FRAME,
        ("all",),
    ),
    "hard: which step first": Case(
        "hard",
        ("disc up and then to the right", "disc to the right and then up"),
        (*FRAME, "ends"),
        ("bag", "all"),
    ),
    # An older world as a control: here a frame of known place tells, and so do two, what a bag does not.
    "temporal: right or left": Case(
        "temporal", ("left to right", "right to left"), ("bag",), ("first", "last", "ends", "all")
    ),
}


def watch(config: WorldConfig, labels: Sequence[str], clips: int, see: Eye) -> tuple[list[Array], Truth]:
    """Clips of some classes by turns, each from a random state of its own, and the number of its class."""
    truth = np.arange(clips) % len(labels)
    return [see(config, index, labels[k]) for index, k in enumerate(truth.tolist())], truth


def score(features: Array, truth: Truth) -> Score:
    """A probe trained on the first two thirds of the clips, over the others."""
    train = 2 * len(truth) // 3
    spread = features[:train].std(axis=0) + 1e-3
    scaled = (features - features[:train].mean(axis=0)) / spread / np.sqrt(features.shape[1])
    kernel = (1 + scaled @ scaled[:train].T) ** 2
    wanted = np.eye(truth.max() + 1)[truth[:train]]
    weights = np.linalg.solve(kernel[:train] + 1e-2 * np.eye(train), wanted - wanted.mean(axis=0))
    right = (kernel[train:] @ weights).argmax(axis=1) == truth[train:]
    return Score(int(right.sum()), len(right), wanted.shape[1])


def probe(
    name: str,
    clips: int,
    config: Mapping[str, Any],
    *,
    pixels: bool = False,
    views: Sequence[str] = tuple(VIEWS),
) -> dict[str, Score]:
    """Every view of a case, by its name.

    Args:
        name: which case.
        clips: how many; a third is held out.
        config: of the world: its frames, an even number, seed, size and difficulty.
        pixels: look at pixels, not at what is known of objects.
        views: which.
    """
    case = CASES[name]
    world = WorldConfig(case.world, **config)
    seen, truth = watch(world, case.labels, clips, see_pixels if pixels else see_objects)
    return {view: score(np.stack([VIEWS[view](frames) for frames in seen]), truth) for view in views}


def format_table(scores: Mapping[str, Mapping[str, Score]]) -> str:
    """A Markdown table: rows cases, columns views; in bold what is no guess."""
    lines = [f"| what is to be told | guess | {' | '.join(VIEWS)} |", f"|{'---|' * (len(VIEWS) + 2)}"]
    for name, row in scores.items():
        cells = [f"{s.share:.0%}" if s.is_guess else f"**{s.share:.0%}**" for s in row.values()]
        lines.append(f"| {name} | {1 / next(iter(row.values())).classes:.0%} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table, and write every number to a file if one is named."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.world_probes", description=__doc__.splitlines()[0]
    )
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {'; '.join(CASES)}; all if none")
    parser.add_argument("--clips", type=int, default=3000)
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--difficulty", default="easy")
    parser.add_argument("--seed", type=int, default=22)
    parser.add_argument("--pixels", action="store_true", help="look at pixels")
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args(arguments)
    config = {key: getattr(asked, key) for key in ("frames", "size", "difficulty", "seed")}
    names = asked.cases or list(CASES)
    scores = {name: probe(name, asked.clips, config, pixels=asked.pixels) for name in names}
    print(format_table(scores))
    if asked.json is not None:
        record = {"clips": asked.clips, "pixels": asked.pixels, "world": config, "scores": scores}
        write_whole(asked.json, lambda file: file.write(to_json(record).encode()))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
