"""Traces to files: tables and drawings of a few clips, or the tables of a whole data set piece by piece."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gst_analysis.analyses.traces.runs import TraceOptions, TraceRun
from gst_analysis.errors import DataError, SpecError
from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS
from gst_analysis.progress import Progress
from gst_analysis.results import LegacyResult as Result
from gst_analysis.results import Provenance
from gst_analysis.style.files import save_figures, save_html
from gst_analysis.tables.pieces import PIECE_FORMATS, write_tables

if TYPE_CHECKING:
    from gst_analysis.analyses.traces import Traces
    from gst_analysis.analyses.traces.look_back import TraceInfluence
    from gst_analysis.analyses.traces.runs import Clips
    from gst_analysis.analyses.traces.tabulate import TraceSummary
    from gst_analysis.checkpoints.sources import Source

VIDEO_FORMATS = ("mp4", "webm")
SAMPLED = 16
"""Clips of a whole data set that are asked what their logits are made of, spread evenly."""
TRACE_FORMATS = (*IMAGE_FORMATS, "html", *VIDEO_FORMATS, *TABLE_FORMATS)


@dataclass(frozen=True)
class TraceFiles:
    """What was written: tables by kind, drawings by clip and kind; and clips that could not be drawn."""

    tables: dict[str, str]
    clips: dict[str, dict[str, str]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TracedFolder:
    """Traces that were written as they came; none of them is in memory."""

    summary: TraceSummary
    provenance: Provenance
    files: dict[str, str]

    def contract(self) -> dict[str, Any]:
        """What `gst-analyze trace --stream --json` prints."""
        (name,) = self.provenance.specs
        return {
            "checkpoint": {"name": name, "sha256": self.provenance.sources[name]},
            "mode": self.summary.mode,
            "influence": self.summary.influence,
            "clips": [],
            "summary": self.summary,
            "failures": self.summary.failures,
            "notes": self.summary.notes,
            "files": self.files,
        }


def trace_to_folder(
    source: Source,
    clips: Clips,
    folder: str | os.PathLike[str],
    *,
    kinds: Sequence[str] = TABLE_FORMATS,
    options: TraceOptions | None = None,
    progress: Progress | None = None,
) -> TracedFolder:
    """The same for a whole data set: tables are written piece by piece, and memory stays flat.

    Args and errors are those of `trace`; `folder` is where the tables go, `kinds` are csv, parquet and json
    (the summary). Clips are not drawn. Which frames logits are made of is measured of SAMPLED clips, and
    their mean written as table and, in png, svg and pdf, as one figure.
    """
    from gst_analysis.analyses.traces.table import FRAME_TRACES, STATE_CHANGES, TRACED_CLIPS
    from gst_analysis.files import to_json, write_whole

    written = [kind for kind in kinds if kind in PIECE_FORMATS]
    if not written and "json" not in kinds:
        raise SpecError(
            "formats of a whole data set",
            expected="csv, parquet or json among them, as clips are not drawn",
            found=", ".join(kinds) or "none",
            todo="add one",
        )
    run = TraceRun.start(source, clips, options)
    total, sample = len(run.records), min(SAMPLED, len(run.records))
    places, few = {n * total // sample for n in range(sample)}, []
    schemas = {"frame_traces": FRAME_TRACES, "traced_clips": TRACED_CLIPS, "state_changes": STATE_CHANGES}
    with write_tables(folder, schemas, written) as tables:
        for place, (traced, part) in enumerate(run.stream(progress)):
            if place in places:
                few.append(traced)
            tables["frame_traces"].add(part.frames)
            tables["traced_clips"].add(part.clips)
            tables["state_changes"].add(part.changes)
        run.require_some()
    measured = run.look_back(few, progress)
    summary, provenance = run.summarise(measured), run.describe()
    files = {f"{stem}.{kind}": str(Path(folder) / f"{stem}.{kind}") for stem in schemas for kind in written}
    if "json" in kinds:
        record = to_json({"summary": summary, "provenance": provenance}).encode()
        path = write_whole(Path(folder) / "frame_traces.json", lambda file: file.write(record))
        files["frame_traces.json"] = str(path)
    if measured:
        files |= _save_mean(measured, folder, kinds, summary, provenance)
    return TracedFolder(summary, provenance, files)


def _save_mean(
    measured: Sequence[TraceInfluence],
    folder: str | os.PathLike[str],
    kinds: Sequence[str],
    summary: TraceSummary,
    provenance: Provenance,
) -> dict[str, str]:
    """The mean over clips of what logits are made of, as table and figure."""
    from gst_analysis.analyses.influence.figure import draw_influence
    from gst_analysis.analyses.traces.look_back import average_influence

    table = average_influence(measured)
    files = Result(table, None, provenance).save(
        folder, "influence", [kind for kind in kinds if kind in PIECE_FORMATS]
    )
    images = [kind for kind in kinds if kind in IMAGE_FORMATS]
    if images:
        about = f"mode {summary.mode}: {summary.influence}"
        files |= save_figures(draw_influence(table, about=about), folder, "influence", images)
    return {f"influence.{kind}": path for kind, path in files.items()}


def save_traces(
    result: Traces,
    folder: str | os.PathLike[str],
    kinds: Sequence[str],
    *,
    dark: bool = False,
    progress: Progress | None = None,
) -> TraceFiles:
    """Write tables, and a drawing or a video of every clip, in the formats named.

    A clip whose frames cannot all be read is listed in the failures, and the rest goes on.
    """
    tables = [kind for kind in kinds if kind in TABLE_FORMATS]
    files = {
        f"frame_traces.{kind}": path for kind, path in result.save(folder, "frame_traces", tables).items()
    }
    others = {"traced_clips": result.clips, "state_changes": result.changes}
    if len(result.influence):
        others["trace_influence"] = result.influence
    for stem, table in others.items():
        part = Result(table, None, result.provenance)
        saved = part.save(folder, stem, [kind for kind in tables if kind != "json"])
        files |= {f"{stem}.{kind}": path for kind, path in saved.items()}
    written = TraceFiles(files)
    drawings = [kind for kind in kinds if kind not in TABLE_FORMATS]
    for number, clip in enumerate(result.records if drawings else ()):
        if progress is not None:
            progress(number, len(result.records), clip)
        try:
            written.clips[clip] = _save_drawings(result, clip, Path(folder), drawings, dark=dark)
        except DataError as error:
            written.failures[clip] = str(error)
    return written


def _save_drawings(
    result: Traces, clip: str, folder: Path, kinds: Sequence[str], *, dark: bool
) -> dict[str, str]:
    stem = _stem(result, clip)
    files: dict[str, str] = {}
    images = [kind for kind in kinds if kind in IMAGE_FORMATS]
    if images:
        files |= save_figures(result.plot(clip, dark=dark), folder, stem, images)
    if "html" in kinds:
        files |= save_html(result.plot_interactive(clip, dark=dark), folder, stem)
    return files | {
        kind: result.save_video(folder / f"{stem}.{kind}", clip) for kind in kinds if kind in VIDEO_FORMATS
    }


def _stem(result: Traces, clip: str) -> str:
    """A file's name for a clip: safe, and numbered where there are several."""
    name = re.sub(r"[^\w.-]+", "_", Path(clip).stem).strip("._")[:60] or "clip"
    if len(result.records) == 1:
        return f"trace-{name}"
    return f"trace-{list(result.records).index(clip) + 1:04d}-{name}"
