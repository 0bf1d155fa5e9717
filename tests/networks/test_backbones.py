"""The backbones are torchvision's, tensor for tensor."""

from __future__ import annotations

import itertools

import pytest
import torch
import torchvision

from gst_analysis.networks.backbones import BACKBONES, feature_width, walk_blocks
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.networks.undrawn import shapes_alone
from tests.networks.agreement import relative

TORCHVISION = {name: plan.torchvision for name, plan in BACKBONES.items() if plan.torchvision}


def test_all_but_our_small_one_are_torchvisions() -> None:
    assert set(BACKBONES) - set(TORCHVISION) == {"resnet26s"}


@pytest.mark.parametrize("backbone", TORCHVISION)
def test_shapes_are_torchvisions(backbone: str) -> None:
    """C2D: the same tensors in the same order, MobileNetV2 under other names."""
    with shapes_alone():
        theirs = torchvision.models.get_model(TORCHVISION[backbone], weights=None).state_dict()
        ours = build_model(ModelSpec("c2d", backbone, num_classes=1000)).state_dict()
    assert sorted(tuple(t.shape) for t in ours.values()) == sorted(tuple(t.shape) for t in theirs.values())
    if backbone == "mobilenetv2":
        return
    plain = {name.replace(".spatial.weight", ".weight"): tuple(t.shape) for name, t in ours.items()}
    assert plain == {name: tuple(t.shape) for name, t in theirs.items()}


@pytest.mark.parametrize("backbone", TORCHVISION)
def test_the_network_computes_what_torchvisions_does(backbone: str) -> None:
    """One frame of C2D through weights matched by order: strides and activations, not only shapes."""
    torch.manual_seed(0)
    theirs = torchvision.models.get_model(TORCHVISION[backbone], weights=None).eval()
    ours = build_model(ModelSpec("c2d", backbone, num_classes=1000)).eval()
    if backbone == "mobilenetv2":
        state = dict(zip(ours.state_dict(), theirs.state_dict().values(), strict=True))
    else:
        source = theirs.state_dict()
        state = {name: source[name.replace(".spatial.weight", ".weight")] for name in ours.state_dict()}
    ours.load_state_dict(state)
    image = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        assert relative(ours(image[:, None])[:, 0], theirs(image)) < 1e-5


def test_the_small_one_is_a_narrow_26_layer_bottleneck() -> None:
    plan = BACKBONES["resnet26s"]
    blocks = list(walk_blocks(plan, plan.width))
    assert plan.kind == "bottleneck"
    assert [block.name for block in blocks] == [f"layer{s}.{i}" for s in range(1, 5) for i in range(2)]
    assert [block.hidden for block in blocks] == [32, 32, 64, 64, 128, 128, 256, 256]
    assert 2 + 3 * len(blocks) == 26
    assert feature_width(plan, plan.width) == 1024


@pytest.mark.parametrize("backbone", BACKBONES)
@pytest.mark.parametrize("scale", [1, 2])
def test_blocks_follow_one_another(backbone: str, scale: int) -> None:
    plan = BACKBONES[backbone]
    width = plan.width * scale
    blocks = list(walk_blocks(plan, width))
    assert blocks[0].c_in == width
    for before, after in itertools.pairwise(blocks):
        assert before.c_out == after.c_in
    for block in blocks:
        assert block.projects == (
            block.kind != "inverted" and (block.stride > 1 or block.c_in != block.c_out)
        )
        assert {site.stride for site in block.sites} >= {block.stride}
