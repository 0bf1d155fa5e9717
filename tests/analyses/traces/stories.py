"""Tables of one clip whose state changes half way, as the drawings take them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gst_analysis.analyses.traces.story import ClipStory, read_story

NAMES = (
    "Tearing something into two pieces",
    "Tearing something just a little bit",
    "Pretending to open something without actually opening it",
    "Opening something",
)
Tables = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]


def make_tables(
    rows: int = 8,
    *,
    mode: str = "frame",
    truth: int | None = 0,
    timed: bool = True,
    names: tuple[str, ...] = NAMES,
    clip: str = "clips/1.mp4",
) -> Tables:
    """Class 1 leads the first half of the rows, class 0 the second; frames are 3 apart, 12 a second."""
    classes, place = len(names), np.arange(rows)
    later = place >= rows // 2
    shares = np.full((rows, classes), 0.1 / max(1, classes - 2))
    shares[:, 0], shares[:, 1] = np.where(later, 0.8, 0.1), np.where(later, 0.1, 0.8)
    sources, labels = 3 * place + 1, np.array(names, dtype=object)
    seconds = sources / 12 if timed else np.full(rows, np.nan)
    about = {"checkpoint": "net", "clip": clip, "mode": mode}
    frames = pd.DataFrame(
        {
            **about,
            "frame": np.repeat(place, classes),
            "source_frame": np.repeat(sources, classes),
            "seconds": np.repeat(seconds, classes),
            "class_id": np.tile(np.arange(classes), rows),
            "label": np.tile(labels, rows),
            "logit": np.log(shares).ravel(),
            "probability": shares.ravel(),
            "rank": ((-shares).argsort(axis=1, kind="stable").argsort(axis=1) + 1).ravel(),
        }
    )
    row = {
        **about,
        "frames": rows,
        "class_id": 0,
        "label": names[0],
        "probability": 0.6,
        "true_id": truth,
        "true_label": "" if truth is None else names[truth],
        "changes": 1,
    }
    clips = pd.DataFrame([row]).astype({"true_id": "Int64"})
    at = rows // 2
    change = {
        **about,
        "kind": "label",
        "frame": at,
        "source_frame": int(sources[at]),
        "seconds": seconds[at],
        "from_id": 1,
        "from_label": names[1],
        "to_id": 0,
        "to_label": names[0],
        "confidence": 0.7,
    }
    changes = pd.DataFrame([change, {**change, "kind": "curve"}])
    return frames, clips, changes.iloc[:0] if mode == "leave-one-out" else changes


def make_influence(frames: int = 8, *, mode: str = "frame", clip: str = "clips/1.mp4") -> pd.DataFrame:
    """Half of each logit is the frame's own, the rest its neighbours'; frames three apart cannot matter."""
    output, given = (axis.ravel() for axis in np.indices((frames, frames)))
    reachable = (abs(output - given) <= 2) & ((given <= output) | (mode != "prefix"))
    sizes = np.where(output == given, 2.0, 1.0) * reachable
    totals = np.bincount(output, sizes)
    return pd.DataFrame(
        {
            "checkpoint": "net",
            "clip": clip,
            "mode": mode,
            "output_frame": output,
            "input_frame": given,
            "class_id": 0,
            "label": NAMES[0],
            "influence": sizes,
            "share": sizes / totals[output],
            "reachable": reachable,
        }
    )


def make_story(rows: int = 8, **choices: object) -> ClipStory:
    return read_story(*make_tables(rows, **choices))  # type: ignore[arg-type] # settings by name, of any type


def make_pictures(story: ClipStory, *, height: int = 36, width: int = 64) -> dict[int, np.ndarray]:
    """One flat picture for each frame."""
    return {
        moment.source_frame: np.full((height, width, 3), 20 * (moment.frame % 12), dtype=np.uint8)
        for moment in story.moments
    }
