from __future__ import annotations

import numpy as np
import pytest
import torch

import gst_analysis as gst
from gst_analysis.tracking.gammas import SHARED, join_blocks, measure_gaps, read_gammas, track_gammas
from tests.tracking.recorder import Recorder


def build(name: str, **settings: object) -> gst.Network:
    spec = gst.ModelSpec.from_name(name, width=8, num_frames=4, num_classes=5, **settings)
    network = gst.build_untrained(spec)
    generator = torch.Generator().manual_seed(0)
    for module in network.module.modules():
        if isinstance(module, torch.nn.BatchNorm2d | torch.nn.BatchNorm3d):
            module.weight.data = torch.rand(module.weight.shape, generator=generator)
    return network


@pytest.mark.parametrize("name", ["gst-resnet26s", "p3d-resnet26s", "tsm-resnet26s"])
def test_what_is_told_is_what_figure_4_shows(name: str) -> None:
    network = build(name)
    gammas = read_gammas(network.module.state_dict(), network.anatomy)
    table = gst.bn_scales(network).table
    shown = {
        (block, group): rows["gamma"].to_numpy()
        for (block, group), rows in table.groupby(["block", "group"], sort=False)
    }
    told = {(block, group): values for block, groups in gammas.items() for group, values in groups.items()}
    assert told.keys() == shown.keys()
    for key, values in told.items():
        np.testing.assert_array_equal(values, shown[key])
    assert sum(map(len, join_blocks(gammas).values())) == len(table)


def test_channels_with_two_owners_are_told_as_shared() -> None:
    network = build("sth-resnet26s")
    gammas = read_gammas(network.module.state_dict(), network.anatomy)
    assert {group for groups in gammas.values() for group in groups} == {SHARED}
    assert measure_gaps(gammas) == {}


def test_a_gap_moves_by_what_time_was_moved_in_that_block_alone() -> None:
    network = build("gst-resnet26s")
    before = measure_gaps(read_gammas(network.module.state_dict(), network.anatomy))
    unit = next(u for u in network.anatomy.scaled if u.block == "layer3.1" and u.group == "temporal")
    network.module.state_dict()[f"{unit.layer}.weight"][unit.channels] += 0.5
    after = measure_gaps(read_gammas(network.module.state_dict(), network.anatomy))
    assert len(before) == 8
    assert {block: after[block] - before[block] for block in before} == pytest.approx(
        {block: 0.5 * (block == "layer3.1") for block in before}
    )


def test_a_tracker_is_told_the_network_and_every_block() -> None:
    network, told = build("gst-resnet26s"), Recorder()
    track_gammas(told, network.module.state_dict(), network.anatomy, 7)
    assert {step for step, *_ in told.histograms} == {7}
    names = [name for _, name, _ in told.histograms]
    assert names[:2] == ["gamma/spatial", "gamma/temporal"]
    assert len(names) == 2 + 8 * 2
    ((step, numbers),) = told.scalars
    assert step == 7
    table = gst.bn_scales(network).table
    time = table[table["group"] == "temporal"]["gamma"].median()
    assert numbers["gamma_median/temporal"] == pytest.approx(time)
    medians = table.groupby(["block", "group"])["gamma"].median().unstack()
    gaps = medians["temporal"] - medians["spatial"]
    told_gaps = {name: value for name, value in numbers.items() if name.startswith("gamma_gap/")}
    assert told_gaps == pytest.approx({f"gamma_gap/{block}": gap for block, gap in gaps.items()})
    profile = gst.profile(network, lines=("gamma",)).table
    places = profile[(profile["level"] == "place") & (profile["measure"] == "gamma")]
    shares = {f"profile_gamma/{row['place']}": row["value"] for row in places.to_dict("records")}
    told_shares = {name: value for name, value in numbers.items() if name.startswith("profile_gamma/")}
    assert len(shares) == 8
    assert told_shares == pytest.approx(shares)
