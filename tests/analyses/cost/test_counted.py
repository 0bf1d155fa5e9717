"""Costs counted by running against arithmetic, the records of systems, and kernels whose owner is known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from gst_analysis.analyses.cost import compare_with_published, cost, summarise_cost
from gst_analysis.analyses.cost.counted import count_by_running
from gst_analysis.analyses.cost.counting import Layer, count_layers, summarise_layers
from gst_analysis.checkpoints.adopting import adopt
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.cli import run
from gst_analysis.errors import SpecError
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.families import FAMILIES
from gst_analysis.networks.registry import anatomy_of, build_model
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.networks.systems import SYSTEMS, SystemSpec
from gst_analysis.networks.undrawn import shapes_alone

BUILDABLE = [name for name, family in FAMILIES.items() if not family.unbuildable]
SMALL = ("tanet-r50", "gsf-r50", "x3d-s")


def sum_by_stage(layers: list[Layer]) -> dict[int, tuple[int, int]]:
    """Parameters and multiply-adds of every stage."""
    sums: dict[int, tuple[int, int]] = {}
    for layer in layers:
        params, macs = sums.get(layer.stage, (0, 0))
        sums[layer.stage] = (params + layer.params, macs + layer.macs)
    return dict(sorted(sums.items()))


@pytest.mark.parametrize("family", BUILDABLE)
def test_arithmetic_and_a_run_agree(family: str) -> None:
    spec = ModelSpec.from_name(f"{family}-resnet26s", num_frames=4, num_classes=5)
    with shapes_alone():
        network = build_model(spec)
    layers, notes = count_by_running(network, anatomy_of(spec), frames=4, size=64)
    counted = summarise_layers(layers, spec, 64)
    derived = summarise_layers(count_layers(spec, size=64), spec, 64)
    assert (counted.params, counted.macs) == (derived.params, derived.macs)
    assert counted.conventions["conv+linear+bn"] == derived.conventions["conv+linear+bn"]
    assert notes == ()

    assert sum_by_stage(layers) == sum_by_stage(count_layers(spec, size=64))


@pytest.mark.parametrize(
    "name", [name if name in SMALL else pytest.param(name, marks=pytest.mark.slow) for name in SYSTEMS]
)
def test_a_system_costs_what_its_record_says(name: str) -> None:
    found = summarise_cost(name)
    record = SYSTEMS[name]
    assert found.params == record.params
    assert found.macs / 1e9 == pytest.approx(record.gmacs, abs=0.005)
    assert sum(part.macs for part in found.groups.values()) == found.macs
    assert sum(part.params for part in found.groups.values()) == found.params


class Kernels(nn.Module):
    """One kernel of each kind, a product of two things that the clip decides, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.space = nn.Conv3d(3, 2, (1, 3, 3), padding=(0, 1, 1))
        self.time = nn.Conv3d(2, 2, (3, 1, 1), padding=(1, 0, 0))
        self.both = nn.Conv3d(2, 2, 3, padding=1)
        self.mix = nn.Conv3d(2, 2, 1)
        self.line = nn.Conv1d(2, 2, 3, padding=1)
        self.scale = nn.Parameter(torch.ones(2))
        self.head = nn.Linear(2, 5)

    def forward(self, clips: Tensor) -> Tensor:
        x = self.mix(self.both(self.time(self.space(clips.transpose(1, 2)))))
        means = self.line(x.mean((3, 4))) * self.scale[:, None]  # (N, 2, T)
        related = means.transpose(1, 2) @ means @ means.transpose(1, 2)  # (N, T, 2)
        logits: Tensor = self.head(related.mean(1))
        return logits


def test_kernels_are_put_down_to_what_they_reach_over() -> None:
    network = adopt(Kernels(), clip_spec=ClipSpec(frames=4, crop=32))
    before = {name: tensor.clone() for name, tensor in network.module.state_dict().items()}
    found = cost(network)
    rows = found.table.set_index("module")
    whose = {"space": "spatial", "time": "temporal", "both": "both", "mix": "shared", "line": "temporal"}
    assert {name: rows.loc[name, "group"] for name in whose} == whose
    cells = 4 * 32 * 32
    assert rows.loc["space", "macs"] == cells * 9 * 3 * 2
    assert rows.loc["both", "macs"] == cells * 27 * 2 * 2
    assert rows.loc["line", "macs"] == 4 * 3 * 2 * 2
    attention = found.table[found.table["op"] == "attention"]
    assert attention["macs"].sum() == 2 * 4 * 4 * 2
    assert found.summary.params == sum(p.numel() for p in network.module.parameters())
    assert any("attention" in note for note in found.notes)
    assert all(torch.equal(before[name], tensor) for name, tensor in network.module.state_dict().items())
    assert found.plot().axes
    assert found.plot_interactive().data
    assert compare_with_published(found).summary.name == "Kernels"


@pytest.mark.slow
def test_a_checkpoint_of_a_system_is_costed_for_its_own_clips(tmp_path: Path) -> None:
    spec = SystemSpec.from_name("x3d-s", num_frames=4, num_classes=5)
    clip = ClipSpec(frames=4, crop=64)
    file = save_model(tmp_path / "x3d.pth", build_model(spec), clip_spec=clip)
    found = summarise_cost(file)
    assert (found.size, found.spec["num_frames"], found.spec["num_classes"]) == (64, 4, 5)
    assert found == summarise_cost("x3d-s", num_frames=4, num_classes=5, size=64)
    assert summarise_cost(file, size=96).macs > found.macs


def test_what_a_system_does_not_have_cannot_be_changed() -> None:
    with pytest.raises(SpecError, match=r"cost of X3D-S: .*num_frames.*found alpha 1/4"):
        cost("x3d-s", alpha="1/4")
    with pytest.raises(SpecError, match="num_classes 5"):
        cost(adopt(Kernels(), clip_spec=ClipSpec(frames=4, crop=32)), num_classes=5)
    with pytest.raises(SpecError, match="size"):
        cost("x3d-s", size=3)


def test_weights_without_their_network_cannot_be_counted() -> None:
    network = adopt(Kernels(), clip_spec=ClipSpec(frames=4, crop=32))
    with pytest.raises(SpecError, match="give what adopt or load_network returned"):
        cost(network.checkpoint)


def test_a_system_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["cost", "x3d-s", "--size", "64", "--frames", "4"]
    assert run([*asked, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "X3D-S"
    assert run(asked) == 0
    assert "both" in capsys.readouterr().out
