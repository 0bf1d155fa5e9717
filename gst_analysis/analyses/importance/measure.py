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

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import torch
from scipy.special import ndtr
from scipy.stats import spearmanr
from torch import Tensor, nn

from gst_analysis.analyses.importance.table import GROUP_IMPORTANCE, IMPORTANCE, SCORES
from gst_analysis.analyses.scales.measure import tabulate_bn_scales
from gst_analysis.checkpoints.loading import Checkpoint, LoadedModel
from gst_analysis.clips.records import RecordList
from gst_analysis.inference.classes import require_some
from gst_analysis.inference.measuring import measure_frame_logits
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.probes.next_layer import BN_EPS, Following, infer_following
from gst_analysis.progress import Progress
from gst_analysis.tables.schema import check

Array = np.ndarray


@dataclass(frozen=True)
class MeasuredImportance:
    """An IMPORTANCE table from clips, how many there were, and which could not be read and why."""

    table: pd.DataFrame = field(repr=False)
    clips: int
    failures: Mapping[str, str]


@dataclass(frozen=True)
class Moments:
    """Mean and standard deviation of every channel of a layer after its activation."""

    mean: Array = field(repr=False)
    std: Array = field(repr=False)


@dataclass(frozen=True)
class RankAgreement:
    """Spearman's rank correlations, medians over layers; None where there is nothing to correlate.

    `raw_with_invariant` is of |γ| with the invariant score among the channels of a group,
    `inferred_with_measured` of the invariant score's closed form with the measured one among the channels
    of a layer.
    """

    raw_with_invariant: float | None
    inferred_with_measured: float | None


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
) -> MeasuredImportance:
    """The same scores with the activations' mean and deviation taken over clips.

    Args:
        model: what load_model returned; it is left as it was found.
        clips: what to run it over; labels are not needed.
        settings: views, batch, device.
        name: what the table calls the checkpoint.
        progress: called with how many clips are done and how many there are.

    Raises:
        DataError: not one clip could be read.
    """
    alone = replace(settings or InferenceSettings(), devices=1)  # what runs elsewhere cannot be heard
    with listen_to_activations(model) as listener:
        logits = measure_frame_logits(model, clips, settings=alone, progress=progress)
    require_some(logits)
    table = tabulate_importance(model.current_checkpoint(), listener.moments(), name=name)
    return MeasuredImportance(table, len(logits.clips), logits.failures)


def tabulate_importance(
    checkpoint: Checkpoint, moments: Mapping[str, Moments], *, name: str | None = None
) -> pd.DataFrame:
    """The scores for activations that were measured, by layer, as a listener heard them."""
    return _tabulate(checkpoint, name, moments)


def summarise_importance(table: pd.DataFrame) -> pd.DataFrame:
    """Medians of both groups by layer and score, and how they compare: a GROUP_IMPORTANCE table."""
    where = ["checkpoint", "source", "stage", "block", "layer"]
    rows = [
        {**dict(zip(where, place, strict=True)), "score": score, **_compare_groups(part, score)}
        for place, part in table.groupby(where, sort=False)
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


def expect_activation(mean: Array, std: Array, *, cap: float = np.inf) -> Moments:
    """Mean and deviation of min(max(y, 0), cap) for a normal y, in closed form.

    Example:
        >>> round(float(expect_activation(np.zeros(1), np.ones(1)).mean[0]), 4)
        0.3989
    """
    first, second = _rectified(mean, std)
    if np.isfinite(cap):
        above_first, above_second = _rectified(mean - cap, std)
        first = first - above_first
        second = second - above_second - 2 * cap * above_first
    return Moments(first, np.sqrt(np.maximum(second - first**2, 0)))


class ActivationListener:
    """Adds up activations as they pass; `moments` tells their mean and deviation so far."""

    def __init__(self, caps: Mapping[str, float]) -> None:
        self._caps = caps
        self._sums: dict[str, Tensor] = {}
        self._counts: dict[str, int] = {}

    def hear(self, layer: str, normed: Tensor) -> None:
        """Take in what a batch norm put out, (N, C, H, W)."""
        active = normed.detach().float().clamp(0, self._caps[layer])
        sums = torch.stack([active.sum((0, 2, 3)), active.square().sum((0, 2, 3))]).double().cpu()
        self._sums[layer] = self._sums.get(layer, 0) + sums
        self._counts[layer] = self._counts.get(layer, 0) + active[:, 0].numel()

    def moments(self) -> dict[str, Moments]:
        """Per layer; empty if nothing has passed."""
        found = {}
        for layer, sums in self._sums.items():
            mean, square = (sums / self._counts[layer]).numpy()
            found[layer] = Moments(mean, np.sqrt(np.maximum(square - mean**2, 0)))
        return found


@contextmanager
def listen_to_activations(model: LoadedModel) -> Iterator[ActivationListener]:
    """Listen to every batch norm after a temporal operator that has an activation; hooks go in the end."""
    caps = {
        layer: found.cap
        for layer, found in _follow(model.current_checkpoint())
        if isinstance(found, Following)
    }
    listener = ActivationListener(caps)
    hooks = [_attach(listener, layer, model.module.get_submodule(layer)) for layer in caps]
    try:
        yield listener
    finally:
        for hook in hooks:
            hook.remove()


def _attach(listener: ActivationListener, layer: str, norm: nn.Module) -> torch.utils.hooks.RemovableHandle:
    def hear(_module: nn.Module, _inputs: object, normed: Tensor) -> None:
        listener.hear(layer, normed)

    return norm.register_forward_hook(hear)


def _follow(checkpoint: Checkpoint) -> Iterator[tuple[str, Following | str]]:
    for block in checkpoint.spec.blocks():
        for site in block.sites:
            yield f"{block.name}.{site.norm}", infer_following(checkpoint, block, site)


def _tabulate(
    checkpoint: Checkpoint, name: str | None, moments: Mapping[str, Moments] | None
) -> pd.DataFrame:
    scales = tabulate_bn_scales(checkpoint, name=name).rename(columns={"importance": "abs_gamma"})
    following = dict(_follow(checkpoint))
    parts = [
        _score_layer(rows, following[str(layer)], moments)
        for layer, rows in scales.groupby("layer", sort=False)
    ]
    table = pd.concat(parts, ignore_index=True)
    table["source"] = "closed form" if moments is None else "measured"
    return check(table[list(IMPORTANCE.columns)], IMPORTANCE)


def _score_layer(
    rows: pd.DataFrame, following: Following | str, moments: Mapping[str, Moments] | None
) -> pd.DataFrame:
    """The rows of one layer with the scores beside them."""
    if isinstance(following, str):
        scores = ("activation", "activation_std", "column_norm", *SCORES[2:])
        return rows.assign(**dict.fromkeys(scores, np.nan), undefined=following)
    channels, share = rows["channel"].to_numpy(), rows["share"].to_numpy()
    if moments is None:
        active = _infer_moments(rows, following.cap)
    else:
        heard = moments[str(rows["layer"].iloc[0])]
        active = Moments(heard.mean[channels], heard.std[channels])
    columns, output = following.columns.numpy()[channels], following.columns_output.numpy()[channels]
    return rows.assign(
        activation=active.mean,
        activation_std=active.std,
        column_norm=columns,
        invariant=active.mean * columns * share,
        invariant_spread=active.std * columns * share,
        invariant_output=active.mean * output * share,
        undefined="",
    )


def _infer_moments(rows: pd.DataFrame, cap: float) -> Moments:
    """Closed form: the operator's output is normal with the batch norm's running mean and variance."""
    variance = rows["running_var"].to_numpy().clip(0)
    deviation = np.sqrt(variance / (variance + BN_EPS))  # of what leaves the norm, before γ
    return expect_activation(rows["beta"].to_numpy(), np.abs(rows["gamma"].to_numpy()) * deviation, cap=cap)


def _rectified(mean: Array, std: Array) -> tuple[Array, Array]:
    """E[max(y, 0)] and E[max(y, 0)²] for a normal y; without spread y is its mean."""
    safe = np.where(std > 0, std, 1.0)
    z = mean / safe
    density, below = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi), ndtr(z)
    first = np.where(std > 0, mean * below + safe * density, np.maximum(mean, 0))
    second = (mean**2 + safe**2) * below + mean * safe * density
    second = np.where(std > 0, second, np.maximum(mean, 0) ** 2)
    return np.maximum(first, 0), np.maximum(second, 0)


def _compare_groups(rows: pd.DataFrame, score: str) -> dict[str, object]:
    reason = str(rows["undefined"].iloc[0]) if score.startswith("invariant") else ""
    groups = {g: part[score].to_numpy() for g, part in rows.groupby("group") if g != "all"}
    if not reason and set(groups) != {"spatial", "temporal"}:
        reason = "this family has no spatial and temporal groups"
    if reason:
        return {"spatial": np.nan, "temporal": np.nan, "log2_ratio": np.nan, "undefined": reason}
    spatial, temporal = (float(np.median(groups[g])) for g in ("spatial", "temporal"))
    above = spatial > 0 and temporal > 0
    return {
        "spatial": spatial,
        "temporal": temporal,
        "log2_ratio": float(np.log2(temporal / spatial)) if above else np.nan,
        "undefined": "" if above else "a median that is not above 0 has no ratio",
    }


def _rank_correlation(first: pd.Series, second: pd.Series) -> float:
    """Spearman's; NaN where one of them is constant."""
    if min(first.nunique(), second.nunique()) < 2:
        return float("nan")
    return float(spearmanr(first.to_numpy(), second.to_numpy()).statistic)


def _median(values: Sequence[float]) -> float | None:
    known = [value for value in values if value == value]
    return float(np.median(known)) if known else None
