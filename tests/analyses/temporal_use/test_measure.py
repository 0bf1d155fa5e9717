"""What kernels over time hold: planted taps come back filter by filter, and shares are derived again."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

import gst_analysis as gst
from gst_analysis.analyses.temporal_use import shares
from gst_analysis.analyses.temporal_use.by_clip import ClipListener, list_kernels
from gst_analysis.analyses.temporal_use.shares import measure_shares
from gst_analysis.analyses.temporal_use.table import KERNEL_USE, TEMPORAL_USE
from gst_analysis.checkpoints.loading import load_checkpoint
from gst_analysis.errors import SpecError
from gst_analysis.networks.anatomy import Anatomy
from gst_analysis.networks.operators import convolve_over_time, shift_channels
from gst_analysis.networks.time_kernels import MovedChannels, TimeKernel
from gst_analysis.tables import check
from tests.conftest import SaveSmall, build_small

SPEC = gst.ModelSpec.from_name("gst-resnet26s", width=16, num_classes=5)
SHARES = ["varying", "ordered", "off_frame", "shift"]


def plant(model: gst.Network, taps: Callable[[Tensor], Tensor]) -> gst.Network:
    """Overwrite every kernel over time, (O, C, 3, h, w), by what is made of its middle tap."""
    for name, weight in model.module.named_parameters():
        if name.endswith(".temporal.weight"):
            with torch.no_grad():
                weight.copy_(taps(weight[:, :, 1:2].clone()))
    return model


def repeat(*factors: float) -> Callable[[Tensor], Tensor]:
    return lambda middle: torch.cat([factor * middle for factor in factors], 2)


@pytest.mark.parametrize(
    ("factors", "expected"),
    [
        ((1, 1, 1), (0, 0, 2 / 3, 0)),
        ((-1, 0, 1), (1, 1, 1, 0)),
        ((1, -2, 1), (1, 0, 1 / 3, 0)),
        ((0, 1, 0), (2 / 3, 0, 0, 0)),
        ((0, 0, 1), (2 / 3, 1 / 2, 1, 1)),
        ((1, 0, 0), (2 / 3, 1 / 2, 1, -1)),
    ],
    ids=["constant", "difference", "second difference", "own frame", "next frame", "frame before"],
)
def test_planted_taps_come_back(factors: tuple[float, ...], expected: tuple[float, ...]) -> None:
    """Constant taps give exactly 0, differences exactly 1: nothing is lost to rounding."""
    result = gst.temporal_use(plant(gst.create_model(SPEC, seed=0), repeat(*factors)))
    assert len(result.table) == sum(block.hidden // 4 for block in SPEC.blocks())
    exact = [(name, value) for name, value in zip(SHARES, expected, strict=True) if value in (0, 1, -1)]
    for name, value in exact:
        assert (result.table[name] == value).all()
    found = result.kernels[SHARES].to_numpy()
    np.testing.assert_allclose(found, np.broadcast_to(expected, found.shape), atol=1e-12)


def test_independent_taps_vary_by_two_thirds() -> None:
    """Gaussian taps: a filter of 1,152 weights a tap strays by about 0.01, the mean of 512 by 0.0005."""
    generator = torch.Generator().manual_seed(0)
    found = measure_shares(torch.randn(512, 128, 3, 3, 3, generator=generator))
    assert found.varying.mean() == pytest.approx(2 / 3, abs=0.002)
    assert found.ordered.mean() == pytest.approx(1 / 3, abs=0.002)
    assert found.off_frame.mean() == pytest.approx(2 / 3, abs=0.002)
    assert found.varying.std() < 0.015
    five = measure_shares(torch.randn(512, 128, 5, generator=generator))
    assert five.varying.mean() == pytest.approx(4 / 5, abs=0.003)
    assert five.ordered.mean() == pytest.approx(2 / 5, abs=0.003)


def test_the_size_of_a_filter_moves_no_share_but_that_by_energy() -> None:
    before = gst.temporal_use(gst.create_model(SPEC, seed=0))
    model = gst.create_model(SPEC, seed=0)
    rng = np.random.default_rng(0)
    for name, weight in model.module.named_parameters():
        if name.endswith(".temporal.weight"):
            powers = torch.tensor(2.0 ** rng.integers(-4, 5, len(weight)), dtype=weight.dtype)
            with torch.no_grad():
                weight.mul_(powers[:, None, None, None, None])
    after = gst.temporal_use(model)
    pd.testing.assert_frame_equal(before.table[SHARES], after.table[SHARES])
    pd.testing.assert_frame_equal(before.kernels[SHARES], after.kernels[SHARES])
    assert (before.kernels["by_energy"] - after.kernels["by_energy"]).abs().max() > 1e-3


def read_again(weight: np.ndarray) -> dict[str, float]:
    """One filter (C, T, h, w), by loops and an orthonormal basis: constant, and odd and even waves."""
    count = weight.shape[1]
    energy = constant = odd = middle = centre = 0.0
    for channel in weight:
        for y in range(weight.shape[2]):
            for x in range(weight.shape[3]):
                taps = [float(channel[t, y, x]) for t in range(count)]
                energy += sum(tap * tap for tap in taps)
                constant += sum(taps) ** 2 / count
                odd += sum((taps[t] - taps[count - 1 - t]) ** 2 for t in range(count // 2)) / 2
                middle += taps[count // 2] ** 2
                centre += sum(tap * tap * (t - count // 2) for t, tap in enumerate(taps))
    return {
        "varying": 1 - constant / energy,
        "ordered": odd / energy,
        "off_frame": 1 - middle / energy,
        "shift": centre / energy,
    }


@pytest.mark.parametrize(
    "family",
    [
        "gst",
        "c3d",
        "sth",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("gst-large", "c3d-g2", "p3d")),
    ],
)
def test_shares_are_those_of_plain_definitions(family: str, save_small: SaveSmall) -> None:
    """Which weights there are is seen from shapes alone, without any list of kernels."""
    file = save_small(f"{family}-resnet26s")
    state = load_checkpoint(file).state
    weights = {name: w.double().numpy() for name, w in state.items() if w.ndim == 5 and w.shape[2] > 1}
    found = gst.temporal_use(file).table
    assert list(dict.fromkeys(found["layer"] + ".weight")) == list(weights)
    assert set(found["group"]) == ({"all"} if family.startswith("c3d") else {"temporal"})
    for layer, rows in found.groupby("layer"):
        weight = weights[f"{layer}.weight"]
        assert len(rows) == len(weight)
        again, row = read_again(weight[-1, :8]), measure_shares(torch.from_numpy(weight[-1:, :8]))
        assert {name: getattr(row, name)[0] for name in again} == pytest.approx(again, abs=1e-12)
        assert rows["energy"].to_numpy() == pytest.approx((weight**2).sum((1, 2, 3, 4)))
        constant = 3 * (weight.mean(2) ** 2).sum((1, 2, 3)) / rows["energy"].to_numpy()
        np.testing.assert_allclose(1 - constant, rows["varying"], atol=1e-12)


def test_filters_that_are_looked_at_in_pieces_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    weight = torch.randn(7, 5, 3, 2, 2)
    whole = vars(measure_shares(weight))
    monkeypatch.setattr(shares, "_AT_ONCE", 130)
    pieces = vars(measure_shares(weight))
    assert all(np.array_equal(whole[name], pieces[name], equal_nan=True) for name in whole)


@pytest.mark.parametrize("taps", [1, 2, 3, 4, 5, 7])
@pytest.mark.parametrize("size", [1.0, 1e200, 1e-200])
@pytest.mark.parametrize("kind", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_planted_taps_of_every_kind_length_and_size(kind: torch.dtype, size: float, taps: int) -> None:
    """Constant taps vary by exactly 0, a difference of ends by exactly 1; squares may be beyond a double."""
    largest = 1e-3 * torch.finfo(kind).max
    size = min(max(size, 1e3 * torch.finfo(kind).tiny), largest)
    drawn = torch.randn(6, 5, 1, 2, 2, generator=torch.Generator().manual_seed(taps), dtype=torch.float64)
    middle = (size * drawn.clamp(-9, 9)).to(kind)
    constant = measure_shares(middle.expand(-1, -1, taps, -1, -1))
    assert (constant.varying == 0).all()
    assert (constant.ordered == 0).all()
    assert np.isfinite(constant.energy).all()
    assert (constant.energy > 0).all()
    if taps > 1:
        ends = torch.zeros(taps, dtype=kind)
        ends[0], ends[-1] = -1, 1
        difference = measure_shares(middle * ends[:, None, None])
        assert (difference.varying == 1).all()
        assert (difference.ordered == 1).all()


def test_taps_far_apart_even_ones_and_filters_of_nothing() -> None:
    next_frame = torch.tensor([[[0.0, 0.0, 1.0]], [[0.0, 0.0, 0.0]]])
    far = measure_shares(next_frame, dilation=2)
    assert far.shift[0] == 2
    for name in ("varying", "ordered", "off_frame", "shift"):
        assert np.isnan(getattr(far, name)[1]), name
    two = measure_shares(torch.tensor([[0.0, 1.0], [1.0, 1.0]]), axis=1)
    assert (two.taps, two.shift.tolist()) == (2, [0.5, 0])
    assert (two.varying.tolist(), two.ordered.tolist()) == ([0.5, 0], [0.5, 0])
    assert np.isnan(two.off_frame).all(), "of two taps neither is the frame itself"
    assert shares.expect_independent(4) == 3 / 4


def test_a_shift_of_one_reads_the_next_frame() -> None:
    """The sign, seen in what the network computes: frame t of the output is frame t + shift of the input."""
    frames = torch.arange(1.0, 6.0).view(5, 1, 1, 1).expand(5, 8, 1, 1)  # one clip of five frames
    weight = torch.zeros(1, 8, 3, 1, 1)
    weight[0, 0, 2] = 1
    assert measure_shares(weight).shift.tolist() == [1]
    assert convolve_over_time(frames, weight, 5).flatten().tolist() == [2, 3, 4, 5, 0]
    moved = shift_channels(frames, 5, 8)[:, :, 0, 0]
    assert moved[:, 0].tolist() == [2, 3, 4, 5, 0]
    found = gst.temporal_use(gst.create_model("tsm-resnet26s"), show="shift").table
    first = found[found["block"] == "layer1.1"]["shift"].tolist()
    assert first == [1.0] * 16 + [-1.0] * 16 + [0.0] * 96


def test_a_fixed_shift_is_the_channels_that_it_moves() -> None:
    result = gst.temporal_use(gst.create_model("tsm-resnet26s"))
    assert (result.kernels["off_frame"] == 1 / 4).all()
    assert result.table[["varying", "ordered", "energy", "start"]].isna().all(axis=None)
    (found,) = result.summary.checkpoints["untrained-tsm-resnet26s"].kinds
    assert found.describe(mark="**") == "**25%** of the channels move by a frame"
    assert result.notes == ()


def test_filters_without_weights_are_counted_and_left_out() -> None:
    model = gst.create_model(SPEC, seed=0)
    weight = model.module.get_parameter("layer3.0.conv2.temporal.weight")
    with torch.no_grad():
        weight[:3] = 0
    result = gst.temporal_use(model)
    row = result.kernels.set_index("block").loc["layer3.0"]
    assert (row["filters"], row["silent"]) == (13, 3)
    assert 0.5 < row["varying"] < 0.8
    assert "3 filters over time have no weight at all" in result.notes[0]


def test_a_start_is_drawn_again_from_its_seed(tmp_path: Path) -> None:
    model = gst.create_model(SPEC, seed=5)
    begun = gst.temporal_use(model).table["varying"]
    trained = gst.save_model(tmp_path / "now.pth", plant(model, repeat(1, 1, 1)))
    result = gst.temporal_use(trained)
    np.testing.assert_array_equal(result.table["start"], begun)
    assert (result.table["varying"] == 0).all()
    assert result.summary.checkpoints["now"].start.endswith("drawn again from seed 5")
    bare = gst.temporal_use(trained, start="none")
    assert bare.table["start"].isna().all()
    assert "not known" in bare.notes[0]


def test_the_start_of_2d_weights_is_known_without_them(tmp_path: Path) -> None:
    flat = gst.save_model(tmp_path / "flat.pth", build_small("c2d-resnet26s", seed=9))
    model = gst.create_model(SPEC, pretrained=flat, temporal="centred", seed=0)
    kept = gst.save_model(tmp_path / "now.pth", model)
    result = gst.temporal_use(kept)
    np.testing.assert_allclose(result.table["varying"], 2 / 3, atol=1e-12)
    np.testing.assert_allclose(result.table["start"], 2 / 3, atol=1e-12)
    assert (result.table["off_frame"] == 0).all()
    assert result.summary.checkpoints["now"].start == "2-D weights in the middle tap"
    named = gst.temporal_use(kept, start=flat)
    assert named.summary.checkpoints["now"].start == "2-D weights, flat.pth, in the middle tap"
    pd.testing.assert_frame_equal(named.table, result.table)


def test_an_earlier_epoch_and_the_first_of_a_series_are_starts(tmp_path: Path) -> None:
    early = gst.save_model(tmp_path / "a.pth", gst.create_model(SPEC, seed=1))
    late = gst.save_model(tmp_path / "b.pth", plant(gst.create_model(SPEC, seed=1), repeat(1, 1, 1)))
    first = gst.temporal_use(early, late, start="first")
    begun = first.table[first.table["checkpoint"] == "a"]["varying"].to_numpy()
    for _, rows in first.table.groupby("checkpoint"):
        np.testing.assert_array_equal(rows["start"], begun)
    named = gst.temporal_use(late, start=early)
    np.testing.assert_array_equal(named.table["start"], begun)
    assert named.summary.checkpoints["b"].start == "an earlier checkpoint, a.pth"


def test_a_start_that_is_asked_for_and_unknown_is_refused(save_small: SaveSmall) -> None:
    file = save_small()
    with pytest.raises(SpecError, match=r"start card: expected kernels of these shapes"):
        gst.temporal_use(file, start="card")
    with pytest.raises(SpecError, match="found neither"):
        gst.temporal_use(file, start=save_small("p3d-resnet26s"))
    unknown = gst.temporal_use(file)
    assert unknown.table["start"].isna().all()
    assert "how its kernels began is not known" in unknown.notes[0]


def test_what_a_file_says_of_its_start_is_not_trusted(tmp_path: Path) -> None:
    model = gst.create_model(SPEC, seed=0)
    for seed in ("0", 2**80, True):
        file = gst.save_model(tmp_path / "odd.pth", model, provenance={"seed": seed}, overwrite=True)
        start = gst.temporal_use(file).summary.checkpoints["odd"].start
        assert start == "random weights, as they are on average"


def test_tables_keep_their_schemas_and_kernels_count_alike() -> None:
    result = gst.temporal_use(gst.create_model(SPEC, seed=0))
    check(result.table, TEMPORAL_USE)
    check(result.kernels, KERNEL_USE)
    whole = result.summary.checkpoints["untrained-gst-resnet26s"]
    (found,) = whole.kinds
    assert found.varying == pytest.approx(result.kernels["varying"].mean())
    assert found.varying != pytest.approx(result.table["varying"].mean(), abs=1e-9)
    assert list(whole.stages) == [1, 2, 3, 4]
    assert whole.stages[2][0].kernels == 2


class Standing(nn.Module):
    """What a hook needs of the module that it is called for."""


def test_gates_are_told_by_how_far_they_open() -> None:
    listener = ClipListener()
    gate = TimeKernel("gsf.conv3D", "layer1.0", 1, "temporal", "moved by clip", moved=MovedChannels(6, 0, 0))
    wide = torch.full((2, 2, 3, 4, 4), math.atanh(0.25))  # (N, 2, T, H, W)
    wide[:, 1] = -math.atanh(0.5)
    shut = torch.zeros(2, 2, 3, 4, 4)
    for output in (wide, shut):
        listener.begin()
        listener.hear(gate, Standing(), (), output)
    ((_, found),) = list_kernels(listener.batches, Anatomy((), (), time_kernels=(gate,)))
    np.testing.assert_allclose(found.off_frame, [1 / 8] * 3 + [1 / 4] * 3, rtol=1e-6)
    np.testing.assert_allclose(found.shift, [1 / 8] * 3 + [-1 / 4] * 3, rtol=1e-6)
    assert np.isnan(found.varying).all()


def test_kernels_made_for_clips_are_averaged_over_them() -> None:
    listener = ClipListener()
    made = TimeKernel("tam.G", "layer1.0", 1, "temporal", "made by clip", moved=MovedChannels(2, 0, 0))
    third = 1 / 3
    taps = torch.tensor([[third, third, third], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    listener.begin()
    listener.hear(made, Standing(), (), taps)  # two clips of two channels
    ((_, found),) = list_kernels(listener.batches, Anatomy((), (), time_kernels=(made,)))
    np.testing.assert_allclose(found.varying, [third, 2 / 3], atol=1e-6)
    np.testing.assert_allclose(found.off_frame, [third, 1], atol=1e-6)
    np.testing.assert_allclose(found.shift, [0, 1], atol=1e-6)
