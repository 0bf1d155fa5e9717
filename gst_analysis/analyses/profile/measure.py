"""A network, and clips if there are any -> its profile: every line that is defined for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from gst_analysis.analyses.ablation.table import Ablation, AblationOptions
from gst_analysis.analyses.importance.measure import infer_importance
from gst_analysis.analyses.order.table import OrderOptions
from gst_analysis.analyses.profile.agreement import tabulate_agreement
from gst_analysis.analyses.profile.kept import Kept, find_kept
from gst_analysis.analyses.profile.places import Line, Places
from gst_analysis.analyses.profile.saved import KINDS, Saved, list_saved_lines, read_saved
from gst_analysis.analyses.profile.table import (
    AGREE,
    ANSWERS,
    CLIPS,
    DISAGREE,
    FROM_CLIPS,
    GUESSES,
    LINES,
    MEASURES,
    PLACE,
    PROFILE,
    UNTRAINED,
    Profile,
    ProfileOptions,
    ProfileSummary,
)
from gst_analysis.analyses.profile.tabulate import (
    list_answers,
    summarise_channels,
    summarise_kernels,
    summarise_losses,
    summarise_reach,
    summarise_roles,
)
from gst_analysis.analyses.profile.verdict import word_verdict
from gst_analysis.analyses.roles.table import RoleOptions
from gst_analysis.analyses.scales.measure import note_equal_scales, tabulate_bn_scales
from gst_analysis.analyses.temporal_use.measure import measure_temporal_use
from gst_analysis.analyses.temporal_use.table import TemporalUseOptions
from gst_analysis.checkpoints.loaded import Checkpoint, Network
from gst_analysis.clips.labelled import spread_records
from gst_analysis.clips.records import RecordList
from gst_analysis.errors import SpecError
from gst_analysis.files import hash_file
from gst_analysis.networks.capabilities import require
from gst_analysis.progress import Progress, no_progress
from gst_analysis.results import Provenance
from gst_analysis.rooms import Door
from gst_analysis.tables import check

if TYPE_CHECKING:
    from gst_analysis.analyses.ablation import measure as ablation
    from gst_analysis.analyses.influence import measure as influence
    from gst_analysis.analyses.order import measure as order
    from gst_analysis.analyses.roles import measure as roles
    from gst_analysis.inference import settings as inference_settings
else:  # a profile from weights alone is there before torch would be imported
    ablation = Door("gst_analysis.analyses.ablation.measure")
    influence = Door("gst_analysis.analyses.influence.measure")
    order = Door("gst_analysis.analyses.order.measure")
    roles = Door("gst_analysis.analyses.roles.measure")
    inference_settings = Door("gst_analysis.inference.settings")

_NO_PAIR = "its channels are not of two groups that could be set against each other"
_ASKED_CLIPS = (
    "nothing was measured on clips: name a data set to see what is lost without time, and whether order "
    "matters"
)


@dataclass
class _Run:
    """What is profiled, and what is found out on the way."""

    checkpoint: Checkpoint
    places: Places
    options: ProfileOptions
    model: Network | None = None
    records: RecordList | None = None
    lines: list[Line] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    clips: int = 0

    @property
    def confidence(self) -> float:
        """What one band has, so that those of all stages and lines hold at once (Bonferroni)."""
        stages = max(1, len(set(self.places.stages.values())))
        return 1 - (1 - self.options.confidence) / (stages * LINES)

    @property
    def shown(self) -> tuple[Network, RecordList]:
        """The network and its clips, where there are some."""
        assert self.model is not None
        assert self.records is not None
        return self.model, self.records

    def add(self, measure: str, *lines: Line | None) -> None:
        """Keep lines; where there is none, say that groups lack."""
        self.lines += [line for line in lines if line is not None]
        if not any(lines):
            self.notes.append(f"no line of {MEASURES[measure].phrase}: {_NO_PAIR}")


Step = Callable[[_Run, Progress], None]


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
    run = _Run(checkpoint, Places.of(checkpoint.anatomy), options, model, records)
    saved = read_saved(options.saved, checkpoint)
    _add_saved(run, saved)
    steps = _list_steps(run, saved)
    for number, (measure, step) in enumerate(steps):
        told = partial(_tell_share, progress or no_progress, number, len(steps), MEASURES[measure].phrase)
        told(0, 1, "")
        try:
            step(run, told)
        except SpecError as error:  # NotDefinedError among them
            run.notes.append(f"no line of {MEASURES[measure].phrase}: {error.found}")
    kept = find_kept(checkpoint) if records is None else None
    return _build_result(run, kept)


def _add_saved(run: _Run, saved: Mapping[str, Saved]) -> None:
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
        run.clips = int(saved["ablation"].record["summary"]["clips"])


def _tell_share(
    progress: Progress, number: int, steps: int, name: str, done: int, total: int, _: str
) -> None:
    here = min(1.0, done / total) if total else 0.0
    progress(int(100 * (number + here) / max(1, steps)), 100, name)


def _list_steps(run: _Run, saved: Mapping[str, Saved]) -> list[tuple[str, Step]]:
    """The lines that are asked for, each with what makes it; both ablations are one step."""
    steps: dict[str, Step] = {"gamma": _add_gamma, "invariant": _add_invariant, "temporal-use": _add_kernels}
    if run.records is not None:
        steps |= {"ablation": _add_losses, "joint": _add_losses, "roles": _add_roles, "reach": _add_reach}
    known = [measure for name in saved for measure in KINDS[name].measures]
    asked = [name for name in run.options.lines if name in steps and name not in known]
    if "ablation" in asked and "joint" in asked:
        asked.remove("joint")
    found = [(name, steps[name]) for name in asked]
    losses = run.records is not None and {"ablation", "joint"} & set(run.options.lines)
    return [*found, ("ablation", _add_order)] if losses and "order" not in saved else found


def _add_gamma(run: _Run, _: Progress) -> None:
    require(run.checkpoint.spec, run.checkpoint.anatomy, "scales", what="scales")
    channels = tabulate_bn_scales(run.checkpoint)
    run.notes += note_equal_scales(channels)
    line = summarise_channels("gamma", channels, "importance", run.places, run.confidence)
    fresh = channels["gamma"].nunique() == 1 and bool((channels["beta"] == 0).all())
    run.add("gamma", line.mark(UNTRAINED) if line is not None and fresh else line)


def _add_invariant(run: _Run, _: Progress) -> None:
    require(run.checkpoint.spec, run.checkpoint.anatomy, "scales", what="importance")
    channels = infer_importance(run.checkpoint)
    run.add("invariant", summarise_channels("invariant", channels, "invariant", run.places, run.confidence))


def _add_kernels(run: _Run, progress: Progress) -> None:
    few = None if run.records is None else spread_records(run.records, run.options.few)
    found = measure_temporal_use(
        [run.model or run.checkpoint],
        few,
        options=TemporalUseOptions(start="none", device=run.options.device, devices=run.options.devices),
        progress=progress,
    )
    run.add("temporal-use", summarise_kernels(found.table, run.places, run.confidence))


def _add_losses(run: _Run, progress: Progress) -> None:
    """Ablation of one group at a time and of several; intervals so sure that a share of two of them is."""
    model, records = run.shown
    options, lines = run.options, run.options.lines
    require(model.spec, model.anatomy, "logits", "units", "groups", what="ablation")
    result = ablation.measure_ablation(
        model,
        records,
        options=AblationOptions(
            interventions=("mean",),
            joint=True,
            sets=("stage", *(("share",) if "joint" in lines else ())),
            orders=options.orders,
            batch=options.batch,
            device=options.device,
            devices=options.devices,
            seed=options.seed,
            confidence=1 - (1 - run.confidence) / 2,
        ),
        progress=progress,
    )
    run.failures.update(result.failures)
    run.clips = result.summary.clips
    guesses = result.summary.accuracy.low <= 1 / model.spec.num_classes
    for measure in [name for name in ("ablation", "joint") if name in lines]:
        line = _share_losses(measure, result, run.places)
        run.add(measure, line.withhold(GUESSES) if line is not None and guesses else line)


def _share_losses(measure: str, result: Ablation, places: Places) -> Line | None:
    assert result.joint is not None
    if measure == "ablation":
        stages = result.joint[result.joint["kind"] == "stage"]
        return summarise_losses(measure, result.table, stages, places)
    assert result.shares is not None
    units, sums = (result.shares[(result.shares["level"] == "unit") == own] for own in (True, False))
    return summarise_losses(measure, units, sums, places)


def _add_order(run: _Run, progress: Progress) -> None:
    model, records = run.shown
    options = run.options
    told = OrderOptions(
        conditions=("shuffled", "reversed"),
        batch=options.batch,
        device=options.device,
        devices=options.devices,
        seed=options.seed,
        confidence=options.confidence,
    )
    result = order.measure_order(model, records, options=told, progress=progress)
    run.lines += list_answers(result.table, result.summary.chance, result.summary.temporality)


def _add_roles(run: _Run, progress: Progress) -> None:
    model, _ = run.shown
    options = run.options
    told = RoleOptions(
        scenes=options.scenes,
        batch=options.batch,
        device=options.device,
        devices=options.devices,
        seed=options.seed,
    )
    result = roles.measure_roles(model, options=told, progress=progress)
    run.add("roles", summarise_roles(result.sums, run.places))


def _add_reach(run: _Run, progress: Progress) -> None:
    model, records = run.shown
    few = spread_records(records, run.options.few)
    settings = inference_settings.InferenceSettings(device=run.options.device, devices=run.options.devices)
    result = influence.measure_influence(model, few, settings=settings, progress=progress)
    run.add("reach", summarise_reach(result.receptive_fields, run.places))


def _build_result(run: _Run, kept: Kept | None) -> Profile:
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


def _list_notes(run: _Run, kept: Kept | None) -> Iterator[str]:
    yield from (run.checkpoint.notes if run.model is None else run.model.notes)
    yield from run.notes
    if run.records is not None:
        yield from run.records.notes
    elif kept is not None:
        yield kept.describe()
    elif set(run.options.lines) & set(FROM_CLIPS) and not any(line.source == CLIPS for line in run.lines):
        yield _ASKED_CLIPS


def _name_origin(run: _Run) -> Provenance:
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
