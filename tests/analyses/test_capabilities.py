"""Where the table of abilities says no, the analysis says so itself, in the same words."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gst_analysis.analyses import list_analyses
from gst_analysis.checkpoints.adopting import adopt
from gst_analysis.checkpoints.loaded import Network
from gst_analysis.checkpoints.starting import create_model
from gst_analysis.errors import GstError
from gst_analysis.networks.capabilities import why_not
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.registry import spec_from_name
from gst_analysis.rooms import About
from tests.analyses.contract import ASKED
from tests.analyses.labelled_clips import small_model, write_clips
from tests.networks.brought import FRAMES, SIZE, bring


class Sealed(nn.Module):
    """Nothing in it can be read as frames: one layer over all pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(3, 4)

    def forward(self, clips: Tensor) -> Tensor:
        logits: Tensor = self.head(clips.mean((1, 3, 4)))
        return logits


def bring_sealed() -> Network:
    return adopt(Sealed(), clip_spec=ClipSpec(frames=FRAMES, resize=SIZE, crop=SIZE))


def build_system() -> Network:
    return create_model(spec_from_name("x3d-s", num_classes=4, num_frames=FRAMES), seed=0)


NETWORKS: dict[str, Callable[[], Network]] = {
    "a design": partial(small_model, "p3d-resnet26s"),
    "brought, without units": partial(bring, "tokens"),
    "brought, without places": bring_sealed,
    "a system": build_system,
}


def reason_of(room: About, network: Network) -> str:
    return next(filter(None, (why_not(network.spec, network.anatomy, ask) for ask in room.asks)), "")


@pytest.mark.parametrize("kind", NETWORKS)
def test_an_analysis_refuses_in_the_words_of_the_table(kind: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = NETWORKS[kind]()
    records = write_clips(tmp_path / "videos", [0, 1, 2, 3], frames=FRAMES)
    given: dict[str, list[Any]] = {
        "checkpoint": [network],
        "checkpoints": [network, network],
        "clip": [network, records[0]],
        "clips": [network, records],
        "dataset": [network, records],
        "pairs": [[(network, records)]],
    }
    refused = [room for room in list_analyses() if reason_of(room, network)]
    assert refused
    for room in refused:
        with pytest.raises(GstError) as caught:
            room.run(*given[room.needs], **ASKED.get(room.command, {}))
        assert reason_of(room, network) in str(caught.value), room.name


def test_every_analysis_of_networks_says_what_it_needs() -> None:
    free = {room.name for room in list_analyses() if not room.asks}
    assert free == {
        "cost",
        "dataset_check",
        "profile",
        "profile_comparison",
    }  # a profile shows what the others can tell
