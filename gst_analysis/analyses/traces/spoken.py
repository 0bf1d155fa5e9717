"""What the figure of a trace shows, in words, made from its tables."""

from __future__ import annotations

from gst_analysis.analyses.traces.result import Traces
from gst_analysis.analyses.traces.story import ClipStory, say_time
from gst_analysis.numbers import how_many

_MOST = 4


def say_figures(result: Traces) -> dict[str, str]:
    """Every figure by its name."""
    return {result.name_file(clip): say_trace(result.story(clip)) for clip in result.drawn}


def say_trace(story: ClipStory) -> str:
    """The clip's prediction, when it is surest, and when the prediction changes.

    Args:
        story: what `read_story` made of the clip's tables.
    """
    surest = max(story.moments, key=lambda moment: moment.probability)
    told = (
        f"{story.clip}, {how_many(len(story.moments), 'point')} ({story.meaning}); {story.verdict}. "
        f"Surest at {say_time(surest.seconds, surest.source_frame)}: {surest.label} "
        f"({surest.probability:.1%})."
    )
    if not story.turns:
        return f"{told} The prediction does not change."
    parts = [
        f"from {turn.from_label} to {turn.to_label}"
        + ("" if turn.seconds is None else f" at {turn.seconds:.2f} s")
        for turn in story.turns[:_MOST]
    ]
    return f"{told} It changes {len(story.turns)} times: {'; '.join(parts)}."
