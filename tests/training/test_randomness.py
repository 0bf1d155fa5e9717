from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import torch

from gst_analysis.training.conditions import (
    capture_random,
    restore_random,
    seed_everything,
    training_conditions,
)
from gst_analysis.training.config import RunConfig

CPU = torch.device("cpu")


def draw() -> tuple[float, ...]:
    """Gaussians come in pairs in python and numpy: half a pair is part of the state."""
    return (random.random(), random.gauss(0, 1), float(np.random.randn()), float(torch.rand(())))


def test_generators_go_on_where_they_were_after_a_trip_to_disk(tmp_path: Path) -> None:
    seed_everything(3)
    for _ in range(5):
        draw()
        torch.save(capture_random(CPU), tmp_path / "state.pt")
        expected = [draw() for _ in range(700)]  # past the point where the twister turns
        restore_random(torch.load(tmp_path / "state.pt", weights_only=True), CPU)
        assert [draw() for _ in range(700)] == expected


def test_seeds_repeat() -> None:
    for _ in range(2):
        seed_everything(7)
        first = draw()
    seed_everything(7)
    assert draw() == first


def test_conditions_are_put_back_and_ranks_differ() -> None:
    seed_everything(1)
    before = capture_random(CPU)
    threads, benchmark = torch.get_num_threads(), torch.backends.cudnn.benchmark
    drawn = []
    for rank in (0, 0, 1):
        with training_conditions(RunConfig(threads=1, deterministic=True), CPU, rank=rank):
            assert torch.are_deterministic_algorithms_enabled()
            assert torch.get_num_threads() == 1
            drawn.append(draw())
    assert drawn[0] == drawn[1] != drawn[2]
    assert not torch.are_deterministic_algorithms_enabled()
    assert (torch.get_num_threads(), torch.backends.cudnn.benchmark) == (threads, benchmark)
    after = capture_random(CPU)
    assert all(torch.equal(before[name], after[name]) for name in before)
