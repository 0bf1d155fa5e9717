"""Groups changed together: on a network where one stands in for another, and against plain whole passes."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import gst_analysis as gst
from gst_analysis.analyses.ablation.joint import draw_orders
from gst_analysis.analyses.ablation.joint_table import SEVERAL, list_sets
from gst_analysis.analyses.ablation.measure import measure_ablation
from gst_analysis.analyses.ablation.table import AblationOptions
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.cli import run
from gst_analysis.clips.records import RecordList
from gst_analysis.errors import SpecError
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.network import average_frames
from gst_analysis.probes.hooks import list_units
from tests.analyses.labelled_clips import CLASSES, load_pixels, small_model, write_clips, write_world

LABELS = [0, 1, 2, 3, 4, 0, 1]
MEASURES = ("accuracy_drop", "logit_drop", "loss_rise")


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


class Twice(nn.Module):
    """(N, 3, T, H, W) -> (N, K): what the first block finds, the second finds again; the third finds more."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.third = (
            nn.Sequential(nn.Conv3d(3, 4, 3, padding=1, bias=False), nn.BatchNorm3d(4), nn.ReLU())
            for _ in range(3)
        )
        self.second.load_state_dict(self.first.state_dict())
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        found = torch.maximum(self.first(x), self.second(x))
        return self.head(torch.cat([found, self.third(x)], dim=1).mean((2, 3, 4)))


def build_twice() -> gst.Network:
    return gst.adopt(Twice(), clip_spec=ClipSpec(frames=4, resize=32, crop=32), layout="NCTHW")


@torch.no_grad()
def find_least_missed(network: gst.Network, records: RecordList) -> str:
    """By hand: the norm whose silence raises the cross entropy of every second clip least."""
    clips = load_pixels(records, network.clip_spec)[::2]
    losses = {}
    for name in ("first.1", "second.1", "third.1"):
        norm = network.module.get_submodule(name)
        handle = norm.register_forward_hook(lambda _, __, out: torch.zeros_like(out))
        losses[name] = float(
            F.cross_entropy(average_frames(network.module(clips)), torch.tensor(LABELS[::2]))
        )
        handle.remove()
    return min(losses, key=lambda name: losses[name])


@pytest.fixture
def records(tmp_path: Path) -> RecordList:
    return write_clips(tmp_path, LABELS)


def measure(model: LoadedModel, records: RecordList, **options: object) -> gst.Ablation:
    settings = {"interventions": ("zero",), "draws": 100, "batch": 4, "device": "cpu", **options}
    return measure_ablation(model, records, options=AblationOptions(joint=True, **settings))  # type: ignore[arg-type] # settings by name, of any type


def test_what_stands_in_for_another_is_missed_only_with_it(records: RecordList) -> None:
    """Planted: each of the twins costs nothing alone, both cost all that they find, and share it evenly."""
    network = build_twice()
    result = measure(network, records, orders=2)
    assert result.joint is not None
    assert result.shares is not None
    alone = result.table.set_index("block")["logit_drop"]
    assert alone["first"] == alone["second"] == 0
    assert abs(alone["third"]) > 1e-3
    pairs = result.joint[result.joint["kind"] == "pair"].set_index("added")
    twins, other = pairs.loc["first.1 all + second.1 all"], pairs.loc["first.1 all + third.1 all"]
    assert twins["logit_drop_alone"] == 0
    assert abs(twins["logit_drop"]) > 1e-3
    assert twins["loss_rise_beyond"] == twins["loss_rise"] != 0
    assert other["logit_drop"] == pytest.approx(alone["third"], abs=1e-7)
    shares = result.shares[result.shares["level"] == "unit"].set_index("block")["logit_drop"]
    assert shares["first"] == pytest.approx(twins["logit_drop"] / 2, abs=1e-6)
    assert shares["second"] == pytest.approx(shares["first"], abs=1e-6)
    assert shares["third"] == pytest.approx(
        alone["third"], abs=1e-6
    )  # the head adds up, so order plays no part
    grown = result.joint[result.joint["kind"] == "greedy"]
    assert list(grown["step"]) == [1, 2, 3]
    assert grown["clips"].tolist() == [3, 3, 3]  # of seven, the other four chose
    assert grown["added"].iloc[0] == f"{find_least_missed(network, records)} all"


def test_sets_are_what_whole_passes_with_every_hook_give(records: RecordList) -> None:
    """A stage, the network and a pair of a GST, by hand, by mean; and shares add up to all together."""
    model = small_model()
    result = measure(model, records, interventions=("mean",), sets=("network", "stage", "share"), orders=2)
    assert result.joint is not None
    assert result.shares is not None
    most = result.joint.nlargest(1, "loss_rise")["set"].iloc[0]
    assert f"Most is lost with {most}: " in result.say_figures()["ablation_together"]
    clips, labels = load_pixels(records, model.clip_spec), torch.tensor(LABELS)
    means = _list_means(model, clips)
    units = list_units(model.spec)
    listed = {one.words: one.units for one in list_sets(units, ("network", "stage"))}
    with torch.no_grad():
        untouched = average_frames(model.module(clips))
    own = torch.arange(len(labels)), labels
    found = result.joint.set_index("set")
    for words in ("temporal, everywhere", "spatial, stage 2"):
        handles = []
        for unit in listed[words]:

            def change(_: object, __: object, out: Tensor, unit: object = unit) -> Tensor:
                out = out.clone()
                out[:, unit.channels] = means[unit.layer][unit.channels, None, None]  # type: ignore[attr-defined] # the default of a hook: a unit
                return out

            handles.append(model.module.get_submodule(unit.layer).register_forward_hook(change))
        with torch.no_grad():
            changed = average_frames(model.module(clips))
        for handle in handles:
            handle.remove()
        drop = float((untouched - changed)[own].mean())
        assert abs(drop) > 1e-3
        assert found.loc[words, "logit_drop"] == pytest.approx(drop, abs=2e-5)
    whole, shares = found.loc["all groups, everywhere"], result.shares
    for level in ("unit", "stage", "network"):
        for name in MEASURES:
            assert shares[shares["level"] == level][name].sum() == pytest.approx(whole[name], abs=1e-6)


@torch.no_grad()
def _list_means(model: LoadedModel, clips: Tensor) -> dict[str, Tensor]:
    """Of every norm's channels, after the ReLU."""
    seen: dict[str, Tensor] = {}

    def keep(name: str) -> object:
        return lambda _, __, out: seen.__setitem__(name, out.clamp(min=0).mean((0, 2, 3)))

    layers = {unit.layer for unit in list_units(model.spec)}
    handles = [model.module.get_submodule(name).register_forward_hook(keep(name)) for name in layers]  # type: ignore[arg-type] # a hook, as an object
    model.module(clips)
    for handle in handles:
        handle.remove()
    return seen


def test_progress_goes_with_the_passes_and_not_with_the_rounds(records: RecordList) -> None:
    """Means take one pass a clip, changes many: a bar that counted clips would stand at half at once."""
    told: list[float] = []

    def hear(done: int, total: int, label: str) -> None:
        told.append(done / total)

    settings = AblationOptions(interventions=("zero", "mean"), draws=100, batch=4, device="cpu")
    measure_ablation(build_twice(), records, options=settings, progress=hear)
    # Three groups in two ways: one pass for the means, then seven.
    assert len(told) == 2 * len(records)
    assert told[len(records) - 1] == pytest.approx(1 / 8)
    assert told[-1] == 1
    told.clear()
    grown = dataclasses.replace(settings, joint=True, sets=("greedy",))
    measure_ablation(build_twice(), records, options=grown, progress=hear)
    assert len(told) == 6 * len(records)  # means, changes, three steps, and what those cost
    assert told == sorted(told)
    assert told[-1] == 1


def test_sets_are_all_that_there_are() -> None:
    units = list_units(small_model().spec)
    listed = list_sets(units, ("network", "stage", "pair"))
    blocks = len(units) // 2
    kinds = pd.Series([one.kind for one in listed]).value_counts().to_dict()
    assert kinds == {"network": 3, "stage": 8, "pair": blocks * (blocks - 1) + blocks}
    assert {one.group for one in listed} == {"spatial", "temporal", SEVERAL}
    assert len({one.words for one in listed}) == len(listed)


def test_every_second_order_is_the_one_before_turned_round() -> None:
    orders = list(draw_orders(7, 4, seed=(3, 2, 0)))
    assert all(sorted(order) == list(range(7)) for order in orders)
    assert orders[1] == orders[0][::-1]
    assert orders[3] == orders[2][::-1]
    assert orders[2] != orders[0]
    assert orders == list(draw_orders(7, 4, seed=(3, 2, 0)))


def test_the_command_writes_prints_and_draws_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = small_model()
    file = gst.save_model(tmp_path / "small.pth", made.module, clip_spec=made.clip_spec)
    world = write_world(tmp_path / "world", LABELS)
    words = [
        "ablate",
        str(file),
        str(world),
        "--joint",
        "--interventions",
        "mean",
        "--layers",
        "layer1,layer2",
    ]
    words += ["--draws", "100", "--orders", "2", "--device", "cpu", "--out", str(tmp_path / "out")]
    assert run([*words, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    figures = {f"ablation_{name}.png" for name in ("together", "pairs", "greedy", "shares")}
    assert figures | {"ablation_joint.csv", "ablation_shares.csv"} <= set(document["files"])
    saved = pd.read_csv(document["files"]["ablation_joint.csv"])
    assert np.allclose(saved["loss_rise"], [row["loss_rise"] for row in document["joint"]])
    assert {row["level"] for row in document["shares"]} == {"unit", "stage", "network"}
    assert run([*words, "--formats", "csv"]) == 0
    shown = capsys.readouterr().out
    assert "temporal, everywhere" in shown
    assert "nats beyond" in shown


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"interventions": ("shuffle-time",)}, "mean or zero among the interventions"),
        ({"layers": ("layer1.0",), "groups": ("temporal",)}, "at least two groups"),
    ],
)
def test_what_cannot_be_taken_together_is_said(
    options: dict[str, object], complaint: str, records: RecordList
) -> None:
    with pytest.raises(SpecError, match=complaint):
        measure(small_model(), records, **options)


@pytest.mark.parametrize("options", [{"sets": ("luck",)}, {"orders": 0}])
def test_bad_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(SpecError):
        AblationOptions(joint=True, **options)  # type: ignore[arg-type] # settings by name, of any type
