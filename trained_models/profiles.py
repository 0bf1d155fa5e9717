"""Measure what the profiles of shipped models need clips for, and keep it beside their weights.

    python -m trained_models.profiles temporal-gst-quarter [MORE ...] [--worlds DIR]

Clips are of another seed than those of training and of the cards. What is written, NAME.profile.json, holds
the weights' hash, so that it is shown for exactly these weights and no others.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gst_analysis.analyses.profile import Profile, kept, profile
from gst_analysis.planted.making import make_world
from gst_analysis.planted.worlds import WorldConfig
from trained_models.make import HERE, MODELS, fresh_world, recipe_of

SEED, CLIPS = 2000, 60


def choose_world(name: str) -> WorldConfig:
    """The world of a model's recipe, in clips that it has never seen."""
    return replace(fresh_world(name), clips=CLIPS, seed=SEED)


def measure(name: str, folder: Path) -> Profile:
    """A shipped model's whole profile, on its world, which is rendered unless it is there."""
    if not folder.exists():
        make_world(folder, choose_world(name))
    return profile(HERE / f"{name}.pth", folder, limit=None, orders=2)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure those that are named, or all that are shipped with one."""
    parser = argparse.ArgumentParser(
        prog="python -m trained_models.profiles", description=__doc__.splitlines()[0]
    )
    parser.add_argument("names", nargs="+", choices=list(MODELS), metavar="NAME", help=", ".join(MODELS))
    parser.add_argument("--worlds", type=Path, help="where clips lie or are rendered; a temporary folder")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        for name in asked.names:
            world = recipe_of(name)
            found = measure(name, (asked.worlds or Path(temporary)) / world)
            (sha256,) = [sha for source, sha in found.provenance.sources.items() if source == name]
            data = f"the planted world of {world} (seed {SEED})"
            told = kept.Kept(found.table, found.summary.clips, data)
            print(kept.save_kept(HERE / f"{name}.pth", sha256, told), found.verdict, sep=": ")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
