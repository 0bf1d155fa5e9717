"""What a trace is: how clips are traced, and one clip's rows of logits."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gst_analysis.analyses.traces.state_changes import ChangeSettings
from gst_analysis.analyses.traces.table import TRACE_MODES, TraceOptions
from gst_analysis.clips.records import ClipRecord
from gst_analysis.errors import DataError, SpecError
from gst_analysis.inference.classes import check_top_k
from gst_analysis.inference.logits import Floats, Seconds, softmax
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.numbers import show_class
from gst_analysis.results import Provenance
from gst_analysis.tables.schema import check_choices


@dataclass(frozen=True)
class TracePlan:
    """How clips are traced, and what is made of their traces.

    `window` and `step` are frames of the video and belong to mode window; plan_windows says what holds
    where they are None.
    """

    mode: str = "frame"
    window: int | None = None
    step: int | None = None
    settings: InferenceSettings = field(default_factory=InferenceSettings)
    changes: ChangeSettings = field(default_factory=ChangeSettings)
    top_k: int = 5
    """Classes of each clip that the table keeps."""
    explained: bool = True
    """Whether it is measured what each row is made of."""

    @classmethod
    def of(cls, options: TraceOptions) -> TracePlan:
        """What was chosen, by the part of the work that it belongs to.

        Raises:
            SpecError: something that makes no sense.
        """
        return cls(
            options.mode,
            options.window,
            options.step,
            InferenceSettings(batch=options.batch, device=options.device),
            ChangeSettings(options.margin, options.hold),
            options.top_k,
            options.explained,
        )

    def __post_init__(self) -> None:
        check_choices("trace mode", [self.mode], TRACE_MODES)
        for name in ("window", "step"):
            value = getattr(self, name)
            if value is None:
                continue
            if type(value) is not int or value < 1 or self.mode != "window":
                raise SpecError(
                    f"trace {name}",
                    expected="a whole number of frames of at least 1, and mode window",
                    found=f"{value!r} and mode {self.mode}"[:80],
                    todo="correct it, or leave it out",
                )
        check_top_k(self.top_k)
        if self.settings.clips != 1:
            raise SpecError(
                "trace",
                expected="one sampling of each clip, whose frames can be named",
                found=f"{self.settings.clips}",
                todo="leave clips at 1",
            )


@dataclass(frozen=True, eq=False)
class ClipTrace:
    """What a network says over the course of one clip."""

    checkpoint: str
    clip: str
    mode: str
    record: ClipRecord
    truth: int | None
    class_names: tuple[str, ...] = field(repr=False)
    """Empty where neither checkpoint nor data know them."""
    logits: Floats = field(repr=False)
    """(R, K)"""
    video: Floats = field(repr=False)
    """(K,) the clip's own prediction, from all frames; in window mode, the windows' mean."""
    source_frames: npt.NDArray[np.int64] = field(repr=False)
    """(R,) places in the file, from 0."""
    seconds: Seconds = field(repr=False)
    """(R,) NaN where the clip does not say."""
    notes: tuple[str, ...] = ()

    @property
    def probabilities(self) -> npt.NDArray[np.float64]:
        """(R, K)"""
        return softmax(self.logits)

    def name_class(self, number: int) -> str:
        """The class's name, or class and its number where names are unknown."""
        return self.class_names[number] if self.class_names else show_class(number)


@dataclass(frozen=True)
class UntracedClip:
    """A clip that could not be read, and why."""

    clip: str
    reason: str


@dataclass(frozen=True)
class TracedChunk:
    """Some clips, in the order of their records."""

    traces: tuple[ClipTrace | UntracedClip, ...]
    notes: tuple[str, ...]
    provenance: Provenance


def refuse_still(record: ClipRecord) -> UntracedClip:
    """One picture has no course over which a prediction could change."""
    error = DataError(
        record.clip,
        expected="a clip of at least 2 different frames",
        found="1",
        todo="name a video: one picture has a prediction and no course",
    )
    return UntracedClip(record.clip, str(error))
