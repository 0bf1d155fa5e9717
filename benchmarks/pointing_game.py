"""Where the heat of a network falls on a planted world: scores of every group of channels, as JSON.

python -m benchmarks.pointing_game trained_models/planted-static.pth worlds/static --clips 100
"""

from __future__ import annotations

import argparse
import sys

from gst_analysis.analyses.saliency.pointing_game import play_pointing_game
from gst_analysis.checkpoints.loading import load_model
from gst_analysis.errors import GstError
from gst_analysis.files import to_json
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.planted.making import read_world


def main(arguments: list[str] | None = None) -> int:
    """Play the game at every block that is asked for; one JSON document on stdout."""
    options = _parse(arguments)
    try:
        model, world = load_model(options.checkpoint), read_world(options.world)
        clips = world.split(options.split)[: options.clips]
        settings = InferenceSettings(device=options.device)
        games = [
            play_pointing_game(model, world, clips, block=block, settings=settings)
            for block in options.blocks or [None]
        ]
    except GstError as error:
        print(f"pointing_game: {error}", file=sys.stderr)
        return 2
    record = {
        "checkpoint": str(model.checkpoint.path),
        "sha256": model.sha256,
        "world": world.config,
        "split": options.split,
        "games": [game.summary for game in games],
    }
    sys.stdout.write(to_json(record))
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
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
