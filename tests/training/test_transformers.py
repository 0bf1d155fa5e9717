"""A transformer from a folder learns through the trainer as every other network does."""

from __future__ import annotations

from pathlib import Path

import pytest

from gst_analysis.checkpoints.loading import load_model
from gst_analysis.planted.making import WorldConfig, make_world
from gst_analysis.training.loop import train
from gst_analysis.training.recipes import load_config
from tests.networks.tiny_transformers import save_theirs
from tests.training.runs import SETTINGS

CLIPS, CLASSES = 600, 12


@pytest.mark.slow
def test_a_folder_is_fine_tuned_with_a_new_head(tmp_path: Path) -> None:
    """Two layers of 48 channels on 480 clips: three times as often right as chance would be, at the least."""
    folder = save_theirs("timesformer", tmp_path / "small", hidden_size=48, patch_size=8)
    world = tmp_path / "world"
    make_world(world, WorldConfig(world="static", clips=CLIPS, frames=8, size=48, difficulty="easy"))
    changes = {
        "data.root": str(world),
        "data.cache": "memory",
        "world.clips": str(CLIPS),
        "model.weights": str(folder),
        "model.head": "new",
        "model.dropout": "0.0",
        "clip.frames": "4",
        "optimiser.lr": "0.1",
        "optimiser.batch_size": "32",
        "optimiser.clip_norm": "1.0",
        "optimiser.weight_decay": "0.0",
        "schedule.epochs": "20",
        "run.log_every_steps": "100",
        "run.validate_every": "5",
    }
    result = train(load_config("planted-static", {**SETTINGS, **changes}), out=tmp_path / "run")
    assert (result.summary.best_top1 or 0) > 3 / CLASSES - 0.05
    network = load_model(tmp_path / "run" / "best.pth")
    assert (network.spec.name, network.spec.num_classes) == ("timesformer", CLASSES)
    assert network.labels is not None
