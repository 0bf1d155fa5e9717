"""How slimmed networks are trained on: epochs and a recipe -> the configuration of their runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gst_analysis.errors import SpecError

if TYPE_CHECKING:
    from gst_analysis.checkpoints.loading import LoadedModel
    from gst_analysis.training.config import TrainConfig

RATE_SHARE = 0.1
"""Of the recipe's learning rate: these weights have been trained before."""
_SECTIONS = ("model", "clip", "optimiser", "schedule", "run")
_READING = ("workers", "cache", "cache_mib", "max_skipped")
"""Of a checkpoint's own record. Not which data: nothing found in a checkpoint is used as a path."""


@dataclass(frozen=True)
class FineTuning:
    """How long, by which recipe, with which changes, and at how many budgets of the curve.

    Without a recipe it is the one that the checkpoint was trained by, as its file tells.
    """

    epochs: int
    recipe: str | None = None
    settings: tuple[str, ...] = ()
    budgets: int = 2


def configure_fine_tuning(
    plan: FineTuning, model: LoadedModel, dataset: str | os.PathLike[str], *, device: str
) -> TrainConfig:
    """The recipe at a tenth of its rate, without warm-up, on one device and the training list of the data.

    Args:
        plan: what was asked for; its settings come last.
        model: the network, for the recipe that its file tells.
        dataset: the folder of the data set, or a list in it.
        device: where to train.

    Raises:
        SpecError: no recipe, or settings that cannot be.
    """
    from gst_analysis.analyses.slimming.fine_tuned import check_budgets
    from gst_analysis.training.recipes import load_config, parse_config, parse_overrides

    check_budgets(plan.budgets)
    if not isinstance(dataset, (str, os.PathLike)):
        raise SpecError(
            "fine-tuning",
            expected="the path of a data set, in which its training list lies",
            found=type(dataset).__name__,
            todo="name the folder",
        )
    own = _own_recipe(model) if plan.recipe is None else {}
    base = load_config(plan.recipe) if plan.recipe is not None else parse_config(own)
    where = Path(dataset)
    folder = where if where.is_dir() else where.parent
    clips = "videos" if (folder / "videos").is_dir() else None
    rate = RATE_SHARE * base.optimiser.lr
    asked = {"schedule.epochs": str(plan.epochs), "data.validation": "none", "run.device": device}
    quiet = replace(
        base,
        world=None,
        model=replace(base.model, weights=None, pretrained=None, num_classes=model.spec.num_classes),
        data=replace(base.data, root=str(folder), clips=clips),
        optimiser=replace(base.optimiser, lr=rate),
        schedule=replace(base.schedule, warmup_epochs=0.0),
        run=replace(
            base.run,
            devices=1,
            nodes=1,
            strategy="auto",
            sync_bn=False,
            threads=None,
            compile=False,
            tensorboard=False,
            save_every_epochs=0,
            save_every_steps=0,
        ),
    )
    return parse_config(quiet.to_json(), asked | parse_overrides(plan.settings))


def _own_recipe(model: LoadedModel) -> Mapping[str, object]:
    """What the checkpoint says it was trained by."""
    record = model.checkpoint.provenance.get("config")
    if not isinstance(record, Mapping):
        raise SpecError(
            str(model.checkpoint.path),
            expected="the recipe it was trained by",
            found="none in the file",
            todo="name one with --recipe",
        )
    data = record.get("data")
    reading = {name: data[name] for name in _READING if name in data} if isinstance(data, Mapping) else {}
    return {name: record[name] for name in _SECTIONS if name in record} | {"data": reading}
