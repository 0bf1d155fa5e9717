"""Measured runs in, answers out: every question of the plan by every score. No torch here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from benchmarks.findings_plan import Plan
from benchmarks.findings_statistics import (
    Number,
    Verdict,
    find_difference,
    find_mean,
    judge_all,
    judge_difference,
    judge_threshold,
    share_of_time,
)

Run = Mapping[str, Any]
"""A record that benchmarks.findings_runs wrote."""
PARTS = ("shallow", "deep", "whole")
WORLDS = ("temporal", "static")
JOINT = ("joint", "joint_accuracy")
USE = "temporal_use"
SCORES = ("joint", "joint_accuracy", "alone", "alone_accuracy", "taylor", "invariant", "gamma", USE)
"""The primary one first."""
BY_CHANNEL = dict.fromkeys(SCORES[:5], 0.25)
"""The share at which a temporal channel weighs as much as a spatial one, where groups are added up."""


@dataclass(frozen=True)
class Answer:
    """What one question is answered by one score."""

    question: str
    about: str
    """Which part of the question: the world or the half that it is of; empty where there is one."""
    score: str
    number: Number
    verdict: Verdict
    runs: tuple[tuple[float, ...], ...] = field(default=())
    """What each run gave, by world."""


def find_parts(run: Run, score: str) -> dict[str, float]:
    """Time's share of the shallow half, the deep half and the whole; of temporal use, itself."""
    if score in JOINT:
        return {part: share_of_time(*run[score][part]) for part in PARTS}
    values = np.array(run[score], dtype=float)  # (2, blocks), or (blocks,)
    half = values.shape[-1] // 2
    places = {"shallow": slice(0, half), "deep": slice(half, None), "whole": slice(None)}
    if score == USE:
        return {part: float(values[place].mean()) for part, place in places.items()}
    sums = {part: values[:, place].sum(axis=1) for part, place in places.items()}
    return {part: share_of_time(*pair) for part, pair in sums.items()}


def answer_all(runs: Sequence[Run], plan: Plan) -> list[Answer]:
    """Every question that is about depth and worlds, by every score."""
    return [answer for score in SCORES for answer in answer_by(score, runs, plan.least)]


def answer_by(score: str, runs: Sequence[Run], least: float) -> list[Answer]:
    """All answers by one score."""
    of = {world: [find_parts(run, score) for run in runs if run["world"] == world] for world in WORLDS}
    rises = {world: tuple(one["deep"] - one["shallow"] for one in of[world]) for world in WORLDS}
    found = [_compare("interaction", "", score, rises, least)]
    for part in ("whole", "deep", "shallow"):
        values = {world: tuple(one[part] for one in of[world]) for world in WORLDS}
        found.append(_compare("level", part, score, values, least))
    for world in WORLDS:
        rise = find_mean(rises[world])
        verdict = judge_difference(rise, least)
        found.append(Answer("trend", world, score, rise, verdict, (rises[world],)))
    if score != USE:
        found += _weigh(score, of["temporal"])
        parts = [one.verdict for one in found if (one.question, one.about) in _PAPER]
        found.append(Answer("paper", "", score, Number(None), judge_all(parts)))
    return found


_PAPER = {("interaction", ""), ("outweighs", "deep"), ("outweighs", "shallow")}


def _compare(
    question: str, about: str, score: str, values: Mapping[str, tuple[float, ...]], least: float
) -> Answer:
    """Temporal minus static world."""
    sides = values["temporal"], values["static"]
    difference = find_difference(*sides)
    return Answer(question, about, score, difference, judge_difference(difference, least), sides)


def _weigh(score: str, temporal: Sequence[Mapping[str, float]]) -> list[Answer]:
    """Deep and shallow halves of the temporal world against one half, and by channel."""
    found = []
    for part in ("deep", "shallow"):
        values, above = tuple(one[part] for one in temporal), part == "deep"
        mean = find_mean(values)
        verdict = judge_threshold(mean, 0.5, above=above)
        found.append(Answer("outweighs", part, score, mean, verdict, (values,)))
        if score in BY_CHANNEL:
            verdict = judge_threshold(mean, BY_CHANNEL[score], above=above)
            found.append(Answer("outweighs by channel", part, score, mean, verdict, (values,)))
    return found


@dataclass(frozen=True)
class Foretelling:
    """How well a score foretells ablation over the groups of each run."""

    score: str
    moved: tuple[float, ...]
    """Of each run: how far its scales have moved."""
    like_counting: tuple[float, ...]
    """Spearman's correlation of the score with the number of channels."""
    ahead: Number
    """Spearman's with ablation, minus that of the number of channels."""
    by_block: Number
    """Spearman's of the score's share with ablation's, over blocks."""
    verdict: Verdict


def foretell(runs: Sequence[Run], score: str, plan: Plan) -> Foretelling:
    """Over all runs; of scales undecided where one has some that have hardly moved."""
    truths, counts, scores = ([np.ravel(run[key]) for run in runs] for key in ("alone", "channels", score))
    pairs = list(zip(scores, counts, truths, strict=True))
    ahead = find_mean([_rank(own, truth) - _rank(count, truth) for own, count, truth in pairs])
    moved = tuple(run["moved"] for run in runs)
    still = score == "gamma_sum" and any(one < plan.moved for one in moved)
    shares = [[_list_shares(run[name]) for name in (_AVERAGE.get(score, score), "alone")] for run in runs]
    return Foretelling(
        score,
        moved,
        tuple(_rank(own, count) for own, count, _ in pairs),
        ahead,
        find_mean([_rank(*pair) for pair in shares]),
        "undecided" if still else judge_difference(ahead, plan.least),
    )


_AVERAGE = {"gamma_sum": "gamma"}
"""What stands for a score where groups of unlike size are set against each other: medians."""


def _list_shares(pair: Sequence[Sequence[float]]) -> list[float]:
    return [share_of_time(*both) for both in zip(*pair, strict=True)]


def _rank(one: Any, other: Any) -> float:
    return float(spearmanr(one, other).statistic)
