"""Networks that somebody brings: what is found out about them, and that they are left as they were."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import gst_analysis as gst
from gst_analysis.checkpoints import adopting
from gst_analysis.checkpoints.adopting import adopt, load_network
from gst_analysis.checkpoints.checking import PASSED, check_network
from gst_analysis.errors import BrokenCheckpoint, SpecError
from gst_analysis.networks import trial_runs
from gst_analysis.networks.anatomy import View
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.trial_runs import TooSlowError
from gst_analysis.networks.viewing import unview_frames, view_frames
from tests.networks.brought import (
    CLASSES,
    FRAMES,
    NETWORKS,
    SIZE,
    ByFrame,
    Separable,
    ThreeD,
    Tokens,
    TwoPathways,
    bring,
)

CLIP = ClipSpec(frames=FRAMES, resize=SIZE, crop=SIZE)


@pytest.mark.parametrize("name", NETWORKS)
def test_what_can_be_found_is_found(name: str) -> None:
    known, network = NETWORKS[name], bring(name)
    assert network.spec.output == known.output
    assert network.spec.num_classes == CLASSES
    assert tuple(place.view.axes for place in network.anatomy.places) == known.axes
    assert network.anatomy.groups == known.groups
    assert network.anatomy.any_length is known.any_length


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_passes_the_suite(name: str) -> None:
    assert {check: told for check, told in check_network(bring(name)).items() if told != PASSED} == {}


def test_the_suite_notices_a_clip_that_its_neighbours_move() -> None:
    class Neighbours(ByFrame):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x) + x.mean()

    network = adopt(Neighbours().eval(), clip_spec=CLIP)
    assert "neighbours" in check_network(network)["one clip at a time or several"]


def test_a_network_of_whole_segments_may_refuse_other_lengths_in_its_own_words() -> None:
    class Segments(ByFrame):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if x.shape[1] % 3:
                raise SpecError("clips", expected="whole segments", found="a part", todo="give 3 frames each")
            return super().forward(x)

    assert check_network(adopt(Segments().eval(), clip_spec=CLIP))["lengths"] == PASSED


def test_the_suite_notices_a_view_with_another_axis_for_time() -> None:
    class Reversed(ByFrame):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x.flip(1)).flip(1)

    network = adopt(Reversed().eval(), clip_spec=CLIP)
    assert "another axis" in check_network(network)["places"]


def test_a_network_is_left_as_it_was_found() -> None:
    module = ThreeD().train()
    module.blocks[1].eval()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    modes = [part.training for part in module.modules()]
    torch.manual_seed(3)
    np.random.seed(3)
    random.seed(3)
    expected = torch.rand(1), np.random.rand(), random.random()
    torch.manual_seed(3)
    np.random.seed(3)
    random.seed(3)
    adopt(module, clip_spec=CLIP, layout="NCTHW")
    assert (torch.rand(1), np.random.rand(), random.random()) == expected
    assert [part.training for part in module.modules()] == modes
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())
    assert not any(part._forward_hooks for part in module.modules())


def test_weights_keep_their_own_names() -> None:
    module = ThreeD()
    network = adopt(module, clip_spec=CLIP, layout="NCTHW")
    assert list(network.module.state_dict()) == list(module.state_dict())
    assert network.module.get_submodule("blocks.0") is module.blocks[0]


@pytest.mark.parametrize(
    "view",
    [
        View("(NT)CHW"),
        View("(NT)HWC"),
        View("NCTHW"),
        View("NTCHW"),
        View("NTHWC"),
        View("N(THW)C", (3, 4, 5), 1),
        View("N(HWT)C", (3, 4, 5)),
        View("(NT)(HW)C", (3, 4, 5)),
    ],
    ids=lambda view: view.axes,
)
def test_a_view_and_its_inverse(view: View) -> None:
    """Write the frame's number into every cell, and find it along the axis of time alone."""
    number = torch.arange(3.0).view(1, 3, 1, 1, 1).expand(2, 3, 7, 4, 5)
    like = torch.full((2, 61, 7), -1.0)
    lying = unview_frames(number, view, like)
    assert torch.equal(view_frames(lying, view, 2), number)
    order = torch.tensor([2, 0, 1])
    moved = unview_frames(number[:, order], view, like)
    assert torch.equal(view_frames(moved, view, 2)[:, :, 0, 0, 0], number[:, order, 0, 0, 0])


class TwoInputs(ThreeD):
    def forward(self, rgb: torch.Tensor, flow: torch.Tensor) -> torch.Tensor:  # type: ignore[override] # it takes two inputs
        return super().forward(rgb + flow)


class Picture(nn.Module):
    """(N, 3, H, W) -> (N, K): a classifier of pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 8, 3), nn.Linear(8, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.conv(x).mean((2, 3)))


class Odd(nn.Module):
    def __init__(self, answer: object) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, x: torch.Tensor) -> object:
        return self.answer


@pytest.mark.parametrize(
    ("module", "told"),
    [
        (nn.Sequential(nn.Conv1d(1, 2, 3), nn.Flatten()), "a module that takes clips of 6 frames"),
        (nn.Conv2d(3, 4, 3), "a module that takes clips of 6 frames"),
        (Odd({"logits_of": 1}), "found a dictionary of logits_of"),
        (Odd(torch.zeros(5)), r"logits \(1, classes\) or \(1, 6, classes\); found \(5,\)"),
        (Odd(None), "found a NoneType"),
        (Picture(), r"found one that takes pictures, \(N, 3, H, W\); wrap it"),
        (
            nn.Sequential(nn.Flatten(), nn.Linear(3 * 224 * 224, CLASSES)),
            r"found one that takes pictures of 224 pixels, \(N, 3, H, W\); wrap it",
        ),
        (ThreeD(), r"found one that takes them as NCTHW; adopt\(module, layout='NCTHW'\)"),
        (TwoInputs(), "found one of 2 inputs: rgb, flow; wrap it in a module of one clip"),
        (TwoPathways(), r"found one that takes a list of 2 inputs; adopt\(module, layout=\[Pathway"),
        (ThreeD().half(), r"weights in float32, as clips are; found float16; adopt\(module.float\(\), …\)"),
        (nn.LazyConv3d(4, 3), "found weight, which is made when it is first run"),
        (nn.Bilinear(2, 2, 2), "found one of 2 inputs: input1, input2"),
        ({"a": 1}, r"a module \(torch.nn.Module\) over clips; found dict"),
    ],
)
def test_what_is_no_network_over_clips_gets_one_clear_line(module: object, told: str) -> None:
    with pytest.raises(SpecError, match=told) as caught:
        adopt(module, clip_spec=CLIP)  # type: ignore[arg-type] # what is refused
    assert "\n" not in str(caught.value)


class WantsValues(ThreeD):
    """A network that cannot be run on shapes alone, and counts how often it is run."""

    runs = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert torch.isfinite(x.sum())
        self.runs += 1
        return super().forward(x)


def test_a_network_of_another_layout_is_not_run_to_find_that_out() -> None:
    class Counted(ThreeD):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            assert x.is_meta or x.shape[1] != 3, "it was run on a clip of the layout that it takes"
            return super().forward(x)

    with pytest.raises(SpecError, match="found one that takes them as NCTHW"):
        adopt(Counted(), clip_spec=CLIP)


def test_a_trial_run_that_takes_too_long_is_given_up_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    module = WantsValues()
    monkeypatch.setattr(adopting, "MOST_SECONDS", -1.0)
    with pytest.raises(TooSlowError, match="a run that had come to its start by then; give fewer frames"):
        adopt(module, clip_spec=CLIP, layout="NCTHW")
    monkeypatch.undo()
    monkeypatch.setattr(trial_runs, "MOST_SECONDS", 1e-9)
    with pytest.raises(TooSlowError, match="a run that had come to"):
        adopt(module, clip_spec=CLIP, layout="NCTHW")
    assert module.runs == 1  # the first look alone came to its end
    assert not any(part._forward_pre_hooks for part in module.modules())


def test_labels_output_places_and_groups_that_do_not_fit_are_refused() -> None:
    refused: tuple[tuple[dict[str, Any], str], ...] = (
        ({"labels": ["one"]}, "labels: expected 4, one a class; found 1"),
        ({"output": "frames"}, "as output='frames' says"),
        ({"output": "rows"}, "output: expected clip or frames; found 'rows'"),
        ({"layout": "TCHW"}, "layout: expected NTCHW or NCTHW, or a Pathway for each of .* found 'TCHW'"),
        ({"layout": [1]}, r"found \[1\]"),
        ({"places": ["blocks.7"]}, "one of the network's modules"),
        ({"groups": {"blocks.0.time_norm": {"loud": slice(0, 4)}}}, "one of spatial, temporal, slow"),
        ({"groups": {"blocks.0.time_norm": {"temporal": slice(0, 9)}}}, "of 8 channels; found slice\\(0, 9"),
        ({"groups": {"blocks.0.time_norm": {"temporal": slice(0, 8, 2)}}}, "a slice of neighbours"),
        ({"groups": {"blocks.0.time_norm": {"temporal": 3}}}, "a slice of neighbours, .* found 3"),
    )
    for wrong, told in refused:
        with pytest.raises(SpecError, match=told):
            adopt(ThreeD(), **{"clip_spec": CLIP, "layout": "NCTHW", **wrong})


def test_of_a_compiled_module_what_was_compiled_is_taken() -> None:
    """Hooks see into it, which a compiled run goes past, and nothing is compiled to find places."""
    module = ThreeD()
    network = adopt(torch.compile(module), clip_spec=CLIP, layout="NCTHW")  # type: ignore[arg-type] # a module
    assert network.module.get_submodule("blocks.0") is module.blocks[0]
    plain = adopt(module, clip_spec=CLIP, layout="NCTHW")
    assert network.anatomy.units == plain.anatomy.units


def test_ends_of_a_group_may_be_left_out() -> None:
    groups = {"blocks.0.time_norm": {"spatial": slice(None, 4), "temporal": slice(4, None)}}
    network = adopt(ThreeD(), clip_spec=CLIP, layout="NCTHW", groups=groups)
    assert [unit.channels for unit in network.anatomy.units] == [slice(0, 4), slice(4, 8)]


def test_places_and_groups_can_be_given() -> None:
    halves = {"spatial": slice(0, 5), "temporal": slice(5, 8)}
    network = adopt(
        ThreeD(),
        clip_spec=CLIP,
        layout="NCTHW",
        places={"blocks.1": View("NCTHW")},
        groups={"blocks.0.time_norm": halves},
    )
    assert [place.name for place in network.anatomy.places] == ["blocks.1"]
    assert [(unit.group, unit.channels) for unit in network.anatomy.units] == list(halves.items())


def test_tokens_that_were_mixed_before_they_could_be_seen_are_not_guessed() -> None:
    class Stirred(Tokens):
        def __init__(self) -> None:
            super().__init__()
            self.drop = nn.Dropout(0)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x + x.mean(2, keepdim=True))

    network = adopt(Stirred().eval(), clip_spec=CLIP, layout="NCTHW")
    assert [place.name for place in network.anatomy.places] == ["patch"]  # where nothing is mixed yet
    assert any("order" in told for told in network.anatomy.unknown)


@pytest.mark.parametrize("code", ["os.system", "no_such:build", "tests.networks.brought:nothing", "a b:c"])
def test_code_that_is_none_is_one_line(code: str) -> None:
    with pytest.raises(SpecError):
        load_network(code)


def save(path: Path, state: dict[str, torch.Tensor]) -> Path:
    torch.save({"state_dict": state}, path)
    return path


def build_brought() -> gst.Network:
    """What a user's own function may look like."""
    return bring("three-d", seed=1)


CODE = f"{__name__}:build_brought"


@pytest.mark.parametrize("prefix", ["", "module.", "model.module."])
def test_weights_of_own_code_are_the_files(prefix: str, tmp_path: Path) -> None:
    other = bring("three-d", seed=2).module.state_dict()
    file = save(tmp_path / "w.pth", {prefix + name: tensor for name, tensor in other.items()})
    network = load_network(CODE, weights=file)
    clips = torch.randn(1, FRAMES, 3, SIZE, SIZE)
    with torch.no_grad():
        assert torch.equal(network.module(clips), bring("three-d", seed=2).module(clips))
        assert not torch.equal(network.module(clips), build_brought().module(clips))
    assert network.sha256
    assert network.current_checkpoint() is network.checkpoint


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda state: state.pop("head.bias"), "1 missing: head.bias"),
        (lambda state: state.update({"extra": torch.zeros(1)}), "1 unexpected: extra"),
        (lambda state: state.update({"head.bias": torch.zeros(9)}), "1 misshapen: head.bias"),
        (lambda state: state["head.bias"].fill_(float("nan")), "NaN or infinity in head.bias"),
    ],
)
def test_weights_that_do_not_fit_own_code_are_refused(
    change: Callable[[dict[str, torch.Tensor]], object], told: str, tmp_path: Path
) -> None:
    state = {name: tensor.clone() for name, tensor in build_brought().module.state_dict().items()}
    change(state)
    with pytest.raises(BrokenCheckpoint, match=told):
        load_network(CODE, weights=save(tmp_path / "w.pth", state))


def test_norms_that_are_told_can_be_scored() -> None:
    """A norm that probing did not name: its activation is found, and why nothing is known to read it."""
    halves = {"spatial": slice(0, 5), "temporal": slice(5, 8)}
    network = adopt(Pointwise(), clip_spec=CLIP, layout="NCTHW", groups={"norm": halves})
    found = gst.channel_importance(network)
    assert set(found.table["undefined"]) == {"averaged before any convolution reads it"}
    assert found.table["activation"].notna().all()
    assert list(found.table.groupby("group").size()) == [5, 3]


class Pointwise(nn.Module):
    """A norm after a kernel that mixes channels alone."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv3d(3, 8, 1), nn.BatchNorm3d(8), nn.Linear(8, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.norm(self.conv(x)).relu().mean((2, 3, 4)))


def test_units_lie_in_the_places_that_are_told() -> None:
    class Around(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inside = Separable(3, CLASSES, 2)
            self.body = nn.Sequential(self.inside)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.body(x).mean((2, 3, 4))

    network = adopt(Around(), clip_spec=CLIP, layout="NCTHW", places=["inside"])
    assert {unit.block for unit in network.anatomy.units} == {"inside"}
