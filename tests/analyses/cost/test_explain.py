"""What other people's counters would print, against figures that they do print."""

from __future__ import annotations

import json

import pytest

from gst_analysis.analyses.cost import explain_cost, summarise_cost
from gst_analysis.analyses.cost.counting import CONVENTIONS
from gst_analysis.analyses.cost.explain import HABITS
from gst_analysis.analyses.cost.printed import PRINTED, PrintedCost
from gst_analysis.cli import run
from gst_analysis.networks.specs import model_names
from gst_analysis.networks.systems import SYSTEMS


@pytest.mark.slow
def test_a_figure_of_another_size_is_found_again() -> None:
    found = {(one.size, one.convention, one.unit): one for one in explain_cost("slowfast-r50-8x8")}
    zoo = found[256, "conv+linear", "GMACs"]
    assert zoo.value == pytest.approx(65.71, abs=0.01)
    assert zoo.reproduces == ("PySlowFast (65.71)", "PyTorchVideo (65.71)")
    own = found[224, "conv+linear", "GMACs"].value
    assert own is not None
    assert found[224, "conv+linear", "GFLOPs"].value == pytest.approx(2 * own)


def test_the_papers_figure_is_the_one_with_everything() -> None:
    named = [one for one in explain_cost("gst-resnet50") if one.reproduces]
    assert [(one.convention, one.reproduces) for one in named] == [
        ("conv+linear+bn+relu+pool", ("GST paper, Tables 2 and 3 (29.5)",))
    ]
    assert not any(one.reproduces for one in explain_cost("gst-resnet50", num_frames=16))


def test_a_network_of_one_size_has_no_figure_at_another() -> None:
    values = {one.size: one.value for one in explain_cost("c3d")}
    assert values[112] == pytest.approx(38.64, abs=0.01)
    assert values[256] is None


def test_facts_are_of_networks_and_conventions_that_there_are() -> None:
    names = {convention.name for convention in CONVENTIONS}
    assert {one.network for one in PRINTED} <= {*model_names(), *SYSTEMS}
    assert {one.convention for one in PRINTED} | {habit.convention for habit in HABITS} <= names


@pytest.mark.slow
@pytest.mark.parametrize("one", PRINTED, ids=lambda one: f"{one.network}-{one.source}")
def test_what_is_printed_is_what_is_counted_unless_a_remark_says_otherwise(one: PrintedCost) -> None:
    found = summarise_cost(one.network, num_frames=one.frames, size=one.size)
    pairs = [(one.params_m, found.params / 1e6), (one.gmacs, found.conventions[one.convention] / 1e9)]
    off = max(abs(computed / printed - 1) for printed, computed in pairs if printed)
    assert (off > 0.01) == bool(one.remark)


def test_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cost", "gst-resnet26s", "--explain", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["explained"]) == len(HABITS)
    assert run(["cost", "gst-resnet26s", "--explain"]) == 0
    assert "What others would print" in capsys.readouterr().out
