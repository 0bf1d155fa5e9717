"""Train the shipped models again, or ship a run that is there: a recipe in, a checkpoint and its card out.

    python -m trained_models.make temporal-gst-quarter [MORE ...] [--runs DIR]

Each is trained by a packaged recipe, with the settings below, into DIR/NAME; a finished run there is
taken as it is. The card's accuracies are measured here, on clips of another seed that no training saw.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.machine import describe_machine
from gst_analysis.analyses.evaluation import ModelEvaluation, evaluate
from gst_analysis.checkpoints.cards import save_card
from gst_analysis.checkpoints.loading import load_model
from gst_analysis.clips.labelled import load_labelled_clips
from gst_analysis.planted.making import make_world
from gst_analysis.planted.worlds import WorldConfig
from gst_analysis.training import train
from gst_analysis.training.recipes import load_config

HERE = Path(__file__).parent
FRESH_SEED, FRESH_CLIPS = 1000, 480
SERIES = "temporal-gst-quarter"
"""The run whose every epoch is shipped."""
MODELS = {
    "temporal-gst-half": ["model.alpha=1/2"],
    "temporal-gst-quarter": ["run.save_every_epochs=1"],
    "temporal-gst-eighth": ["model.alpha=1/8"],
    "temporal-gst-large": ["model.name=gst-large-resnet26s"],
    **{
        f"temporal-{family}": [f"model.name={family}-resnet26s"]
        for family in ("c2d", "c3d", "c3d-g2", "p3d", "tsm", "sth")
    },
    "static-gst-quarter": [],
    "static-c2d": ["model.name=c2d-resnet26s"],
    "mixed-gst-quarter": [],
    "state-change-gst-quarter": [],
}


def recipe_of(name: str) -> str:
    """The packaged recipe of a shipped model: that of its world."""
    world = next(w for w in ("state-change", "temporal", "static", "mixed") if name.startswith(w))
    return f"planted-{world}"


def fresh_world(name: str) -> WorldConfig:
    """The world of a model's recipe, in clips that it was not trained on."""
    world = load_config(recipe_of(name), {}).world
    assert world is not None
    return replace(world, clips=FRESH_CLIPS, seed=FRESH_SEED, train_fraction=0.0)


def measure_fresh(checkpoint: Path, world: WorldConfig, folder: Path) -> ModelEvaluation:
    """Render the world, unless it is there, and evaluate a checkpoint on it."""
    if not folder.exists():
        make_world(folder, world)
    return evaluate(str(checkpoint), load_labelled_clips(folder))


def run_recipe(name: str, runs: Path) -> Path:
    """The folder of a finished run."""
    run = runs / name
    if not (run / "last.pth").exists():
        recipe = recipe_of(name)
        train(recipe, [*MODELS[name], f"data.root={runs / recipe}"], out=run)
    return run


def ship(name: str, run: Path, fresh: Path) -> Path:
    """Copy a run's last checkpoint here and write its card beside it."""
    checkpoint = HERE / f"{name}.pth"
    shutil.copyfile(run / "last.pth", checkpoint)
    if name == SERIES:
        series = HERE / f"{name}-epochs"
        series.mkdir(exist_ok=True)
        for epoch in sorted(run.glob("epoch-*.pth")):
            shutil.copyfile(epoch, series / epoch.name)
    found = measure_fresh(checkpoint, fresh_world(name), fresh)
    save_card(checkpoint, describe(name, checkpoint, run, found))
    return checkpoint


def describe(name: str, checkpoint: Path, run: Path, found: ModelEvaluation) -> dict[str, Any]:
    """What a card says: where the weights come from, and what they were measured to do."""
    model, epochs = load_model(checkpoint), pd.read_csv(run / "epochs.csv")
    size = model.spec.num_classes
    confusion = found.confusion.sort_values(["true_id", "predicted_id"])["clips"].to_numpy()
    recipe = load_config(recipe_of(name), {})
    return {
        "sha256": model.sha256,
        "spec": model.spec.to_json(),
        "clip_spec": model.clip_spec.to_json(),
        "labels": list(model.labels or ()),
        "recipe": recipe_of(name),
        "settings": MODELS[name],
        "world": asdict(recipe.world) if recipe.world else None,
        "epochs": int(epochs["epoch"].iloc[-1]),
        "seconds": round(float(epochs["seconds"].iloc[-1])),
        "machine": describe_machine(),
        "training": {"val_top1": float(epochs["val_top1"].iloc[-1]), "loss": float(epochs["loss"].iloc[-1])},
        "fresh": {
            "world": asdict(fresh_world(name)),
            "top1": found.summary.top1,
            "top5": found.summary.top5,
            "confusion": confusion.reshape(size, size).tolist(),
        },
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what is missing, then ship what is asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m trained_models.make", description=__doc__.splitlines()[0]
    )
    parser.add_argument("names", nargs="+", choices=[*MODELS, "all"], metavar="NAME", help=", ".join(MODELS))
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="default: %(default)s")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        for name in MODELS if "all" in asked.names else asked.names:
            run = run_recipe(name, asked.runs)
            print(ship(name, run, Path(folder) / recipe_of(name)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
