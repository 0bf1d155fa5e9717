"""How much a channel contributes to its block's output: raw γ beside scores that no rescaling can move.

Enters a checkpoint (`infer_importance`, closed form, no network is built) or a network and clips
(`measure_importance`, on data); both leave an IMPORTANCE table, one row a channel.

γ and β of a channel can be multiplied by any positive number and the next convolution's weights that read
it divided by the same number: after a ReLU the network computes what it did. So γ alone says nothing; what
counts is what arrives at the other side,

    invariant = E[ReLU(β + γ z)] · ‖weights of the next convolution that read the channel‖,

where z is what the batch norm made of the channel: standard normal in the closed form, the clips' own in
the measured one. `invariant_spread` has the standard deviation of the activation in place of its mean: a
channel that is always on at the same height has much of the one and none of the other.
`invariant_output` scales each filter of the next convolution as the batch norm after it does, so that it
does not depend on the scale of those filters either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gst_analysis.analyses.importance.activations import (
    CAPS,
    Moments,
    expect_activation,
    find_moments,
    follow_norms,
    hear_activations,
)
from gst_analysis.analyses.importance.table import (
    GROUP_IMPORTANCE,
    IMPORTANCE,
    SCORES,
    WHICH_TO_TRUST,
    Importance,
    ImportanceOptions,
    ImportanceSummary,
    RankAgreement,
)
from gst_analysis.analyses.scales.measure import note_equal_scales, tabulate_bn_scales
from gst_analysis.analyses.scales.meetings import Meetings, find_meetings
from gst_analysis.analyses.scales.table import NO_GROUPS
from gst_analysis.checkpoints.loaded import Checkpoint, LoadedModel
from gst_analysis.checkpoints.loading import build_loaded
from gst_analysis.checkpoints.next_weights import Following
from gst_analysis.checkpoints.several import read_each
from gst_analysis.checkpoints.sources import (
    Source,
    checkpoint_of,
    distinct_names,
    glance_at,
    name_of,
    tell_each,
)
from gst_analysis.clips.records import RecordList
from gst_analysis.networks.anatomy import Unit
from gst_analysis.progress import Progress
from gst_analysis.results import Provenance
from gst_analysis.rooms import Door
from gst_analysis.tables.ranks import correlate_ranks
from gst_analysis.tables.schema import check

if TYPE_CHECKING:
    from gst_analysis.analyses.importance import data_scores
    from gst_analysis.analyses.importance.data_scores import MeasuredScores
    from gst_analysis.inference import settings as inference_settings
    from gst_analysis.inference.settings import InferenceSettings
    from gst_analysis.probes import listening
else:  # weights alone need no torch, which takes longer to import than the scores to compute
    data_scores = Door("gst_analysis.analyses.importance.data_scores")
    listening = Door("gst_analysis.probes.listening")
    inference_settings = Door("gst_analysis.inference.settings")


@dataclass(frozen=True)
class _Read:
    """What is kept of a checkpoint: no weights."""

    table: pd.DataFrame = field(repr=False)
    sha256: str
    path: str
    spec: Mapping[str, Any]
    unread: Mapping[str, str]


def score_checkpoints(
    sources: Sequence[Source],
    records: RecordList | None = None,
    *,
    names: Sequence[str] | None = None,
    options: ImportanceOptions | None = None,
    progress: Progress | None = None,
) -> Importance:
    """Score checkpoints one after the other: from their weights, and on clips if there are any.

    Args:
        sources: paths of checkpoints, or what was loaded.
        records: clips to measure the scores on as well.
        names: what to call the checkpoints; their file names if None.
        options: where clips are run.
        progress: called before every checkpoint.

    Raises:
        CheckpointError: not one of them could be read. If some could not, the result names them.
        DataError: not one clip could be read.
    """
    labels = distinct_names(names or [name_of(source) for source in sources])
    options = options or ImportanceOptions()
    told = tell_each(sources, options)
    read, failures = read_each(
        told, labels, lambda source, label: _read_one(source, label, records, options), progress
    )
    table = pd.concat([one.table for one in read.values()], ignore_index=True)
    unread = {clip: why for one in read.values() for clip, why in one.unread.items()}
    clips = len(records or ()) - len(unread)
    provenance = Provenance(
        {name: one.sha256 for name, one in read.items()},
        {name: one.spec for name, one in read.items()},
        {"paths": {name: one.path for name, one in read.items()}, "device": options.device},
        clips=() if records is None else records.name_clips(),
    )
    return Importance(
        table,
        ImportanceSummary(WHICH_TO_TRUST, summarise_agreement(table), clips),
        provenance,
        notes=tuple(note_equal_scales(table)),
        failures=failures,
        groups=summarise_importance(table),
        clip_failures=unread,
    )


def _read_one(source: Source, label: str, records: RecordList | None, options: ImportanceOptions) -> _Read:
    if records is None:
        checkpoint = glance_at(source)
        table, unread = infer_importance(checkpoint, name=label), {}
    else:
        checkpoint = checkpoint_of(source)
        model = source if isinstance(source, LoadedModel) else build_loaded(checkpoint)
        settings = inference_settings.InferenceSettings(device=options.device, devices=options.devices)
        measured = measure_importance(model, records, settings=settings, name=label)
        table = pd.concat([infer_importance(checkpoint, name=label), measured.table], ignore_index=True)
        unread = dict(measured.failures)
    return _Read(table, checkpoint.sha256, str(checkpoint.path), checkpoint.spec.to_json(), unread)


def infer_importance(checkpoint: Checkpoint, *, name: str | None = None) -> pd.DataFrame:
    """The scores of every channel after a temporal operator, from the weights alone."""
    return _tabulate(checkpoint, name, None)


def measure_importance(
    model: LoadedModel,
    clips: RecordList,
    *,
    settings: InferenceSettings | None = None,
    name: str | None = None,
    progress: Progress | None = None,
) -> MeasuredScores:
    """Scores of every channel with the activations' mean and deviation taken over clips.

    Args:
        model: what load_model returned; it is left as it was found.
        clips: what to run it over; labels are not needed.
        settings: views, batch, device.
        name: what the table calls the checkpoint.
        progress: called with how many clips are done and how many there are.

    Raises:
        DataError: not one clip could be read.
    """
    checkpoint = model.current_checkpoint()  # refuses what is no network of its spec
    given = settings or inference_settings.InferenceSettings()
    heard = listening.listen_to_clips(model, clips, given, hear_activations, progress=progress)
    table = tabulate_importance(checkpoint, find_moments(heard.batches), name=name)
    return data_scores.MeasuredScores(table, heard.clips, heard.failures)


def tabulate_importance(
    checkpoint: Checkpoint, moments: Mapping[str, Moments], *, name: str | None = None
) -> pd.DataFrame:
    """The scores for activations that were measured, by layer, as a listener heard them."""
    return _tabulate(checkpoint, name, moments)


def summarise_importance(table: pd.DataFrame) -> pd.DataFrame:
    """Medians of both groups by layer and score, and how they compare: a GROUP_IMPORTANCE table.

    Groups that never leave one norm are compared where they meet: in a block, or in a stage.
    """
    rows = [
        {
            **{name: part.iloc[0][name] for name in ("checkpoint", "source", "stage")},
            "block": place if meetings.level == "stage" else part["block"].iloc[0],
            "layer": place,
            "score": score,
            "group": meetings.group,
            "against": meetings.against,
            **_compare_groups(part, score, meetings),
        }
        for _, own in table.groupby(["checkpoint", "source"], sort=False)
        for meetings in (find_meetings(own),)
        for place, part in own.groupby(meetings.place, sort=False)
        for score in SCORES
    ]
    return check(pd.DataFrame(rows)[list(GROUP_IMPORTANCE.columns)], GROUP_IMPORTANCE)


def summarise_agreement(table: pd.DataFrame) -> dict[str, RankAgreement]:
    """How alike scores rank the channels of a layer, checkpoint by checkpoint."""
    defined = table[table["undefined"] == ""].set_index(["layer", "group", "channel"])
    found = {}
    for name, rows in defined.groupby("checkpoint", sort=False):
        inferred, measured = (rows[rows["source"] == source] for source in ("closed form", "measured"))
        raw = [
            _rank_correlation(part["abs_gamma"], part["invariant"])
            for _, part in inferred.groupby(["layer", "group"])
        ]
        again = [
            _rank_correlation(inferred.loc[part.index, "invariant"], part["invariant"])
            for _, part in measured.groupby("layer")
        ]
        found[str(name)] = RankAgreement(_median(raw), _median(again))
    return found


def _tabulate(
    checkpoint: Checkpoint, name: str | None, moments: Mapping[str, Moments] | None
) -> pd.DataFrame:
    scales = tabulate_bn_scales(checkpoint, name=name).rename(columns={"importance": "abs_gamma"})
    following = dict(follow_norms(checkpoint))
    units = {unit.layer: unit for unit in checkpoint.anatomy.scaled}
    parts = []
    for name_of_layer, rows in scales.groupby("layer", sort=False):
        layer = str(name_of_layer)
        active = _take_moments(rows, units[layer], moments)
        parts.append(_score_layer(rows, following[layer], active))
    table = pd.concat(parts, ignore_index=True)
    table["source"] = "closed form" if moments is None else "measured"
    return check(table[list(IMPORTANCE.columns)], IMPORTANCE)


def _take_moments(rows: pd.DataFrame, unit: Unit, moments: Mapping[str, Moments] | None) -> Moments:
    """Moments of one layer's channels after their activation; NaN where none stands behind the norm."""
    if unit.activation not in CAPS:
        return Moments(np.full(len(rows), np.nan), np.full(len(rows), np.nan))
    if moments is None:
        return _infer_moments(rows, CAPS[unit.activation], unit.eps)
    channels, heard = rows["channel"].to_numpy(), moments[unit.layer]
    return Moments(heard.mean[channels], heard.std[channels])


def _score_layer(rows: pd.DataFrame, following: Following | str, active: Moments) -> pd.DataFrame:
    """The rows of one layer with the scores beside them, NaN where nothing is known to read it."""
    columns = output = np.full(len(rows), np.nan)
    if isinstance(following, Following):
        channels = rows["channel"].to_numpy()
        columns, output = following.columns[channels], following.columns_output[channels]
    share = rows["share"].to_numpy()
    return rows.assign(
        activation=active.mean,
        activation_std=active.std,
        column_norm=columns,
        invariant=active.mean * columns * share,
        invariant_spread=active.std * columns * share,
        invariant_output=active.mean * output * share,
        undefined="" if isinstance(following, Following) else following,
    )


def _infer_moments(rows: pd.DataFrame, cap: float, eps: float) -> Moments:
    """Closed form: the operator's output is normal with the batch norm's running mean and variance."""
    variance = rows["running_var"].to_numpy().clip(0)
    deviation = np.sqrt(variance / (variance + eps))  # of what leaves the norm, before γ
    return expect_activation(rows["beta"].to_numpy(), np.abs(rows["gamma"].to_numpy()) * deviation, cap=cap)


def _compare_groups(rows: pd.DataFrame, score: str, meetings: Meetings) -> dict[str, object]:
    """Medians of both groups' known scores; of a norm whose scores are not defined there are none."""
    known = rows.dropna(subset=score)
    medians = known.groupby("group")[score].median()
    missing = {"median": np.nan, "against_median": np.nan, "log2_ratio": np.nan}
    if not {meetings.group, meetings.against} <= set(rows["group"]):
        return missing | {"undefined": NO_GROUPS}
    if not {meetings.group, meetings.against} <= set(medians.index):
        return missing | {"undefined": next(reason for reason in rows["undefined"] if reason)}
    ours, theirs = float(medians[meetings.group]), float(medians[meetings.against])
    above = ours > 0 and theirs > 0
    return {
        "median": ours,
        "against_median": theirs,
        "log2_ratio": float(np.log2(ours / theirs)) if above else np.nan,
        "undefined": "" if above else "a median that is not above 0 has no ratio",
    }


def _rank_correlation(first: pd.Series, second: pd.Series) -> float:
    """Spearman's; NaN where one of them is constant."""
    if min(first.nunique(), second.nunique()) < 2:
        return float("nan")
    return correlate_ranks(first.to_numpy(), second.to_numpy())


def _median(values: Sequence[float]) -> float | None:
    known = [value for value in values if value == value]
    return float(np.median(known)) if known else None
