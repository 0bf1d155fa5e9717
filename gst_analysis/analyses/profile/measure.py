"""A network, and clips if there are any -> its profile: every line that is defined for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import pandas as pd

from gst_analysis.analyses.profile.agreement import tabulate_agreement
from gst_analysis.analyses.profile.kept import Kept, find_kept
from gst_analysis.analyses.profile.places import Line, Places
from gst_analysis.analyses.profile.saved import KINDS, Saved, list_saved_lines, read_saved
from gst_analysis.analyses.profile.steps import Run, list_steps
from gst_analysis.analyses.profile.table import (
    AGREE,
    ANSWERS,
    CLIPS,
    DISAGREE,
    FROM_CLIPS,
    MEASURES,
    PLACE,
    PROFILE,
    Profile,
    ProfileOptions,
    ProfileSummary,
)
from gst_analysis.analyses.profile.verdict import word_verdict
from gst_analysis.checkpoints.loaded import Checkpoint, Network
from gst_analysis.clips.records import RecordList
from gst_analysis.errors import SpecError
from gst_analysis.files import hash_file
from gst_analysis.progress import Progress, no_progress
from gst_analysis.results import Provenance
from gst_analysis.tables import check

_ASKED_CLIPS = (
    "nothing was measured on clips: name a data set to see what is lost without time, and whether order "
    "matters"
)


def measure_profile(
    source: Checkpoint | Network,
    records: RecordList | None = None,
    *,
    options: ProfileOptions,
    progress: Progress | None = None,
) -> Profile:
    """Every line that is defined for a network; what is not is noted with the reason.

    Args:
        source: a network; without clips, a checkpoint is enough.
        records: labelled clips, for the lines that need some.
        options: which lines, how many clips and how sure.
        progress: called with how far all of it is, in hundredths.

    Raises:
        DataError: classes that are not the checkpoint's, or not one clip that could be read.
    """
    model = source if isinstance(source, Network) else None
    checkpoint = source.current_checkpoint() if isinstance(source, Network) else source
    run = Run(checkpoint, Places.of(checkpoint.anatomy), options, model, records)
    saved = read_saved(options.saved, checkpoint)
    _add_saved(run, saved)
    steps = list_steps(run, saved)
    for number, (measure, step) in enumerate(steps):
        told = partial(_tell_share, progress or no_progress, number, len(steps), MEASURES[measure].phrase)
        told(0, 1, "")
        try:
            step(run, told)
        except SpecError as error:  # NotDefinedError among them
            run.notes.append(f"no line of {MEASURES[measure].phrase}: {error.found}")
    kept = find_kept(checkpoint) if records is None else None
    return _build_result(run, kept)


def _add_saved(run: Run, saved: Mapping[str, Saved]) -> None:
    """Lines that were measured before, as they were saved."""
    for found in saved.values():
        classes = run.checkpoint.spec.num_classes
        lines = list_saved_lines(found, run.options.lines, run.places, classes, run.confidence)
        run.lines += [line for line in lines if line is not None]
        given = {line.measure for line in run.lines}
        for measure in set(KINDS[found.question].measures) & set(run.options.lines) - given:
            run.notes.append(f"no line of {MEASURES[measure].phrase}: {found.path.name} was saved without it")
        run.notes.append(found.note)
    if "ablation" in saved:
        run.clips = saved["ablation"].clips or 0


def _tell_share(
    progress: Progress, number: int, steps: int, name: str, done: int, total: int, _: str
) -> None:
    here = min(1.0, done / total) if total else 0.0
    progress(int(100 * (number + here) / max(1, steps)), 100, name)


def _build_result(run: Run, kept: Kept | None) -> Profile:
    name = run.checkpoint.name
    rows = [row for line in _sort(run.lines) for row in run.places.list_rows(line, name)]
    table = pd.DataFrame(rows, columns=list(PROFILE.columns)).astype(_KINDS)
    if kept is not None:
        asked = kept.table[kept.table["measure"].isin({*run.options.lines, *ANSWERS} - set(table["measure"]))]
        table = pd.concat([table, asked.assign(checkpoint=name)], ignore_index=True)
    agreement = tabulate_agreement(table)
    verdict = word_verdict(table, confidence=run.options.confidence)
    places = agreement[agreement["level"] == PLACE]["verdict"]
    summary = ProfileSummary(
        verdict=verdict.sentence,
        claims=verdict.claims,
        confidence=run.options.confidence,
        clips=run.clips if kept is None or run.clips else kept.clips,
        agree=int((places == AGREE).sum()),
        disagree=int((places == DISAGREE).sum()),
        places=len(places),
    )
    return Profile(
        check(table, PROFILE),
        summary,
        _name_origin(run),
        notes=tuple(_list_notes(run, kept)),
        failures=run.failures,
        agreement=agreement,
    )


_KINDS = {
    name: {"text": "object", "whole": "int64", "real": "float64"}[column.kind]
    for name, column in PROFILE.columns.items()
}


def _sort(lines: list[Line]) -> list[Line]:
    order = [*MEASURES, *ANSWERS]
    return sorted(lines, key=lambda line: order.index(line.measure))


def _list_notes(run: Run, kept: Kept | None) -> Iterator[str]:
    yield from (run.checkpoint.notes if run.model is None else run.model.notes)
    yield from run.notes
    if run.records is not None:
        yield from run.records.notes
    elif kept is not None:
        yield kept.describe()
    elif set(run.options.lines) & set(FROM_CLIPS) and not any(line.source == CLIPS for line in run.lines):
        yield _ASKED_CLIPS


def _name_origin(run: Run) -> Provenance:
    checkpoint, options = run.checkpoint, run.options
    settings = {"path": str(checkpoint.path), "lines": options.lines, "confidence": options.confidence}
    if options.saved:
        settings["with"] = {str(path): hash_file(Path(path)) for path in options.saved}
    if run.records is not None:
        chosen = ("limit", "few", "orders", "scenes", "batch", "seed", "device")
        settings |= {name: getattr(options, name) for name in chosen}
    return Provenance(
        {checkpoint.name: checkpoint.sha256, **((run.records and run.records.sources) or {})},
        {checkpoint.name: checkpoint.spec.to_json()},
        settings,
        clips=() if run.records is None else run.records.name_clips(),
    )
