"""Going on from a trained network: with another head, part of it frozen, at rates of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

import gst_analysis as gst
from gst_analysis.analyses.drift.starts import start_of_card
from gst_analysis.analyses.scales.measure import record_scales
from gst_analysis.checkpoints.loading import load_checkpoint
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.checkpoints.transfer import list_head, reopen_model, tell_start
from gst_analysis.errors import SpecError
from gst_analysis.networks.registry import build_model, spec_from_name
from gst_analysis.networks.undrawn import shapes_alone
from gst_analysis.training.config import OptimiserConfig, TrainConfig
from gst_analysis.training.depth import bare, find_order, freeze, list_depths
from gst_analysis.training.loop import train
from gst_analysis.training.optimiser import build_optimiser, rate_shares, set_rate
from tests.conftest import build_small
from tests.training.runs import assert_same, at_step, tiny, weights

STILL = {"optimiser.lr": "1e-9", "schedule.epochs": "1", "optimiser.weight_decay": "0"}


@pytest.fixture(scope="module")
def five(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GST of five classes, where the world has twelve; its scales differ from channel to channel."""
    network = build_small("gst-resnet26s", seed=3)
    assert network.spec.num_classes == 5
    return save_model(
        tmp_path_factory.mktemp("five") / "five.pth",
        network,
        provenance={"inherited": {"norms": {"layer1.0.bn2": [0, 4]}}, "inflated_from": {"file": "flat.pth"}},
    )


def moved(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    return {name for name, tensor in before.items() if not torch.equal(tensor, after[name])}


def test_another_number_of_classes_names_the_setting_that_helps(five: Path, world: Path) -> None:
    with pytest.raises(SpecError, match=r"a head of 12 classes.*found 5; begin .*--set model\.head=new"):
        train(tiny(world, {"model.weights": str(five)}), out=world.parent / "refused")


def test_a_new_head_is_new_and_the_rest_is_the_files_bit_for_bit(five: Path) -> None:
    given = load_checkpoint(five).state
    opened = reopen_model(five, num_classes=12, num_frames=4, head="new", seed=1)
    state = opened.module.state_dict()
    assert opened.spec.num_classes == 12
    assert {name for name in state if not torch.equal(state[name], given[name])} == {"fc.weight", "fc.bias"}
    assert state["fc.weight"].shape == (12, given["fc.weight"].shape[1])
    again = reopen_model(five, num_classes=12, num_frames=4, head="new", seed=1).module.state_dict()
    assert_same(dict(state), dict(again))
    other = reopen_model(five, num_classes=12, num_frames=4, head="new", seed=2).module.state_dict()
    assert moved(dict(state), dict(other)) == {"fc.weight"}


def test_a_new_head_is_new_also_where_the_classes_are_as_many(five: Path) -> None:
    given = load_checkpoint(five).state
    opened = reopen_model(five, num_classes=5, num_frames=4, head="new", seed=1)
    assert moved(given, dict(opened.module.state_dict())) == {"fc.weight"}  # offsets begin at 0
    kept = reopen_model(five, num_classes=5, num_frames=4).module.state_dict()
    assert_same(given, dict(kept))


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("slowfast-r50-8x8", {"head.projection"}),
        ("c3d", {"fc8"}),
        ("s3d", {"classifier.1"}),
        ("trn-bninception", {f"consensus.fc_fusion_scales.{scale}.3" for scale in range(7)}),
    ],
)
def test_the_head_of_a_system_is_found(name: str, head: set[str]) -> None:
    assert {weight.rpartition(".")[0] for weight in list_head(spec_from_name(name))} == head


def test_a_run_from_another_network_trains_and_says_what_it_began_with(
    five: Path, world: Path, tmp_path: Path
) -> None:
    config = tiny(world, {**STILL, "model.weights": str(five), "model.head": "new"})
    result = train(config, out=tmp_path)
    after = load_checkpoint(tmp_path / "last.pth")
    start = after.provenance["started_from"]
    assert start["name"] == "five"
    assert start["sha256"] == load_checkpoint(five).sha256
    assert start["left"] == start["new"] == ["fc.weight", "fc.bias"]
    assert start["taken"] == len(after.state) - 2
    assert start["history"] == [{"file": "flat.pth"}]
    told = tell_start(after.provenance)
    assert told[0] in result.notes
    assert "its head left and a new one begun: fc.weight, fc.bias" in told[0]
    assert told[0] in (tmp_path / "log.jsonl").read_text()


def test_drift_knows_the_start_of_a_network_that_went_on(five: Path, world: Path, tmp_path: Path) -> None:
    config = tiny(
        world,
        {"schedule.epochs": "1", "model.weights": str(five), "model.head": "new", "optimiser.lr": "0.5"},
    )
    train(config, out=tmp_path)
    record = record_scales(tmp_path / "last.pth", "last")
    start = start_of_card(record)
    given = load_checkpoint(five).state
    for layer, gamma in start.gammas.items():
        torch.testing.assert_close(torch.from_numpy(gamma), given[f"{layer}.weight"].double(), rtol=0, atol=0)
    assert start.gammas.keys() == record.layers.keys()
    assert start.inherited["layer1.0.bn2"].sum() == 4
    assert sum(flags.sum() for flags in start.inherited.values()) == 4
    drift = gst.measure_drift(tmp_path / "last.pth", start="card")
    assert drift.summary.origin == "a trained network, five"
    assert drift.table["change"].abs().max() > 0


@pytest.mark.parametrize("lie", [{}, {"gammas": 3}, {"gammas": {"layer1.0.bn2": ["nan"]}}])
def test_a_start_that_lies_is_no_start(lie: dict[str, object], five: Path, tmp_path: Path) -> None:
    path = save_model(
        tmp_path / "lie.pth", build_small("gst-resnet26s", seed=3), provenance={"started_from": lie}
    )
    with pytest.raises(SpecError, match="a start that is known"):
        start_of_card(record_scales(path, "lie"))


def test_a_new_head_needs_weights_to_put_it_on(world: Path) -> None:
    with pytest.raises(SpecError, match=r"model\.head: expected model\.weights beside it"):
        tiny(world, {"model.head": "new"})


def test_a_published_system_trains_by_name_and_gets_another_head(world: Path, tmp_path: Path) -> None:
    few = tmp_path / "few.json"
    few.write_text(json.dumps(json.loads((world / "train.json").read_text())[:4]))
    changes = {"data.train": str(few), "data.validation": "none", "optimiser.batch_size": "4"}
    changes |= {
        "model.name": "x3d-s",
        "model.width": "none",
        "model.alpha": "none",
        "model.num_classes": "none",
    }
    first = train(tiny(world, {**changes, "schedule.epochs": "1"}), out=tmp_path / "first")
    assert first.summary.network == spec_from_name("x3d-s").label
    assert any("used to clips of other colours: clip.mean" in note for note in first.notes)
    saved = load_checkpoint(first.files["last"])
    opened = reopen_model(first.files["last"], num_classes=7, num_frames=4, head="new", seed=0)
    state = dict(opened.module.state_dict())
    assert moved({n: t for n, t in saved.state.items() if n not in list_head(opened.spec)}, state) == set()
    assert state["head.projection.bias"].shape == (7,)


def frozen_names(name: str, up_to: str, size: int = 32) -> tuple[set[str], set[str]]:
    """What of a network is frozen and what is not, by the name of the module that holds it."""
    spec = spec_from_name(name, num_frames=4, num_classes=5)
    with shapes_alone():
        network = build_model(spec).train()
    freeze(network, up_to, find_order(spec, frames=4, size=size))
    named = list(bare(network).named_parameters())
    free = {name.rpartition(".")[0] for name, parameter in named if parameter.requires_grad}
    held = {name.rpartition(".")[0] for name, parameter in named if not parameter.requires_grad}
    norms = [m for n, m in bare(network).named_modules() if isinstance(m, torch.nn.BatchNorm2d) and n in held]
    assert not any(norm.training for norm in norms)
    assert network.training
    return held, free


@pytest.mark.parametrize("up_to", ["layer2", "stage2", "layer2.1"])
def test_all_up_to_a_stage_is_frozen_and_nothing_behind_it(up_to: str) -> None:
    held, free = frozen_names("gst-resnet26s", up_to)
    assert {name.partition(".")[0] for name in held} == {"conv1", "bn1", "layer1", "layer2"}
    assert {name.partition(".")[0] for name in free} == {"layer3", "layer4", "fc"}


def test_a_stage_ends_with_its_last_block_whatever_was_registered_first() -> None:
    held, free = frozen_names("slowfast-r50-8x8", "s2")
    assert {name.partition(".")[0] for name in held} == {"s1", "s1_fuse", "s2"}
    assert "s2_fuse.conv_f2s" in free


def test_all_but_the_head_can_be_frozen() -> None:
    assert frozen_names("gst-resnet26s", "all")[1] == {"fc"}


@pytest.mark.parametrize("up_to", ["layer9", "stage7", "fc", "", "weights"])
def test_a_stage_that_there_is_not_is_one_line(up_to: str) -> None:
    with pytest.raises(SpecError, match=r"model.freeze: expected a stage.* such as stage1, stage2") as error:
        frozen_names("gst-resnet26s", up_to)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "changes",
    [{}, pytest.param({"run.precision": "bf16", "optimiser.accumulate": "2"}, marks=pytest.mark.slow)],
    ids=["plain", "pieces"],
)
def test_what_is_frozen_does_not_move_and_a_resumed_run_is_the_same(
    changes: dict[str, str], five: Path, world: Path, tmp_path: Path
) -> None:
    """Statistics and counters of its batch norms neither; validation between epochs leaves it so."""
    config = tiny(
        world,
        {
            "schedule.epochs": "2",
            "model.weights": str(five),
            "model.head": "new",
            "model.freeze": "layer2",
            "optimiser.head_lr": "0.2",
            "optimiser.layer_decay": "0.8",
            **changes,
        },
    )
    result = train(config, out=tmp_path / "whole")
    given, after = load_checkpoint(five).state, weights(tmp_path / "whole")
    cold = {name for name in given if name.startswith(("conv1.", "bn1.", "layer1.", "layer2."))}
    assert moved({name: given[name] for name in cold}, after) == set()
    assert moved(given, after) == set(given) - cold
    assert any(note.startswith("frozen up to layer2: ") for note in result.notes)

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config, out=tmp_path / "cut", progress=at_step(5, stop))
    train(config, out=tmp_path / "cut", resume="required")
    assert_same(after, weights(tmp_path / "cut"))


def rates_by_name(name: str, config: OptimiserConfig) -> dict[str, float]:
    spec = spec_from_name(name, num_frames=4, num_classes=5)
    with shapes_alone():
        network = build_model(spec)
    shares = rate_shares(network, config, lambda: find_order(spec, frames=4, size=64))
    optimiser = build_optimiser(network, config, shares)
    set_rate(optimiser, config.lr)
    assert optimiser.param_groups[0]["lr"] == config.lr
    named = {id(parameter): name for name, parameter in bare(network).named_parameters()}
    rates = {named[id(p)]: group["lr"] for group in optimiser.param_groups for p in group["params"]}
    assert rates.keys() == set(named.values())
    return rates


def test_every_group_learns_at_the_rate_that_is_said() -> None:
    config = OptimiserConfig(lr=0.01, head_lr=0.1, rates="layer1=0.001, layer1.1.conv2=0.002,layer4=0.02")
    rates = rates_by_name("gst-resnet26s", config)
    assert rates["fc.weight"] == rates["fc.bias"] == pytest.approx(0.1)
    assert rates["layer1.0.conv1.weight"] == rates["layer1.1.bn2.weight"] == pytest.approx(0.001)
    assert rates["layer1.1.conv2.temporal.weight"] == pytest.approx(0.002)
    assert rates["layer4.0.conv3.weight"] == pytest.approx(0.02)
    assert rates["conv1.weight"] == rates["layer2.0.conv1.weight"] == 0.01


@pytest.mark.parametrize(("name", "first"), [("gst-resnet26s", 0), ("x3d-s", 1)])
def test_the_rate_decays_from_the_head_to_the_stem_place_by_place(name: str, first: int) -> None:
    """The stem of X3D is a place itself, the first one."""
    spec = spec_from_name(name, num_frames=4, num_classes=5)
    rates = rates_by_name(name, OptimiserConfig(lr=1.0, layer_decay=0.5))
    places = [place.name for place in load_places(name)]
    _, last = list_depths(spec, find_order(spec, frames=4, size=64))
    assert last == len(places) + 1
    for number, place in enumerate(places, 1):
        inside = {rate for weight, rate in rates.items() if weight.startswith(f"{place}.")}
        assert inside <= {0.5 ** (last - number)}
    assert {rates[weight] for weight in list_head(spec)} == {1.0}
    assert min(rates.values()) == 0.5 ** (last - first)


def load_places(name: str) -> tuple[gst.Place, ...]:
    return gst.create_model(spec_from_name(name, num_frames=4, num_classes=5), seed=0).anatomy.places


def test_nothing_said_is_two_groups_as_ever() -> None:
    network = build_small("gst-resnet26s")
    groups = build_optimiser(network, OptimiserConfig()).param_groups
    assert [group["weight_decay"] for group in groups] == [3e-4, 0.0]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("rates", "layer1", "MODULE=RATE, separated by commas"),
        ("rates", "layer1=fast", "MODULE=RATE, separated by commas"),
        ("rates", "layer1=-1", "MODULE=RATE, separated by commas"),
        ("rates", "", "MODULE=RATE, separated by commas"),
        ("head_lr", 0.0, "a positive number"),
        ("layer_decay", 1.5, "above 0 and at most 1"),
    ],
)
def test_rates_that_cannot_be_are_refused(key: str, value: object, said: str) -> None:
    with pytest.raises(SpecError, match=rf"optimiser\.{key}: expected {said}"):
        TrainConfig(optimiser=OptimiserConfig(**{key: value}))  # type: ignore[arg-type] # that is the point


def test_a_rate_for_a_module_that_there_is_not_is_refused() -> None:
    with pytest.raises(SpecError, match=r"found 'layer7'; such as conv1, bn1, layer1"):
        rates_by_name("gst-resnet26s", OptimiserConfig(rates="layer7=0.1"))
