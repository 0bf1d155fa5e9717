"""Which score foretells what removing channels does? Rank correlations of scores with the causal drop.

Enter an IMPORTANCE and a DATA_SCORES table (a row a channel) and an ABLATION table (a row a group of
channels), of the same checkpoints; leaves a SCORE_AGREEMENT table.
`measure_checkpoints` makes those tables first.

Channels are removed a group at a time, so a group's score is the mean or the sum of its channels'. The mean
is how histograms are compared; the sum is what a first-order reading of removing all of them asks for.
Correlations are Spearman's, over the groups of one checkpoint; `all` is their mean over checkpoints, so that
it never compares numbers of two networks. Intervals come from resampling groups within checkpoints.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from gst_analysis.analyses.ablation.choice import choose_units
from gst_analysis.analyses.ablation.measure import bootstrap_of, check_options, measure_ablation, settings_of
from gst_analysis.analyses.ablation.table import CAUSAL_MEASURES, Ablation
from gst_analysis.analyses.agreement.counting import compare_with_counting, say_how_forced
from gst_analysis.analyses.agreement.table import (
    AGGREGATES,
    ALL_SCORES,
    CHANNEL_SCORES,
    SCORE_AGREEMENT,
    AgreementOptions,
    AgreementSummary,
    GammaSpread,
    ScoreAgreement,
)
from gst_analysis.analyses.importance.data_scores import measure_data_scores
from gst_analysis.analyses.importance.measure import infer_importance
from gst_analysis.checkpoints.sources import Source, distinct_names, name_of, open_model
from gst_analysis.clips.labelled import ClipChoice, load_labelled_clips
from gst_analysis.clips.records import RecordList
from gst_analysis.errors import SpecError, legible
from gst_analysis.networks.capabilities import require
from gst_analysis.probes.resampling import Bootstrap, Reals
from gst_analysis.progress import Progress, no_progress
from gst_analysis.results import Provenance
from gst_analysis.tables.schema import check

AnyPath = str | os.PathLike[str]
Pair = tuple[Source, AnyPath | RecordList]
"""A checkpoint, and the data set it is measured on."""
_FEWEST = 4  # groups that a rank correlation can say anything about
_UNIT = ["checkpoint", "layer", "group"]


def measure_checkpoints(
    pairs: Sequence[Pair], *, options: AgreementOptions, progress: Progress | None = None
) -> ScoreAgreement:
    """Score and ablate every checkpoint on its own data set, and compare the two.

    Args:
        pairs: checkpoints, each with the data set it is measured on.
        options: which clips and changes.
        progress: called before every checkpoint.

    Raises:
        SpecError: no pairs.
    """
    if not pairs:
        raise SpecError("checkpoints", expected="at least one", found="none", todo="name a file")
    check_options(options)
    report, found = progress or no_progress, {}
    for done, (name, pair) in enumerate(zip(_name_pairs(pairs), pairs, strict=True)):
        report(done, len(pairs), name)
        found[name] = _look_at(pair, options)
    scores = pd.concat([one.scores.assign(checkpoint=name) for name, one in found.items()], ignore_index=True)
    drops = pd.concat(
        [one.ablation.table.assign(checkpoint=name) for name, one in found.items()], ignore_index=True
    )
    ablations = {name: one.ablation for name, one in found.items()}
    gamma = {name: one.gamma for name, one in found.items()}
    notes = [f"{name}: {note}" for name, one in ablations.items() for note in one.notes]
    return ScoreAgreement(
        measure_agreement(scores, drops, bootstrap=bootstrap_of(options)),
        AgreementSummary({name: one.summary for name, one in ablations.items()}, gamma),
        _trace_back(ablations, options),
        notes=tuple(note for note in (say_how_forced(gamma), *notes) if note),
        failures={
            f"{name}: {clip}": why for name, one in ablations.items() for clip, why in one.failures.items()
        },
        channels=check(scores, CHANNEL_SCORES),
        drops=drops,
        measure=options.measure,
        aggregate=options.aggregate,
    )


@dataclass(frozen=True)
class _Found:
    """One checkpoint's scores of every channel, and what changing groups of channels does."""

    scores: pd.DataFrame = field(repr=False)
    ablation: Ablation
    gamma: GammaSpread


def _name_pairs(pairs: Sequence[Pair]) -> list[str]:
    """Each checkpoint by its data set and its file, as far as they are named."""
    places = [("" if isinstance(data, RecordList) else f"{Path(data).name}/") for _, data in pairs]
    return distinct_names(
        [f"{legible(place)}{name_of(source)}" for place, (source, _) in zip(places, pairs, strict=True)]
    )


def _look_at(pair: Pair, options: AgreementOptions) -> _Found:
    choice = ClipChoice(options.root, options.format, options.limit, options.seed, options.subset)
    model = open_model(pair[0], options=options)
    records = load_labelled_clips(pair[1], choice, classes=model.labels)
    require(model.spec, model.anatomy, "scales", what="score agreement")
    units = choose_units(model.anatomy.scaled, options)  # without a scale there is no score to compare with
    ablation = measure_ablation(model, records, options=options, units=units)
    data = measure_data_scores(model, records, settings=settings_of(options))
    checkpoint = model.current_checkpoint()
    scores = join_scores(infer_importance(checkpoint), data.table)
    return _Found(scores, ablation, compare_with_counting(checkpoint, scores))


def _trace_back(ablations: Mapping[str, Ablation], options: AgreementOptions) -> Provenance:
    """What went in, under the checkpoints' names of here; of settings those that all of them share."""
    sources = {
        name if key == one.name else key: sha
        for name, one in ablations.items()
        for key, sha in one.provenance.sources.items()
    }
    specs = {name: one.provenance.specs[one.name] for name, one in ablations.items()}
    settings = {"interventions": options.interventions, "bootstrap": asdict(bootstrap_of(options))}
    clips = dict.fromkeys(clip for one in ablations.values() for clip in one.provenance.clips)
    return Provenance(sources, specs, settings, clips=tuple(clips))


def join_scores(importance: pd.DataFrame, data: pd.DataFrame) -> pd.DataFrame:
    """Every channel with every score: an IMPORTANCE and a DATA_SCORES table side by side."""
    place = ["checkpoint", "layer", "channel"]
    measured = data[[*place, "activation_norm", "taylor"]]
    joined = importance.merge(measured, on=place, how="inner").assign(channels=1.0)
    return joined[["stage", "block", *_UNIT, "channel", *ALL_SCORES]]


def measure_agreement(
    scores: pd.DataFrame, ablation: pd.DataFrame, *, bootstrap: Bootstrap | None = None
) -> pd.DataFrame:
    """Correlate every score with every drop, by checkpoint and over all of them.

    Args:
        scores: what `join_scores` returned.
        ablation: an ABLATION table of the same checkpoints.
        bootstrap: draws, confidence and seed of the intervals.
    """
    bootstrap = bootstrap or Bootstrap()
    names = list(dict.fromkeys(ablation["checkpoint"]))
    strange = set(names) ^ set(scores["checkpoint"])
    if strange:
        raise SpecError(
            "score agreement",
            expected="scores and drops of the same checkpoints",
            found=f"only one of both for {', '.join(sorted(strange))}",
            todo="measure both for each",
        )
    correlations = {
        name: dict(_correlate(_join(scores, ablation, name), bootstrap, seed=number))
        for number, name in enumerate(names)
    }
    rows = [
        {"checkpoint": name, **_describe(key), **_summarise([found], bootstrap)}
        for name, by_key in correlations.items()
        for key, found in by_key.items()
    ]
    keys = dict.fromkeys(key for by_key in correlations.values() for key in by_key)
    rows += [
        {"checkpoint": "all", **_describe(key), **_summarise(_pick(correlations, key), bootstrap)}
        for key in keys
    ]
    table = pd.DataFrame(rows, columns=list(SCORE_AGREEMENT.columns))
    real = ["spearman", "low", "high"]
    return check(table.astype(dict.fromkeys(real, float)), SCORE_AGREEMENT)


_Key = tuple[str, str, str, str]
"""Score, aggregate, intervention, measure."""
_Correlation = tuple[int, float, Reals]
"""Groups compared, their rank correlation (NaN where there is none), and that of every draw."""


def _join(scores: pd.DataFrame, ablation: pd.DataFrame, name: str) -> pd.DataFrame:
    """One checkpoint's groups: a column `score:aggregate` for each, beside the drops."""
    own = ablation[ablation["checkpoint"] == name]
    channels = scores[scores["checkpoint"] == name]
    whole = set(own.loc[own["group"] == "all", "layer"])  # where channels cannot be told apart
    group = channels["group"].where(~channels["layer"].isin(whole), "all")
    grouped = channels.assign(group=group).groupby(_UNIT, sort=False)[list(ALL_SCORES)]
    parts = [grouped.agg(functools.partial(_aggregate, how=how)).add_suffix(f":{how}") for how in AGGREGATES]
    return own.merge(pd.concat(parts, axis=1).reset_index(), on=_UNIT, how="left")


def _aggregate(values: pd.Series, *, how: str) -> float:
    """Missing where any channel's score is."""
    return float(getattr(values, how)(skipna=False))


def _correlate(
    units: pd.DataFrame, bootstrap: Bootstrap, *, seed: int
) -> Iterator[tuple[_Key, _Correlation]]:
    for intervention, rows in units.groupby("intervention", sort=False):
        for score in ALL_SCORES:
            for how in AGGREGATES:
                known = rows.dropna(subset=f"{score}:{how}")
                for measure in CAUSAL_MEASURES:
                    pair = known[[f"{score}:{how}", measure]].to_numpy(dtype=float).T
                    rng = np.random.default_rng([bootstrap.seed, seed])
                    draws = rng.integers(max(1, len(known)), size=(bootstrap.draws, len(known)))
                    drawn = rank_correlation(*pair[:, draws]) if len(known) else np.empty(0)
                    (rho,) = rank_correlation(*pair[:, None]) if len(known) >= _FEWEST else (np.nan,)
                    yield (score, how, str(intervention), measure), (len(known), float(rho), drawn)


def rank_correlation(one: Reals, other: Reals) -> Reals:
    """Spearman's correlation of each row, NaN where a row has no spread: (rows, units) twice -> (rows,)."""
    ranks = [rankdata(values, axis=1) for values in (one, other)]
    centred = [rank - rank.mean(axis=1, keepdims=True) for rank in ranks]
    product: Reals = (centred[0] * centred[1]).sum(axis=1)
    size = np.sqrt((centred[0] ** 2).sum(axis=1) * (centred[1] ** 2).sum(axis=1))
    correlation: Reals = np.divide(product, size, out=np.full_like(product, np.nan), where=size > 0)
    return correlation


def _pick(correlations: Mapping[str, Mapping[_Key, _Correlation]], key: _Key) -> list[_Correlation]:
    return [by_key[key] for by_key in correlations.values() if key in by_key]


def _describe(key: _Key) -> dict[str, object]:
    return dict(zip(("score", "aggregate", "intervention", "measure"), key, strict=True))


def _summarise(found: list[_Correlation], bootstrap: Bootstrap) -> dict[str, object]:
    """The mean of correlations that are defined, with the interval of the mean."""
    defined = [one for one in found if not np.isnan(one[1])]
    if not defined:
        return {"checkpoints": 0, "units": 0, "spearman": np.nan, "low": np.nan, "high": np.nan}
    drawn = np.mean([draws for _, _, draws in defined], axis=0)
    drawn = drawn[~np.isnan(drawn)]  # a draw of equal values alone has no correlation
    value = float(np.mean([rho for _, rho, _ in defined]))
    low, high = np.percentile(drawn, bootstrap.percentiles) if len(drawn) else (np.nan, np.nan)
    # A unit that is drawn twice ties with itself, which pulls ranks together: draws lie a little nearer to 0.
    shift = value - drawn.mean() if len(drawn) else 0.0
    return {
        "checkpoints": len(defined),
        "units": sum(units for units, _, _ in defined),
        "spearman": value,
        "low": float(np.clip(low + shift, -1, value)),
        "high": float(np.clip(high + shift, value, 1)),
    }
