"""A checkpoint's name alone: what it is, its profile, and where to go on; and how a network shows itself."""

from __future__ import annotations

import importlib
import json
import re
import shlex
from pathlib import Path

import pytest

import gst_analysis as gst
from gst_analysis.analyses.profile.characters import write_profile
from gst_analysis.cli import app, run


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = gst.ModelSpec.from_name("gst-resnet26s", width=8, num_classes=3)
    return gst.save_model(tmp_path_factory.mktemp("look") / "a net.pth", gst.create_model(spec, seed=0))


def test_a_bare_name_asks_for_a_look(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([str(file)]) == 0
    told = capsys.readouterr().out
    unwrapped = " ".join(told.split())
    assert "gst-resnet26s, 3 classes, 8 frames, an answer a frame" in unwrapped
    assert "temporal use ▆▆▆▆▆▆▆▆" in unwrapped
    assert "Nothing stands out, and nothing could: every scale and offset is as before training." in unwrapped
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
    (picture,) = re.findall(
        r'<img [^>]*alt="([^"]+)" src="data:image/svg\+xml;base64,[\w+/=]{1000,}">', shown
    )
    assert "8 places" in picture
    assert "<details><summary>Table</summary><table" in shown
    assert "http" not in shown  # a notebook shows it without a network
    assert network.profile(lines=("gamma",)).table["measure"].unique().tolist() == ["gamma"]
    assert "<img" not in network.with_module(network.module)._repr_html_()


def test_lines_fit_the_terminal_and_its_encoding(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    printing = importlib.import_module("gst_analysis.analyses.profile.command")
    monkeypatch.setattr(printing, "can_write", lambda _: False)  # as where the locale knows ASCII alone
    assert run([str(file)]) == 0
    told = capsys.readouterr().out.replace(str(file), "net.pth")
    # Tenths; the numbers of chance find no room.
    assert re.search(r"temporal use  \d{8}  \d+ to \d+%$", told, re.MULTILINE)
    sentence = told[told.index("Nothing stands out") : told.index("to go on")]
    assert max(map(len, sentence.splitlines())) <= 40
    assert "before training" in " ".join(sentence.split())


def test_a_deep_network_is_thinned_out_to_fit() -> None:
    network = gst.create_model(gst.ModelSpec.from_name("gst-resnet101", width=8, num_classes=3), seed=0)
    result = gst.profile(network)
    for width, places in ((80, 33), (70, 17), (40, 11)):
        lines = write_profile(result, width=width)
        assert max(map(len, lines[:-1])) <= width
        bars = re.search(r"[▁-█]+", lines[1])
        assert bars is not None
        assert len(bars[0]) == places
