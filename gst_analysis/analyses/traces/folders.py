"""Traces of a whole data set: tables written piece by piece as they come, so that memory stays flat."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from gst_analysis.analyses.traces.evidence import AVERAGE, TraceEvidence, average_evidence, draw_average
from gst_analysis.analyses.traces.result import TracedFolder, Traces
from gst_analysis.analyses.traces.runs import TraceRun
from gst_analysis.analyses.traces.table import FRAME_TRACES, STATE_CHANGES, TRACED_CLIPS
from gst_analysis.errors import SpecError
from gst_analysis.files import IMAGE_FORMATS, Writer, table_writer, to_json
from gst_analysis.outputs import Made, Outputs
from gst_analysis.progress import Progress
from gst_analysis.results import Provenance, hash_plain, tell_origin
from gst_analysis.style.files import image_writer
from gst_analysis.tables.pieces import PIECE_FORMATS, write_tables

SAMPLED = 16
"""Clips of a whole data set that are asked what their logits are made of, spread evenly."""
_SCHEMAS = {Traces.stem: FRAME_TRACES, "traced_clips": TRACED_CLIPS, "state_changes": STATE_CHANGES}


def write_traces(
    run: TraceRun,
    folder: Path,
    kinds: Sequence[str],
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> TracedFolder:
    """Trace clips and write what `Traces.save` writes of tables, with nothing left in memory.

    Which frames logits are made of is measured of SAMPLED clips, and their mean written as table and, in png,
    svg and pdf, as one figure.

    Args:
        run: the network and the clips.
        folder: where the tables go.
        kinds: csv, parquet and json (the summary) among them.
        overwrite: also replace the results of other inputs, and any file that has one of the names.
        progress: called after every clip.

    Raises:
        SpecError: no kind that is written.
        OutputError: the folder cannot be written, or something there would be replaced.
    """
    plain = [kind for kind in kinds if kind in PIECE_FORMATS]
    if not plain and "json" not in kinds:
        raise SpecError(
            "formats of a whole data set",
            expected="csv, parquet or json among them, as clips are not drawn",
            found=", ".join(kinds) or "none",
            todo="add one",
        )
    with Outputs(folder, _describe_inputs(run, kinds), overwrite=overwrite) as outputs:
        files, result, measured = _write_tables(run, outputs, plain, progress)
        for name, write in _list_writers(result, measured, kinds):
            files[name] = str(outputs.write(name, write))
    return replace(result, files={name.removeprefix(f"{Traces.stem}."): path for name, path in files.items()})


def _describe_inputs(run: TraceRun, kinds: Sequence[str]) -> Made:
    """What goes in, known before the first clip is read; weights that are in no file are like no others."""
    model, records, plan = run.model, run.records, run.plan
    sources = {
        model.checkpoint.name: model.sha256 or f"in memory {uuid.uuid4().hex}",
        **(records.sources or {}),
    }
    specs = {model.checkpoint.name: model.spec.to_json()}
    asked = Provenance(sources, specs, {"plan": plan, "kinds": kinds}, clips=records.name_clips())
    return Made(Traces.stem, asked.name_inputs(), hash_plain(asked), tell_origin(asked))


def _write_tables(
    run: TraceRun, outputs: Outputs, kinds: Sequence[str], progress: Progress | None
) -> tuple[dict[str, str], TracedFolder, Sequence[TraceEvidence]]:
    """Trace and write clip by clip; returns the files, what was counted, and what logits are made of."""
    total, sample = len(run.records), min(SAMPLED, len(run.records))
    places, few = {n * total // sample for n in range(sample)}, []
    with write_tables(outputs.folder, _SCHEMAS, kinds, place=outputs.adopt) as tables:
        for place, (traced, part) in enumerate(run.stream(progress)):
            if place in places:
                few.append(traced)
            tables[Traces.stem].add(part.frames)
            tables["traced_clips"].add(part.clips)
            tables["state_changes"].add(part.changes)
        run.require_some()
    measured = run.look_back(few, progress)
    result = TracedFolder(
        run.summarise(measured),
        run.describe(),
        run.tally.list_notes(),
        run.tally.failures,
        path=str(run.model.checkpoint.path),
    )
    names = [f"{stem}.{kind}" for stem in _SCHEMAS for kind in kinds]
    return {name: str(outputs.folder / name) for name in names}, result, measured


def _list_writers(
    result: TracedFolder, measured: Sequence[TraceEvidence], kinds: Sequence[str]
) -> Iterator[tuple[str, Writer]]:
    """The record, and the mean over clips of what logits are made of, as table and figure."""
    if "json" in kinds:
        record = to_json(result.record()).encode()
        yield f"{Traces.stem}.json", lambda file: file.write(record)
    if not measured:
        return
    table, stamp = average_evidence(measured), result.provenance.stamp(Traces.stem)
    yield from (
        (f"{AVERAGE}.{kind}", table_writer(table, kind, stamp)) for kind in kinds if kind in PIECE_FORMATS
    )
    images = [kind for kind in kinds if kind in IMAGE_FORMATS]
    if images:
        figure = draw_average(table, result.summary)
        yield from ((f"{AVERAGE}.{kind}", image_writer(figure, kind, stamp)) for kind in images)
