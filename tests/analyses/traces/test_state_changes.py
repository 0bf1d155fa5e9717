"""Change points against planted steps, noise that must flip nothing, and scores worked out by hand."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gst_analysis.analyses.traces.state_changes import (
    Change,
    ChangeSettings,
    TrueChange,
    find_changes,
    find_curve_changes,
    find_label_changes,
    score_changes,
)
from gst_analysis.errors import SpecError
from gst_analysis.inference.logits import softmax

FINDERS = [find_label_changes, find_curve_changes]
seeds = st.integers(0, 2**32 - 1)


def rows(*leads: tuple[int, float], classes: int = 4) -> np.ndarray:
    """A row for each (class, its probability); the others share the rest."""
    table = np.empty((len(leads), classes))
    for row, (label, probability) in enumerate(leads):
        table[row] = (1 - probability) / (classes - 1)
        table[row, label] = probability
    return table


def step(at: int, length: int = 8, *, before: float = 0.9, after: float = 0.9) -> np.ndarray:
    return rows(*[(1, before)] * at, *[(2, after)] * (length - at))


@pytest.mark.parametrize("find", FINDERS)
@pytest.mark.parametrize("at", range(1, 8))
def test_a_planted_step_is_found_where_it_is(find: object, at: int) -> None:
    (change,) = find(step(at), verdict=2)  # type: ignore[operator] # either of two functions, as an object
    assert (change.row, change.from_id, change.to_id) == (at, 1, 2)
    assert 0 < change.confidence <= 1


@pytest.mark.parametrize("find", FINDERS)
def test_several_steps_come_in_order(find: object) -> None:
    table = rows(*[(0, 0.9)] * 5, *[(3, 0.8)] * 4, *[(1, 0.95)] * 6)
    found = find(table)  # type: ignore[operator] # either of two functions, as an object
    assert [(c.row, c.from_id, c.to_id) for c in found] == [(5, 0, 3), (9, 3, 1)]


@pytest.mark.parametrize("find", FINDERS)
def test_nothing_changes_where_nothing_changes(find: object) -> None:
    assert find(rows(*[(2, 0.7)] * 9)) == ()  # type: ignore[operator] # either of two functions, as an object
    assert find(rows((2, 0.7))) == ()  # type: ignore[operator] # either of two functions, as an object
    assert find(np.ones((6, 1))) == ()  # type: ignore[operator] # either of two functions, as an object


def test_a_short_state_flips_nothing_and_a_longer_one_does() -> None:
    blip = [(0, 0.9)] * 4 + [(1, 0.99)] + [(0, 0.9)] * 4
    assert find_label_changes(rows(*blip)) == ()
    assert find_curve_changes(rows(*blip)) == ()
    longer = rows(*[(0, 0.9)] * 4, *[(1, 0.99)] * 2, *[(0, 0.9)] * 4)
    assert [c.row for c in find_label_changes(longer)] == [4, 6]
    assert [c.row for c in find_curve_changes(longer)] == [4, 6]
    assert [c.row for c in find_label_changes(rows(*blip), ChangeSettings(hold=1))] == [4, 5]


def test_a_narrow_lead_flips_nothing_but_dates_the_change_it_grows_into() -> None:
    table = np.array([[0.8, 0.2]] * 3 + [[0.48, 0.52]] * 2 + [[0.8, 0.2]] * 3)
    assert find_label_changes(table) == ()
    table[5:] = [0.1, 0.9]
    (change,) = find_label_changes(table, ChangeSettings(margin=0.3))
    assert change.row == 3  # class 1 leads from here on without a break


def test_noise_about_a_tie_flips_nothing() -> None:
    """Two classes that take turns by chance, as long as neither leads by the margin."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        lead = rng.uniform(-0.28, 0.28, 40)
        table = np.stack([0.5 + lead / 2, 0.5 - lead / 2], axis=1)
        assert find_label_changes(table, ChangeSettings(margin=0.3)) == ()
        assert find_curve_changes(table, ChangeSettings(step=0.4)) == ()


@pytest.mark.parametrize("find", FINDERS)
def test_the_last_row_alone_changes_the_state_only_to_the_clips_own_class(find: object) -> None:
    table = step(7)
    assert find(table, verdict=1) == ()  # type: ignore[operator] # either of two functions, as an object
    assert [c.row for c in find(table, verdict=2)] == [7]  # type: ignore[operator] # either of two functions, as an object
    assert [c.row for c in find(table)] == [7]  # type: ignore[operator] # either of two functions, as an object
    assert [c.row for c in find(step(6), verdict=1)] == [6]  # type: ignore[operator] # either of two functions, as an object


def test_a_curve_changes_also_where_another_class_stays_ahead() -> None:
    table = np.array([[0.5, 0.45, 0.05]] * 5 + [[0.5, 0.02, 0.48]] * 5)
    assert find_label_changes(table) == ()
    (change,) = find_curve_changes(table)
    assert (change.row, change.from_id, change.to_id) == (5, 1, 2)
    assert change.confidence == pytest.approx(0.43)


def test_limits_count_as_reached() -> None:
    exact = np.array([[0.75, 0.25]] * 4 + [[0.25, 0.75]] * 4)
    assert [c.row for c in find_label_changes(exact, ChangeSettings(margin=0.5))] == [4]
    assert [c.row for c in find_curve_changes(exact, ChangeSettings(step=0.5))] == [4]
    assert find_label_changes(exact, ChangeSettings(margin=0.51)) == ()
    assert find_curve_changes(exact, ChangeSettings(step=0.51)) == ()
    for settings_ in (ChangeSettings(margin=1, step=1, hold=1), ChangeSettings(margin=0, step=0)):
        assert settings_.hold >= 1


@pytest.mark.parametrize(("probability", "found"), [(0.01, 1), (0.005, 0)])
def test_classes_that_are_hardly_seen_move_nothing_however_many(probability: float, found: int) -> None:
    """Half of the classes share the first four rows evenly, the other half the last four."""
    half = round(1 / probability)
    table = np.kron(np.eye(2), np.full((4, half), probability))
    assert len(find_curve_changes(table, ChangeSettings(step=0.1, hold=1))) == found


def test_a_piece_must_be_worth_its_price() -> None:
    """One row of eight that moves by d saves 7/8 · 2d² of squared error; a piece costs 2 · 0.4² = 0.32."""
    for moved, found in ((0.42, []), (0.44, [7])):
        table = np.array([[0.5 + moved / 2, 0.5 - moved / 2]] * 7 + [[0.5 - moved / 2, 0.5 + moved / 2]])
        assert [c.row for c in find_curve_changes(table)] == found


def test_a_piece_between_others_is_no_shorter_than_hold() -> None:
    """The running median leaves a row of neither class between two states: it joins one of them."""
    table = rows(*[(0, 0.94)] * 6, (1, 0.94), *[(2, 0.94)] * 5)
    (change,) = find_curve_changes(table)
    assert (change.from_id, change.to_id) == (0, 2)
    assert change.row in (6, 7)


def test_scores_need_as_many_truths_as_clips() -> None:
    with pytest.raises(ValueError, match="shorter"):
        score_changes([[], []], [TrueChange(1, 1)])


def test_the_confidence_of_a_label_is_how_far_both_classes_part() -> None:
    table = np.array([[0.7, 0.3]] * 3 + [[0.1, 0.9]] * 2)
    (change,) = find_label_changes(table, ChangeSettings(margin=0.3))
    assert change.confidence == pytest.approx(((0.7 - 0.3) + (0.9 - 0.1)) / 2)
    sure, unsure = (find_label_changes(step(4, before=p, after=p))[0].confidence for p in (0.99, 0.7))
    assert sure > unsure


def test_the_curve_is_cut_where_every_other_cut_costs_more() -> None:
    """Against a plain search through all ways to cut."""
    rng = np.random.default_rng(1)
    settings = ChangeSettings(step=0.0, hold=1)
    for _ in range(5):
        table = rng.dirichlet(np.ones(3), 7)
        price = 0.02
        settings = ChangeSettings(step=price**0.5, hold=1)

        def cost(edges: tuple[int, ...], table: np.ndarray = table) -> float:
            parts = [table[a:b] for a, b in itertools.pairwise((0, *edges, 7))]
            return sum(((part - part.mean(axis=0)) ** 2).sum() for part in parts) + 0.02 * len(edges)

        ways = (w for n in range(7) for w in itertools.combinations(range(1, 7), n))
        best = min(ways, key=cost)
        found = [c.row for c in find_curve_changes(table, settings)]
        assert set(found) <= set(best)  # a cut may move less than the step
        means = [table[a:b].mean(axis=0) for a, b in itertools.pairwise((0, *best, 7))]
        moved = [abs(b - a).sum() / 2 for a, b in itertools.pairwise(means)]
        assert found == [cut for cut, share in zip(best, moved, strict=True) if share >= settings.step]


@pytest.mark.parametrize(
    ("mode", "expected"), [("frame", [1, 5]), ("still", [1, 5]), ("prefix", [5]), ("leave-one-out", [])]
)
def test_what_is_said_of_a_prefix_of_one_frame_is_no_state(mode: str, expected: list[int]) -> None:
    table = rows((0, 0.95), *[(1, 0.95)] * 4, *[(2, 0.95)] * 3)
    for found in find_changes(mode, table, verdict=2).values():
        assert [change.row for change in found] == expected
    for found in find_changes(mode, table[:2], verdict=1).values():
        assert [change.row for change in found] == ([1] if mode in ("frame", "still") else [])
    for found in find_changes(mode, table[:2], verdict=0).values():
        assert [change.row for change in found] == ([1] if mode == "still" else []), (
            "its last row is as any other"
        )


def test_scores_by_hand() -> None:
    found = [
        [Change(3, 0, 1, 0.9)],  # right on time
        [Change(5, 0, 1, 0.9)],  # one late
        [Change(7, 0, 1, 0.9)],  # three late
        [Change(2, 0, 3, 0.9)],  # to another class
        [],  # missed
        [Change(4, 1, 0, 0.9)],  # where there is none
        [],
    ]
    truths = [TrueChange(3, 1), TrueChange(4, 1), TrueChange(4, 1), TrueChange(2, 1), TrueChange(2, 1)]
    scores = score_changes(found, [*truths, TrueChange(None, 0), TrueChange(None, 0)])
    assert (scores.clips, scores.with_change, scores.without_change, scores.dated) == (7, 5, 2, 3)
    assert scores.recall == pytest.approx(2 / 5)
    assert scores.precision == pytest.approx(2 / 5)
    assert scores.mean_abs_error_frames == pytest.approx((0 + 1 + 3) / 3)
    assert scores.mean_error_frames == pytest.approx(4 / 3)
    assert scores.errors_frames == {0: 1, 1: 1, 3: 1}
    assert scores.false_change_share == 0.5
    assert score_changes(found[:3], truths[:3], tolerance=3).recall == 1


def test_one_row_off_is_right_and_two_are_not_unless_allowed() -> None:
    found = [[Change(row, 0, 1, 0.9)] for row in (3, 5, 2, 6)]  # one and two rows off, either way
    assert score_changes(found, [TrueChange(4, 1)] * 4).recall == 0.5
    assert score_changes(found, [TrueChange(4, 1)] * 4, tolerance=2).recall == 1
    assert score_changes(found, [TrueChange(4, 1)] * 4, tolerance=0).recall == 0


def test_flicker_costs_precision() -> None:
    found = [[Change(3, 0, 1, 0.9), Change(5, 1, 0, 0.9), Change(6, 0, 1, 0.9)]]
    scores = score_changes(found, [TrueChange(3, 1)])
    assert scores.recall == 1
    assert scores.precision == pytest.approx(1 / 3)


def test_scores_of_nothing_are_none() -> None:
    scores = score_changes([], [])
    assert (scores.recall, scores.precision, scores.mean_abs_error_frames) == (None, None, None)
    assert scores.false_change_share is None


@pytest.mark.parametrize(
    "changes", [{"margin": -0.1}, {"margin": 2}, {"step": "x"}, {"hold": 0}, {"hold": 1.5}]
)
def test_settings_that_make_no_sense_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(SpecError, match="change setting"):
        ChangeSettings(**changes)  # type: ignore[arg-type] # settings by name, of any type


def test_what_a_change_takes_is_said_in_words() -> None:
    told = "a class that takes the lead by {} percentage points, for {}"
    assert ChangeSettings().needed == told.format(50, "2 points running")
    assert ChangeSettings(margin=0.3, hold=1).needed == told.format(30, "1 point")


@settings(deadline=None, max_examples=30)
@given(seeds, st.floats(-30, 30), st.integers(2, 14), st.integers(2, 5), st.integers(1, 3))
def test_changes_do_not_depend_on_what_logits_are_counted_from_or_how_classes_are_listed(
    seed: int, constant: float, length: int, classes: int, hold: int
) -> None:
    rng = np.random.default_rng(seed)
    states = rng.integers(classes, size=length).repeat(rng.integers(1, 4, length))
    logits = rng.normal(0, 1, (len(states), classes)) + 4 * np.eye(classes)[states]
    order, verdict = rng.permutation(classes), int(rng.integers(classes))
    for find in FINDERS:
        told = ChangeSettings(hold=hold)
        found = find(softmax(logits), told, verdict=verdict)
        for other in (logits + constant, logits + rng.normal(0, 30, (len(states), 1))):
            assert_same(find(softmax(other), told, verdict=verdict), found)
        relisted = find(softmax(logits[:, order]), told, verdict=int(np.flatnonzero(order == verdict)[0]))
        named = [Change(c.row, int(order[c.from_id]), int(order[c.to_id]), c.confidence) for c in relisted]
        assert_same(named, found)


def assert_same(one: Sequence[Change], other: Sequence[Change]) -> None:
    assert [(c.row, c.from_id, c.to_id) for c in one] == [(c.row, c.from_id, c.to_id) for c in other]
    assert [c.confidence for c in one] == pytest.approx([c.confidence for c in other])


@settings(deadline=None, max_examples=30)
@given(seeds, st.integers(1, 4))
def test_changes_follow_one_another(seed: int, hold: int) -> None:
    """Rows rise, each state ends where the next begins, and what was found is no further than the end."""
    rng = np.random.default_rng(seed)
    table = softmax(rng.normal(0, 3, (20, 3)))
    told = ChangeSettings(hold=hold)
    for find in FINDERS:
        found = find(table, told)
        edges = [change.row for change in found]
        assert all(0 < row < 20 for row in edges)
        assert edges == sorted(set(edges))
        assert all(one.from_id != one.to_id and 0 <= one.confidence <= 1 for one in found)
    labels = find_label_changes(table, told)
    assert all(a.to_id == b.from_id for a, b in itertools.pairwise(labels))
    assert all(b - a >= hold for a, b in itertools.pairwise([c.row for c in labels]))
