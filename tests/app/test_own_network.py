"""A network of the user's own that the explorer was started with; nothing that a visitor says is imported."""

from __future__ import annotations

import ast
import json
import sys
from pathlib import Path

import pytest

import app
from app import cached, cached_network
from gst_analysis.checkpoints.naming import OwnCode
from gst_analysis.cli import explore
from tests.app.conftest import Visit
from tests.conftest import SaveSmall
from tests.networks.brought import bring

CODE = "tests.app.test_own_network:build_clip"
NAME = "test_own_network-build_clip"
UNKNOWN_GROUPS = "tests.app.test_own_network:build_tokens"


def build_clip() -> object:
    """A 3-D network of one answer a clip, with norms after space and after time."""
    return bring("three-d")


def build_tokens() -> object:
    """A transformer: without batch norms."""
    return bring("tokens")


@pytest.fixture
def own(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> Visit:
    """The explorer as `explore --network` starts it."""
    return start(visit, monkeypatch, CODE)


def start(visit: Visit, monkeypatch: pytest.MonkeyPatch, code: str) -> Visit:
    monkeypatch.setenv(cached_network.NETWORK_VARIABLE, json.dumps([code, None]))
    return visit


def test_the_command_and_the_explorer_mean_the_same_variable() -> None:
    assert explore.NETWORK_VARIABLE == cached_network.NETWORK_VARIABLE


def test_it_is_one_more_choice_and_lines_name_its_code(own: Visit, save_small: SaveSmall) -> None:
    save_small(file="net.pth")
    page = own("space_and_time")
    assert page.sidebar.multiselect[0].options == [NAME]
    assert not page.error
    assert page.code[0].value == f"gst-analyze bn-hist --network {CODE} --by stage"
    assert f"model = gst.load_network('{CODE}')" in page.code[1].value
    both = own("space_and_time", ckpt=["net.pth", "own:"])  # which no command can say in this order
    assert not both.error
    assert [code.language for code in both.code] == ["python"]


def test_its_cost_is_what_the_page_of_costs_opens_on(own: Visit) -> None:
    page = own("cost")
    assert not page.error
    assert page.code[0].value == f"gst-analyze cost --network {CODE}"
    (params,) = [metric.value for metric in page.metric if metric.label == "Parameters"]
    assert params == f"{sum(one.numel() for one in bring('three-d').module.parameters()) / 1e3:.1f} k"


def test_what_is_not_defined_for_it_is_said_and_the_rest_is_there(
    visit: Visit, monkeypatch: pytest.MonkeyPatch, clip: Path
) -> None:
    start(visit, monkeypatch, UNKNOWN_GROUPS)
    page = visit("space_and_time")
    assert not page.error  # nothing is broken
    (said,) = page.info
    assert said.value.replace("\\", "").startswith(
        "Batch-norm scales of tokens: not defined for this network, because no batch norm"
    )
    assert not page.code
    traces = visit("traces", clip=clip.name)  # where one answer a clip is enough
    assert not traces.error
    assert f"gst-analyze saliency --network {UNKNOWN_GROUPS} clip.mp4" in traces.code[0].value
    assert any("one answer a clip" in note.value for note in traces.caption)


def test_what_a_visitor_names_is_never_imported(visit: Visit, folder: Path) -> None:
    (folder / "evil.py").write_text("raise SystemExit('imported')\n\ndef build(): ...\n")
    sys.path.insert(0, str(folder))
    try:
        page = visit("space_and_time", ckpt=["evil:build", "own:evil:build", "own:"], network="evil:build")
        (refused,) = page.error
        assert "no such file" in refused.value
        assert all(name in refused.value for name in ("evil\\:build", "own\\:evil", "own\\:\\:"))
        page.text_input(key="typed_path").set_value("evil:build")
        next(button for button in page.button if button.label == "Open").click().run()
        assert "found no such file" in page.error[-1].value
    finally:
        sys.path.remove(str(folder))
    assert "evil" not in sys.modules


def test_one_module_alone_makes_code_out_of_text() -> None:
    makers = set()
    for file in Path(app.__file__).parent.rglob("*.py"):
        calls = [node.func for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
        if any(ast.unparse(func).startswith(("OwnCode", "gst.load_network", "importlib")) for func in calls):
            makers.add(file.name)
    # Warming imports what pages of ours name, before anybody has come.
    assert makers == {"cached_network.py", "warming.py"}


def test_each_measurement_runs_a_copy_of_its_own() -> None:
    own = OwnCode.of(CODE, None)
    first, second = cached_network.copy_of(own), cached_network.copy_of(own)
    assert first.module is not second.module
    assert first.module is not own.network.module
    assert cached.hash_file(own) == f"{CODE} "
