"""Where the heat of networks falls on planted worlds, and where heat falls that knows nothing; as JSON.

    python -m benchmarks.pointing_game CKPT WORLD [--clips 100] [--blocks layer1.1 layer2.1] [--json FILE]

Beside the network itself stand networks that have forgotten: `head` has its classifier drawn anew, `from
layer4` also stage 4, and so on down to `untrained`, of which everything is (the randomisation test of Adebayo
et al., 2018); and maps without any network: colourfulness, the middle of the frame, and anything. What those
score, too, is no evidence that a network has learned where to look.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.documents import tell
from gst_analysis.analyses.saliency.controls import CONTROLS
from gst_analysis.analyses.saliency.pointing_game import play_pointing_game
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.checkpoints.loading import load_model
from gst_analysis.errors import GstError
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.networks.anatomy import require_arithmetic
from gst_analysis.networks.registry import build_model
from gst_analysis.planted.making import World, WorldClip, read_world

STAGES = ("layer4", "layer3", "layer2", "layer1")


def forget(model: LoadedModel, parts: Sequence[str], *, seed: int = 0) -> LoadedModel:
    """The network with some of its modules as they are before any training; all of them if none is named."""
    spec = require_arithmetic(model.spec, "a network drawn anew")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fresh = build_model(spec).eval()
    own = dict(model.module.state_dict())
    kept: Mapping[str, Tensor] = {
        name: tensor for name, tensor in own.items() if parts and name.split(".")[0] not in parts
    }
    state = {name: kept.get(name, tensor).clone() for name, tensor in fresh.state_dict().items()}
    fresh.load_state_dict(state)
    return LoadedModel(fresh, replace(model.checkpoint, state=state))


def list_players(model: LoadedModel) -> Iterator[tuple[str, LoadedModel]]:
    """The network, and networks that have forgotten more and more of it from the head down."""
    yield "trained", model
    gone = ["fc"]
    yield "head", forget(model, gone)
    for stage in STAGES[:-1]:
        gone.append(stage)
        yield f"from {stage}", forget(model, gone)
    yield "untrained", forget(model, [])


def play_all(
    model: LoadedModel, world: World, clips: Sequence[WorldClip], blocks: Sequence[str | None], device: str
) -> list[dict[str, Any]]:
    """Every block by every player and every control."""
    settings, games = InferenceSettings(device=device), []
    for name, player in list_players(model):
        for block in blocks:
            found = play_pointing_game(player, world, clips, block=block, settings=settings)
            games.append({"player": name, **vars(found.summary)})
    for name, painter in CONTROLS.items():
        for block in blocks:
            found = play_pointing_game(model, world, clips, block=block, painter=painter, settings=settings)
            games.append({"player": name, **vars(found.summary)})
    return games


def main(arguments: list[str] | None = None) -> int:
    """Play the game at every block that is asked for; one JSON document on stdout."""
    options = _parse(arguments)
    try:
        model, world = load_model(options.checkpoint), read_world(options.world)
        clips = world.split(options.split)[: options.clips]
        games = play_all(model, world, clips, options.blocks or [None], options.device)
    except GstError as error:
        print(f"pointing_game: {error}", file=sys.stderr)
        return 2
    record = {
        "checkpoint": str(model.checkpoint.path),
        "sha256": model.sha256,
        "world": world.config,
        "split": options.split,
        "games": games,
    }
    tell(record, options.json)
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint")
    parser.add_argument("world", help="a planted world's folder")
    parser.add_argument("--clips", type=int, default=100, help="at most so many")
    parser.add_argument("--split", choices=("validation", "train"), default="validation")
    parser.add_argument("--blocks", nargs="*", help="such as layer2.1; the finest deep one if none is named")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the document to FILE")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
