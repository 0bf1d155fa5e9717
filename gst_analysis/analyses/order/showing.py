"""A network is shown the same clips in every condition: batches in, what each clip was taken for out.

Each clip is decoded once; conditions are ways to pick from its frames, after they were sampled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from gst_analysis.analyses.order.frames import STILLS, Places, list_stills, order_frames, shuffle_frames
from gst_analysis.analyses.order.padding import Padding, replaced_padding
from gst_analysis.analyses.order.table import SHUFFLED
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.errors import BrokenCheckpoint
from gst_analysis.inference.classes import order_classes
from gst_analysis.inference.logits import Floats, softmax
from gst_analysis.probes.clip_stream import Batch

PADDINGS: dict[str, Padding] = {"pad-replicate": "replicate", "pad-circular": "circular"}
Way = tuple[str, int]
"""A condition, and which of its ways: one for each shuffle."""


@dataclass(frozen=True)
class Answers:
    """What clips were taken for, and the probability of their own class: (N,) each."""

    predicted: npt.NDArray[np.int64]
    probability: npt.NDArray[np.float64]


def knows_one_frame(model: LoadedModel) -> bool:
    """Whether a frame's logits are of this frame alone, as of a 2-D network whose frames are averaged."""
    frames = model.clip_spec.frames
    return model.spec.count_answers(frames) == frames and model.anatomy.half_width == 0


@dataclass(frozen=True)
class Seen:
    """What a network made of one batch: its clips' places, labels, and answers for each way."""

    places: tuple[int, ...]
    labels: npt.NDArray[np.int64]
    answers: dict[Way, Answers]
    rolled: float | None
    """How far probabilities moved when clips were rolled by a frame and their ends joined, where asked."""


class Showing:
    """Runs batches through a network in every condition; `seen` fills."""

    def __init__(self, model: LoadedModel, conditions: Sequence[str], *, shuffles: int, seed: int) -> None:
        self.model, self.conditions, self.shuffles, self.seed = model, tuple(conditions), shuffles, seed
        self.by_frame = knows_one_frame(model)
        self.seen: list[Seen] = []

    def take(self, batch: Batch) -> None:
        """Show a batch in every condition."""
        labels = batch.labels.cpu().numpy()
        ask = _Asker(self.model, batch, by_frame=self.by_frame)
        answers = {}
        for way, logits in self._list_answers(ask, batch):
            own = softmax(logits)[np.arange(len(labels)), labels]
            answers[way] = Answers(order_classes(logits)[:, 0], own)
        rolled = self._roll(ask, batch) if "pad-circular" in self.conditions and not self.seen else None
        self.seen.append(Seen(batch.places, labels, answers, rolled))

    def add(self, seen: Iterable[Seen]) -> None:
        """Take over what other processes have seen; all of it then stands in the order of the clips."""
        self.seen = sorted([*self.seen, *seen], key=lambda one: one.places)

    @property
    def places(self) -> list[int]:
        """Where all clips that were shown stand in the list of records."""
        return [place for one in self.seen for place in one.places]

    @property
    def rolled(self) -> float | None:
        """How far the first batch's answers moved when its clips began a frame later."""
        return self.seen[0].rolled

    def gather(self, way: Way) -> Answers:
        """All clips' answers, in the order of the clips."""
        parts = [one.answers[way] for one in self.seen]
        return Answers(
            np.concatenate([part.predicted for part in parts]),
            np.concatenate([part.probability for part in parts]),
        )

    def list_ways(self, condition: str) -> list[Way]:
        """The ways of one condition."""
        return [way for way in self.seen[0].answers if way[0] == condition]

    def _list_answers(self, ask: _Asker, batch: Batch) -> Iterator[tuple[Way, Floats]]:
        stills = self._show_stills(ask, batch) if set(STILLS) & set(self.conditions) else {}
        for condition in self.conditions:
            if condition == SHUFFLED:
                for number in range(self.shuffles):
                    orders = [shuffle_frames(batch.frames, (self.seed, number, p)) for p in batch.places]
                    yield (condition, number), ask.show(np.stack(orders))
            elif condition in PADDINGS:
                with replaced_padding(self.model.module, PADDINGS[condition]):
                    yield (condition, 0), ask.show_anew(batch.clips)
            elif condition in STILLS:
                yield (condition, 0), stills[condition]
            else:
                yield (condition, 0), ask.show(order_frames(condition, batch.frames))

    def _show_stills(self, ask: _Asker, batch: Batch) -> dict[str, Floats]:
        """Each clip's still of which a network is surest, and the one that suits its class best."""
        frames = batch.frames
        logits = np.stack([ask.show(np.full(frames, place)) for place in list_stills(frames)])  # (S, N, K)
        probabilities, clips = softmax(logits), np.arange(len(batch.labels))
        surest = probabilities.max(axis=2).argmax(axis=0)
        best = probabilities[:, clips, batch.labels.cpu().numpy()].argmax(axis=0)
        return {name: logits[chosen, clips] for name, chosen in zip(STILLS, (surest, best), strict=True)}

    def _roll(self, ask: _Asker, batch: Batch) -> float:
        """How far answers move when a clip, its ends joined, begins a frame later."""
        with replaced_padding(self.model.module, PADDINGS["pad-circular"]):
            here, rolled = (softmax(ask.show_anew(clips)) for clips in (batch.clips, batch.clips.roll(1, 1)))
        return float(np.abs(here - rolled).max())


class _Asker:
    """One batch's clips, asked for in any order."""

    def __init__(self, model: LoadedModel, batch: Batch, *, by_frame: bool) -> None:
        self.model, self.clips = model, batch.clips
        # A frame's logits that are of this frame alone are measured once and put in other orders: so what
        # order does to their mean is exactly nothing, whatever a processor does with the place in a batch.
        self.frames = self._run(batch.clips) if by_frame else None

    def show(self, order: Places) -> Floats:
        """(N, K) of clips in one order (T',) or each in its own (N, T')."""
        orders = np.array(np.broadcast_to(order, (len(self.clips), order.shape[-1])))
        if self.frames is not None:
            return average(np.take_along_axis(self.frames, orders[:, :, None], axis=1))
        places = torch.from_numpy(orders).to(self.clips.device)
        rows = torch.arange(len(self.clips), device=self.clips.device)[:, None]
        return self.show_anew(self.clips[rows, places])

    def show_anew(self, clips: torch.Tensor) -> Floats:
        """(N, K) of clips that the network is run on."""
        return average(self._run(clips))

    def _run(self, clips: torch.Tensor) -> Floats:
        logits: Floats = self.model.module(clips).float().cpu().numpy()
        if not np.isfinite(logits).all():
            raise BrokenCheckpoint(
                str(self.model.checkpoint.path),
                expected="finite logits",
                found="infinite or missing ones",
                todo="use another checkpoint",
            )
        return logits


def average(logits: Floats) -> Floats:
    """(N, R, K) -> (N, K), as evaluate averages, and to the last bit whatever the order of rows."""
    return np.asarray(np.sort(logits, axis=1).mean(axis=1, dtype=np.float64), dtype=np.float32)
