"""Records to clips for training and testing: the thin torch Dataset, its collation and its tally.

A clip that cannot be read is never replaced: it leaves the dataset as a SkippedClip, is dropped by
`collate_clips`, and is named and counted by a SkippedClips tally, which stops a run with too many.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from gst_analysis.clips.decoding import Frames
from gst_analysis.clips.media import Indices
from gst_analysis.clips.mirroring import infer_mirror
from gst_analysis.clips.records import ClipRecord, RecordList
from gst_analysis.clips.sampling import multi_clip_indices, parse_sampling, sample_frames
from gst_analysis.clips.spans import read_flow, read_frames
from gst_analysis.clips.transforms import Augmentation, EvalTransform, TrainTransform
from gst_analysis.errors import DataError, SpecError, name_some, one_line
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.numbers import how_many

logger = logging.getLogger(__name__)

UNLABELLED = -1

FrameReader = Callable[[ClipRecord, Callable[[int], Indices]], Frames]
"""What reads the chosen frames of a record: `read_frames`, `read_flow`, or a store of frames read before."""


def choose_reader(spec: ClipSpec) -> FrameReader:
    """What reads frames for a network: of optical flow where it takes that."""
    return read_flow if spec.flow else read_frames


@dataclass(frozen=True)
class ReadingPlan:
    """How clips are read: at random with augmentation if `train`, else `clips` x `crops` fixed views."""

    spec: ClipSpec = field(default_factory=ClipSpec)
    train: bool = False
    augmentation: Augmentation = field(default_factory=Augmentation)
    clips: int = 1
    crops: int = 1
    seed: int = 0
    normalise: bool = True

    def __post_init__(self) -> None:
        parse_sampling(self.spec.sampling)
        if self.seed < 0 or self.clips < 1:
            raise SpecError(
                "reading plan",
                expected="a seed of at least 0 and at least 1 clip",
                found=f"seed {self.seed}, {self.clips} clips",
                todo="correct it",
            )


class ClipItem(NamedTuple):
    """One clip: (T, 3, S, S), or (views, T, 3, S, S) where more than one view was asked for."""

    clip: Tensor
    label: int
    place: int
    """The record's position in the list."""


@dataclass(frozen=True)
class SkippedClip:
    """A clip that could not be read, and why."""

    place: int
    clip: str
    reason: str


class ClipBatch(NamedTuple):
    """Clips (N, …), labels (N,) and the records' positions (N,); N may be 0 if every clip was skipped."""

    clips: Tensor
    labels: Tensor
    places: Tensor
    skipped: tuple[SkippedClip, ...]


class ClipDataset(Dataset[ClipItem | SkippedClip]):
    """Records read as a plan says.

    What is drawn for a clip depends on the plan's seed, the epoch and the clip's index alone: not on
    the order of reading, the number of workers or what was read before.
    """

    def __init__(
        self,
        records: RecordList,
        plan: ReadingPlan,
        *,
        labelled: bool = True,
        read: FrameReader | None = None,
    ) -> None:
        if labelled:
            check_labels(records)
        self.records = records
        self.plan = plan
        self._read = read or choose_reader(plan.spec)
        self._train = TrainTransform(
            plan.spec, infer_mirror(records.class_names), plan.augmentation, plan.normalise
        )
        self._eval = EvalTransform(plan.spec, plan.crops, plan.normalise)
        if plan.train and plan.augmentation.flip and not records.class_names:
            logger.info("clips are not flipped: without class names nobody knows what a flip makes of them")
        # In shared memory, so that workers that outlive an epoch see the next one's number.
        epoch = torch.zeros((), dtype=torch.int64)
        self._epoch = epoch.share_memory_()  # type: ignore[no-untyped-call] # torch leaves it untyped

    def __len__(self) -> int:
        return len(self.records)

    def set_epoch(self, epoch: int) -> None:
        """Draw anew: to be called before each epoch's iterator is made."""
        self._epoch.fill_(epoch)

    def __getitem__(self, index: int) -> ClipItem | SkippedClip:
        record = self.records[index]
        try:
            clip, label = self._load_train(record, index) if self.plan.train else self._load_eval(record)
        except DataError as error:
            return SkippedClip(index, record.clip, str(error))
        return ClipItem(clip, label, index)

    def _load_train(self, record: ClipRecord, index: int) -> tuple[Tensor, int]:
        rng = np.random.default_rng([self.plan.seed, int(self._epoch), index])
        frames = self._read(record, lambda total: self._sample(total, rng))
        return self._train(frames.pixels, _label(record), rng)

    def _sample(self, total: int, rng: np.random.Generator) -> Indices:
        return sample_frames(total, self.plan.spec.frames, sampling=self.plan.spec.sampling, rng=rng)

    def _load_eval(self, record: ClipRecord) -> tuple[Tensor, int]:
        views, _ = load_views(record, self.plan, read=self._read)
        return (views[0] if len(views) == 1 else views), _label(record)


def load_views(
    record: ClipRecord, plan: ReadingPlan, *, read: FrameReader | None = None
) -> tuple[Tensor, Frames]:
    """One clip's fixed views (clips * crops, T, 3, S, S) and the frames behind them, clip by clip.

    Raises:
        DataError: the clip cannot be read.
    """
    spec = plan.spec
    frames = (read or choose_reader(spec))(
        record, lambda total: multi_clip_indices(total, spec.frames, plan.clips, sampling=spec.sampling)
    )
    transform = EvalTransform(spec, plan.crops, plan.normalise)
    pixels = frames.pixels.reshape(plan.clips, spec.frames, *frames.pixels.shape[1:])
    return torch.cat([transform(clip) for clip in pixels]), frames


def check_labels(records: RecordList) -> None:
    """Refuse records whose label is missing or not among the classes."""
    classes = len(records.class_names) or None
    bad = [r.clip for r in records if r.label is None or (classes is not None and r.label >= classes)]
    if bad:
        raise DataError(
            "labels",
            expected=f"one of {classes or 'the'} classes for every clip",
            found=f"{how_many(len(bad), 'clip')} without: {name_some(bad)}",
            todo="run dataset-check, then correct the annotations or the label file",
        ).quoting(instead=f"{how_many(len(bad), 'clip')} without")


def collate_clips(items: Iterable[ClipItem | SkippedClip]) -> ClipBatch:
    """Stack the clips that could be read; list those that could not."""
    read: list[ClipItem] = []
    skipped: list[SkippedClip] = []
    for item in items:
        if isinstance(item, SkippedClip):
            skipped.append(item)
        else:
            read.append(item)
    return ClipBatch(
        torch.stack([item.clip for item in read]) if read else torch.empty(0),
        torch.tensor([item.label for item in read], dtype=torch.int64),
        torch.tensor([item.place for item in read], dtype=torch.int64),
        tuple(skipped),
    )


class SkippedClips:
    """Counts the different clips that were skipped, names each once in the log, and stops the run.

    `total` is the number of clips in the dataset; more than `max_share` of them is an error.
    """

    def __init__(self, total: int, *, max_share: float = 0.01) -> None:
        self.total = total
        self.max_share = max_share
        self.reasons: dict[int, SkippedClip] = {}

    def count(self, skipped: Sequence[SkippedClip]) -> None:
        """Add a batch's skipped clips.

        Raises:
            DataError: more than the allowed share of the dataset could not be read.
        """
        for clip in skipped:
            if clip.place not in self.reasons:
                self.reasons[clip.place] = clip
                logger.warning("skipped clip %s: %s", one_line(clip.clip), clip.reason)
        if len(self.reasons) > self.max_share * self.total:
            first = next(iter(self.reasons.values()))
            raise DataError(
                "dataset",
                expected=f"at most {self.max_share:.1%} unreadable clips of {self.total}",
                found=f"{len(self.reasons)}, the first of them {first.clip} ({first.reason})",
                todo="run dataset-check, then mend or leave out those clips",
            ).quoting(instead=f"{len(self.reasons)}")


def _label(record: ClipRecord) -> int:
    return UNLABELLED if record.label is None else record.label
