"""`gst-analyze explore`: which explorer is started, with what, and what is refused before it is."""

from __future__ import annotations

import json
import os
import runpy
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import gst_analysis
from app import paths
from gst_analysis.cli import explore, run

ROOT = Path(__file__).parents[2]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The command lines that Streamlit is given; it is not started."""
    calls: list[list[str]] = []
    monkeypatch.setattr(explore, "start_streamlit", calls.append)
    for variable in (explore.FOLDERS_VARIABLE, explore.NETWORK_VARIABLE):
        monkeypatch.setenv(variable, "")  # and put back afterwards what the command sets
    return calls


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody else answers at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    return printed.err


def test_from_a_checkout_it_starts_the_checkouts_own(started: list[list[str]], tmp_path: Path) -> None:
    assert run(["explore", str(tmp_path), "--no-browser"]) == 0
    ((command, script, *flags),) = started
    assert (command, script) == ("run", str(ROOT / "app" / "main.py"))
    given = dict(zip(flags[::2], flags[1::2], strict=True))
    assert int(given.pop("--server.port")) >= explore.FIRST_PORT
    assert given == {"--server.address": "127.0.0.1", "--server.headless": "true"}
    assert os.environ[explore.FOLDERS_VARIABLE] == str(tmp_path)


def test_a_window_opens_unless_it_should_not(started: list[list[str]]) -> None:
    assert run(["explore"]) == 0
    assert "--server.headless" not in started[0]


def test_it_says_in_json_what_it_starts(
    started: list[list[str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(explore, "_turn_output_to_stderr", lambda: None)
    monkeypatch.setenv(explore.FOLDERS_VARIABLE, "/data")
    assert run(["explore", str(tmp_path), "--json"]) == 0
    port = started[0][started[0].index("--server.port") + 1]
    assert json.loads(capsys.readouterr().out) == {
        "schema": "gst-analysis/explore/1",
        "url": f"http://127.0.0.1:{port}",
        "script": str(ROOT / "app" / "main.py"),
        "models": str(ROOT / "trained_models"),
        "folders": [str(tmp_path), "/data"],
    }


def test_the_packed_explorer_comes_before_what_lies_beside_an_installed_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder called app/ among all installed packages is somebody else's."""
    monkeypatch.setattr(gst_analysis, "__file__", str(tmp_path / "gst_analysis" / "__init__.py"))
    packed = tmp_path / "gst_analysis" / "explorer" / "app" / "main.py"
    for script in (packed, tmp_path / "app" / "main.py"):
        script.parent.mkdir(parents=True)
        script.touch()
    assert explore.find_script() == packed


def test_a_package_without_an_explorer_says_so(
    started: list[list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(gst_analysis, "__file__", str(tmp_path / "gst_analysis" / "__init__.py"))
    assert run(["explore"]) == 2
    assert "install gst-analysis from a wheel" in complaint(capsys)
    assert started == []


def test_without_streamlit_it_says_how_to_get_it(
    started: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(explore, "find_spec", lambda name: None)
    assert run(["explore"]) == 2
    assert "pip install streamlit" in complaint(capsys)
    assert started == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "nowhere: expected a folder; found nothing; check the path"),
        (["file"], "file: expected a folder; found a file; name the folder that its files are in"),
        (["two:names"], "expected a path without ':'"),
        (["--port", "0"], "--port"),
        (["--port", "70000"], "--port"),
        (["--address", "192.0.2.7"], "choose others with --address and --port"),
        (["--address", "no address"], "choose others with --address and --port"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_is_refused_in_one_line(
    arguments: list[str],
    words: str,
    started: list[list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "two:names").mkdir()
    assert run(["explore", *arguments]) == 2
    assert words in complaint(capsys)
    assert started == []


def test_a_port_that_is_taken_is_refused_if_asked_for(
    started: list[list[str]], taken: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["explore", "--port", str(taken)]) == 2
    said = complaint(capsys)
    assert f"port {taken}" in said
    assert "attempting" not in said
    assert started == []


def test_a_port_that_is_taken_is_passed_over_if_not_asked_for(
    taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explore, "FIRST_PORT", taken)
    assert explore.find_port("127.0.0.1", None) > taken
    monkeypatch.setattr(explore, "PORTS", 1)
    with pytest.raises(gst_analysis.GstError, match="free port"):
        explore.find_port("127.0.0.1", None)


def test_streamlit_is_run_within_this_process_and_leaves_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    handlers: dict[int, object] = {}
    calls: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(signal, "signal", handlers.__setitem__)
    monkeypatch.setattr(sys, "argv", ["pytest"])
    monkeypatch.setattr(runpy, "run_module", lambda name, run_name: calls.append((name, sys.argv)))
    explore.start_streamlit(["run", "main.py"])
    assert calls == [("streamlit", ["streamlit", "run", "main.py"])]
    for stop in (signal.SIGINT, signal.SIGTERM):
        handler = handlers[stop]
        assert callable(handler)
        with pytest.raises(SystemExit) as left:
            handler(stop, None)
        assert left.value.code == 0


def test_a_network_of_ones_own_is_named_on_the_line_or_not_at_all(
    started: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = "tests.app.test_own_network:build_clip"
    assert run(["explore", "--network", code]) == 0
    assert json.loads(os.environ[explore.NETWORK_VARIABLE]) == [code, None]
    assert run(["explore"]) == 0  # what the environment said before is forgotten
    assert explore.NETWORK_VARIABLE not in os.environ
    assert len(started) == 2
    for wrong, told in (
        (["--network", "no_such:build"], "a function that can be imported"),
        (["--weights", "net.pth"], "--network beside it"),
    ):
        assert run(["explore", *wrong]) == 2
        assert told in complaint(capsys)
    assert len(started) == 2


def test_the_command_and_the_explorer_mean_the_same_variable() -> None:
    assert explore.FOLDERS_VARIABLE == paths.FOLDERS_VARIABLE
