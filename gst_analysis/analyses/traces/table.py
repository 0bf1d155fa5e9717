"""What a network says over the course of a clip: columns, options and the summary."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gst_analysis.options import DeviceOptions, NetworkOptions, option
from gst_analysis.tables import Schema, flag, real, text, whole

TRACE_MODES = ("frame", "prefix", "leave-one-out", "still", "window")
CHANGE_KINDS = ("label", "curve")

FRAME_TRACES = Schema(
    "FRAME_TRACES",
    {
        "checkpoint": text("the checkpoint's name"),
        "clip": text("the clip's name"),
        "mode": text(
            "what a row is: the logits of a frame; the prediction from the frames up to it; the prediction "
            "without it; the prediction from it alone, standing still; the prediction of a window around it",
            *TRACE_MODES,
        ),
        "frame": whole(
            "which of the frames that were sampled, from 0; in window mode, which window", "index"
        ),
        "source_frame": whole(
            "the frame's place in its video, from 0; in window mode, the window's middle", "index"
        ),
        "seconds": real("when the frame is shown; missing where the clip does not say", "s", optional=True),
        "class_id": whole("the class's number, from 0", "index"),
        "label": text("the class's name, or class and its number where names are unknown"),
        "logit": real("the class's logit in this row", "logits"),
        "probability": real("softmax of the row's logits", "probability"),
        "rank": whole("place of the class among all classes of the row, from 1", "index"),
    },
)

TRACED_CLIPS = Schema(
    "TRACED_CLIPS",
    {
        "checkpoint": text("the checkpoint's name"),
        "clip": text("the clip's name"),
        "mode": text("as in FRAME_TRACES", *TRACE_MODES),
        "frames": whole("rows of the clip's trace", "frames"),
        "class_id": whole("the class of the clip's own prediction", "index"),
        "label": text("its name, or class and its number where names are unknown"),
        "probability": real("softmax of the clip's logits", "probability"),
        "true_id": whole("the clip's own class; missing where unknown", "index", optional=True),
        "true_label": text("its name; empty where unknown"),
        "changes": whole("changes of the predicted label", "changes"),
    },
)

STATE_CHANGES = Schema(
    "STATE_CHANGES",
    {
        "checkpoint": text("the checkpoint's name"),
        "clip": text("the clip's name"),
        "mode": text("as in FRAME_TRACES", *TRACE_MODES),
        "kind": text(
            "a change of the predicted label, or a step in the curves of probability", *CHANGE_KINDS
        ),
        "frame": whole("the first frame of the new state, as in FRAME_TRACES", "index"),
        "source_frame": whole("its place in its video, from 0", "index"),
        "seconds": real("when it is shown; missing where the clip does not say", "s", optional=True),
        "from_id": whole("the class before", "index"),
        "from_label": text("its name, or class and its number where names are unknown"),
        "to_id": whole("the class after", "index"),
        "to_label": text("its name, or class and its number where names are unknown"),
        "confidence": real(
            "from 0 to 1; of a label: how far the two classes part, before and after; of a curve: how much "
            "probability moved",
            "share",
        ),
    },
)

TRACE_INFLUENCE = Schema(
    "TRACE_INFLUENCE",
    {
        "checkpoint": text("the checkpoint's name"),
        "clip": text("the clip's name"),
        "mode": text("as in FRAME_TRACES; what is measured in each is in docs/traces.md", *TRACE_MODES),
        "output_frame": whole("whose logit, from 0; in window mode, which frame of a window", "index"),
        "input_frame": whole("which frame it depends on, from 0", "index"),
        "class_id": whole("the class whose logit it is", "index"),
        "label": text("its name, or class and its number where names are unknown"),
        "influence": real(
            "norm of the logit's exact gradient over the input frame's pixels", "logits per unit of input"
        ),
        "share": real("influence over its row's sum; 0 where nothing moves", "share"),
        "reachable": flag("whether it can depend on it at all"),
    },
)


EVALUATED_CLIPS = Schema(
    "EVALUATED_CLIPS",
    {
        "checkpoint": text("the checkpoint's name"),
        "clip": text("the clip's name"),
        "true_id": whole("the clip's own class", "index"),
        "true_label": text("its name, or class and its number where names are unknown"),
        "predicted_id": whole("the class it was taken for", "index"),
        "predicted_label": text("its name, or class and its number"),
        "correct": flag("whether that is its own"),
        "probability": real("softmax of the clip's logits, of the class it was taken for", "probability"),
        "true_probability": real("of its own class", "probability"),
        "true_rank": whole("place of its own class among all, from 1", "index"),
        "changes": whole("changes of the predicted label over its frames", "changes"),
        "order_loss": real(
            "what its own class loses in probability when frames are shuffled; missing where not measured",
            "probability",
            optional=True,
        ),
    },
)


@dataclass(frozen=True, kw_only=True)
class TraceOptions(NetworkOptions, DeviceOptions):
    """What a row of a trace is, what counts as a change of state, and how the network is run."""

    mode: str = option("frame", "What a row is: frame, prefix, leave-one-out, still or window.")
    window: int | None = option(None, "Mode window: frames of the video in a window.")
    step: int | None = option(None, "Mode window: frames from one to the next.")
    margin: float = option(0.5, "Lead in probability that a new label must reach, 0 to 1.")
    hold: int = option(2, "Rows for which a new label must lead.")
    top_k: int = option(5, "Classes of each clip that the table keeps.", flag="--top")
    influence: bool = option(
        True,
        "Show beside each trace which frames its logits are made of. Takes a gradient for each frame: 3 to "
        "14 times the network's own time; with --stream of 16 clips only.",
        flag="--no-influence/--influence",
    )
    batch: int = option(8, "Clips at once.")

    @property
    def explained(self) -> bool:
        """Whether it is measured what each row is made of."""
        return self.influence


BARE = TraceOptions(influence=False)
"""Traces by themselves."""


@dataclass(frozen=True, kw_only=True)
class ListOptions:
    """A labelled data set whose clips are traced."""

    dataset: str | None = option(
        None, "Instead of clips: a labelled list, or a folder with one.", metavar="ROOT|FILE"
    )
    root: Path | None = option(None, "The folder the data set's clips lie in.")
    subset: str | None = option(None, "Of those in the annotations; validation, else test, if not given.")
    limit: int | None = option(None, "Draw this many clips of the data set.")


@dataclass(frozen=True)
class ClassPair:
    """One label giving way to another, and how often."""

    from_label: str
    """The label that gives way."""
    to_label: str
    """The label that takes its place."""
    changes: int
    """How often."""
    mean_place: float
    """Where in the clip, from 0 (start) to 1 (end), on average."""


@dataclass(frozen=True)
class TraceSummary:
    """How often, when and between which classes the predicted state changes."""

    mode: str
    """What a row of a trace is: frame, prefix, leave-one-out, still or window."""
    clips: int
    """Clips that were traced."""
    frames: int
    """Rows of all their traces."""
    changes: int
    """Changes of the predicted label."""
    changed_clips: int
    """Clips with such a change."""
    changed_share: float
    """Clips with a change, of all that were traced."""
    right_clips: int | None
    """Clips whose own prediction is their true class; None where no truth is known."""
    when: tuple[int, ...]
    """Changes in each tenth of the clip."""
    pairs: tuple[ClassPair, ...]
    """The most frequent ones."""
    curve_changes: int
    """Steps in the curves of clips' classes."""
    own_share: float | None = None
    """A frame's share in its own logit, mean over the clips that were looked at; None where none was."""
    influence: str | None = None
    """In words, what logits are made of."""

    @property
    def explanation(self) -> str:
        """In words, what logits are made of; empty where that was not measured."""
        return self.influence or ""
