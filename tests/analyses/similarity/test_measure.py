"""Similarity of places and frames: derived again with hooks and whole Gram matrices; what leaves it alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

import gst_analysis as gst
from gst_analysis.analyses.similarity.features import Positions
from gst_analysis.clips.records import ClipRecord, RecordList
from gst_analysis.errors import BrokenCheckpoint, DataError, SpecError
from gst_analysis.networks.viewing import view_frames
from tests.analyses.labelled_clips import load_pixels, rename, small_model, write_clips, write_world
from tests.networks.brought import bring
from tests.untyped import untyped

CPU = {"device": "cpu"}
CLIPS = 12


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> RecordList:
    return write_clips(tmp_path_factory.mktemp("clips"), [0] * CLIPS, frames=6)


def listen(network: gst.Network, records: RecordList) -> dict[str, Tensor]:
    """(clips, T, C) of every place, pooled over the frame; by hooks of the test's own."""
    spec = network.clip_spec
    pixels = load_pixels(records, spec)[:, : spec.frames]
    heard: dict[str, Tensor] = {}
    for place in network.anatomy.places:
        network.module.get_submodule(place.name).register_forward_hook(
            lambda _, __, output, one=place: heard.__setitem__(
                one.name, view_frames(output, one.view, CLIPS).double().mean((3, 4))
            )
        )
    with torch.no_grad():
        network.module(pixels)
    for module in network.module.modules():
        module._forward_hooks.clear()
    return heard


def cka_again(first: Tensor, second: Tensor) -> float:
    """From whole Gram matrices in double precision, by Song's formula."""

    def hsic(one: Tensor, other: Tensor) -> float:
        n = len(one)
        grams = []
        for features in (one, other):
            gram = features.flatten(1) @ features.flatten(1).T
            grams.append(gram - gram.diag().diag())
        k, other_gram = grams
        sums = k.sum() * other_gram.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * (k @ other_gram).sum()
        return float(((k * other_gram).sum() + sums) / (n * (n - 3)))

    return float(hsic(first, second) / np.sqrt(hsic(first, first) * hsic(second, second)))


def standard(features: Tensor) -> Tensor:
    deviation = features.std((0, 1), correction=0)
    return torch.where(deviation > 0, (features - features.mean((0, 1))) / deviation, 0)


@pytest.mark.parametrize("raw", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_it_is_what_hooks_and_whole_gram_matrices_give(raw: bool, records: RecordList) -> None:
    first, second = bring("three-d"), bring("pooled", seed=1)
    result = gst.similarity(first, records, other=second, raw=raw, batch=CLIPS, **CPU)
    heard = [listen(network, records) for network in (first, second)]
    if not raw:
        heard = [{name: standard(values) for name, values in one.items()} for one in heard]
    for row in result.table.to_dict("records"):
        again = cka_again(heard[0][row["first_place"]], heard[1][row["second_place"]])
        assert row["cka"] == pytest.approx(again, abs=1e-4)
        assert row["low"] <= row["cka"] <= row["high"]
    frames = result.frames[result.frames["checkpoint"] == "pooled"]
    assert frames["place"].value_counts().to_dict() == {"blocks.0": 36, "blocks.1": 9, "blocks.2": 9}
    for row in frames[frames["place"] == "blocks.1"].to_dict("records"):
        values = heard[1]["blocks.1"]
        again = cka_again(values[:, row["frame"]], values[:, row["other_frame"]])
        assert row["cka"] == pytest.approx(again, abs=1e-4)


def test_identical_networks_are_alike_by_exactly_one(records: RecordList) -> None:
    """Two networks of one seed: 1 on the diagonal, with an interval of no width; alone, the same matrix."""
    one, other = (rename(small_model(), name) for name in ("one", "other"))
    result = gst.similarity(one, records, other=other, **CPU)
    assert result.summary.networks == ("one", "other")
    own = result.table[result.table["first_place"] == result.table["second_place"]]
    assert (own[["cka", "low", "high"]] == 1).all(axis=None)
    assert (result.table["cka"] <= 1).all()
    alone = gst.similarity(one, records, **CPU)
    pd.testing.assert_series_equal(alone.table["cka"], result.table["cka"])
    still = alone.frames[alone.frames["frame"] == alone.frames["other_frame"]]
    assert (still["cka"] == 1).all()
    wide = alone.table.pivot(index="first_place", columns="second_place", values="cka").to_numpy()
    np.testing.assert_allclose(wide, wide.T, atol=1e-12)
    assert all(near.nearest != near.place for near in alone.summary.nearest)


def rescale(network: gst.Network, seed: int = 0) -> gst.Network:
    """Multiply the channels that leave each block, and divide the weights that read them: nothing changes."""
    rng = np.random.default_rng(seed)
    for place, after in ((0, "blocks.1.space"), (1, "blocks.2.space")):
        norm = network.module.get_submodule(f"blocks.{place}.time_norm")
        reads = network.module.get_submodule(after)
        assert isinstance(norm, nn.BatchNorm3d)
        assert isinstance(reads, nn.Conv3d)
        sizes = torch.tensor(2.0 ** rng.integers(-5, 6, norm.num_features), dtype=torch.float32)
        with torch.no_grad():
            norm.weight.mul_(sizes)
            norm.bias.mul_(sizes)
            reads.weight.div_(sizes[:, None, None, None])
    return network


def test_rescaled_channels_change_nothing(records: RecordList) -> None:
    """Of a network that computes the same, no value moves; as they are, channels would change the ranking."""
    plain, changed = bring("three-d"), rescale(bring("three-d"))
    pixels = load_pixels(records, plain.clip_spec)[:2]
    with torch.no_grad():
        torch.testing.assert_close(plain.module(pixels), changed.module(pixels))
    second = bring("pooled", seed=1)
    for raw, moves in ((False, False), (True, True)):
        before, after = (
            gst.similarity(one, records, other=second, raw=raw, **CPU) for one in (plain, changed)
        )
        far = (before.table["cka"] - after.table["cka"]).abs().max()
        assert (far > 0.01) == moves
        if not moves:
            assert far < 1e-9
            assert (before.frames["cka"] - after.frames["cka"]).abs().max() < 1e-9


@pytest.mark.slow
def test_each_network_gets_clips_as_it_wants_them(records: RecordList) -> None:
    """Networks of other lengths and sizes beside each other are what each is alone."""
    first, second = small_model(frames=4), bring("three-d")
    both = gst.similarity(first, records, other=second, **CPU)
    for network in (first, second):
        alone = gst.similarity(network, records, **CPU).frames
        mine = both.frames[both.frames["checkpoint"] == network.checkpoint.name].reset_index(drop=True)
        pd.testing.assert_frame_equal(mine, alone)


@pytest.mark.slow
def test_minibatches_are_even_and_average(records: RecordList) -> None:
    several = RecordList(tuple(records) * 2)
    network = bring("three-d")
    result = gst.similarity(network, several, minibatch=12, **CPU)
    assert result.summary.minibatches == 2
    once = gst.similarity(network, records, **CPU)
    np.testing.assert_allclose(result.table["cka"], once.table["cka"], atol=1e-6)
    assert any("12 videos" in note for note in result.notes)


def test_positions_are_the_same_parts_of_every_map() -> None:
    positions = Positions.draw(3, seed=4)
    assert (Positions.draw(3, seed=4).parts == positions.parts).all()
    for size in ((4, 4), (8, 6)):
        height, width = size
        numbers = torch.arange(height * width).view(1, 1, 1, *size).expand(2, 5, 7, *size).float()
        found = positions.pool(numbers)
        assert found.shape == (2, 5, 3, 7)
        expected = [int(y * height) * width + int(x * width) for y, x in positions.parts]
        assert found[0, 0, :, 0].tolist() == expected


@pytest.mark.slow
def test_positions_are_looked_at_where_they_are_asked_for(records: RecordList) -> None:
    network = bring("three-d")
    pooled, sampled = (gst.similarity(network, records, positions=count, **CPU) for count in (0, 4))
    assert (pooled.table["cka"] - sampled.table["cka"]).abs().max() > 1e-3
    own = sampled.table[sampled.table["first_place"] == sampled.table["second_place"]]
    assert (own["cka"] == 1).all()


def test_clips_that_cannot_be_read_are_left_out_and_named(records: RecordList, tmp_path: Path) -> None:
    missing = ClipRecord("gone", tmp_path / "gone.mp4")
    network = bring("three-d")
    result = gst.similarity(network, RecordList((*records[:5], missing, *records[5:])), **CPU)
    assert list(result.failures) == ["gone"]
    assert result.summary.clips == CLIPS
    pd.testing.assert_frame_equal(result.table, gst.similarity(network, records, **CPU).table)
    with pytest.raises(DataError, match=r"gone: expected at least 4 clips .* found 3"):
        gst.similarity(network, RecordList((*records[:3], missing)), **CPU)


@pytest.mark.slow
def test_a_place_that_gives_the_same_to_all_clips_has_no_value(records: RecordList) -> None:
    network = bring("three-d")
    norm = network.module.get_submodule("blocks.1.time_norm")
    assert isinstance(norm, nn.BatchNorm3d)
    with torch.no_grad():
        norm.weight.zero_()
        norm.bias.zero_()
    result = gst.similarity(network, records, **CPU)
    dead = (result.table["first_place"] == "blocks.1") | (result.table["second_place"] == "blocks.1")
    assert result.table.loc[dead, ["cka", "low", "high"]].isna().all(axis=None)
    nearest = {one.place: one.nearest for one in result.summary.nearest}
    assert nearest["blocks.1"] is None
    assert "nan" not in str(result.to_document()["nearest"])


def test_a_data_set_is_its_validation_list(tmp_path: Path) -> None:
    root = write_world(tmp_path / "world", [0, 1, 2, 3, 4, 0])
    listed = gst.similarity(small_model(), root, **CPU)
    assert listed.summary.clips == 6
    assert str(root / "validation.json") in listed.provenance.sources
    named = gst.similarity(small_model(), root / "validation.json", limit=5, **CPU)
    assert named.summary.clips == 5
    assert "5 of 6 clips, spread evenly" in named.notes


def test_what_cannot_be_is_refused(records: RecordList) -> None:
    for name, value in (("minibatch", 9), ("positions", -1), ("positions", 10**9), ("seed", -1)):
        with pytest.raises(SpecError, match=f"{name}: expected a whole number"):
            gst.similarity("net.pth", records, **{name: value})


def test_features_that_are_no_numbers_are_refused_by_their_place(records: RecordList) -> None:
    model = small_model()
    with torch.no_grad():
        untyped(model.module).layer2[0].bn1.running_var.neg_()  # finite, and its root is none
    with pytest.raises(BrokenCheckpoint, match=r"infinite or missing ones at layer2\.0"):
        gst.similarity(model, records, **CPU)
