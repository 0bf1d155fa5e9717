"""A planted world's clips, rendered once, to try checkpoints on that were not trained on them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from gst_analysis.progress import Progress

TRIAL_CLIPS = 72
"""Clips that are rendered; the list to measure on holds 60 of them, or 56 where there are 8 classes."""
TRIAL_LIST = "train.json"
"""The longer of the two lists. Nothing was trained on it: its seed is not that of the recipes."""
TRIAL_SEED = 1


def make_trial(folder: str | os.PathLike[str], world: str, *, progress: Progress | None = None) -> str:
    """Render a few clips of a world, or take those rendered before; returns their list.

    Args:
        folder: where worlds are kept, a folder each.
        world: static, temporal, mixed or state-change.
        progress: called after every clip.

    Raises:
        SpecError: no such world.
        OutputError: the folder cannot be written.
    """
    from gst_analysis.planted.making import WorldConfig, make_world

    place = Path(folder) / world
    kind: Any = world  # the config checks it
    config = WorldConfig(kind, clips=TRIAL_CLIPS, seed=TRIAL_SEED, difficulty="easy")
    if not (place / TRIAL_LIST).is_file():
        # In one process: more would start this program anew, which a server must not.
        make_world(place, config, progress=progress, workers=1)
    return str(place / TRIAL_LIST)
