"""Deletion, insertion and forgetting over the clips of planted worlds, with intervals; as JSON.

    python -m benchmarks.saliency_tests CKPT WORLD [--clips 60] [--block layer2.1] [--json FILE]

What every map gives beside colourfulness and any order: the mean probability of the class predicted while the
hottest pixels are taken away (deletion) and put back (insertion), and the differences from either control on
the same clips. Intervals draw clips.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.documents import tell
from gst_analysis.analyses.saliency.measure import measure_saliency
from gst_analysis.analyses.saliency.table import SaliencyMaps
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.checkpoints.loading import load_model
from gst_analysis.clips.records import ClipRecord
from gst_analysis.errors import GstError
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.planted.making import World, read_world
from gst_analysis.probes.resampling import Bootstrap, Interval, summarise_means

CONTROLS = ("colour", "random")
WAYS = ("deletion", "insertion")


def measure_clips(model: LoadedModel, world: World, clips: int, block: str | None) -> list[SaliencyMaps]:
    """Maps of every clip, each tested."""
    settings = InferenceSettings(device="cpu")
    return [
        measure_saliency(
            model, ClipRecord(clip.id, world.path(clip)), block=block, check_maps=True, settings=settings
        )
        for clip in world.split("validation")[:clips]
    ]


def summarise(found: list[SaliencyMaps]) -> dict[str, Any]:
    """Means over clips with intervals: areas, what they are beyond controls, and how alike maps stay."""
    areas = [result.summary.areas or {} for result in found]
    maps = list(areas[0])
    value = {(m, way): np.array([getattr(one[m], way) for one in areas]) for m in maps for way in WAYS}
    beyond = {
        name: {
            control: {way: to_interval(value[name, way] - value[control, way]) for way in WAYS}
            for control in CONTROLS
        }
        for name in maps
        if name not in CONTROLS
    }
    return {
        "clips": len(found),
        "block": found[0].summary.block,
        "areas": {name: {way: to_interval(value[name, way]) for way in WAYS} for name in maps},
        "beyond": beyond,
        "forgetting": summarise_forgetting(found),
    }


def summarise_forgetting(found: list[SaliencyMaps]) -> list[dict[str, Any]]:
    """By step and group, the mean rank correlation over the clips where it is defined."""
    rows: dict[tuple[str, str], list[float]] = {}
    for result in found:
        table = result.tables["saliency_forgetting"]
        for row in table.dropna(subset=["correlation"]).itertuples():
            rows.setdefault((str(row.forgotten), str(row.group)), []).append(float(str(row.correlation)))
    return [
        {"forgotten": what, "group": group, "clips": len(values), **to_interval(np.array(values))}
        for (what, group), values in rows.items()
    ]


def to_interval(values: npt.NDArray[np.float64]) -> dict[str, float]:
    """A mean over clips with its interval, as plain values."""
    found: Interval = summarise_means(values[None].astype(float), Bootstrap())[0]
    return {"value": found.value, "low": found.low, "high": found.high}


def main(arguments: list[str] | None = None) -> int:
    """Test the maps of all clips; one JSON document on stdout."""
    options = _parse(arguments)
    try:
        model, world = load_model(options.checkpoint), read_world(options.world)
        found = measure_clips(model, world, options.clips, options.block)
    except GstError as error:
        print(f"saliency_tests: {error}", file=sys.stderr)
        return 2
    record = {
        "checkpoint": str(model.checkpoint.path),
        "sha256": model.sha256,
        "world": world.config,
        **summarise(found),
    }
    tell(record, options.json)
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint")
    parser.add_argument("world", help="a planted world's folder")
    parser.add_argument("--clips", type=int, default=60, help="at most so many")
    parser.add_argument("--block", help="such as layer2.1; the finest deep one if none is named")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the document to FILE")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
