from __future__ import annotations

import pytest

from gst_analysis.errors import SpecError
from gst_analysis.training.batches import BatchPlan, TrainSampler, ValidationSampler
from gst_analysis.training.config import OptimiserConfig


def plan(
    clips: int = 50, batch: int = 12, pieces: int = 1, rank: int = 0, ranks: int = 1, seed: int = 0
) -> BatchPlan:
    config = OptimiserConfig(batch_size=batch, accumulate=pieces)
    return BatchPlan.of(config, clips, seed=seed, rank=rank, ranks=ranks)


def test_an_epoch_visits_different_clips_in_an_order_of_its_own() -> None:
    first, second = ([c for piece in plan().pieces(epoch, 0) for c in piece] for epoch in (0, 1))
    assert len(first) == len(set(first)) == plan().batches * 12 == 48
    assert first != second
    assert first == [c for piece in plan().pieces(0, 0) for c in piece]
    assert first != [c for piece in plan(seed=1).pieces(0, 0) for c in piece]


@pytest.mark.parametrize(("pieces", "ranks"), [(1, 2), (2, 1), (3, 2), (1, 4)])
def test_ranks_and_pieces_share_the_same_batches(pieces: int, ranks: int) -> None:
    whole = [set(batch) for batch in plan().pieces(3, 0)]
    parts = [list(plan(pieces=pieces, rank=r, ranks=ranks).pieces(3, 0)) for r in range(ranks)]
    for number, batch in enumerate(whole):
        mine = [piece for rank in parts for piece in rank[number * pieces : (number + 1) * pieces]]
        assert all(len(piece) == 12 // (pieces * ranks) for piece in mine)
        assert sorted(c for piece in mine for c in piece) == sorted(batch)


def test_an_epoch_can_be_taken_up_anywhere() -> None:
    sampler = TrainSampler(plan(pieces=2))
    whole = list(sampler)
    for start in range(plan().batches + 1):
        sampler.seek(0, start)
        assert list(sampler) == whole[2 * start :]
        assert len(sampler) == len(whole) - 2 * start


def test_sizes_that_do_not_fit_name_those_that_do() -> None:
    with pytest.raises(SpecError, match=r"multiple of 8 .*use 8 or 16"):
        plan(batch=12, pieces=4, ranks=2)
    with pytest.raises(SpecError, match=r"at most the 50 clips .*batch_size=48"):
        plan(batch=64, pieces=4)


@pytest.mark.parametrize(("clips", "batch", "ranks"), [(10, 4, 1), (10, 4, 3), (2, 4, 3), (12, 4, 3)])
def test_validation_visits_every_clip_once_in_equally_many_batches(
    clips: int, batch: int, ranks: int
) -> None:
    samplers = [ValidationSampler(clips, batch, rank=r, ranks=ranks) for r in range(ranks)]
    seen = sorted(c for sampler in samplers for piece in sampler for c in piece)
    assert seen == list(range(clips))
    assert len({len(list(sampler)) for sampler in samplers}) == 1
    assert all(len(list(sampler)) == len(sampler) for sampler in samplers)
