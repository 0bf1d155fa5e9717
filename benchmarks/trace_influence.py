"""What the matrix beside a trace costs: the whole run of `trace` with it over that without, by mode.

    python -m benchmarks.trace_influence CKPT CLIP... [--modes frame,prefix] [--threads 1] [--repeats 3]

Both are run in turn, after one run that is not counted; the best of the repeats counts. Prints one JSON
document: for every mode milliseconds a clip without and with, their ratio, and what logits are made of.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from typing import Any

import torch

from gst_analysis.analyses import traces
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.checkpoints.sources import open_model
from gst_analysis.clips.labelled import choose_clips
from gst_analysis.clips.records import RecordList
from gst_analysis.errors import GstError
from gst_analysis.files import to_json


def measure_mode(model: LoadedModel, clips: RecordList, mode: str, *, repeats: int) -> dict[str, Any]:
    """One mode, without and with the matrix."""
    best = {False: float("inf"), True: float("inf")}
    said = None
    for number in range(repeats + 1):
        for influence in best:
            start = time.perf_counter()
            found = traces.trace(model, clips, mode=mode, device="cpu", influence=influence)
            if number:
                best[influence] = min(best[influence], 1000 * (time.perf_counter() - start) / len(clips))
            said = found.summary.influence or said
    ratio = best[True] / best[False]
    return {"without_ms": best[False], "with_ms": best[True], "ratio": ratio, "influence": said}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.trace_influence", description=__doc__.splitlines()[0]
    )
    parser.add_argument("checkpoint", metavar="CKPT")
    parser.add_argument("clips", metavar="CLIP", nargs="+")
    parser.add_argument("--modes", default="frame,prefix,leave-one-out,window", help="default: %(default)s")
    parser.add_argument("--threads", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--repeats", type=int, default=3, help="default: %(default)s")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(asked.threads)
    try:
        model, clips = open_model(asked.checkpoint), choose_clips(asked.clips)
        modes = {
            mode: measure_mode(model, clips, mode, repeats=asked.repeats) for mode in asked.modes.split(",")
        }
    except GstError as error:
        print(f"benchmarks.trace_influence: {error}", file=sys.stderr)
        return 2
    sys.stdout.write(to_json({"threads": asked.threads, "clips": len(clips), "modes": modes}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
