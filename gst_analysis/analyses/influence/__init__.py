"""Influence: a checkpoint and clips -> which input frames each frame's logit is made of."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gst_analysis.checkpoints.sources import Progress, open_model
from gst_analysis.errors import SpecError
from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS
from gst_analysis.results import Result
from gst_analysis.style.files import save_figures, save_html

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go
    from matplotlib.figure import Figure

    from gst_analysis.analyses.influence.measure import InfluenceSummary
    from gst_analysis.checkpoints.sources import Source
    from gst_analysis.clips.records import AnyPath, RecordList
    from gst_analysis.inference.settings import InferenceSettings


@dataclass(frozen=True)
class FrameInfluence(Result[Any]):
    """Which input frames each frame's logit is made of: `.table`, `.summary`, `.plot()`, `.save()`."""

    summary: InfluenceSummary
    receptive_fields: pd.DataFrame = field(repr=False)
    """How far each block sees: a RECEPTIVE_FIELDS table."""
    path: str = ""
    """The checkpoint's file."""

    def plot(self, *, dark: bool = False) -> Figure:
        """The matrices of all three methods, and the blocks below."""
        from gst_analysis.analyses.influence.figure import draw_influence

        ranks = {method: found.of_means for method, found in self.summary.agreement.items()}
        return draw_influence(self.table, self.receptive_fields, agreement=ranks, dark=dark)

    def plot_interactive(self, *, dark: bool = False) -> go.Figure:
        """The same figure in plotly."""
        from gst_analysis.analyses.influence.interactive import draw_influence_interactive

        return draw_influence_interactive(self.table, self.receptive_fields, dark=dark)

    def contract(self, files: Mapping[str, str] | None = None) -> dict[str, Any]:
        """What `gst-analyze influence --json` prints."""
        methods = {
            str(method): {
                name: rows.pivot(index="output_frame", columns="input_frame", values=name).values.tolist()
                for name in ("influence", "share", "reachable")
            }
            for method, rows in self.table.groupby("method", sort=False)
        }
        (sha256,) = self.provenance.sources.values()
        return {
            "checkpoint": {"path": self.path, "sha256": sha256},
            "methods": methods,
            **{name: getattr(self.summary, name) for name in _TOLD},
            "files": dict(files or {}),
        }


_TOLD = ("clips", "frames", "half_width", "own_share", "agreement", "blocks", "unmoved", "failures", "notes")


def frame_influence(
    source: Source,
    clips: AnyPath | Sequence[AnyPath] | RecordList,
    *,
    class_name: str | int | None = None,
    limit: int | None = None,
    settings: InferenceSettings | None = None,
    progress: Progress | None = None,
) -> FrameInfluence:
    """Measure how much each frame's logit depends on each input frame, averaged over clips.

    Args:
        source: a checkpoint's path, or what load_model returned.
        clips: video files, frame folders, folders of either, globs; or records.
        class_name: whose logit, by name or number; the class predicted for each clip if None.
        limit: look at so many clips only, spread evenly over all.
        settings: the device.
        progress: called after every step, of which each clip takes equally many.

    Example:
        >>> import gst_analysis as gst
        >>> gst.frame_influence("ckpt.pth", "clips/").plot()  # doctest: +SKIP
    """
    from gst_analysis.analyses.influence.measure import InfluenceOptions, measure_influence
    from gst_analysis.clips.records import RecordList
    from gst_analysis.inference.finding import find_clips
    from gst_analysis.probes.class_choice import find_class

    model = open_model(source)
    records = spread_records(clips if isinstance(clips, RecordList) else find_clips(clips), limit)
    options = InfluenceOptions(None if class_name is None else find_class(model, class_name))
    found = measure_influence(model, records, options=options, settings=settings, progress=progress)
    return FrameInfluence(
        found.table, found.summary, found.provenance, found.receptive_fields, str(model.checkpoint.path)
    )


def spread_records(records: RecordList, limit: int | None) -> RecordList:
    """Every so-manieth clip, so that no more than `limit` are left."""
    from gst_analysis.clips.records import RecordList

    if limit is not None and not (isinstance(limit, int) and limit >= 1):
        raise SpecError(
            "number of clips",
            expected="a whole number, at least 1",
            found=repr(limit)[:40],
            todo="give another one, or none",
        )
    if limit is None or limit >= len(records):
        return records
    kept = tuple(records[place * len(records) // limit] for place in range(limit))
    note = f"{limit} of {len(records)} clips, spread evenly"
    return RecordList(kept, records.class_names, (*records.notes, note), records.sources)


def save_influence(
    result: FrameInfluence, folder: str | os.PathLike[str], kinds: Sequence[str], *, dark: bool = False
) -> dict[str, str]:
    """Write figure and tables in the formats named; returns the files by kind."""
    tables = [kind for kind in kinds if kind in TABLE_FORMATS]
    images = [kind for kind in kinds if kind in IMAGE_FORMATS]
    files = result.save(folder, "influence", tables)
    fields: Result[Any] = Result(result.receptive_fields, {}, result.provenance)
    more = fields.save(folder, "receptive_fields", [kind for kind in tables if kind != "json"])
    files |= {f"receptive_fields_{kind}": path for kind, path in more.items()}
    if images:
        files |= save_figures(result.plot(dark=dark), folder, "influence", images)
    if "html" in kinds:
        files |= save_html(result.plot_interactive(dark=dark), folder, "influence")
    return files
