"""Networks that nobody described, folded: they say what they said, and what would not is left as it was."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.checkpoints.adopting import adopt
from gst_analysis.checkpoints.checking import PASSED, check_network
from gst_analysis.checkpoints.loaded import Network
from gst_analysis.inference.measuring import measure_frame_logits
from gst_analysis.inference.settings import InferenceSettings
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.folding import count_norms, fold_norms
from gst_analysis.networks.registry import build_model, spec_from_name
from gst_analysis.networks.systems import SYSTEMS
from tests.conftest import build_small
from tests.inference.fakes import record, write_greys
from tests.networks.agreement import draw_weights
from tests.networks.brought import CLASSES, FRAMES, NETWORKS, SIZE, ByFrame, bring

CLIP = ClipSpec(frames=FRAMES, resize=SIZE, crop=SIZE)


def draw_clips(frames: int = FRAMES, size: int = SIZE) -> Tensor:
    return torch.randn(2, frames, 3, size, size, generator=torch.Generator().manual_seed(5))


def measure_change(network: nn.Module, clips: Tensor) -> float:
    with torch.no_grad():
        before, after = network(clips), fold_norms(network)(clips)
    return float((after - before).abs().max() / before.abs().max())


@pytest.mark.parametrize("name", NETWORKS)
def test_norms_of_brought_networks_are_folded(name: str) -> None:
    module = bring(name).module
    norms = {"three-d": 6, "pooled": 6, "by-frame": 2, "pathways": 4}
    assert count_norms(module) == norms.get(name, 0)
    assert count_norms(fold_norms(module)) == 0
    assert measure_change(module, draw_clips()) < 1e-5


@pytest.mark.parametrize(
    "name",
    [
        "p3d-resnet18",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in ("gst-resnet26s", "sth-resnet26s", "tsm-mobilenetv2")
        ),
    ],
)
def test_a_design_that_was_brought_is_folded_as_the_design_is(name: str) -> None:
    module = build_small(name)
    network = adopt(module, clip_spec=CLIP)
    assert count_norms(fold_norms(network.module)) == 0
    assert measure_change(network.module, draw_clips()) < 1e-5
    state = fold_norms(network.module).state_dict()
    torch.testing.assert_close(state, fold_norms(module).state_dict())


class Awkward(ByFrame):
    """A network by frame with one more convolution and norm, used in a way that may not be folded."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)
        self.norm = nn.BatchNorm2d(3)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(torch.unflatten(self.use(x.flatten(0, 1)), 0, x.shape[:2]))

    def use(self, x: Tensor) -> Tensor:
        raise NotImplementedError


class ReadTwice(Awkward):
    def use(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        return self.norm(y) + 0.1 * y


class ReadThroughAView(Awkward):
    def use(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        return self.norm(y) * y.flatten(2).mean(2)[:, :, None, None]


class CalledTwice(Awkward):
    def use(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x)) + self.conv(0.5 * x)


class NormOfTwo(Awkward):
    def use(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x)) + self.norm(x)


class Standardised(nn.Conv2d):
    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight / self.weight.flatten(1).std(1)[:, None, None, None]
        return F.conv2d(x, weight, self.bias, padding=1)


class OwnConvolution(Awkward):
    """Seen in no shape: its weights are not what it convolves with."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = Standardised(3, 3, 3)

    def use(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))


class AskedByName(Awkward):
    def use(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x)) * self.norm.weight.mean()


class UsedElsewhere(Awkward):
    def use(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x)) + F.conv2d(x, self.conv.weight, padding=1)


class Parametrised(Awkward):
    def __init__(self) -> None:
        super().__init__()
        nn.utils.parametrizations.weight_norm(self.conv)

    def use(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))


def adopt_drawn(module: nn.Module) -> Network:
    torch.manual_seed(0)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias, 0, 0.3)
            nn.init.uniform_(part.running_var, 0.5, 2.0)  # type: ignore[arg-type] # it keeps statistics
    return adopt(module.eval(), clip_spec=CLIP)


@pytest.mark.parametrize(
    "kind",
    [
        ReadTwice,
        ReadThroughAView,
        CalledTwice,
        NormOfTwo,
        OwnConvolution,
        AskedByName,
        UsedElsewhere,
        Parametrised,
    ],
)
def test_what_may_not_be_folded_stays_and_the_rest_is_folded(kind: type[Awkward]) -> None:
    network = adopt_drawn(kind())
    folded = fold_norms(network.module)
    assert [name for name, part in folded.named_modules() if isinstance(part, nn.BatchNorm2d)] == [
        "inner.norm"
    ]
    assert measure_change(network.module, draw_clips()) < 1e-5


class Looped(Awkward):
    """Every frame by itself: the convolution is called often, and each time the norm alone reads it."""

    def use(self, x: Tensor) -> Tensor:
        return torch.cat([self.norm(self.conv(frame[None])) for frame in x])


def test_a_pair_that_is_called_often_is_folded() -> None:
    network = adopt_drawn(Looped())
    assert count_norms(fold_norms(network.module)) == 0
    assert measure_change(network.module, draw_clips()) < 1e-5
    assert check_network(network)["folding"] == PASSED


def test_a_network_that_never_says_the_same_twice_is_left_alone() -> None:
    class Noisy(ByFrame):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x + torch.randn_like(x, generator=source))

    source = torch.Generator().manual_seed(0)
    Noisy.__deepcopy__ = lambda self, memo: self  # type: ignore[attr-defined] # its source cannot be copied
    module = adopt_drawn(Noisy()).module
    assert count_norms(fold_norms(module)) == count_norms(module) == 2


def test_a_wrong_fold_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The suite holds the folded copy against the network on a clip of its own."""

    def spoil(network: Any) -> nn.Module:
        copied = copy.deepcopy(network)
        copied.inner.head.bias.data += 0.01
        return copied

    monkeypatch.setattr("gst_analysis.checkpoints.checking.fold_norms", spoil)
    assert "moves the logits by" in check_network(bring("three-d"))["folding"]


def test_a_network_that_cannot_be_copied_is_run_itself(tmp_path: Path) -> None:
    class Uncopied(ByFrame):
        def __deepcopy__(self, memo: object) -> Uncopied:
            raise TypeError("not me")

    clips = [record(write_greys(tmp_path / "a", [1, 2, 3]))]
    told = {}
    for kind in (Uncopied, ByFrame):
        torch.manual_seed(0)
        network = adopt(kind().eval(), clip_spec=CLIP)
        logits = measure_frame_logits(network, clips, settings=InferenceSettings(device="cpu"))
        told[kind.__name__] = logits.provenance.settings["folded_norms"], logits.logits
    assert [folded for folded, _ in told.values()] == ["0 of 2", "2 of 2"]
    torch.testing.assert_close(*(torch.from_numpy(rows) for _, rows in told.values()), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SYSTEMS if not name.startswith(("mvit", "swin", "c3d"))])
def test_systems_say_the_same_when_folded(name: str) -> None:
    """Each that has batch norms is folded, though not every norm of each; one without is left as it is."""
    network = build_model(spec_from_name(name, num_classes=CLASSES)).eval()
    draw_weights(network, seed=0)
    with torch.no_grad():
        for key, tensor in network.state_dict().items():
            if "nonlocal" in key and "conv_" in key:
                tensor.mul_(0.3)  # products of products: drawn wider, a dot product overflows
    norms = count_norms(network)
    if not norms:
        assert fold_norms(network).state_dict().keys() == network.state_dict().keys()
        return
    assert count_norms(fold_norms(network)) < 0.6 * norms
    assert measure_change(network, draw_clips(network.spec.num_frames, 64)[:1]) < 1e-3
