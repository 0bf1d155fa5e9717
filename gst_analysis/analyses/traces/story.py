"""One clip's trace as drawings need it: three tables in; leaders, curves, changes and words out."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from gst_analysis.analyses.traces.evidence import Evidence, read_evidence
from gst_analysis.analyses.traces.table import FRAME_TRACES, STATE_CHANGES, TRACED_CLIPS
from gst_analysis.errors import SpecError, one_line
from gst_analysis.tables.schema import check

RIGHT, WRONG = "✓", "✗"
LIKE, UNLIKE = "●", "○"
"""Where the truth is not known nothing is right or wrong: like the clip's prediction, or unlike it."""
_MEANINGS = {
    "frame": "each frame's logits before averaging; a frame's prediction may draw on every frame of the clip",
    "prefix": "prediction from the frames up to here alone",
    "leave-one-out": "percentage points that the clip's prediction loses without this frame",
    "still": "prediction from this frame alone, standing still: what is told without any time",
    "window": "prediction of a window around this frame",
}


@dataclass(frozen=True)
class Moment:
    """One row of a trace: the class that leads it."""

    frame: int
    source_frame: int
    seconds: float | None
    label: str
    probability: float
    right: bool
    """Whether it is the clip's true class, or, where that is unknown, the class predicted for the clip."""
    loss: float
    """What the probability of the clip's predicted class lacks in this row."""


@dataclass(frozen=True)
class Turn:
    """A change of the predicted label."""

    frame: int
    seconds: float | None
    from_label: str
    to_label: str
    confidence: float


@dataclass(frozen=True)
class ClipStory:
    """One clip's trace."""

    checkpoint: str
    clip: str
    mode: str
    label: str
    """The class predicted for the clip."""
    probability: float
    truth: str | None
    moments: tuple[Moment, ...]
    turns: tuple[Turn, ...]
    curves: dict[str, np.ndarray] = field(repr=False)
    """Of every class that was kept, the most likely first: its probability in every row."""
    evidence: Evidence | None = None
    """None where it was not measured."""

    @property
    def aim(self) -> str:
        """The class that counts as right."""
        return self.label if self.truth is None else self.truth

    @property
    def verdict(self) -> str:
        """The clip's prediction in words."""
        told = "" if self.truth is None else f"; true class: {self.truth}"
        return f"prediction for the clip: {self.label} ({self.probability:.0%}){told}"

    @property
    def meaning(self) -> str:
        """What a row is."""
        return _MEANINGS[self.mode]

    @property
    def legend(self) -> tuple[str, str]:
        """What right and wrong mean here."""
        if self.mode == "leave-one-out":
            return "less probable without the frame", "more probable without it"
        whose = "the clip's true class" if self.truth is not None else "the class predicted for the clip"
        return whose, "another class"

    @property
    def marks(self) -> tuple[str, str]:
        """What stands for right and wrong, so that nobody needs colour."""
        if self.mode == "leave-one-out":
            return "−", "+"
        return (LIKE, UNLIKE) if self.truth is None else (RIGHT, WRONG)

    def share(self, moment: Moment) -> float:
        """The length of a row's bar, from 0 to 1."""
        return min(1.0, abs(moment.loss)) if self.mode == "leave-one-out" else moment.probability

    def say_share(self, moment: Moment) -> str:
        """A row's mark and number."""
        mark = self.marks[0] if moment.right else self.marks[1]
        share = self.share(moment)
        return f"{mark} {100 * share:.1f} points" if self.mode == "leave-one-out" else f"{mark} {share:.0%}"

    @property
    def turn_frames(self) -> frozenset[int]:
        return frozenset(turn.frame for turn in self.turns)


def read_story(
    frames: pd.DataFrame, clips: pd.DataFrame, changes: pd.DataFrame, evidence: pd.DataFrame | None = None
) -> ClipStory:
    """The trace of one clip, out of tables that hold that clip alone; that of evidence may be missing.

    Raises:
        SpecError: the tables hold no clip, or several.
    """
    check(frames, FRAME_TRACES)
    check(clips, TRACED_CLIPS)
    check(changes, STATE_CHANGES)
    if len(clips) != 1 or set(frames["clip"]) != set(clips["clip"]):
        raise SpecError(
            "trace figure",
            expected="the tables of one clip",
            found=f"{len(clips)} clips",
            todo="draw one figure for each",
        )
    clip = clips.iloc[0]
    truth = one_line(str(clip["true_label"])) if not pd.isna(clip["true_id"]) else None
    aim = int(clip["class_id"] if truth is None else clip["true_id"])
    labels = changes[changes["kind"] == "label"]
    return ClipStory(
        checkpoint=one_line(str(clip["checkpoint"])),
        clip=one_line(str(clip["clip"])),
        mode=clip["mode"],
        label=one_line(str(clip["label"])),
        probability=float(clip["probability"]),
        truth=truth,
        moments=_list_moments(frames, clip, aim),
        turns=_list_turns(labels),
        curves=_list_curves(frames),
        evidence=read_evidence(evidence, clip["mode"]),
    )


def choose_moments(story: ClipStory, limit: int) -> list[Moment]:
    """At most so many rows: the first and last, both sides of the surest changes, others evenly between."""
    if len(story.moments) <= limit:
        return list(story.moments)
    last = len(story.moments) - 1
    kept = {0, last}
    for turn in sorted(story.turns, key=lambda turn: -turn.confidence):
        both = {turn.frame - 1, turn.frame}
        if len(kept | both) <= limit:
            kept |= both
    while len(kept) < limit:
        places = sorted(kept)
        widest = max(range(len(places) - 1), key=lambda i: places[i + 1] - places[i])
        kept.add((places[widest] + places[widest + 1]) // 2)
    return [story.moments[place] for place in sorted(kept)]


def say_time(seconds: float | None, source_frame: int) -> str:
    """When a frame is shown; its number where the clip does not say."""
    return f"frame {source_frame}" if seconds is None else f"{seconds:.2f} s"


def say_when(story: ClipStory, moment: Moment) -> str:
    """When a row's frame is shown, after the number by which the matrix beside the trace calls the frame."""
    when = say_time(moment.seconds, moment.source_frame)
    return when if story.evidence is None or story.mode == "window" else f"{moment.frame}: {when}"


def _list_moments(frames: pd.DataFrame, clip: pd.Series, aim: int) -> tuple[Moment, ...]:
    leaders = frames[frames["rank"] == 1].sort_values("frame")
    own = frames[frames["class_id"] == int(clip["class_id"])].set_index("frame")["probability"]
    moments = []
    for row in leaders.to_dict("records"):
        loss = float(clip["probability"]) - float(own[row["frame"]])
        right = loss >= 0 if clip["mode"] == "leave-one-out" else int(row["class_id"]) == aim
        moment = Moment(
            int(row["frame"]),
            int(row["source_frame"]),
            _known(row["seconds"]),
            one_line(str(row["label"])),
            float(row["probability"]),
            right,
            loss,
        )
        moments.append(moment)
    return tuple(moments)


def _list_turns(changes: pd.DataFrame) -> tuple[Turn, ...]:
    return tuple(
        Turn(
            int(row["frame"]),
            _known(row["seconds"]),
            one_line(str(row["from_label"])),
            one_line(str(row["to_label"])),
            float(row["confidence"]),
        )
        for row in changes.sort_values("frame").to_dict("records")
    )


def _list_curves(frames: pd.DataFrame) -> dict[str, np.ndarray]:
    wide = frames.pivot(index="frame", columns="class_id", values="probability").sort_index()
    names = frames.drop_duplicates("class_id").set_index("class_id")["label"]
    order = wide.max().sort_values(ascending=False, kind="stable").index
    return {one_line(str(names[number])): wide[number].to_numpy() for number in order}


def _known(seconds: object) -> float | None:
    value = float(str(seconds))
    return value if np.isfinite(value) else None
