"""The channels of a place: every number stands at the channel that it is of."""

from __future__ import annotations

import pandas as pd
import torch

import gst_analysis as gst
from gst_analysis.analyses.profile.channels import tabulate_channels
from tests.analyses.profile.test_profile import SPEC, list_temporal, scale_at_random


def test_each_number_stands_at_its_channel() -> None:
    network = scale_at_random(gst.create_model(SPEC.replace(width=8), seed=0))
    *_, weight = list_temporal(network, 4)
    with torch.no_grad():
        weight[3] = 1.0  # the fourth filter reads all frames alike
    importance, kernels = gst.channel_importance(network).table, gst.temporal_use(network).table
    norm = network.module.get_parameter("layer4.1.bn2.weight").detach()
    roles = pd.DataFrame(
        [{"layer": "layer4.1.bn2", "channel": n, "role": "motion", "dynamic": n / 100} for n in range(5)]
    )
    lost = {"layer": "layer4.1.bn2", "intervention": "mean"}
    ablation = pd.DataFrame([{**lost, "group": "temporal", "loss_rise": 0.7}])
    table = tabulate_channels("layer4.1", importance, kernels, roles=roles, ablation=ablation)
    assert len(table) == len(norm)
    for row in table.to_dict("records"):
        assert row["gamma"] == float(norm[row["channel"]])
        assert (row["role"] == "motion") == (row["channel"] < 5)
        assert (row["group_loss"] == 0.7) == (row["group"] == "temporal")
    assert table["gamma"].abs().is_monotonic_decreasing
    temporal = table[table["group"] == "temporal"].sort_values("channel")["temporal_use"].to_list()
    assert [n for n, value in enumerate(temporal) if value < 1e-6] == [3]
    assert table.loc[table["group"] == "spatial", "temporal_use"].isna().all()


def test_a_channel_of_another_place_is_left_out() -> None:
    network = gst.create_model(SPEC.replace(width=8), seed=0)
    table = tabulate_channels("layer1.0", gst.channel_importance(network).table)
    assert set(table["layer"]) == {"layer1.0.bn2"}
    assert set(table["role"]) == {""}
