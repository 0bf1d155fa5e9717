"""Debiased CKA against explicit Gram matrices, what it stays the same under, and how often intervals hold."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from gst_analysis.analyses.similarity.kernels import (
    Reals,
    SimilaritySums,
    build_kernel,
    measure_hsic,
    standardise,
)
from gst_analysis.probes.resampling import Bootstrap, summarise_means


def draw(samples: int, channels: int, seed: int) -> Reals:
    return np.random.default_rng(seed).normal(size=(samples, channels))


def measure(first: Reals, second: Reals, minibatches: int = 1) -> float:
    """CKA of two features, in even minibatches."""
    sums = SimilaritySums([(0, 0)])
    for part in np.array_split(np.arange(len(first)), minibatches):
        sums.add(build_kernel(first[part])[None], build_kernel(second[part])[None])
    return float(sums.measure()[0][0])


def biased(first: Reals, second: Reals) -> float:
    """The usual estimator: centred Gram matrices and their traces."""
    centre = np.eye(len(first)) - 1 / len(first)
    one, other = (centre @ x @ x.T @ centre for x in (first, second))
    return float((one * other).sum() / np.sqrt((one * one).sum() * (other * other).sum()))


def hsic_by_tuples(first: Reals, second: Reals) -> float:
    """The definition: the mean over all quadruples of different samples."""
    one, other = first @ first.T, second @ second.T
    terms = [
        one[i, j] * (other[i, j] + other[q, r] - 2 * other[i, q])
        for i, j, q, r in itertools.permutations(range(len(first)), 4)
    ]
    return float(np.mean(terms))


def hsic_by_matrices(first: Reals, second: Reals) -> float:
    """Song et al.'s formula, written as they do."""
    one, other = first @ first.T, second @ second.T
    for gram in (one, other):
        np.fill_diagonal(gram, 0)
    n, ones = len(first), np.ones(len(first))
    middle = (ones @ one @ ones) * (ones @ other @ ones) / ((n - 1) * (n - 2))
    return float((np.trace(one @ other) + middle - 2 / (n - 2) * (ones @ one @ other @ ones)) / (n * (n - 3)))


def test_hsic_is_the_mean_over_all_quadruples() -> None:
    first, second = draw(7, 3, 0), draw(7, 2, 1) + draw(7, 3, 0)[:, :2]
    found = measure_hsic(build_kernel(first), build_kernel(second))
    assert found.whole == pytest.approx(hsic_by_tuples(first, second), rel=1e-10)
    for left in range(7):
        rest = np.arange(7) != left
        assert found.without[left] == pytest.approx(hsic_by_tuples(first[rest], second[rest]), rel=1e-9)


@pytest.mark.parametrize("minibatches", [1, 3])
def test_cka_is_that_of_explicit_gram_matrices(minibatches: int) -> None:
    """Sums over minibatches, divided in the end; and without each sample, all by plain matrices."""
    first = draw(40, 6, 0)
    second = first @ draw(6, 9, 1) + 2 * draw(40, 9, 2)
    parts = np.array_split(np.arange(40), minibatches)

    def divide(keep: np.ndarray) -> float:
        kept = [part[np.isin(part, keep)] for part in parts]
        means = [
            np.mean([hsic_by_matrices(one[part], other[part]) for part in kept])
            for one, other in ((first, second), (first, first), (second, second))
        ]
        return float(means[0] / np.sqrt(means[1] * means[2]))

    sums = SimilaritySums([(0, 0)])
    for part in parts:
        sums.add(build_kernel(first[part])[None], build_kernel(second[part])[None])
    (cka,), (values,) = sums.measure()
    whole = divide(np.arange(40))
    assert cka == pytest.approx(whole, abs=1e-12)
    without = np.array([divide(np.delete(np.arange(40), left)) for left in range(40)])
    pseudo = 40 * whole - 39 * without
    np.testing.assert_allclose(values, pseudo + whole - pseudo.mean(), atol=1e-9)


def test_what_is_the_same_is_alike_by_exactly_one() -> None:
    features = draw(30, 50, 0)
    assert measure(features, features.copy()) == 1
    assert measure(features, features.copy(), minibatches=3) == 1


def test_rotated_moved_and_enlarged_channels_change_nothing() -> None:
    first, second = draw(40, 6, 0), draw(40, 6, 0) @ draw(6, 8, 1) + draw(40, 8, 2)
    rotation = np.linalg.qr(draw(8, 8, 3))[0]
    before = measure(first, second)
    assert 0.2 < before < 0.95
    for changed in (second @ rotation, 7.5 * second, second + draw(1, 8, 4) * 100):
        assert measure(first, changed) == pytest.approx(before, abs=1e-9)


def test_channels_of_other_sizes_change_nothing_once_they_are_standardised() -> None:
    """As they are, they do: linear CKA follows the channels that vary most."""
    first = draw(40, 6, 0)
    second = first @ draw(6, 8, 1) + draw(40, 8, 2)
    sizes = 2.0 ** np.array([-6, 5, 0, 3, -2, 8, 1, -4])
    assert measure(standardise(first), standardise(sizes * second)) == measure(
        standardise(first), standardise(second)
    )
    assert abs(measure(first, sizes * second) - measure(first, second)) > 0.1


def test_standardised_channels_have_one_scale_for_all_frames_and_constants_none() -> None:
    features = draw(20, 3 * 2 * 4, 0).reshape(20, 3, 2, 4) * [1, 5, 1, 1] + [0, 0, 7, 0]
    features[:, 1] *= 3
    features[..., 3] = 0.1 + 1e-9 * features[..., 0]  # constant but for rounding
    found = standardise(features)
    np.testing.assert_allclose(found[..., :3].std((0, 1, 2)), 1)
    assert (found[..., 3] == 0).all()
    assert found[:, 1, :, 0].std() > 2 * found[:, 0, :, 0].std()


def test_independent_features_are_alike_by_nothing() -> None:
    """Ten samples, 200 channels: 0 on average within 0.05, where the usual estimator says above 0.9."""
    pairs = [(draw(10, 200, seed), draw(10, 200, 1000 + seed)) for seed in range(100)]
    found = np.array([measure(*pair) for pair in pairs])
    assert found.std() < 0.2
    assert abs(found.mean()) < 0.05
    usual = np.mean([biased(*pair) for pair in pairs])
    assert usual > 0.9
    scaled = np.array([measure(standardise(one), standardise(other)) for one, other in pairs])
    assert abs(scaled.mean()) < 0.05


def test_what_does_not_vary_is_not_defined_and_four_samples_have_no_interval() -> None:
    features = draw(8, 3, 0)
    sums = SimilaritySums([(0, 1), (0, 0), (1, 1)])
    kernels = np.stack([build_kernel(features), build_kernel(np.ones((8, 3)))])
    sums.add(kernels, kernels)
    cka, values = sums.measure()
    np.testing.assert_array_equal(np.isnan(cka), [True, False, True])
    assert np.isnan(values[[0, 2]]).all()
    four = SimilaritySums([(0, 0)])
    four.add(build_kernel(features[:4])[None], build_kernel(features[:4])[None])
    (one,), (parts,) = four.measure()
    assert one == 1
    assert np.isnan(parts).all()


def count_covered(samples: int, minibatches: int, *, noise: float, trials: int = 300) -> float:
    """How often intervals hold the true CKA, which is known of normal features with shared causes."""
    rng = np.random.default_rng(samples)
    one, other = rng.normal(size=(5, 60)), rng.normal(size=(5, 40))
    shared = (one.T @ other) ** 2
    squares = [((x.T @ x + noise * np.eye(x.shape[1])) ** 2).sum() for x in (one, other)]
    truth, held = shared.sum() / np.sqrt(squares[0] * squares[1]), 0
    for trial in range(trials):
        causes = rng.normal(size=(samples, 5))
        features = [
            causes @ x + np.sqrt(noise) * rng.normal(size=(samples, x.shape[1])) for x in (one, other)
        ]
        sums = SimilaritySums([(0, 0)])
        for part in np.array_split(np.arange(samples), minibatches):
            sums.add(*(build_kernel(x[part])[None] for x in features))
        (interval,) = summarise_means(sums.measure()[1], Bootstrap(draws=500, seed=trial))
        held += interval.low <= truth <= interval.high
    return held / trials


@pytest.mark.slow
@pytest.mark.parametrize(
    ("samples", "minibatches", "noise"), [(20, 1, 1.0), (60, 1, 20.0), (200, 1, 1.0), (200, 3, 1.0)]
)
def test_intervals_hold_the_truth(samples: int, minibatches: int, noise: float) -> None:
    covered = count_covered(samples, minibatches, noise=noise)
    print(f"{samples} clips in {minibatches} minibatches, noise {noise}: {covered:.1%} covered")
    assert 0.91 <= covered <= 1
