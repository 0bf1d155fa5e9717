"""Planted worlds: videos in which every factor is known, so that an analysis can be held against the truth.

What is public of them: a world made, and a few clips of one to try a checkpoint on. How they are made is in
`making`.
"""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gst_analysis.options import keyword_options
from gst_analysis.planted.worlds import WorldConfig
from gst_analysis.progress import Progress
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    from gst_analysis.planted import making, worlds
else:
    making = Door(f"{__name__}.making")
    worlds = Door(f"{__name__}.worlds")

__all__ = ["TRIAL_CLIPS", "TRIAL_LIST", "TRIAL_SEED", "MadeWorld", "make_trial", "make_world", "plan_trial"]

TRIAL_CLIPS = 72
"""Clips that are rendered; the list to measure on holds 60 of them, or 56 where there are 8 classes.

Two of each class, and a list of one of each, where that is more.
"""
TRIAL_LIST = "train.json"
"""The longer of the two lists. Nothing was trained on it: its seed is not that of the recipes."""
TRIAL_SEED = 1


@dataclass(frozen=True)
class MadeWorld:
    """A planted world on disk."""

    folder: str
    """Where it lies."""
    world: str
    """Which world, such as temporal."""
    clips: int
    """Clips that were rendered."""
    train: int
    """Of those, clips to train on."""
    validation: int
    """Of those, clips to validate on."""
    labels: list[str]
    """Names of its classes."""


@keyword_options(WorldConfig)
def make_world(
    folder: str | os.PathLike[str],
    config: WorldConfig | None = None,
    *,
    options: WorldConfig,
    progress: Progress | None = None,
    workers: int | None = None,
) -> MadeWorld:
    """Render a planted world: video files in Something-Something v2's layout whose truth is known.

    Args:
        folder: a new or empty one.
        config: which world, how many clips, how large.
        options: the same; its fields may be given as keywords, in place of `config`.
        progress: called after every clip.
        workers: processes; as many as there are processors if None, and none beside this one if 1.

    Raises:
        OutputError: the folder holds something, or cannot be written.

    Example:
        >>> make_world("worlds/mine", world="temporal", clips=200).train  # doctest: +SKIP
        160
    """
    config = options if config is None else config
    world = making.make_world(folder, config, progress=progress, workers=workers)
    train, validation = (len(world.split(name)) for name in ("train", "validation"))
    return MadeWorld(str(world.folder), config.world, len(world.clips), train, validation, list(world.labels))


def make_trial(folder: str | os.PathLike[str], world: str, *, progress: Progress | None = None) -> str:
    """Render a few clips of a world, or take those rendered before; returns their list.

    They are clips to try checkpoints on that were not trained on them.

    Args:
        folder: where worlds are kept, a folder each.
        world: static, temporal or another, as `gst-analyze synth --help` lists them.
        progress: called after every clip.

    Raises:
        SpecError: no such world.
        OutputError: the folder cannot be written.
    """
    place, config = Path(folder) / world, plan_trial(world)
    if not (place / TRIAL_LIST).is_file():
        # In one process: more would start this program anew, which a server must not.
        making.make_world(place, config, progress=progress, workers=1)
    return str(place / TRIAL_LIST)


def plan_trial(world: str) -> worlds.WorldConfig:
    """What `make_trial` renders.

    Raises:
        SpecError: no such world.
    """
    kind: Any = world  # the config checks it
    # Not split yet: in the usual split 72 clips are too few for the world with the most classes.
    config = worlds.WorldConfig(kind, clips=TRIAL_CLIPS, train_fraction=1, seed=TRIAL_SEED, difficulty="easy")
    clips = max(TRIAL_CLIPS, 2 * len(config.classes))
    return dataclasses.replace(config, clips=clips, train_fraction=0.8, frames=worlds.usual_frames(kind))
