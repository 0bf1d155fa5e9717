from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from gst_analysis.analyses.cost.listing import list_networks
from gst_analysis.cli import run
from gst_analysis.networks.specs import model_names
from gst_analysis.networks.systems import SYSTEMS


def test_every_network_that_a_name_builds_is_listed() -> None:
    found = {one.name: one for one in list_networks()}
    assert list(found) == [*model_names(), *SYSTEMS]
    assert found["gst-resnet50"].params == 21_035_246
    assert found["gst-resnet50"].gmacs == pytest.approx(29.0006, abs=1e-4)
    assert (found["r2plus1d-34"].kind, found["r2plus1d-34"].frames) == ("system", 32)
    assert all(one.paper and one.space_and_time for one in found.values())


def test_words_choose_whatever_their_case() -> None:
    assert {one.name for one in list_networks("VMZ r(2+1)d")} == {"r2plus1d-18-vmz", "r2plus1d-34"}
    assert list_networks("no such words") == []


def test_the_command_prints_both_ways(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "--search", "slowfast wide", "--json"]) == 0
    names = [one["name"] for one in json.loads(capsys.readouterr().out)["networks"]]
    assert names == ["slowfast-r50-8x8", "slowfast-r50-4x16"]
    assert run(["models", "--search", "slowfast"]) == 0
    assert "34.57" in capsys.readouterr().out
    assert run(["models", "--search", "xyzzy"]) == 0
    assert "none is described by these words" in capsys.readouterr().out


def test_the_list_needs_neither_torch_nor_pandas_and_little_time() -> None:
    code = (
        "import sys, gst_analysis as gst; gst.list_networks();"
        "from gst_analysis.cli import run; run(['models', '--json']); run(['models']);"
        "sys.exit(' '.join(sorted({'torch', 'pandas', 'numpy', 'rich'} & set(sys.modules))) or 0)"
    )
    begin = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert time.perf_counter() - begin < 10  # a second on a machine that is at rest
