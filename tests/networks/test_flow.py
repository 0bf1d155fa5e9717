"""Networks of optical flow: names, stacks, bare files, costs, and how they start from 2-D weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

import gst_analysis as gst
from gst_analysis.checkpoints.shapes import expected_shapes, list_shapes
from gst_analysis.errors import SpecError
from gst_analysis.networks.registry import build_model, build_without_values, spec_from_name, usual_clip
from gst_analysis.networks.systems import SYSTEMS

NAMES = ("tsm-resnet18-flow", "gst-resnet26s-flow3", "c2d-mobilenetv2-flow1")
SYSTEM_NAMES = ("tsn-bninception-flow", "trn-bninception-flow")


@pytest.mark.parametrize(("name", "fields"), list(zip(NAMES, (5, 3, 1), strict=True)))
def test_a_design_of_flow_is_named_built_and_costed(name: str, fields: int) -> None:
    spec = spec_from_name(name, num_classes=4)
    assert isinstance(spec, gst.ModelSpec)
    assert (spec.name, spec.flow, spec.num_frames, spec.rows) == (name, fields, 8 * fields, 8)
    assert gst.ModelSpec.from_json(spec.to_json()) == spec
    network = build_without_values(spec)
    assert list_shapes(network.state_dict()) == expected_shapes(spec)
    with FlopCounterMode(display=False) as counter:
        logits = network.eval()(torch.zeros(1, spec.num_frames, 3, 64, 64, device="meta"))
    assert logits.shape == (1, 8, 4)
    assert counter.get_total_flops() == gst.summarise_cost(spec, size=64).flops
    clip = usual_clip(spec)
    assert (clip.frames, clip.sampling, clip.flow) == (8 * fields, f"segments-of-{fields}", True)


def test_colours_stay_as_they_were() -> None:
    spec = spec_from_name("gst-resnet50")
    assert spec.flow == 0
    assert "flow" not in spec.to_json()
    assert not usual_clip(spec).flow


def test_fields_are_stacked_as_tsn_stacks_them() -> None:
    """Across and down of the first step, of the second, …; the blank is not read."""
    network = build_model(spec_from_name("c2d-resnet18-flow", num_classes=3)).eval()
    clips = torch.randn(2, 10, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    first = network.get_submodule("conv1")
    seen: list[Tensor] = []
    first.register_forward_hook(lambda *given: seen.append(given[2]))
    with torch.no_grad():
        logits = network(clips)
        blank = clips.clone()
        blank[:, :, 2] = 9
        assert torch.equal(network(blank), logits)
    stacks = [
        torch.cat([part for step in range(5) for part in clips[n, 5 * s + step, :2, None]])
        for n in range(2)
        for s in range(2)
    ]
    assert isinstance(first, nn.Conv2d)
    expected = F.conv2d(torch.stack(stacks), first.weight, None, 2, 3)
    torch.testing.assert_close(seen[0], expected, rtol=1e-4, atol=1e-5)


def as_tsm(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Names as TSM's releases have them: shifted first convolutions, new_fc, DataParallel."""
    names = {}
    for name, tensor in state.items():
        name = name.replace(".spatial.", ".").replace("fc.", "new_fc.")
        name = name.replace("conv1.weight", "conv1.net.weight") if name.startswith("layer") else name
        names[f"module.{name}" if name.startswith("new_fc") else f"module.base_model.{name}"] = tensor
    return names


def test_a_bare_file_shows_that_it_reads_flow(tmp_path: Path) -> None:
    made = gst.create_model(gst.ModelSpec("tsm", "resnet18", flow=5, num_frames=40, width=8), seed=0)
    torch.save({"state_dict": as_tsm(made.module.state_dict())}, tmp_path / "flow.pth.tar")
    found = gst.load_model(tmp_path / "flow.pth.tar")
    assert found.spec == made.spec
    assert (found.layout, found.clip_spec.colours, found.clip_spec.sampling) == (
        "tsm",
        "flow",
        "segments-of-5",
    )
    assert any("10 channels" in note for note in found.notes)
    assert any("8 stacks of 5" in note for note in found.notes)
    sixteen = gst.load_model(tmp_path / "flow.pth.tar", num_frames=80)
    assert (sixteen.spec.rows, sixteen.clip_spec.frames) == (16, 80)
    again = gst.load_model(gst.save_model(tmp_path / "again.pth", found))
    assert (again.spec, again.clip_spec) == (found.spec, found.clip_spec)


@pytest.mark.parametrize("name", SYSTEM_NAMES)
def test_a_systems_file_shows_it_too(name: str, tmp_path: Path) -> None:
    record, spec = SYSTEMS[name], spec_from_name(name, num_classes=7)
    state = build_without_values(spec).state_dict()
    assert state["base_model.conv1_7x7_s2.weight"].shape == (64, 10, 7, 7)
    torch.save({k: torch.zeros(v.shape) for k, v in state.items()}, tmp_path / "flow.pth")
    found = gst.load_checkpoint(tmp_path / "flow.pth")
    assert (found.spec, found.clip_spec.flow, found.clip_spec.frames) == (spec, True, 40)
    assert spec.rows == (8 if record.output == "frames" else 1)


def test_flow_starts_from_the_mean_of_the_colours(tmp_path: Path) -> None:
    flat = gst.create_model("c2d-resnet18", seed=1)
    gst.save_model(tmp_path / "flat.pth", flat)
    flow = gst.create_model("tsm-resnet18-flow", pretrained=tmp_path / "flat.pth", seed=0)
    mean = flat.module.state_dict()["conv1.weight"].mean(1)
    own = flow.module.state_dict()["conv1.weight"]
    assert all(torch.equal(own[:, channel], mean) for channel in range(10))


def test_two_streams_cost_what_both_cost() -> None:
    one, other = gst.summarise_cost("tsm-resnet50"), gst.summarise_cost("tsm-resnet50-flow")
    both = gst.cost("tsm-resnet50", flow="tsm-resnet50-flow")
    assert both.summary.params == one.params + other.params
    assert both.summary.macs == one.macs + other.macs == both.table["macs"].sum()
    assert (both.table["module"].str.startswith("flow:")).sum() * 2 == len(both.table)
    longer = gst.summarise_cost("tsm-resnet50", flow="tsm-resnet50-flow", num_frames=16)
    assert longer.macs == 2 * both.summary.macs
    with pytest.raises(SpecError, match="reads colour frames"):
        gst.cost("tsm-resnet50", flow="tsm-resnet50")


@pytest.mark.parametrize(
    ("name", "settings", "found"),
    [
        ("tsm-resnet50-flow", {"num_frames": 12}, "a multiple of 5"),
        ("tsm-resnet50-flow99", {}, "at most 64 fields"),
        ("tsm-resnet50-flows", {}, "did you mean"),
        ("tsm-resnet50-flow" + "9" * 5_000, {}, "FAMILY-BACKBONE"),
    ],
)
def test_no_such_stacks(name: str, settings: dict[str, int], found: str) -> None:
    with pytest.raises(SpecError, match=found):
        spec_from_name(name, **settings)
