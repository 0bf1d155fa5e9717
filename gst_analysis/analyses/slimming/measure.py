"""A network and what was asked -> a smaller network, its widths, and where it lies on the curve.

Channels are scored by the weights or by clips, put in order, and taken out until the budget is met; given
clips, accuracy is measured along the way, and what fine-tuning gives back if that was asked.
"""

from __future__ import annotations

import os
from typing import Any

import pandas as pd

from gst_analysis.analyses.cost.counting import summarise_cost
from gst_analysis.analyses.importance.data_scores import measure_data_scores
from gst_analysis.analyses.importance.measure import infer_importance
from gst_analysis.analyses.slimming.curve import SlimmingCurve, measure_curve
from gst_analysis.analyses.slimming.fine_tuning import (
    TunedCurve,
    check_apart,
    choose_points,
    configure_fine_tuning,
    fine_tune_curve,
)
from gst_analysis.analyses.slimming.order import (
    Budget,
    Proposal,
    SlimmingOrder,
    check_slimmable,
    tabulate_widths,
)
from gst_analysis.analyses.slimming.pruning import measure_masked, prune_model
from gst_analysis.analyses.slimming.table import (
    SCORES_FROM_DATA,
    NetworkCost,
    Slimming,
    SlimOptions,
    SlimSummary,
)
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.clips.labelled import ClipChoice, load_labelled_clips
from gst_analysis.clips.records import RecordList
from gst_analysis.errors import SpecError
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.networks.anatomy import require_arithmetic
from gst_analysis.probes.resampling import Interval
from gst_analysis.probes.shares import summarise_shares
from gst_analysis.progress import Progress
from gst_analysis.results import Provenance
from gst_analysis.training.config import TrainConfig


def check_options(options: SlimOptions, dataset: object) -> None:
    """Refuse what cannot work, before the checkpoint is read.

    Raises:
        SpecError: no budget, or clips that are needed and not there, or said something of and not there.
    """
    options.check()
    _settle(options)
    choice = _choose(options)
    if dataset is None and options.needs_clips:
        raise SpecError(
            "slim",
            expected="labelled clips, which this score, budget or fine-tuning needs",
            found="none",
            todo="name a data set, or choose another score and a budget of macs or params",
        )
    if dataset is None:
        choice.require_dataset("slim", todo="name it, or leave that out", seed_is_used=True)


def measure_slimming(
    model: LoadedModel,
    dataset: str | os.PathLike[str] | RecordList | None,
    *,
    options: SlimOptions,
    progress: Progress | None = None,
) -> Slimming:
    """Take out the channels with the lowest scores; the whole network stays as it is.

    Args:
        model: what load_model returned.
        dataset: labelled clips, or where they are listed; None for none.
        options: how small, by which score.
        progress: called after every clip.
    """
    settings = _settle(options)
    check_slimmable(model.spec)
    config = _configure(options, model, dataset)
    records = None
    if dataset is not None:
        records = load_labelled_clips(dataset, _choose(options), classes=model.labels)
    if config is not None and records is not None:
        check_apart(config, records)
    channels = score_channels(model, records, options.score, settings=settings, progress=progress)
    proposal, curve, tuned = _propose(model, channels, options), None, None
    if records is not None:
        curve = measure_curve(
            model, channels, records, seed=options.seed, settings=settings, progress=progress
        )
        proposal = proposal or curve.choose(options.max_drop or 0)
    assert proposal is not None  # a budget proposes one, and so does a curve
    if config is not None and curve is not None:
        points = choose_points(curve, proposal, budgets=options.budgets)
        tuned = fine_tune_curve(model, curve, points, config, settings=settings, progress=progress)
    origin = _tell_origin(model, records, options, config)
    return slim_model(model, proposal, curve, tuned, settings=settings, provenance=origin)


def slim_model(
    model: LoadedModel,
    proposal: Proposal,
    curve: SlimmingCurve | None = None,
    tuned: TunedCurve | None = None,
    *,
    settings: InferenceSettings | None = None,
    provenance: Provenance | None = None,
) -> Slimming:
    """Take the channels out, and run what is left over the curve's clips, if there is one."""
    smaller = prune_model(model, proposal)
    before = after = None
    if curve is not None:
        runs = measure_masked(smaller, curve.records, [{}], settings=settings)
        (after,) = summarise_shares(runs.right, units=runs.videos)
        row = curve.table.iloc[0]
        before = Interval(*(float(row[f"accuracy{end}"]) for end in ("", "_low", "_high")))
    spec = require_arithmetic(model.spec, "slimming")
    whole, name = summarise_cost(spec, size=model.clip_spec.crop), model.checkpoint.name
    summary = SlimSummary(
        removed=proposal.removed,
        before=NetworkCost(whole.params, whole.macs, before),
        after=NetworkCost(proposal.params, proposal.macs, after),
        clips=0 if curve is None else int(curve.table["clips"].iloc[0]),
    )
    return Slimming(
        tabulate_widths(spec, proposal.spec, name=name),
        summary,
        provenance or Provenance({name: model.sha256}, {name: model.spec.to_json()}, {}),
        notes=model.notes if curve is None else (*curve.records.notes, *model.notes, *curve.notes),
        failures={} if curve is None else curve.failures,
        model=smaller,
        curve=None if curve is None else curve.table,
        tuned=None if tuned is None else tuned.table,
        tuned_model=None if tuned is None else tuned.model,
        path=str(model.checkpoint.path),
    )


def score_channels(
    model: LoadedModel,
    records: RecordList | None,
    score: str,
    *,
    settings: InferenceSettings | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """What every channel is worth: columns layer, group, channel and value, one row a channel.

    Raises:
        SpecError: scores that are all the same.
    """
    if score in SCORES_FROM_DATA and records is not None:
        table = measure_data_scores(model, records, settings=settings, progress=progress).table
    else:
        table = infer_importance(model.current_checkpoint())
    found = table.rename(columns={score: "value"})[["layer", "group", "channel", "value"]]
    if found["value"].nunique() < 2:
        raise SpecError(
            model.checkpoint.name,
            expected=f"{score} scores that differ from channel to channel",
            found=f"{float(found['value'].iloc[0]):g} for all of them",
            todo="choose another score; untrained, folded or silent batch norms tell nothing apart",
        )
    return found


def _settle(options: SlimOptions) -> InferenceSettings:
    return InferenceSettings(batch=options.batch, device=options.device, devices=options.devices)


def _choose(options: SlimOptions) -> ClipChoice:
    return ClipChoice(options.root, options.format, options.limit, options.seed, options.subset)


def _configure(
    options: SlimOptions, model: LoadedModel, dataset: str | os.PathLike[str] | RecordList | None
) -> TrainConfig | None:
    """How to fine-tune, before anything is measured: mistakes are told at once."""
    return None if options.fine_tune is None else configure_fine_tuning(options, model, dataset)


def _propose(model: LoadedModel, channels: pd.DataFrame, options: SlimOptions) -> Proposal | None:
    """The network that meets a share of a cost; None where accuracy decides, which a curve tells."""
    order = SlimmingOrder(check_slimmable(model.spec), channels, size=model.clip_spec.crop)
    shares = {"macs": options.macs, "params": options.params}
    budgets = (Budget(name, share) for name, share in shares.items() if share is not None)
    return next((order.propose(budget) for budget in budgets), None)


def _tell_origin(
    model: LoadedModel, records: RecordList | None, options: SlimOptions, config: TrainConfig | None
) -> Provenance:
    name = model.checkpoint.name
    sources = {name: model.sha256, **((records.sources or {}) if records is not None else {})}
    asked: dict[str, Any] = {"score": options.score, "seed": options.seed, **options.target}
    asked |= {"size": model.clip_spec.crop}
    asked |= {"fine_tuning": config.to_json()} if config is not None else {}
    clips = () if records is None else records.name_clips()
    return Provenance(sources, {name: model.spec.to_json()}, asked, clips=clips)
