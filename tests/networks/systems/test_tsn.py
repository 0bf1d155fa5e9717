"""TSN on BN-Inception: counts, names, and the same logits by other means."""

from __future__ import annotations

import pytest
import torch

from gst_analysis.networks.systems import SYSTEMS, SystemSpec
from gst_analysis.networks.systems.bn_inception import BNInception
from gst_analysis.networks.systems.tsn import build, recognise
from gst_analysis.networks.undrawn import shapes_alone
from tests.networks.agreement import relative
from tests.networks.systems.inception import FrameFunctions, count_gmacs, draw_lively, spread

NAME = "tsn-bninception"
OFFICIAL = {
    "base_model.conv1_7x7_s2.weight": (64, 3, 7, 7),
    "base_model.conv1_7x7_s2.bias": (64,),
    "base_model.conv2_3x3_reduce_bn.running_mean": (64,),
    "base_model.inception_3a_1x1.weight": (64, 192, 1, 1),
    "base_model.inception_3c_double_3x3_2_bn.weight": (96,),
    "base_model.inception_4e_3x3.weight": (192, 128, 3, 3),
    "base_model.inception_5b_pool_proj.weight": (128, 1024, 1, 1),
    "new_fc.weight": (174, 1024),
}


def build_on_meta(**settings):
    with shapes_alone():
        return build(SystemSpec.from_name(NAME, **settings)).eval()


def test_the_size_is_the_published_one():
    record = SYSTEMS[NAME]
    network, caffe = build_on_meta(), build_on_meta(num_classes=1000)
    assert sum(p.numel() for p in network.parameters()) == record.params
    assert sum(p.numel() for p in caffe.parameters()) == 11_295_240
    clips = torch.empty(1, record.frames, 3, record.size, record.size, device="meta")
    assert count_gmacs(network, clips) == pytest.approx(record.gmacs, abs=0.005)


def test_names_and_shapes_are_the_official_ones():
    state = build_on_meta().state_dict()
    assert {name: tuple(state[name].shape) for name in OFFICIAL} == OFFICIAL
    assert len(state) == 69 * 7 + 2  # 69 convolutions (w, b) with their norms (5), and the head


@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod."])
def test_its_own_state_is_recognised(prefix):
    state = {prefix + name: tensor for name, tensor in build_on_meta(num_classes=5).state_dict().items()}
    found = recognise(state)
    assert found is not None
    assert (found.spec.name, found.spec.num_classes, found.layout) == (NAME, 5, "tsn-pytorch")
    assert found.state.keys() == build_on_meta().state_dict().keys()


def test_imagenet_weights_with_statistics_as_caffe_has_them_are_recognised():
    network = BNInception()
    state = {n: t[None] if n.endswith(("_bn.weight", "mean")) else t for n, t in network.state_dict().items()}
    state = {n: t for n, t in state.items() if not n.endswith("num_batches_tracked")}
    head = {"fc.weight": torch.zeros(1000, 1024), "fc.bias": torch.zeros(1000)}
    found = recognise(state | head)
    assert found is not None
    assert (found.layout, found.spec.num_classes) == ("BN-Inception", 1000)
    build(found.spec).load_state_dict(dict(found.state))


@pytest.mark.parametrize("change", ["less", "more", "another shape"])
def test_what_only_resembles_it_is_left_alone(change):
    state = build_on_meta().state_dict()
    if change == "less":
        del state["base_model.inception_4c_3x3.bias"]
    elif change == "more":
        state["consensus.classifier.1.weight"] = torch.zeros(1)
    else:
        state["base_model.conv1_7x7_s2.weight"] = torch.zeros(64, 12, 7, 7)  # stacks of six fields of flow
    assert recognise(state) is None


def test_logits_equal_a_second_derivation_and_move_with_the_clip():
    clips = torch.randn(2, 2, 3, 70, 65, generator=torch.Generator().manual_seed(1)) * 60
    network = build(SystemSpec.from_name(NAME, num_classes=7))
    state = draw_lively(network, clips)
    with torch.no_grad():
        logits = network(clips)
    head = {name: tensor.double() for name, tensor in state.items() if name.startswith("new_fc")}
    truth = FrameFunctions(state).features(clips.flatten(0, 1).double())
    truth = truth @ head["new_fc.weight"].T + head["new_fc.bias"]
    assert relative(logits.flatten(0, 1), truth) < 1e-4
    assert spread(logits.flatten(0, 1)) > 0.1
    with torch.no_grad():  # a frame knows nothing of the others
        assert torch.allclose(network(clips.flip(1)), logits.flip(1), atol=1e-5)
