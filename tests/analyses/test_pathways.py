"""Groups that are pathways: SlowFast, and networks that somebody brought, against changes made by hand."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import Tensor

import gst_analysis as gst
from gst_analysis.analyses.ablation.measure import measure_ablation
from gst_analysis.analyses.saliency.evidence import find_pathways
from gst_analysis.analyses.saliency.measure import measure_saliency
from gst_analysis.checkpoints.checking import PASSED, check_network
from gst_analysis.clips.records import RecordList
from gst_analysis.errors import SpecError
from gst_analysis.networks import registry
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.network import average_frames
from gst_analysis.networks.registry import anatomy_of, spec_from_name
from gst_analysis.networks.systems import slowfast as slowfast_file
from tests.analyses.labelled_clips import load_pixels, write_clips
from tests.networks.agreement import draw_weights
from tests.networks.brought import CLASSES, FRAMES, SIZE, TwoPathways

LABELS = [0, 1, 2]


@pytest.fixture(scope="module")
def slowfast() -> Iterator[gst.Network]:
    """A SlowFast an eighth as wide as the published one, with weights none of which is special."""
    spec = spec_from_name("slowfast-r50-8x8", num_frames=8, num_classes=CLASSES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slowfast_file, "SLOW_WIDTH", 8)
        patch.setattr(slowfast_file, "FAST_WIDTH", 2)
        registry._probe_system.cache_clear()
        network = gst.create_model(spec, seed=0)
        draw_weights(network.module)
        clip = dataclasses.replace(network.clip_spec, frames=8, resize=32, crop=32, sampling="segments")
        state = {name: tensor.detach().clone() for name, tensor in network.module.state_dict().items()}
        own = dataclasses.replace(network.checkpoint, clip_spec=clip, state=state, path=Path("slowfast"))
        yield dataclasses.replace(network, checkpoint=own)
    registry._probe_system.cache_clear()


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> RecordList:
    return write_clips(tmp_path_factory.mktemp("clips"), LABELS, frames=8)


@torch.no_grad()
def run_changed(network: gst.Network, clips: Tensor, module: str, value: Tensor | float) -> Tensor:
    """Logits of clips when all that leaves a module is a value instead."""
    hook = network.module.get_submodule(module).register_forward_hook(
        lambda _, __, output: torch.zeros_like(output) + value
    )
    logits = average_frames(network.module(clips))
    hook.remove()
    return logits


@torch.no_grad()
def mean_of(network: gst.Network, clips: Tensor, module: str) -> Tensor:
    """The mean of every channel that leaves a module, (1, C, 1, 1, 1)."""
    seen: list[Tensor] = []
    hook = network.module.get_submodule(module).register_forward_hook(
        lambda _, __, output: seen.append(output)
    )
    network.module(clips)
    hook.remove()
    return seen[0].mean((0, 2, 3, 4), keepdim=True)


@pytest.mark.parametrize("settings", [{}, {"lateral_norm": False}], ids=["pyslowfast", "mmaction2"])
def test_every_unit_of_slowfast_is_of_its_pathway(settings: dict[str, bool]) -> None:
    anatomy = anatomy_of(spec_from_name("slowfast-r50-8x8", **settings))
    for unit in anatomy.units:
        word = "lateral" if "fuse" in unit.layer else ("slow", "fast")["pathway1" in unit.layer]
        assert unit.group == word
        assert unit.stage == int(unit.layer[1]) - 1
        assert unit.scaled == unit.layer.endswith("bn")
    ends = [unit.layer for unit in anatomy.units if not unit.scaled and unit.group != "lateral"]
    last = {2: 2, 3: 3, 4: 5, 5: 2}
    assert ends[:2] == ["s1.pathway0_stem", "s1.pathway1_stem"]
    assert ends[2:] == [f"s{stage}.pathway{p}_res{block}" for stage, block in last.items() for p in (0, 1)]
    assert sum(unit.group == "lateral" for unit in anatomy.units) == 4


@pytest.mark.slow
def test_scales_of_one_pathway_move_its_own_histogram_alone(slowfast: gst.Network) -> None:
    before = gst.bn_scales(slowfast).table
    state = dict(slowfast.checkpoint.state)
    for name, tensor in state.items():
        if "pathway1" in name and name.endswith("bn.weight"):
            state[name] = 10 * tensor
    louder = dataclasses.replace(
        slowfast, checkpoint=dataclasses.replace(slowfast.checkpoint, state=state, path=Path("louder"))
    )
    louder.module.load_state_dict(state)
    result = gst.bn_scales(louder)
    louder.module.load_state_dict(slowfast.checkpoint.state)
    for group, factor in (("slow", 1), ("fast", 10), ("lateral", 1)):
        pairs = [table.loc[table["group"] == group, "gamma"] for table in (before, result.table)]
        assert len(pairs[0])
        pd.testing.assert_series_equal(factor * pairs[0], pairs[1], check_exact=False, rtol=1e-6)
    figure = result.plot(by="stage")
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == [
        "channels of the slow pathway",
        "channels of the fast pathway",
        "lateral channels, from fast to slow",
    ]
    assert [axes.get_ylabel() for axes in figure.axes] == [f"stage {number}" for number in range(5)]


def test_a_pathway_that_is_removed_is_what_a_hook_by_hand_removes(
    slowfast: gst.Network, records: RecordList
) -> None:
    ends = ("s3.pathway1_res3", "s5.pathway1_res2", "s5.pathway0_res2", "s2_fuse")
    options = gst.AblationOptions(
        layers=ends, interventions=("zero", "mean"), batch=3, draws=100, device="cpu"
    )
    table = measure_ablation(slowfast, records, options=options).table
    clips, labels = load_pixels(records, slowfast.clip_spec), torch.tensor(LABELS)
    with torch.no_grad():
        untouched = average_frames(slowfast.module(clips))
    own = torch.arange(len(labels)), labels
    for layer, group in [(end, ("slow", "fast")["pathway1" in end]) for end in ends[:3]]:
        for kind in ("zero", "mean"):
            value = mean_of(slowfast, clips, layer) if kind == "mean" else 0.0
            changed = run_changed(slowfast, clips, layer, value)
            rows = table[(table["layer"] == layer) & (table["intervention"] == kind)]
            assert rows["group"].tolist() == [group]
            drop = float((untouched - changed)[own].mean())
            assert abs(drop) > 1e-3
            assert rows["logit_drop"].item() == pytest.approx(drop, abs=2e-5)
    lateral = table[table["group"] == "lateral"]
    assert set(lateral["layer"]) == {"s2_fuse.bn"}
    changed = run_changed(slowfast, clips, "s2_fuse.bn", 0.0)
    drop = float((untouched - changed)[own].mean())
    silent = lateral[lateral["intervention"] == "zero"]
    assert silent["logit_drop"].item() == pytest.approx(drop, abs=2e-5)


def test_options_choose_groups_and_modules_or_are_refused(slowfast: gst.Network, records: RecordList) -> None:
    options = gst.AblationOptions(
        groups=("fast",), layers=("s5.pathway1_res2",), interventions=("zero",), draws=100, device="cpu"
    )
    table = measure_ablation(slowfast, records, options=options).table
    inside = [f"s5.pathway1_res2.branch2.{norm}" for norm in ("a_bn", "b_bn")]
    assert table["layer"].tolist() == [*inside, "s5.pathway1_res2"]
    with pytest.raises(SpecError, match="groups slow, fast, lateral; found none of temporal"):
        measure_ablation(slowfast, records, options=dataclasses.replace(options, groups=("temporal",)))
    with pytest.raises(SpecError, match="found loud"):
        gst.AblationOptions(groups=("loud",))


def test_pathways_of_a_network_that_was_brought(records: RecordList) -> None:
    """Groups by `groups=`: of norms, which have scales, and of whole modules, which have none."""
    torch.manual_seed(0)
    module = TwoPathways().eval()
    draw_weights(module)
    told = {
        "slow.time_norm": {"slow": slice(0, 8)},
        "fast.time_norm": {"fast": slice(0, 4)},
        "fast": {"fast": slice(0, 4)},
    }
    network = gst.adopt(
        module,
        clip_spec=ClipSpec(frames=FRAMES, resize=SIZE, crop=SIZE),
        layout=(gst.Pathway(3), gst.Pathway(1)),
        groups=told,
    )
    assert [(unit.layer, unit.group, unit.scaled) for unit in network.anatomy.units] == [
        ("slow.time_norm", "slow", True),
        ("fast.time_norm", "fast", True),
        ("fast", "fast", False),
    ]
    assert {check: told for check, told in check_network(network).items() if told != PASSED} == {}
    assert set(gst.bn_scales(network).table["layer"]) == {"slow.time_norm", "fast.time_norm"}
    options = gst.AblationOptions(interventions=("zero",), draws=100, device="cpu")
    table = measure_ablation(network, records, options=options).table.set_index("layer")["logit_drop"]
    # A pathway's end is the ReLU of its last norm: silent alike, before it and after it.
    assert table["fast"] == pytest.approx(table["fast.time_norm"], abs=1e-6)
    assert len({*table.round(6)}) == 2


def test_each_pathway_has_maps_on_the_frames_that_it_sees_and_together_they_are_the_logit(
    slowfast: gst.Network, records: RecordList
) -> None:
    result = measure_saliency(slowfast, records[0], class_id=1, block="s5.pathway1_res2")
    table = result.table
    assert list(table["group"].unique()) == ["all", "slow", "fast"]
    told = table[table["evidence"] != 0].groupby("group")["frame"].unique()
    assert told["slow"].tolist() == [0, 7]  # alpha is 4: the first and the last of eight
    assert told["fast"].tolist() == list(range(8))
    assert any("slow: sees the frames 0, 7 alone" in note for note in result.notes)
    clips = load_pixels(records, slowfast.clip_spec)[:1]
    with torch.no_grad():
        logit = float(average_frames(slowfast.module(clips))[0, 1])
    bias = float(slowfast.module.state_dict()["head.projection.bias"][1])
    assert table.loc[table["group"] == "all", "evidence"].sum() == pytest.approx(logit - bias, rel=1e-3)
    stem = slowfast.anatomy.find_place("s1.pathway0_stem", "slowfast")
    assert [one.name for one in find_pathways(stem, slowfast.anatomy).values()] == [
        "s1.pathway0_stem",
        "s1.pathway1_stem",
    ]
    assert not find_pathways(slowfast.anatomy.find_place("s1_fuse", "slowfast"), slowfast.anatomy)
