"""A network of optical flow is trained from lists of colour clips, and learns which way things move."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import gst_analysis as gst
from gst_analysis.errors import SpecError
from gst_analysis.training.recipes import load_config
from gst_analysis.training.sources import load_sources

WAYS = ((60, 0), (-60, 0), (0, 60), (0, -60))
"""How far everything moves, by class: across and down, in the grey levels of flow images."""
FLOW = {
    "world.clips": None,
    "model.name": "tsm-resnet18-flow2",
    "model.alpha": None,
    "clip.frames": 4,
    "clip.sampling": "segments-of-2",
    "clip.colours": "flow",
    "clip.mean": (0.5, 0.5, 0.5),
    "clip.std": (0.226, 0.226, 0.226),
}


def write_world(root: Path, *, clips: int, taught: int, steps: int = 6, size: int = 32) -> Path:
    """Lists of videos that are not there, and below flow/ a folder of flow images for each."""
    random, lines = np.random.default_rng(0), []
    for number in range(clips):
        folder = root / "flow" / f"{number:03d}"
        folder.mkdir(parents=True)
        for step in range(steps):
            for axis, way in zip("xy", WAYS[number % 4], strict=True):
                picture = random.normal(128 + way * random.random(), 12, (size, size)).clip(0, 255)
                Image.fromarray(picture.astype(np.uint8)).save(folder / f"flow_{axis}_{step:05d}.png")
        lines.append(f"{number:03d}.mp4 {number % 4}\n")
    (root / "train.txt").write_text("".join(lines[:taught]))
    (root / "val.txt").write_text("".join(lines[taught:]))
    return root


def settings_of(root: Path) -> dict[str, Any]:
    return {
        **{name: value for name, value in FLOW.items() if not name.startswith("world")},
        "model.width": 8,
        "data.root": str(root),
        "data.train": "train.txt",
        "data.validation": "val.txt",
        "data.flow": "flow",
        "data.format": "list",
        "clip.resize": 32,
        "clip.crop": 32,
        "optimiser.batch_size": 8,
        "schedule.epochs": 6,
        "run.threads": 1,
        "run.tensorboard": False,
    }


def write_recipe(folder: Path) -> Path:
    """The packaged recipe without its world, which is another."""
    packaged = Path(gst.__file__).parent / "recipes" / "planted-temporal.toml"
    recipe = folder / "ways.toml"
    recipe.write_text(packaged.read_text().partition("[world]")[0])
    return recipe


def test_lists_of_colour_clips_are_read_where_their_flow_lies(tmp_path: Path) -> None:
    root = write_world(tmp_path, clips=6, taught=4)
    sources = load_sources(load_config(write_recipe(tmp_path), settings_of(root)))
    assert [record.path for record in sources.train][:2] == [root / "flow" / "000", root / "flow" / "001"]
    assert sources.validation is not None
    assert [record.clip for record in sources.validation] == ["004.mp4", "005.mp4"]
    (root / "flow" / "005" / "flow_y_00005.png").unlink()
    result = gst.check_dataset(root / "val.txt", flow_root=root / "flow", format="list")
    assert result.summary.sound == 1
    assert result.table["detail"].tolist()[0].count("6 images across and 5 down") == 1
    assert gst.check_dataset(root / "val.txt", format="list").summary.missing == 2  # their colour frames


def test_a_folder_of_flow_is_refused_where_colours_are_read() -> None:
    colours = {"model.name": "tsm-resnet18", "model.alpha": None, "data.flow": "flow"}
    with pytest.raises(SpecError, match=r"data\.flow: expected none, as colour frames are read"):
        load_config("planted-temporal", colours)


@pytest.mark.slow
def test_a_network_of_flow_learns_which_way_things_move(tmp_path: Path) -> None:
    root = write_world(tmp_path / "world", clips=96, taught=64)
    trained = gst.train(write_recipe(tmp_path), settings_of(root), out=tmp_path / "run")
    assert float(trained.table["val_top1"].iloc[-1]) >= 0.75
    learned = gst.load_model(tmp_path / "run" / "best.pth")
    assert learned.clip_spec.flow
