"""TRN: counts, names, tuples of frames, and the same logits by other means."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn

from gst_analysis.errors import SpecError
from gst_analysis.networks.systems import SYSTEMS, SystemSpec
from gst_analysis.networks.systems.trn import MultiScaleRelations, build, choose_tuples, recognise
from gst_analysis.networks.undrawn import shapes_alone
from tests.networks.agreement import relative
from tests.networks.systems.inception import FrameFunctions, State, count_gmacs, draw_lively, spread

OFFICIAL = {
    "base_model.inception_3a_1x1.weight": (64, 192, 1, 1),
    "new_fc.weight": (256, 1024),
    "consensus.fc_fusion_scales.0.1.weight": (256, 8 * 256),
    "consensus.fc_fusion_scales.0.3.bias": (174,),
    "consensus.fc_fusion_scales.6.1.weight": (256, 2 * 256),
    "consensus.fc_fusion_scales.6.3.weight": (174, 256),
}


def build_on_meta(name: str = "trn-bninception", **settings: Any) -> nn.Module:
    with shapes_alone():
        return build(SystemSpec.from_name(name, **settings)).eval()


Tuples = dict[int, list[tuple[int, ...]]]


def relate(state: State, features: Tensor, tuples: Tuples) -> Tensor:
    """The multi-scale head, tuple by tuple: (N, T, 256) -> (N, K)."""
    total = torch.zeros(1)
    for index, scale in enumerate(range(features.shape[1], 1, -1)):
        layer = f"consensus.fc_fusion_scales.{index}."
        for chosen in tuples[scale]:
            row = torch.cat([features[:, frame] for frame in chosen], 1).clamp(min=0)
            hidden = row @ state[layer + "1.weight"].double().T + state[layer + "1.bias"]
            total = (
                total + hidden.clamp(min=0) @ state[layer + "3.weight"].double().T + state[layer + "3.bias"]
            )
    return total


def frame_features(state: State, clips: Tensor) -> Tensor:
    features = FrameFunctions(state).features(clips.flatten(0, 1).double())
    features = features @ state["new_fc.weight"].double().T + state["new_fc.bias"]
    return features.view(*clips.shape[:2], 256)


@pytest.mark.parametrize("name", ["trn-bninception", "trn-r50"])
def test_the_size_is_the_published_one(name):
    record = SYSTEMS[name]
    network = build_on_meta(name)
    assert sum(p.numel() for p in network.parameters()) == record.params
    clips = torch.empty(1, record.frames, 3, record.size, record.size, device="meta")
    assert count_gmacs(network, clips) == pytest.approx(record.gmacs, abs=0.005)


def test_names_and_shapes_are_the_official_ones():
    state = build_on_meta().state_dict()
    assert {name: tuple(state[name].shape) for name in OFFICIAL} == OFFICIAL
    single = build_on_meta(relation="single").state_dict()
    assert tuple(single["consensus.classifier.1.weight"].shape) == (512, 8 * 256)
    assert tuple(single["consensus.classifier.3.weight"].shape) == (174, 512)


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("relation", ["multiscale", "single"])
@pytest.mark.parametrize("name", ["trn-bninception", "trn-r50"])
def test_its_own_state_is_recognised_with_its_frames(name, relation, prefix):
    own = build_on_meta(name, num_classes=5, num_frames=4, relation=relation).state_dict()
    found = recognise({prefix + name: tensor for name, tensor in own.items()})
    assert found is not None
    assert (found.spec.name, found.spec.num_frames, found.spec.num_classes) == (name, 4, 5)
    assert found.spec.chosen["relation"] == relation
    assert found.layout == "TRN-pytorch"
    assert found.state.keys() == own.keys()
    assert any("random" in note for note in found.notes) == (relation == "multiscale")


def test_mmaction2s_names_are_renamed():
    own = build_on_meta("trn-r50", num_classes=5).state_dict()
    theirs = {name_as_mmaction2(name): tensor for name, tensor in own.items()}
    assert tuple(theirs["backbone.conv1.conv.weight"].shape) == (64, 3, 7, 7)
    assert tuple(theirs["backbone.layer2.0.downsample.bn.running_var"].shape) == (512,)
    assert tuple(theirs["cls_head.consensus.fc_fusion_scales.6.3.weight"].shape) == (5, 256)
    found = recognise(theirs)
    assert found is not None
    assert (found.spec.name, found.spec.num_classes, found.layout) == ("trn-r50", 5, "MMAction2")
    assert found.state.keys() == own.keys()
    assert all(found.state[name] is own[name] for name in own)


def name_as_mmaction2(name: str) -> str:
    if name.startswith("consensus."):
        return f"cls_head.{name}"
    if name.startswith("new_fc."):
        return name.replace("new_fc", "cls_head.fc_cls")
    *path, layer, part = name.replace("base_model.", "").replace("downsample.", "downsample").split(".")
    kind, place = layer[:-1].replace("bn", "conv"), layer[-1]
    if kind == "downsample":
        layer = "downsample.conv" if place == "0" else "downsample.bn"
    else:
        layer = f"{kind}{place}.{'bn' if layer.startswith('bn') else 'conv'}"
    return ".".join(["backbone", *path, layer, part])


def test_a_head_over_other_frames_is_left_alone():
    own = dict(build_on_meta(num_classes=5, num_frames=4).state_dict())
    own["consensus.fc_fusion_scales.2.1.weight"] = torch.zeros(256, 3 * 256)
    assert recognise(own) is None
    assert recognise({name: t for name, t in own.items() if not name.startswith("consensus")}) is None


def test_tuples_are_ordered_spread_and_at_most_three():
    for scale in range(2, 9):
        chosen = choose_tuples(8, scale)
        assert len(chosen) == min(3, len(choose_tuples(8, scale, every=True)))
        assert all(frames == sorted(set(frames)) and len(frames) == scale for frames in chosen)
        assert len({tuple(frames) for frames in chosen}) == len(chosen)
    assert choose_tuples(8, 8) == [list(range(8))]
    assert len({frame for frames in choose_tuples(8, 2) for frame in frames}) >= 5


def test_all_tuples_give_the_mean_over_every_draw_of_three():
    features = torch.randn(2, 4, 256, generator=torch.Generator().manual_seed(0))
    head = MultiScaleRelations(4, 6, every=True)
    state = {f"consensus.{name}": tensor.detach() for name, tensor in head.state_dict().items()}
    triples, pairs = (list(itertools.combinations(range(4), scale)) for scale in (3, 2))
    draws = [
        relate(state, features.double(), {4: [(0, 1, 2, 3)], 3: list(three), 2: list(two)})
        for three in itertools.combinations(triples, 3)
        for two in itertools.combinations(pairs, 3)
    ]
    assert relative(head(features).detach(), torch.stack(draws).mean(0)) < 1e-5


def test_logits_equal_a_second_derivation_and_move_with_the_clip_and_its_order():
    clips = torch.randn(2, 4, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 60
    network = build(SystemSpec.from_name("trn-bninception", num_classes=7, num_frames=4))
    state = draw_lively(network, clips)
    with torch.no_grad():
        logits, backwards = network(clips), network(clips.flip(1))
    # Of four triples (012 013 023 123) and six pairs (01 02 03 12 13 23), as the docstring says.
    tuples: Tuples = {4: [(0, 1, 2, 3)], 3: [(0, 1, 2), (0, 2, 3), (1, 2, 3)], 2: [(0, 2), (1, 2), (2, 3)]}
    assert relative(logits, relate(state, frame_features(state, clips), tuples)) < 1e-4
    assert spread(logits) > 0.1
    assert relative(backwards, logits.double()) > 0.1


def test_the_frames_network_may_be_torchvisions_resnet():
    clips = torch.randn(2, 3, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    network = build(SystemSpec.from_name("trn-r50", num_classes=7, num_frames=3))
    state = draw_lively(network, clips)
    frames = torchvision.models.resnet50().eval()
    frames.fc = nn.Identity()
    frames.load_state_dict({n.removeprefix("base_model."): t for n, t in state.items() if "base_" in n})
    with torch.no_grad():
        logits = network(clips)
        features = frames(clips.flatten(0, 1)) @ state["new_fc.weight"].T + state["new_fc.bias"]
    tuples: Tuples = {3: [(0, 1, 2)], 2: [(0, 1), (0, 2), (1, 2)]}
    assert relative(logits, relate(state, features.double().view(2, 3, 256), tuples)) < 1e-4
    assert spread(logits) > 0.1


def test_the_single_scale_reads_all_frames_at_once():
    network = build(SystemSpec.from_name("trn-bninception", num_classes=7, num_frames=3, relation="single"))
    clips = torch.randn(2, 3, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * 60
    state = draw_lively(network, clips)
    row = frame_features(state, clips).flatten(1).clamp(min=0)
    hidden = row @ state["consensus.classifier.1.weight"].double().T + state["consensus.classifier.1.bias"]
    truth = hidden.clamp(min=0) @ state["consensus.classifier.3.weight"].double().T
    with torch.no_grad():
        assert relative(network(clips), truth + state["consensus.classifier.3.bias"]) < 1e-4


def test_another_number_of_frames_is_refused():
    with pytest.raises(SpecError, match="8 frames, as many as TRN's head reads"):
        build_on_meta()(torch.empty(1, 6, 3, 64, 64, device="meta"))
    with pytest.raises(SpecError, match="2 frames or more"):
        build_on_meta(num_frames=1)


@pytest.mark.parametrize("settings", [{"relation": "double"}, {"tuples": "four"}])
def test_settings_that_there_are_not_are_refused(settings):
    with pytest.raises(SpecError, match="choose one of them"):
        build_on_meta(**settings)
