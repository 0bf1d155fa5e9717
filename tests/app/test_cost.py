"""The page of costs: headline figures, what applies to which family, and designs that cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.cached_visitors import Accuracy
from gst_analysis.analyses.cost import cost
from tests.app.conftest import Visit, plots
from tests.conftest import SaveSmall


def figures(page: object) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}  # type: ignore[attr-defined] # AppTest's page, as an object


def test_it_opens_on_the_papers_network(visit: Visit) -> None:
    page = visit("cost")
    assert figures(page) == {"Parameters": "21.0 M", "Multiply-adds": "29.0 GMACs", "FLOPs": "58.0 GFLOPs"}
    bars, scatter = (json.loads(plot) for plot in plots(page))
    assert bars["layout"]["barmode"] == "stack"
    assert "Something-Something V1" in scatter["layout"]["title"]["text"]
    assert page.code[0].value == "gst-analyze cost gst-resnet50"
    counted = [text.value for text in page.markdown if "GMACs**" in text.value]
    assert [text[2:7] for text in counted] == ["29.00", "29.18", "29.45", "29.35"]
    tables = {one.label: one for one in page.expander if one.label.startswith("Numbers")}
    modules, published = (one.dataframe[0].value for one in tables.values())
    assert modules["Multiply-adds"].sum() == pytest.approx(29.0e9, rel=1e-3)
    assert published["Top-1, %"].is_monotonic_decreasing
    assert "GST alpha=1/4" in set(published["Method"])


def test_a_link_names_the_design(visit: Visit) -> None:
    page = visit("cost", family="C3D", backbone="ResNet-18", frames="16", classes="48", dataset="Diving48")
    expected = cost("c3d-resnet18", num_frames=16, num_classes=48).summary
    assert figures(page)["Multiply-adds"] == f"{expected.macs / 1e9:.1f} GMACs"
    assert "Diving48" in plots(page)[1]
    assert [box.label for box in page.selectbox] == ["Family", "Backbone"]


def test_beta_makes_gst_large(visit: Visit) -> None:
    page = visit("cost", beta="1")
    expected = cost("gst-large-resnet50").summary
    assert figures(page)["Parameters"] == f"{expected.params / 1e6:.1f} M" == "29.5 M"
    assert "gst-large-resnet50" in page.code[0].value


def test_only_families_with_a_depthwise_form_offer_mobilenet(visit: Visit) -> None:
    page = visit("cost")
    offered = {}
    for family in ("gst", "sth"):
        page.selectbox(key="family").set_value(family).run()
        offered[family] = page.selectbox(key="backbone").options
    assert "MobileNetV2" not in offered["gst"]
    assert "MobileNetV2" in offered["sth"]


@pytest.mark.parametrize(
    ("alpha", "words"),
    [("0", "expected a fraction"), ("<b>half</b>", "expected a fraction"), ("1/5", "multiples of 10")],
)
def test_an_impossible_design_is_one_sentence_and_leaves_the_controls(
    visit: Visit, alpha: str, words: str
) -> None:
    page = visit("cost", alpha=alpha)
    assert words in page.error[0].value.replace("\\", "")
    assert not page.metric
    assert [number.label for number in page.number_input] == ["Frames", "Frame size", "Classes"]
    page.selectbox(key="alpha").set_value("1/2").run()
    assert figures(page)["Parameters"] == "23.9 M"


def test_a_link_with_sizes_that_cannot_be_falls_back(visit: Visit) -> None:
    page = visit("cost", frames="-3", size="abc", family="nonsense")
    assert figures(page)["Multiply-adds"] == "29.0 GMACs"


def test_a_published_system_is_costed_as_the_command_does(visit: Visit) -> None:
    page = visit("cost", kind="Published", system="R(2+1)D-18")
    expected = cost("r2plus1d-18").summary
    assert figures(page)["Multiply-adds"] == f"{expected.macs / 1e9:.1f} GMACs"
    assert page.code[0].value == "gst-analyze cost r2plus1d-18"
    assert not page.error
    smaller = visit("cost", kind="Published", system="R(2+1)D-18", system_size="64", system_classes="5")
    expected = cost("r2plus1d-18", size=64, num_classes=5).summary
    assert figures(smaller)["Multiply-adds"] == f"{expected.macs / 1e9:.1f} GMACs"
    assert smaller.code[0].value == "gst-analyze cost r2plus1d-18 --size 64 --classes 5"


def test_what_is_loaded_is_costed_too(visit: Visit, save_small: SaveSmall) -> None:
    path = save_small(file="net.pth")
    page = visit("cost", kind="Loaded", ckpt="net.pth")
    expected = cost(path).summary
    assert figures(page)["Parameters"] == f"{expected.params / 1e3:.1f} k"
    assert page.code[0].value == "gst-analyze cost net.pth"
    assert not page.error


def read_stars(page: AppTest) -> list[list[float]]:
    traces = json.loads(plots(page)[1])["data"]
    return [trace["y"] for trace in traces if trace.get("marker", {}).get("symbol") == "star"]


def test_ones_own_accuracy_is_a_star_until_another_network_or_data_set_is_chosen(visit: Visit) -> None:
    page = visit("cost", family="GST", backbone="ResNet-18", top1="39.5")
    (star,) = [
        trace for trace in json.loads(plots(page)[1])["data"] if trace["marker"].get("symbol") == "star"
    ]
    assert star["y"] == [39.5]
    assert "39.5% on Something-Something V1 as told" in " ".join(text.value for text in page.markdown)
    assert page.code[0].value == "gst-analyze cost gst-resnet18 --top1 39.5"
    assert "gst.compare_with_published(result, top1=39.5)" in page.code[1].value
    page.segmented_control(key="dataset").set_value("diving48").run()
    assert page.number_input(key="top1").value is None
    page.number_input(key="top1").set_value(28.0).run()
    assert page.code[0].value.endswith("--top1 28.0 --top1-on diving48")
    page.selectbox(key="backbone").set_value("ResNet-50").run()
    assert page.number_input(key="top1").value is None
    assert read_stars(page) == []


def test_what_was_measured_here_is_offered_for_data_sets_of_as_many_classes(
    visit: Visit, folder: Path, save_small: SaveSmall, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_small(file="net.pth")
    asked: list[str] = []

    def find(network: str) -> Accuracy:
        asked.append(network)
        return Accuracy(47.3, 48, "60 clips of test.json")

    monkeypatch.setattr("app.costing.find_accuracy", find)
    page = visit("cost", ckpt="net.pth", dataset="Diving48")
    assert "net" in asked[0]
    assert page.number_input(key="top1").value is None  # it is never taken unasked
    assert any("measured here: 60 clips of test" in text.value for text in page.caption)
    (take,) = [one for one in page.button if one.label == "Take 47.3%"]
    take.click().run()
    assert "47.3% on Diving48 as told" in " ".join(text.value for text in page.markdown)
    page.segmented_control(key="dataset").set_value("something-v1").run()
    assert page.number_input(key="top1").value is None
    assert not [one for one in page.button if one.label.startswith("Take")]


def test_an_accuracy_of_a_link_that_cannot_be_says_so(visit: Visit) -> None:
    page = visit("cost", top1="140")
    (line,) = [caption.value for caption in page.caption if "The link says" in caption.value]
    assert "expected a number from 0 to 100. Shown: **unknown**" in line.replace("\\", "")
