"""What every network promises: shapes, independence, layout, and where it runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from gst_analysis.errors import SpecError
from gst_analysis.networks.families import runnable_families
from gst_analysis.networks.network import VideoNetwork, average_frames
from gst_analysis.networks.operators import Interleaved, KernelWeight
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ModelSpec, model_names
from gst_analysis.networks.undrawn import shapes_alone
from tests.conftest import mark_slow
from tests.networks.agreement import draw_clips, draw_weights, relative
from tests.reference import build_reference

SMALL = [f"{family}-resnet26s" for family in runnable_families()]
SMALL += ["gst-resnet18", "c2d-mobilenetv2", "tsm-mobilenetv2", "sth-mobilenetv2"]


def build_small(name: str) -> VideoNetwork:
    network = build_model(ModelSpec.from_name(name, width=16, num_classes=5)).eval()
    draw_weights(network)
    return network


@pytest.mark.parametrize(("frames", "size"), [(1, (32, 32)), (2, (33, 33)), (5, (75, 49)), (1, (49, 75))])
@pytest.mark.parametrize("name", SMALL)
def test_any_length_and_odd_sizes(name: str, size: tuple[int, int], frames: int) -> None:
    with torch.inference_mode():
        logits = build_small(name)(draw_clips(2, frames, *size))
    assert logits.shape == (2, frames, 5)
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize(
    "shape",
    [(3, 64, 64), (2, 3, 64, 64), (1, 8, 3, 31, 64), (1, 8, 3, 64, 31), (1, 3, 8, 64, 64), (1, 0, 3, 64, 64)],
)
@pytest.mark.parametrize("name", ["gst-resnet18", "sth-mobilenetv2"])
def test_what_is_no_clip_is_refused(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(SpecError, match=r"expected a tensor \(N, T, 3, H, W\)") as caught:
        build_small(name)(torch.zeros(shape))
    assert str(shape) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_averaging_frames_is_a_step_of_its_own() -> None:
    logits = torch.randn(3, 8, 5)
    torch.testing.assert_close(average_frames(logits), sum(logits[:, t] for t in range(8)) / 8)


@pytest.mark.parametrize("name", SMALL)
def test_a_clip_does_not_see_its_batch(name: str) -> None:
    network, clips = build_small(name), draw_clips(3, 4, 40)
    with torch.inference_mode():
        together = network(clips)
        alone = torch.cat([network(clip[None]) for clip in clips])
    assert relative(together, alone) < 1e-5


def test_c2d_sees_frames_one_by_one() -> None:
    network, clips = build_small("c2d-resnet26s"), draw_clips(1, 6, 40)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    with torch.inference_mode():
        assert relative(network(clips[:, order]), network(clips)[:, order]) < 1e-5


@pytest.mark.parametrize("name", [name for name in SMALL if not name.startswith("c2d")])
def test_every_other_family_sees_the_order(name: str) -> None:
    network, clips = build_small(name), draw_clips(1, 6, 40)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    with torch.inference_mode():
        assert relative(network(clips[:, order]), network(clips)[:, order]) > 1e-3


@pytest.mark.parametrize("name", ["tsm-resnet101", "tsm-resnet152"])
def test_deep_tsm_shifts_every_second_block(name: str) -> None:
    """As the TSM repository does where the third stage has 23 blocks or more."""
    with shapes_alone():
        network = build_model(ModelSpec.from_name(name))
    shifted = {block for block, module in network.stages() if module.share}
    assert shifted == {block for block, _ in network.stages() if int(block.rpartition(".")[2]) % 2 == 0}
    assert {module.share for _, module in network.stages()} == {0, 8}


@pytest.mark.parametrize("name", ["tsm-resnet18", "tsm-resnet34", "tsm-resnet50"])
def test_shallower_tsm_shifts_every_block(name: str) -> None:
    with shapes_alone():
        network = build_model(ModelSpec.from_name(name))
    assert {module.share for _, module in network.stages()} == {8}


def watched(network: VideoNetwork) -> dict[str, nn.Module]:
    """Convolutions, batch norms, operators and blocks; not the kernels that STH slices itself."""
    kinds = (nn.Conv2d, nn.BatchNorm2d, Interleaved, KernelWeight)
    within = {
        part for module in network.modules() if isinstance(module, Interleaved) for part in module.children()
    }
    leaves = {name: module for name, module in network.named_modules() if isinstance(module, kinds)}
    return {name: module for name, module in leaves.items() if module not in within} | dict(network.stages())


@pytest.mark.parametrize("name", SMALL)
def test_everything_between_stays_channels_last(name: str) -> None:
    """A convolution that gets another layout converts it silently and slowly."""
    network = build_small(name)
    modules = watched(network)
    names = {module: name for name, module in modules.items()}
    kept: dict[str, bool] = {}

    def look(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        kept[names[module]] = output.is_contiguous(memory_format=torch.channels_last)

    handles = [module.register_forward_hook(look) for module in modules.values()]
    with torch.inference_mode():
        network(draw_clips(2, 3, 64))
    for handle in handles:
        handle.remove()
    assert kept.keys() == modules.keys()
    assert [name for name, dense in kept.items() if not dense] == []


COSTED = [
    name
    for name in model_names()
    if name.endswith(("resnet18", "resnet26s", "resnet50", "mobilenetv2"))
    and not name.startswith("sth-resnet")
]


def count_flops(network: nn.Module, clips: Tensor) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(clips)
    return counter.get_total_flops()


@pytest.mark.parametrize("name", mark_slow(COSTED, ("resnet50",)))
def test_the_compute_form_costs_what_the_3d_form_costs(name: str) -> None:
    """On the meta device; not sth in a ResNet, whose reference multiplies by the zeros of a dense kernel."""
    spec = ModelSpec.from_name(name, num_classes=10)
    with shapes_alone():
        product = build_model(spec)
        reference = build_reference(spec.family, spec.backbone, width=spec.stem_width, classes=10)
        clips = torch.empty(1, 4, 3, 75, 49)
    assert count_flops(product, clips) == count_flops(reference, clips)


@pytest.mark.parametrize("name", ["gst-resnet26s", "c3d-g2-resnet26s", "sth-resnet26s", "tsm-mobilenetv2"])
def test_bf16_autocast_follows_fp32(name: str) -> None:
    network, clips = build_small(name), draw_clips(1, 4, 64)
    with torch.inference_mode():
        exact = network(clips)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rough = network(clips)
        halved = network.bfloat16()(clips.bfloat16())
    assert rough.dtype == halved.dtype == torch.bfloat16
    assert relative(rough, exact) < 0.2
    assert relative(halved, exact) < 0.2


@pytest.fixture
def _forgotten_graphs() -> Iterator[None]:
    """The compiler counts the graphs of a function over all tests, and gives up at eight."""
    torch.compiler.reset()
    yield
    torch.compiler.reset()


@pytest.mark.usefixtures("_forgotten_graphs")
@pytest.mark.parametrize(
    "family", mark_slow(["gst", "c3d-g2", "p3d", "sth", "tsm"], ("c3d-g2", "p3d", "tsm"))
)
def test_a_block_compiles_without_graph_breaks(family: str) -> None:
    block = build_small(f"{family}-resnet26s").get_submodule("layer2.0")
    compiled = torch.compile(block, backend="aot_eager", fullgraph=True)
    x = torch.randn(2 * 3, 64, 8, 8).contiguous(memory_format=torch.channels_last)
    assert relative(compiled(x, 3), block(x, 3)) < 1e-5
    compiled(x, 3).sum().backward()
    assert all(parameter.grad is not None for parameter in block.parameters())


@pytest.mark.slow
@pytest.mark.usefixtures("_forgotten_graphs")
@pytest.mark.parametrize("name", SMALL)
def test_a_network_compiles_without_graph_breaks(name: str) -> None:
    network, clips = build_small(name), draw_clips(1, 3, 32)
    compiled = torch.compile(network, backend="aot_eager", fullgraph=True)
    with torch.no_grad():
        assert relative(compiled(clips), network(clips)) < 1e-5


def test_weights_survive_a_round_trip_in_training() -> None:
    """No weight is cached: a step, a load and a cast are all seen by the next forward pass."""
    network, clips = build_small("gst-resnet26s"), draw_clips(1, 3, 32)
    before = network(clips).detach()
    kept = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    network(clips).square().sum().backward()
    optimizer.step()
    assert relative(network(clips), before) > 1e-3
    network.load_state_dict(kept)
    assert relative(network(clips), before) < 1e-6
    assert relative(network.double()(clips.double()), before) < 1e-5


def test_dropout_is_in_the_head_and_only_in_training() -> None:
    network = build_model(ModelSpec.from_name("gst-resnet26s", width=16, num_classes=5), dropout=0.5)
    draw_weights(network)
    clips = draw_clips(2, 2, 32)
    with torch.no_grad():
        assert not torch.equal(network.train()(clips), network(clips))
        assert torch.equal(network.eval()(clips), network(clips))
