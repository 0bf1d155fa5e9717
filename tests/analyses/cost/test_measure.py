"""Costs by arithmetic against the networks themselves, three counters and numbers worked out by hand."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from gst_analysis.analyses.cost import compare_with_published, cost
from gst_analysis.analyses.cost.counting import count_layers, summarise_cost
from gst_analysis.analyses.cost.measure import measure_complexity
from gst_analysis.errors import SpecError
from gst_analysis.networks.families import FAMILIES
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ModelSpec, model_names
from gst_analysis.networks.undrawn import shapes_alone
from tests.analyses.cost.plain_networks import PlainNetwork
from tests.conftest import mark_slow
from tests.untyped import untyped

ANCHORS = {  # ResNet-50, 174 classes, 8 frames of 224x224: parameters and multiply-adds
    ("c2d", None): (23_864_558, 32.70),
    ("c3d", None): (46_499_054, 62.29),
    ("c3d-g2", None): (29_523_182, 40.10),
    ("p3d", None): (27_644_526, 37.63),
    ("gst-large", "1/4"): (29_523_182, 40.10),
    ("gst", "1/2"): (23_864_558, 32.70),
    ("gst", "1/4"): (21_035_246, 29.00),
    ("gst", "1/8"): (19_620_590, 27.15),
    ("tsm", None): (23_864_558, 32.70),
}


def build_on_meta(spec: ModelSpec) -> nn.Module:
    """The network without memory for its weights."""
    with shapes_alone():
        return build_model(spec).eval()


def count_flops(network: nn.Module, spec: ModelSpec, size: int) -> int:
    """What torch's own counter says of one clip."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.empty(1, spec.num_frames, 3, size, size, device="meta"))
    return int(counter.get_total_flops())


@pytest.mark.parametrize("name", mark_slow(model_names()))
def test_every_network_costs_what_torch_counts_and_every_module_is_named(name: str) -> None:
    spec = ModelSpec.from_name(name, num_frames=2, num_classes=5)
    network = build_on_meta(spec)
    layers = count_layers(spec, size=75)
    held = {module: 0 for module, _ in network.named_modules()}
    for layer in layers:
        held[layer.module] += layer.params  # a KeyError is a name that no module has
    own = {
        module: sum(p.numel() for p in part.parameters(recurse=False))
        for module, part in network.named_modules()
    }
    assert held == own
    cost = summarise_cost(spec, size=75)
    assert cost.params == sum(p.numel() for p in network.parameters())
    assert cost.flops == 2 * cost.macs == count_flops(network, spec, 75)


@pytest.mark.parametrize(
    ("name", "settings", "size"),
    [
        ("gst-resnet50", {}, 224),
        ("sth-resnet18", {"alpha": "1/2"}, 224),
        ("sth-mobilenetv2", {"alpha": "1/8", "num_frames": 1}, 224),
        ("p3d-resnet26s", {"num_frames": 1, "num_classes": 1}, 32),
        ("gst-resnet26s", {"alpha": "3/8", "num_frames": 3, "width": 64}, 33),
        ("tsm-resnet34", {"width": 16, "num_frames": 5}, 47),
        ("c3d-g2-resnet50", {"width": 24}, 97),
        ("c2d-mobilenetv2", {"width": 48, "num_classes": 7}, 91),
    ],
)
def test_other_designs_and_sizes_cost_what_torch_counts(
    name: str, settings: dict[str, object], size: int
) -> None:
    spec = ModelSpec.from_name(name, **settings)
    network, cost = build_on_meta(spec), summarise_cost(spec, size=size)
    assert cost.params == sum(p.numel() for p in network.parameters())
    assert cost.flops == count_flops(network, spec, size)


@pytest.mark.parametrize("design", ANCHORS)
def test_known_costs(design: tuple[str, str | None]) -> None:
    family, alpha = design
    cost = summarise_cost(ModelSpec.from_name(f"{family}-resnet50", alpha=alpha))
    params, gmacs = ANCHORS[design]
    assert cost.params == params
    assert cost.macs / 1e9 == pytest.approx(gmacs, abs=0.005)


def test_gst_resnet50_to_the_last_digit() -> None:
    cost = summarise_cost(ModelSpec.from_name("gst-resnet50", alpha="1/4"), size=224)
    assert (cost.macs, cost.flops) == (29_000_564_736, 58_001_129_472)
    counters = {"conv+linear": 29.001, "conv+linear+bn": 29.178, "conv+linear+bn+relu+pool": 29.347}
    counters["conv+linear+5bn"] = 29.445
    assert {name: round(value / 1e9, 3) for name, value in cost.conventions.items()} == counters


def test_groups_of_gst_by_hand() -> None:
    """ResNet-50 has 3, 4, 6 and 3 operators of 64 to 512 channels; half of the input goes each way."""
    products = sum(n * width**2 for n, width in ((3, 64), (4, 128), (6, 256), (3, 512)))
    groups = summarise_cost(ModelSpec.from_name("gst-resnet50", alpha="1/8")).groups
    assert groups["spatial"].params == 9 * products * 7 // 8 // 2
    assert groups["temporal"].params == 27 * products * 1 // 8 // 2
    assert groups["temporal"].macs * 7 == groups["spatial"].macs * 3  # every kernel writes as often


@pytest.mark.parametrize("name", model_names())
def test_parts_add_up(name: str) -> None:
    cost = summarise_cost(ModelSpec.from_name(name))
    assert set(cost.groups) == {"spatial", "temporal", "shared"}
    assert sum(group.params for group in cost.groups.values()) == cost.params
    assert sum(group.macs for group in cost.groups.values()) == cost.macs
    assert cost.conventions["conv+linear"] == cost.macs
    family = name.split("-resnet")[0].removesuffix("-mobilenetv2")
    reaches = {"c2d": False, "tsm": False}.get(family, True)
    assert (cost.groups["temporal"].macs > 0) == reaches
    assert (cost.groups["spatial"].macs > 0) == (not family.startswith("c3d"))


def test_the_table_holds_what_the_summary_adds_up() -> None:
    result = measure_complexity(ModelSpec.from_name("p3d-resnet18", num_frames=4), size=112)
    table = result.table
    assert tuple(untyped(table[column].unique()) for column in ("spec", "frames", "size")) == (
        ["p3d-resnet18"],
        [4],
        [112],
    )
    assert table["macs"].sum() == result.summary.macs
    assert table.groupby("group")["params"].sum()["shared"] == result.summary.groups["shared"].params
    works = table["op"].isin(["conv", "linear"])
    assert (table.loc[works, "macs"] > 0).all()
    assert (table.loc[~works, "macs"] == 0).all()
    between = table[table["module"] == "layer2.0.conv1.norm"].iloc[0]
    assert (between["params"], between["elements"], between["group"]) == (256, 4 * 14**2 * 128, "shared")
    assert sorted(table["stage"].unique()) == [0, 1, 2, 3, 4, 5]
    assert result.provenance.settings == {"size": 112}
    assert result.provenance.specs["p3d-resnet18"]["num_frames"] == 4


def test_alpha_tells_two_tables_apart() -> None:
    tables = [measure_complexity(ModelSpec.from_name("gst-resnet18", alpha=a)).table for a in (4, 8)]
    assert [set(table["alpha"]) for table in tables] == [{"1/4"}, {"1/8"}]
    assert set(measure_complexity(ModelSpec.from_name("c2d-resnet18")).table["alpha"]) == {""}


@pytest.fixture
def _deprecations_of_counters() -> Iterator[None]:
    """Counters use parts of torch that it is going to drop."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.usefixtures("_deprecations_of_counters")
@pytest.mark.parametrize(
    "name",
    [
        "gst-resnet26s",
        "tsm-resnet26s",
        "sth-mobilenetv2",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("p3d-resnet18", "sth-resnet26s")),
    ],
)
def test_fvcore_counts_convolutions_and_batch_norms_alike(name: str) -> None:
    from fvcore.nn import FlopCountAnalysis

    spec = ModelSpec.from_name(name, num_frames=2, num_classes=5)
    for training, convention in ((False, "conv+linear+bn"), (True, "conv+linear+5bn")):
        network = build_model(spec).train(training)
        analysis = FlopCountAnalysis(network, torch.zeros(1, 2, 3, 51, 51))
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none")
        assert analysis.total() == summarise_cost(spec, size=51).conventions[convention]


@pytest.mark.usefixtures("_deprecations_of_counters")
@pytest.mark.parametrize(
    "name", ["gst-resnet50", "gst-large-resnet18", "c3d-g2-resnet18", "c2d-resnet18", "c2d-mobilenetv2"]
)
def test_both_counters_agree_on_networks_written_with_modules(name: str) -> None:
    from fvcore.nn import FlopCountAnalysis
    from ptflops import get_model_complexity_info

    spec = ModelSpec.from_name(name, num_frames=2, num_classes=5)
    network, cost = PlainNetwork(spec).eval(), summarise_cost(spec, size=75)
    analysis = FlopCountAnalysis(network, torch.zeros(1, 2, 3, 75, 75))
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none")
    macs, params = get_model_complexity_info(
        network, (2, 3, 75, 75), as_strings=False, print_per_layer_stat=False
    )
    assert params == cost.params
    # fvcore counts torchvision's average pooling, which its name leaves out: 0.03% of MobileNetV2
    assert analysis.total() == pytest.approx(cost.conventions["conv+linear+bn"], rel=1e-3)
    assert macs == pytest.approx(cost.conventions["conv+linear+bn+relu+pool"], rel=1e-3)
    if "resnet" in name:
        assert macs == cost.conventions["conv+linear+bn+relu+pool"]


@pytest.mark.parametrize("size", [31, 8193, 0, -224, 224.0, "224", True, None])
def test_a_size_that_is_none_is_refused(size: Any) -> None:
    with pytest.raises(
        SpecError, match="size: expected a whole number of pixels, at least 32 and at most 8,192"
    ):
        summarise_cost(ModelSpec.from_name("gst-resnet18"), size=size)
    assert summarise_cost(ModelSpec.from_name("gst-resnet18"), size=8192).macs > 0


@pytest.mark.parametrize("family", [name for name, family in FAMILIES.items() if family.unbuildable])
def test_what_cannot_be_counted_whole_is_refused(family: str) -> None:
    with pytest.raises(SpecError, match="non-local blocks"):
        measure_complexity(ModelSpec.from_name(f"{family}-resnet50"))


def test_totals_need_neither_torch_nor_pandas() -> None:
    code = (
        "import sys; from gst_analysis.networks.specs import ModelSpec;"
        "from gst_analysis.analyses.cost.counting import summarise_cost;"
        "summarise_cost(ModelSpec.from_name('gst-resnet50'));"
        "print(sorted({'torch', 'pandas', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_results_name_their_figures_and_draw_what_they_are_set_to(tmp_path: Path) -> None:
    design = cost("gst-resnet26s", num_frames=2, num_classes=5, size=64)
    assert (list(design.figures()), list(design.pages())) == (["cost"], ["cost"])
    axis = design.plot(quantity="params").axes[0].get_ylabel()
    assert axis == "learned parameters (M params)" != design.plot().axes[0].get_ylabel()
    assert design.to_document()["macs"] == design.summary.macs
    placed = compare_with_published(design)
    assert placed.plot(dataset="diving48", cost="params_m").axes[0].get_xlabel().startswith("million")
    files = placed.save(tmp_path, ["csv", "svg", "html"])
    assert sorted(Path(file).name for file in files.values()) == [
        "accuracy_over_cost.csv",
        "accuracy_over_cost.html",
        "accuracy_over_cost.svg",
    ]
