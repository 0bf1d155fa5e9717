"""Every analysis that processes share, run over the same few clips; by itself, one of several processes.

torchrun --standalone --nproc-per-node=2 -m tests.inference.shared_analyses CKPT CLIPS OUT
"""

from __future__ import annotations

import dataclasses
import pickle
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

import gst_analysis as gst
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.checkpoints.loading import load_model
from gst_analysis.clips.records import RecordList
from gst_analysis.processes import is_leader
from gst_analysis.results import Result

FEW = 7


def build_gated() -> gst.Network:
    """A system of small clips whose gates are opened by each clip."""
    network = gst.create_model(gst.SystemSpec.from_name("gsm-bninception", num_classes=3), seed=0)
    small = dataclasses.replace(network.clip_spec, resize=64, crop=64)
    checkpoint = dataclasses.replace(network.checkpoint, clip_spec=small)
    return dataclasses.replace(network, checkpoint=checkpoint)


Run = Callable[..., Result[Any]]
ANALYSES: dict[str, Run] = {
    "ablate": partial(gst.ablate, batch=2, joint=True, orders=1, draws=100, layers=("layer3",)),
    "order": partial(gst.frame_order, batch=2, shuffles=1, draws=100),
    "slim": partial(gst.slim, batch=2, macs=0.9, score="taylor"),
    "importance": lambda model, clips, **more: gst.channel_importance(model, clips=clips, **more),
    "influence": gst.frame_influence,
    "roles": lambda model, _, **more: gst.channel_roles(model, scenes=4, cameras=2, **more),
    "profile": lambda model, clips, **more: gst.profile(
        model, clips, orders=1, scenes=2, few=3, batch=2, **more
    ),
    "temporal-use": lambda _, clips, **more: gst.temporal_use(
        build_gated(), clips=clips, start="none", **more
    ),
    "similarity": partial(gst.similarity, minibatch=10, batch=5),
}
"""How each is asked for; similarity looks at all clips, the others at a few."""


def tell(result: Result[Any]) -> dict[str, Any]:
    """What two results must have alike."""
    return {
        "tables": dict(result.tables),
        "summary": repr(result.summary),  # nan is not itself
        "notes": result.notes,
        "failures": list(result.failures.items()),
    }


def run_all(model: LoadedModel, clips: RecordList) -> dict[str, dict[str, Any]]:
    """What each of them says."""
    few = dataclasses.replace(clips, records=clips.records[:FEW])
    return {
        name: tell(run(model, clips if name == "similarity" else few, device="cpu"))
        for name, run in ANALYSES.items()
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    checkpoint, listed, file = map(Path, sys.argv[1:])
    found = run_all(load_model(checkpoint), pickle.loads(listed.read_bytes()))
    if is_leader():
        file.write_bytes(pickle.dumps(found))
