"""Shares of what groups cost together: against every order there is, and how often intervals hold them."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gst_analysis.analyses.ablation.joint import JointRun
from gst_analysis.analyses.ablation.table import AblationOptions
from gst_analysis.networks.anatomy import Unit
from gst_analysis.probes.clip_stream import Batch
from gst_analysis.probes.hooks import zero_channels
from gst_analysis.probes.resampling import Bootstrap, Reals, summarise_means
from tests.analyses.ablation.test_joint import LABELS, measure
from tests.analyses.labelled_clips import small_model, write_clips

UNITS = 6
SIZES = np.array([0.9, 1.6, 0.4, 1.1, 0.3, 2.0])
MOST = 2.5
"""What can be lost in all, so that whatever goes late costs less, or nothing."""


class Game(nn.Module):
    """(N, T, C, H, W) -> (N, T, 1): what is lost for want of units, times how much of it a clip has.

    Half of them stand in for each other two by two: either alone costs nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleList(nn.Identity() for _ in range(UNITS))

    def forward(self, clips: Tensor) -> Tensor:
        here = clips.new_ones(len(clips), 1, 1, 1)
        gone = torch.cat([1 - part(here) for part in self.parts], 1)[:, :, 0, 0]  # (N, units)
        lost = play(gone.double(), torch.from_numpy(SIZES))
        return (clips.mean((1, 2, 3, 4)) * lost)[:, None, None]


def play(gone: Tensor, sizes: Tensor) -> Tensor:
    """(N, units) -> (N,): twins cost their sum once both are gone, and a third of it is each one's own."""
    twins = (sizes[0::2] + sizes[1::2]) * gone[:, 0::2] * gone[:, 1::2]
    return (twins.sum(1) + (sizes / 3 * gone).sum(1)).clamp(max=MOST)


def share_exactly() -> Reals:
    """(units,): the mean over all 720 orders."""
    sizes, total = torch.from_numpy(SIZES), np.zeros(UNITS)
    orders = list(permutations(range(UNITS)))
    for order in orders:
        gone = torch.zeros(UNITS + 1, UNITS, dtype=torch.float64)
        for step, unit in enumerate(order, start=1):
            gone[step:, unit] = 1
        total[list(order)] += np.diff(play(gone, sizes).numpy())
    return total / len(orders)


def share_by_sampling(sizes: Reals, *, batch: int, seed: int) -> Reals:
    """(units, clips): the product's shares of clips that have so much of what can be lost."""
    network = Game()
    units = [Unit(1, f"parts.{n}", f"parts.{n}", "all", slice(0, 1)) for n in range(UNITS)]
    options = AblationOptions(joint=True, sets=("share",), seed=seed)
    judge = lambda logits, labels: np.tile(logits.numpy()[:, 0], (3, 1))  # noqa: E731 # one line, beside what it is given to
    run = JointRun(network, units, lambda unit: zero_channels(unit.channels), judge, options)
    for first in range(0, len(sizes), batch):
        own = torch.from_numpy(sizes[first : first + batch])
        clips = own[:, None, None, None, None].expand(-1, 1, 1, 1, 1)
        places = tuple(range(first, first + len(own)))
        untouched = np.zeros((3, len(own)))
        run.take(Batch(clips, torch.zeros(len(own)), places), untouched, np.zeros((UNITS, 3, len(own))))
    return np.concatenate(run.shares, axis=2)[:, 2]


def test_shares_do_not_depend_on_which_clips_come_together(tmp_path: Path) -> None:
    """A clip's orders are its own."""
    records, model = write_clips(tmp_path, LABELS), small_model()
    found = [measure(model, records, sets=("share",), orders=2, batch=batch).shares for batch in (1, 4)]
    names = [f"{name}{end}" for name in ("logit_drop", "loss_rise") for end in ("", "_low", "_high")]
    one, other = (table[names].to_numpy() for table in found if table is not None)
    assert np.abs(one).max() > 1e-2
    np.testing.assert_allclose(one, other, atol=1e-4)


def test_shares_are_those_of_all_orders_and_add_up_in_every_clip() -> None:
    truth = share_exactly()
    shares = share_by_sampling(np.ones(400), batch=100, seed=1)
    np.testing.assert_allclose(shares.sum(0), MOST, atol=1e-9)
    error = shares.std(axis=1) / np.sqrt(shares.shape[1])
    assert (np.abs(shares.mean(axis=1) - truth) < 4 * error).all()
    assert (error > 0).all()


@pytest.mark.slow
def test_intervals_of_shares_cover_the_truth() -> None:
    """24 clips in three batches, which differ in how much they have; 4 orders of each."""
    truth, held = 2 * share_exactly(), []
    for seed in range(200):
        sizes = np.random.default_rng([seed, 7]).gamma(2, 1, 24)
        shares = share_by_sampling(sizes, batch=8, seed=seed)
        found = summarise_means(shares, Bootstrap(500, 0.95, seed))
        held.append([one.low <= value <= one.high for one, value in zip(found, truth, strict=True)])
    covered = np.mean(held)
    print(f"shares of 24 clips: {covered:.1%}")
    assert covered >= 0.92
