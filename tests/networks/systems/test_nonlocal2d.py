"""Non-local blocks of TSM's code and of MMAction2: counts, names, and a plain twin over whole clips."""

from __future__ import annotations

import re
from functools import partial

import pytest
import torch
import torchvision
from torch import Tensor
from torch.nn import functional as F

from gst_analysis.networks.systems import SystemSpec, nonlocal2d
from gst_analysis.networks.undrawn import shapes_alone
from tests.checkpoints import foreign
from tests.networks.agreement import draw_weights, relative
from tests.networks.systems import frames
from tests.networks.systems.frames import State

TSM_KEYS = (
    "base_model.layer1.0.conv1.net.weight",
    "base_model.layer2.0.block.conv1.net.weight",
    "base_model.layer2.0.block.downsample.0.weight",
    "base_model.layer2.0.nl.g.0.bias",
    "base_model.layer2.0.nl.theta.weight",
    "base_model.layer2.0.nl.phi.0.weight",
    "base_model.layer2.0.nl.W.0.bias",
    "base_model.layer3.4.nl.W.1.running_var",
    "new_fc.weight",
)
MMACTION2_KEYS = (
    "backbone.conv1.conv.weight",
    "backbone.conv1.bn.running_mean",
    "backbone.layer1.0.conv1.conv.net.weight",
    "backbone.layer1.0.downsample.conv.weight",
    "backbone.layer2.0.block.conv1.conv.net.weight",
    "backbone.layer2.0.block.conv1.bn.weight",
    "backbone.layer2.0.non_local_block.g.0.conv.bias",
    "backbone.layer2.0.non_local_block.theta.conv.weight",
    "backbone.layer2.0.non_local_block.conv_out.conv.weight",
    "backbone.layer2.0.non_local_block.conv_out.bn.weight",
    "cls_head.fc_cls.weight",
)


def deepen(state: State) -> State:
    """Non-local weights with the axis of time that clips need and frames do not."""
    return {n: t.unsqueeze(2) if ".nl." in n and t.ndim == 4 else t for n, t in state.items()}


def as_mmaction2(state: State) -> State:
    out = {}
    for name, tensor in deepen(state).items():
        name = name.replace("fc.", "cls_head.fc_cls.") if name.startswith("fc.") else f"backbone.{name}"
        name = re.sub(r"\.bn(\d)\.", r".conv\1.bn.", name)
        name = re.sub(r"\.conv(\d)\.(net|weight)", r".conv\1.conv.\2", name)
        name = name.replace(".downsample.0.", ".downsample.conv.").replace(
            ".downsample.1.", ".downsample.bn."
        )
        name = re.sub(r"\.nl\.(g\.0|g|theta|phi\.0|phi)\.", r".non_local_block.\1.conv.", name)
        name = name.replace(".nl.W.0.", ".non_local_block.conv_out.conv.")
        out[name.replace(".nl.W.1.", ".non_local_block.conv_out.bn.")] = tensor
    return out


def run_block(
    state: State, name: str, x: Tensor, stride: int, *, shift: bool, pairwise: str, subsample: bool
) -> Tensor:
    inner = f"{name}.block" if f"{name}.nl.W.0.weight" in state else name
    moved = x
    if shift:
        fold = x.shape[1] // 8
        later = F.pad(x, (0, 0, 0, 0, 0, 1))[:, :fold, 1:]
        earlier = F.pad(x, (0, 0, 0, 0, 1, 0))[:, fold : 2 * fold, :-1]
        moved = torch.cat([later, earlier, x[:, 2 * fold :]], 1)
    y = frames.convolve(state, f"{inner}.conv1.net" if shift else f"{inner}.conv1", moved)
    y = frames.normalise(state, f"{inner}.bn1", y).relu()
    y = frames.run_rest(state, inner, y, x, stride)
    return y if inner == name else read_all(state, f"{name}.nl", y, pairwise=pairwise, subsample=subsample)


def read_all(state: State, name: str, x: Tensor, *, pairwise: str, subsample: bool) -> Tensor:
    """One place after another asks all places."""

    def pool(y: Tensor) -> Tensor:
        return F.max_pool3d(y, (1, 2, 2)) if subsample else y

    behind = ".0" if subsample else ""
    value = pool(frames.convolve(state, f"{name}.g{behind}", x)).flatten(2)  # (N, C/2, P)
    query, key = x, pool(x)
    if pairwise != "gaussian":
        query = frames.convolve(state, f"{name}.theta", x)
        key = pool(frames.convolve(state, f"{name}.phi{behind}", x))
    alike = torch.einsum("ncq,ncp->nqp", query.flatten(2), key.flatten(2))
    alike = alike / key.flatten(2).shape[2] if pairwise == "dot" else F.softmax(alike, 2)
    seen = torch.einsum("nqp,ncp->ncq", alike, value).view(value.shape[:2] + x.shape[2:])
    return x + frames.normalise(state, f"{name}.W.1", frames.convolve(state, f"{name}.W.0", seen))


@pytest.mark.parametrize("name", ["tsm-nl-r50", "c2d-nl-r50"])
def test_counts(name: str) -> None:
    spec = SystemSpec.from_name(name)
    params, gmacs = frames.count_again(nonlocal2d, spec)
    assert (params, round(gmacs, 2)) == (spec.record.params, spec.record.gmacs) == (31_686_096, 61.1)


@pytest.mark.parametrize(
    ("pairwise", "millions", "gmacs"), [("embedded", 31.68, 61.1), ("gaussian", 28.0, 58.9)]
)
def test_counts_of_mmaction2(pairwise: str, millions: float, gmacs: float) -> None:
    """It prints 31.68M and 28.00M; its 61.30 and 59.06 G count norms, biases and pooling, 0.2 G, too."""
    found = frames.count_again(nonlocal2d, SystemSpec.from_name("tsm-nl-r50", bias=False, pairwise=pairwise))
    assert found[0] / 1e6 == pytest.approx(millions, abs=0.01)
    assert found[1] == pytest.approx(gmacs, abs=0.05)


VARIANTS: list[tuple[str, dict[str, object]]] = [
    ("tsm-nl-r50", {}),
    ("c2d-nl-r50", {}),
    ("tsm-nl-r50", {"bias": False}),
    ("tsm-nl-r50", {"bias": False, "pairwise": "gaussian"}),
    ("c2d-nl-r50", {"subsample": False}),
]


@pytest.mark.parametrize("name", ["tsm-nl-r50", pytest.param("c2d-nl-r50", marks=pytest.mark.slow)])
def test_a_plain_twin_agrees(name: str) -> None:
    spec = SystemSpec.from_name(name, num_classes=5)
    network = frames.build_drawn(nonlocal2d, spec)
    shift = bool(spec.chosen["shift"])
    block = partial(run_block, shift=shift, pairwise="embedded", subsample=True)
    # Non-local blocks do not know which frame came first: without the shift nothing does.
    frames.check_agreement(
        network, partial(frames.run_plain, run_block=block), frames.draw_clips(3), ordered=shift
    )
    own = dict(network.state_dict())
    for theirs in (own, frames.as_official(deepen(own)), as_mmaction2(own)):
        frames.check_renaming(nonlocal2d, network, theirs)


@pytest.mark.parametrize("pairwise", ["embedded", "dot", "gaussian"])
@pytest.mark.parametrize("subsample", [True, False])
def test_one_block_of_every_kind(pairwise: str, *, subsample: bool) -> None:
    block = nonlocal2d.NonLocal(8, pairwise=pairwise, subsample=subsample, bias=subsample).double().eval()
    draw_weights(block)
    x = torch.randn(2, 8, 3, 5, 4, dtype=torch.float64)
    state = {f"nl.{name}": tensor for name, tensor in block.state_dict().items()}
    with torch.no_grad():
        own = block(x.transpose(1, 2).flatten(0, 1), 3).unflatten(0, (2, 3)).transpose(1, 2)
        truth = read_all(state, "nl", x, pairwise=pairwise, subsample=subsample)
    assert relative(own - x, truth - x) < 1e-12


@pytest.mark.parametrize(("name", "settings"), VARIANTS)
def test_every_kind_is_known_by_its_names(name: str, settings: dict[str, object]) -> None:
    spec = SystemSpec.from_name(name, num_classes=5, **settings)
    with shapes_alone():
        own = dict(nonlocal2d.build(spec).state_dict())
    for theirs in (own, frames.as_official(deepen(own)), as_mmaction2(own)):
        found = nonlocal2d.recognise(theirs)
        assert found is not None
        assert found.spec == spec
        assert {n: t.shape for n, t in found.state.items()} == {n: t.shape for n, t in own.items()}
    assert found is not None
    assert found.layout == "MMAction2"
    assert any("dot product" in note for note in found.notes) is (settings.get("pairwise") != "gaussian")


def test_names_are_those_of_the_releases() -> None:
    with shapes_alone():
        own = dict(nonlocal2d.build(SystemSpec.from_name("tsm-nl-r50")).state_dict())
    assert set(TSM_KEYS) <= set(frames.as_official(own))
    assert set(MMACTION2_KEYS) <= set(as_mmaction2(own))
    assert set(frames.as_official(own)) == set(foreign.tsm(nonlocal_=True, planes=8, module=False))


def test_others_are_left_alone() -> None:
    with shapes_alone():
        assert nonlocal2d.recognise(torchvision.models.resnet50().state_dict()) is None
    assert nonlocal2d.recognise(foreign.tsm(planes=8, module=False)) is None
    assert nonlocal2d.recognise(foreign.tsm(nonlocal_=True, planes=8, module=False)) is None  # not as wide
