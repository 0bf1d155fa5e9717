"""Training: a recipe and settings -> a run's folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gst_analysis.training.outcome import TrainResult
    from gst_analysis.training.progress import TrainProgress
    from gst_analysis.training.state import Resume


def list_recipes() -> list[str]:
    """The recipes that come with the package."""
    from gst_analysis.training.recipes import recipe_names

    return recipe_names()


def can_resume(out: str | os.PathLike[str]) -> bool:
    """Whether a folder holds a run to go on with."""
    from gst_analysis.training.state import STATE

    return (Path(out) / STATE).is_file()


def train(
    recipe: str,
    settings: Sequence[str] = (),
    *,
    out: str | os.PathLike[str],
    resume: Resume = False,
    progress: Callable[[TrainProgress], object] | None = None,
) -> TrainResult:
    """Train a network by a recipe.

    Args:
        recipe: the name of a packaged recipe, or the path of a TOML file.
        settings: what to change in it, as `optimiser.lr=0.02`.
        out: the folder for checkpoints, logs and the state to go on from.
        resume: go on with the run in that folder, if there is one; `"required"`: only if there is one.
        progress: called with a TrainProgress now and then.
    """
    from gst_analysis.training.loop import train as run
    from gst_analysis.training.recipes import load_config, parse_overrides

    return run(load_config(recipe, parse_overrides(settings)), out=out, resume=resume, progress=progress)
