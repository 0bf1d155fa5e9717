"""Every line of the paper's tables: computed, or a command that computes it, or a reason."""

from __future__ import annotations

import shlex
from collections import Counter

import pytest

from gst_analysis.analyses.cost import summarise_cost
from gst_analysis.analyses.cost.paper_audit import audit_paper
from gst_analysis.cli import run
from gst_analysis.networks.systems import SYSTEMS
from gst_analysis.training.recipes import list_recipes, load_config
from tests.analyses.cost.test_paper_audit import read_printed

ROWS = audit_paper().rows.to_dict("records")


def test_no_line_is_left_out() -> None:
    printed = [(row["table"], row["dataset"], row["split"], row["method"]) for row in read_printed()]
    found = [(str(row["table"]), row["dataset"], row["split"], row["method"]) for row in ROWS]
    assert found == printed
    assert {row["table"] for row in ROWS} == {2, 3, 4, 5, 6, 7}
    assert audit_paper().summary.lines == Counter(row["status"] for row in ROWS)


def test_a_line_has_a_cost_or_says_why_not() -> None:
    for row in ROWS:
        assert all(row[field] for field in ("cost_by", "accuracy_by")), row
        assert (row["status"] == "computed") == (row["gmacs"] > 0) == (row["params_m"] > 0)
        assert bool(row["cost_by"].startswith("gst-analyze cost")) == (row["status"] != "not here")


def test_published_systems_stand_beside_what_is_printed() -> None:
    found = {row["spec"]: row for row in ROWS if row["spec"] in SYSTEMS}
    assert set(found) == {"eco-full", "nl-i3d-r50", "s3d", "s3d-g", "trn-bninception", "c3d", "r2plus1d-34"}
    eco = next(row for row in ROWS if row["spec"] == "eco-full" and row["frames"] == 16)
    assert eco["gmacs"] == pytest.approx(eco["printed_gmacs"], rel=0.01)
    assert found["nl-i3d-r50"]["printed_gmacs"] == 168


def test_each_command_of_a_design_gives_the_figure_beside_it(capsys: pytest.CaptureFixture[str]) -> None:
    lines = {
        row["cost_by"]: row
        for row in ROWS
        if row["status"] == "computed" and not set(row["spec"].split(" + ")) & set(SYSTEMS)
    }
    assert len(lines) > 15
    for line, row in lines.items():
        words = shlex.split(line)[1:]
        assert run([*words, "--json"]) == 0
        assert f'"macs": {round(row["gmacs"] * 1e9)},' in capsys.readouterr().out


@pytest.mark.slow
def test_a_command_of_a_system_gives_the_figure_beside_it() -> None:
    for name in {row["spec"] for row in ROWS if row["spec"] in SYSTEMS and row["status"] == "computed"}:
        assert summarise_cost(name).macs / 1e9 == pytest.approx(SYSTEMS[name].gmacs, abs=0.005)
    both = next(row for row in ROWS if row["method"] == "TRN-2stream")
    found = summarise_cost("trn-bninception", flow="trn-bninception-flow")
    assert (found.macs / 1e9, found.params / 1e6) == pytest.approx(
        (both["gmacs"], both["params_m"]), abs=0.005
    )


def test_recipes_take_the_changes_that_are_named() -> None:
    lines = {row["accuracy_by"] for row in ROWS if row["accuracy_by"].startswith("gst-analyze train")}
    for line in lines:
        _, _, recipe, *changes = shlex.split(line)
        assert recipe in list_recipes()
        settings = dict(change.split("=", 1) for change in changes[1::2])
        assert load_config(recipe, settings).model.name
