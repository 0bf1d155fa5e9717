"""--heads as a part of an ablation: every head of attention is changed by itself, over the same clips.

A head's tokens are changed all alike, and a token that is of no frame with them; so there is no order of
frames to change, and `shuffle-time` is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from gst_analysis.analyses.ablation.run import average_means
from gst_analysis.analyses.ablation.table import HEADS, Ablation
from gst_analysis.analyses.ablation.tabulate import tabulate_ablation
from gst_analysis.clips.records import RecordList, number_videos
from gst_analysis.errors import SpecError
from gst_analysis.inference.sharing import Here, Measured, merge_found
from gst_analysis.networks.anatomy import Unit
from gst_analysis.networks.viewing import fold_frames
from gst_analysis.probes.clip_stream import ClipStream
from gst_analysis.probes.heads import number_head
from gst_analysis.probes.hooks import Look, looking
from gst_analysis.probes.resampling import Bootstrap, Reals
from gst_analysis.tables.schema import check

UNDEFINED = ("shuffle-time",)


def choose_interventions(interventions: Sequence[str]) -> tuple[str, ...]:
    """What heads can undergo of what was asked for.

    Raises:
        SpecError: nothing is left.
    """
    left = tuple(name for name in interventions if name not in UNDEFINED)
    if not left:
        raise SpecError(
            "ablate --heads",
            expected="zero, mean or shuffle-batch among the interventions",
            found=", ".join(interventions),
            todo="choose one of them, too",
        )
    return left


def measure_head_means(
    network: nn.Module, heads: Sequence[Unit], stream: ClipStream, here: Here
) -> dict[str, Tensor]:
    """For each projection, every channel's mean over clips and tokens, of what it is given."""
    looks = {unit.layer: Look(unit.layer, unit.view, its_input=True) for unit in heads}
    found: list[Measured[dict[str, Tensor]]] = []
    with torch.no_grad(), looking(network, looks) as outputs:
        for batch in stream.batches(here.count):
            network(batch.clips)
            means = {
                layer: fold_frames(given, looks[layer].view).double().mean((0, 2, 3)).cpu()
                for layer, given in outputs.items()
            }
            found.append((batch.places, means))
    return average_means(merge_found(here.exchange(found)))


def add_heads(
    result: Ablation,
    rows: Sequence[tuple[Unit, str]],
    judged: tuple[Reals, Reals],
    clips: tuple[RecordList, Sequence[int]],
    bootstrap: Bootstrap,
) -> Ablation:
    """The ablation with what was measured of heads: untouched (3, clips), and changed (rows, 3, clips)."""
    records, places = clips
    videos = np.array(number_videos([records[place] for place in places]))
    table = tabulate_ablation(rows, *judged, bootstrap, videos)
    table = table.assign(checkpoint=result.name, head=[number_head(unit) for unit, _ in rows])
    return replace(result, heads=check(table[list(HEADS.columns)], HEADS))
