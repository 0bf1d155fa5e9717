"""Shares of variance against what was planted, against plain formulas, and how often intervals cover."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from benchmarks import role_recovery, roles
from benchmarks.role_recovery import DESIGN, NOTHING, find
from gst_analysis.analyses.roles import variance
from gst_analysis.analyses.roles.pairs import set_against_residual
from gst_analysis.analyses.roles.variance import Design, Variances, find_ends, sum_squares
from gst_analysis.files import hash_file
from tests.analyses.roles.planted import NUMBERS, draw_scenes

NAMES = list(NUMBERS)


def test_planted_channels_are_recovered_by_shares_of_variance() -> None:
    found = find(40, seed=0)
    assert dict(zip(NAMES, found.roles, strict=True)) == NUMBERS
    left = 1 / 1.09  # of noise of 0.3 beside an effect of 1
    expected = {"mean colour": (left, 0, 0), "frame difference": (0, left, 0)}
    for name, shares in expected.items():
        np.testing.assert_allclose(found.shares[:3, NAMES.index(name)], shares, atol=0.06)
    np.testing.assert_allclose(found.shares.sum(0), 1)


def test_pairs_miss_a_product_and_call_a_place_both() -> None:
    """What the published estimate says of the same channels, where it differs."""
    found = find(40, seed=0)
    said = dict(zip(NAMES, found.pair_roles, strict=True))
    assert {name for name in NAMES if said[name] != NUMBERS[name]} >= {
        "both multiplied, each about its mean",
        "where it is",
    }
    assert said["mean colour"] == "static"
    assert said["frame difference"] == "dynamic"
    assert said["where it is"] == "joint"


def test_sums_of_squares_are_those_of_plain_definitions() -> None:
    responses = np.random.default_rng(0).standard_normal((*DESIGN, 2)) + 5
    found = sum_squares(responses)
    by_hand = np.zeros_like(found)
    m = responses.mean
    for a, r, o in itertools.product(*map(range, DESIGN)):
        whole, look, order = m((0, 1, 2)), m((1, 2))[a], m((0, 1))[o]
        plot, both = m(2)[a, r], m(1)[a, o]
        by_hand += np.square(
            [
                look - whole,
                plot - look,
                order - whole,
                both - look - order + whole,
                responses[a, r, o] - plot - both + look,
            ]
        )
    np.testing.assert_allclose(found, by_hand)
    np.testing.assert_allclose(found.sum(0), ((responses - m((0, 1, 2))) ** 2).sum((0, 1, 2)))


def test_constant_channels_have_no_shares_and_rounding_is_no_variance() -> None:
    variances = Variances(DESIGN)
    random = np.random.default_rng(0)
    for _ in range(4):
        dead, rounded = np.zeros(DESIGN), 7 + 1e-7 * random.standard_normal(DESIGN)
        variances.add(np.stack([dead, rounded, random.standard_normal(DESIGN)], -1))
    assert variances.varies.tolist() == [False, False, True]
    assert np.isnan(variances.share()[0][:, :2]).all()
    assert np.isnan(variances.count_chance()[:, :2]).all()


def test_chance_gives_p_values_that_are_even_where_there_is_nothing() -> None:
    """Of noise alone: as many below 0.1 as there should be, for each of the three."""
    variances, random = Variances(DESIGN), np.random.default_rng(1)
    for _ in range(6):
        plots = random.standard_normal((3, 2, 1, 400))
        variances.add(plots + random.standard_normal((*DESIGN, 400)))
    assert Design(2, 2, 4).chance_of_looks(4) == pytest.approx(3**-4), "{1, 2}, {1, 3} or {1, 4}"
    assert Design(3, 2, 4).chance_of_looks(1) == pytest.approx(1 / 15)
    below = (variances.count_chance() <= 0.1).mean(1)
    np.testing.assert_allclose(below, 0.1, atol=0.05)
    null = variances.share_chance(np.arange(400))
    np.testing.assert_allclose(null.mean((0, 2)), 0, atol=0.02)


def test_chance_gives_no_share_on_average_where_nothing_needs_both() -> None:
    variances = Variances(DESIGN)
    for responses in draw_scenes(12, DESIGN, seed=3):
        variances.add(responses)
    plain = np.array([number for number, name in enumerate(NAMES) if "multiplied" not in name])
    shares = variances.share_chance(plain)  # (permutations, 3, channels)
    np.testing.assert_allclose(shares.mean(0), 0, atol=0.05)
    least = variances.count_chance()[0, NAMES.index("mean colour")]
    assert least == 1 / 200, "what was seen counts as one of the permutations, so that no p-value is 0"


@pytest.mark.parametrize("tremor", [0.0, 0.7])
def test_a_product_is_neither_static_nor_dynamic_but_by_chance(tremor: float) -> None:
    """What needs both never cancels in a mean of few orders; a null without it called all of them static."""
    variances, draw = Variances(DESIGN), np.random.default_rng(5).standard_normal
    for _ in range(8):
        product = draw((3, 1, 1, 300)) * draw((1, 1, 4, 300)) + 0.3 * draw((*DESIGN, 300))
        variances.add(product + tremor * draw((3, 2, 1, 300)))
    static, dynamic, joint = (variances.count_chance() <= 0.05).mean(1)
    assert static < 0.09
    assert 0.02 < dynamic < 0.09
    assert joint > 0.98
    null = variances.share_chance(np.arange(300)).mean((0, 2))
    np.testing.assert_allclose(null, 0, atol=0.03)


def test_effects_of_two_values_are_called_dynamic_no_more_often_than_others() -> None:
    """A random direction of looks, which was the null of before, called 10% of them so."""
    kind = "product of signs, noise 0.3"
    for scenes in (12, 4):
        called = np.concatenate(
            [one.count_chance()[1] for one in role_recovery.draw_all(NOTHING[kind], 2000, scenes, 19)]
        )
        assert 0.03 < (called <= 0.05).mean() < 0.07


@pytest.mark.parametrize("seed", range(12))
def test_four_scenes_show_what_is_dynamic_whatever_is_turned(seed: int) -> None:
    """One in 256 permutations turns nothing and gives what was seen; it is not held against it."""
    variances, draw = Variances(DESIGN, seed), np.random.default_rng(seed).standard_normal
    for _ in range(4):
        variances.add(draw((1, 1, 4, 20)) + 0.03 * draw((*DESIGN, 20)))
    assert (variances.count_chance()[1] == 1 / (1 + variances._turned.sum())).all()  # type: ignore[union-attr] # there, as scenes were added


@pytest.mark.parametrize(("scenes", "least"), [(4, 2**-4), (6, 2**-6), (12, 1 / 200)])
def test_of_two_looks_few_scenes_cannot_show_motion(scenes: int, least: float) -> None:
    design = Design(2, 2, 4)
    variances, draw = Variances(design), np.random.default_rng(3).standard_normal
    for _ in range(scenes):
        variances.add(np.broadcast_to(draw((1, 1, 4, 5)), (*design, 5)))
    assert design.chance_of_orders(scenes) == 2.0**-scenes
    np.testing.assert_allclose(variances.count_chance()[1], least, rtol=0.01)


def test_channels_that_are_permuted_in_pieces_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = find(2, seed=6).chance
    monkeypatch.setattr(variance, "_AT_ONCE", 3)
    np.testing.assert_array_equal(find(2, seed=6).chance, whole)


def test_the_interval_of_a_mean_is_students() -> None:
    values = np.random.default_rng(4).uniform(0.3, 0.7, 12)
    low, high = find_ends(values.mean(), np.array([np.delete(values, n).mean() for n in range(12)]))
    expected = stats.t.interval(0.95, 11, loc=values.mean(), scale=stats.sem(values))
    np.testing.assert_allclose((low, high), expected)


def test_scores_are_set_against_a_residual_of_one() -> None:
    """By hand: what sees appearance alone gets 42%, and noise 21% of either."""
    np.testing.assert_allclose(set_against_residual(1, 0), [0.4223, 0.1554, 0.4223], atol=1e-4)
    np.testing.assert_allclose(set_against_residual(0, 0), [0.2119, 0.2119, 0.5761], atol=1e-4)


@pytest.mark.slow
def test_intervals_cover_what_was_planted() -> None:
    """Shares of each planted channel, 400 draws of 12 scenes; the truth from 4,000."""
    truth = find(4000, seed=99).shares[:3]
    inside = []
    for seed in range(400):
        variances = Variances(DESIGN)
        for responses in draw_scenes(12, DESIGN, seed):
            variances.scenes.append(sum_squares(responses))
            variances._size = variances._size + (responses**2).mean((0, 1, 2))
        low, high = find_ends(*variances.share())
        inside.append((low[:3] <= truth + 0.01) & (truth - 0.01 <= high[:3]))
    covered = np.mean(inside, axis=0)
    print(
        "\nstatic, dynamic, joint:", *(f"\n{n}: {c.round(3)}" for n, c in zip(NAMES, covered.T, strict=True))
    )
    assert (covered > 0.86).all()


def test_the_page_shows_how_often_roles_are_found() -> None:
    record = json.loads(role_recovery.TARGET.read_text(encoding="utf-8"))
    page = Path("docs/measured-roles.md").read_text(encoding="utf-8")
    assert role_recovery.format_recovered(record["recovered"]) in page
    assert role_recovery.format_false_calls(record["false_calls"]) in page
    assert role_recovery.format_weak(record["weak"]) in page
    assert all(row["shares"] > 0.85 for row in record["recovered"])
    for part, most in (("static", 0.08), ("dynamic", 0.09)):
        called = [row[part]["0.05"] for rows in record["false_calls"].values() for row in rows]
        assert max(called) < most


def test_the_page_shows_what_shipped_networks_gave() -> None:
    networks = json.loads(roles.TARGET.read_text(encoding="utf-8"))["networks"]
    page = Path("docs/measured-roles.md").read_text(encoding="utf-8")
    assert roles.format_networks(networks) in page
    assert roles.format_stages(networks) in page
    for name, summary in networks.items():
        file = Path(f"trained_models/{name}.pth")
        assert not file.exists() or summary["sha256"] == hash_file(file), "measured on other weights"


@pytest.mark.slow
def test_how_often_roles_are_found_and_falsely_called() -> None:
    """Fewer draws of the tables of docs/measured-roles.md, made anew."""
    assert all(row["shares"] > 0.85 for row in role_recovery.count_recovered(60, 12))
    for row in role_recovery.count_false_calls(250, 12):
        assert row["static"]["0.05"] < 0.12, row
        assert row["dynamic"]["0.05"] < 0.12, row
