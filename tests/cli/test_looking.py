"""A checkpoint's name alone: what it is, its profile, and where to go on; and how a network shows itself."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

import gst_analysis as gst
from gst_analysis.cli import app, run


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = gst.ModelSpec.from_name("gst-resnet26s", width=8, num_classes=3)
    return gst.save_model(tmp_path_factory.mktemp("look") / "a net.pth", gst.create_model(spec, seed=0))


def test_a_bare_name_asks_for_a_look(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([str(file)]) == 0
    told = capsys.readouterr().out
    assert "gst-resnet26s, 3 classes, 8 frames, an answer a frame" in told
    assert "temporal use  ▆▆▆▆▆▆▆▆" in told
    assert "Nothing stands out, and nothing could: every scale and offset is as before training." in told
    following = [shlex.split(line) for line in told.splitlines() if line.startswith("  gst-analyze")]
    assert [words[1] for words in following] == ["profile", "trace", "report"]
    for words in following:  # the program takes them
        app.commands[words[1]].make_context(words[1], words[2:])
        assert words[2] == str(file)
    assert run(["look", str(file), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["inspection"]["num_classes"] == 3
    assert document["profile"]["summary"]["claims"] == []


def test_what_is_neither_a_command_nor_a_file_is_still_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["profil"]) == 2
    assert "profil" in capsys.readouterr().err
    assert run(["nothing-there.pth"]) == 2
    assert "nothing-there.pth" in capsys.readouterr().err


def test_a_network_shows_its_profile(file: Path) -> None:
    network = gst.open(file)
    shown = network._repr_html_()
    assert "Network(GST resnet26s" in shown
    assert "every scale and offset is as before training" in shown
    assert "plotly" in shown
    assert network.profile(lines=("gamma",)).table["measure"].unique().tolist() == ["gamma"]
    assert "plotly" not in network.with_module(network.module)._repr_html_()
