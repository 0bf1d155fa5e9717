"""A recipe and its clips in; checkpoints, a log and a result out. The loop runs on Lightning Fabric.

This is the door: importing it loads no torch. `train` reads the recipe and hands a checked configuration to
`loop.train`, which does the work.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gst_analysis.errors import SpecError
from gst_analysis.rooms import Door
from gst_analysis.training.progress import TrainProgress, TrainWatcher
from gst_analysis.training.table import DEFAULT_RECIPE, STATE, Resume, TrainResult, TrainSummary

if TYPE_CHECKING:
    from gst_analysis.training import loop, recipes, sources
else:
    loop = Door(f"{__name__}.loop")
    recipes = Door(f"{__name__}.recipes")
    sources = Door(f"{__name__}.sources")

__all__ = [
    "DEFAULT_RECIPE",
    "Resume",
    "TrainProgress",
    "TrainResult",
    "TrainSummary",
    "TrainWatcher",
    "can_resume",
    "list_recipes",
    "train",
]


def list_recipes() -> list[str]:
    """The recipes that come with the package, in alphabetical order."""
    return recipes.list_recipes()


def can_resume(out: str | os.PathLike[str]) -> bool:
    """Whether a folder holds a run to go on with."""
    return (Path(out) / STATE).is_file()


def train(
    recipe: str | os.PathLike[str],
    settings: Mapping[str, object] | Sequence[str] = (),
    *,
    out: str | os.PathLike[str],
    resume: Resume = False,
    progress: TrainWatcher | None = None,
) -> TrainResult:
    """Train a network by a recipe.

    Args:
        recipe: the name of a packaged recipe, or the path of a TOML file.
        settings: what to change in it: `{"optimiser.lr": 0.02}`, or words such as `optimiser.lr=0.02`.
        out: the folder for checkpoints, logs and the state to go on from.
        resume: go on with the run in that folder, if there is one; `"required"`: only if there is one.
        progress: called with a TrainProgress now and then.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed, or the process asked to end; the run was saved first.
        SpecError: settings that cannot be, or too little memory, with the batch size to try.
        DataError: annotations that cannot be used, or too many clips that cannot be read.
        OutputError: a folder that holds a run, that another run is writing to, or that cannot be written.

    Example:
        >>> import gst_analysis as gst
        >>> done = gst.train("planted-temporal", {"schedule.epochs": 5}, out="runs/a")  # doctest: +SKIP
    """
    _require_recipe(recipe)
    changes = recipes.parse_overrides(settings)
    config = sources.take_world(recipes.load_config(recipe, changes), changes)
    return loop.train(config, out=out, resume=resume, progress=progress)


def _require_recipe(recipe: object) -> None:
    """Refuse what is no recipe, such as its settings, which come second.

    Raises:
        SpecError: such a thing.
    """
    if not isinstance(recipe, (str, os.PathLike)):
        raise SpecError(
            "recipe",
            expected="a packaged recipe's name, or the path of a TOML file",
            found=type(recipe).__name__,
            todo='settings come second: train("planted-temporal", {"schedule.epochs": 5}, out="runs/a")',
        )
