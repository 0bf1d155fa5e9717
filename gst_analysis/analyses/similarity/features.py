"""Networks and clips in, features of every place out: for each clip (frames, positions, channels), pooled.

Maps are pooled as they leave a module, so that no more than one of them is in memory: by their mean over the
frame, or at positions that are drawn once and lie at the same parts of the frame in every map.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from gst_analysis.checkpoints.loaded import Network
from gst_analysis.clips.dataset import ReadingPlan
from gst_analysis.clips.records import ClipRecord
from gst_analysis.clips.transforms import normalise_clips
from gst_analysis.errors import BrokenCheckpoint
from gst_analysis.inference.conditions import explain_out_of_memory, running_conditions
from gst_analysis.inference.reading import ReadClip, read_ahead
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.inference.sharing import Here
from gst_analysis.networks.anatomy import Place
from gst_analysis.networks.viewing import pick_tensor, view_frames
from gst_analysis.probes.clip_stream import group_evenly

Floats = npt.NDArray[np.float32]
Features = Mapping[str, Floats]
"""For one clip, by the name of the place: (frames, positions, channels)."""


@dataclass(frozen=True)
class Positions:
    """Where maps are looked at: parts (count, 2) of their height and width; none for their mean."""

    parts: npt.NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 2)))

    @classmethod
    def draw(cls, count: int, seed: int) -> Positions:
        """So many positions, the same for the same seed."""
        return cls(np.random.default_rng(seed).random((count, 2)))

    def pool(self, frames: Tensor) -> Tensor:
        """(N, T, C, H, W) -> (N, T, positions, C)."""
        if not len(self.parts):
            return frames.mean((3, 4))[:, :, None]
        places = (self.parts * frames.shape[3:]).astype(int)
        rows, columns = (torch.as_tensor(one, device=frames.device) for one in places.T)
        return frames[:, :, :, rows, columns].transpose(2, 3)


@dataclass
class FeatureStream:
    """Features of the same clips in one network, or in two; `failures` fills as clips fail."""

    models: Sequence[Network]
    records: Sequence[ClipRecord]
    settings: InferenceSettings
    positions: Positions
    here: Here
    places: Sequence[int]
    """Of the records that are gone through."""
    failures: dict[int, str] = field(default_factory=dict)
    """By the places of the records that failed."""
    read: list[int] = field(default_factory=list)
    """Places of the records that could be read, in order."""

    def clips(self) -> Generator[tuple[Features, ...], None, None]:
        """Every clip's features, those of each network beside one another."""
        device = self.here.device
        with ExitStack() as stack:
            itself = replace(self.settings, fold=False)
            for model in self.models:
                stack.enter_context(running_conditions(model.module, itself, device))
            for group in group_evenly(self._read(stack), self.settings.batch):
                with explain_out_of_memory(len(group), device):
                    yield from self._run(group, device)

    def _run(self, group: Sequence[tuple[ReadClip, ...]], device: torch.device) -> Iterator[tuple[Any, ...]]:
        found = [
            self._look(model, [clips[number] for clips in group], device)
            for number, model in enumerate(self.models)
        ]
        for place, clips in enumerate(group):
            self.read.append(clips[0].place)
            self.here.count()
            yield tuple({name: values[place] for name, values in one.items()} for one in found)

    def _look(self, model: Network, clips: Sequence[ReadClip], device: torch.device) -> dict[str, Floats]:
        views = torch.stack([clip.views[0] for clip in clips if clip.views is not None]).to(device)
        pixels = normalise_clips(views, model.clip_spec)
        with torch.no_grad(), pooling(model.module, model.anatomy.places, self.positions, len(clips)) as seen:
            model.module(pixels)
        for name, values in seen.items():
            if not np.isfinite(values).all():  # else every value of it would be none, without a word why
                raise BrokenCheckpoint(
                    str(model.checkpoint.path),
                    expected="finite features",
                    found=f"infinite or missing ones at {name}",
                    todo="use another checkpoint",
                )
        return seen

    def _read(self, stack: ExitStack) -> Iterator[tuple[ReadClip, ...]]:
        """Each clip as every network wants it; read once where they want the same."""
        specs = [model.clip_spec for model in self.models]
        distinct = list(dict.fromkeys(specs))
        which = [distinct.index(spec) for spec in specs]
        sources = []
        for spec in distinct:
            plan = ReadingPlan(spec, normalise=False)
            numbered = [(place, self.records[place]) for place in self.places]
            threads, taken = self.settings.threads, self.settings.batch
            ahead = read_ahead(numbered, plan, threads=threads, taken=taken)
            stack.callback(ahead.close)
            sources.append(ahead)
        for clips in zip(*sources, strict=True):
            failed = next((clip for clip in clips if clip.views is None), None)
            if failed is None:
                yield tuple(clips[number] for number in which)
            else:
                self.failures[failed.place] = failed.failure
                self.here.count()


@contextmanager
def pooling(
    network: nn.Module, places: Sequence[Place], positions: Positions, clips: int
) -> Iterator[dict[str, Floats]]:
    """What leaves each place in a forward pass inside the block: (clips, frames, positions, channels)."""
    seen: dict[str, Floats] = {}

    def hear(place: Place, output: Any) -> None:
        frames = view_frames(pick_tensor(output, place.view), place.view, clips)
        seen[place.name] = positions.pool(frames.float()).cpu().numpy()

    with ExitStack() as stack:
        for place in places:
            module = network.get_submodule(place.name)
            hook = module.register_forward_hook(lambda _, __, output, one=place: hear(one, output))
            stack.callback(hook.remove)
        yield seen
