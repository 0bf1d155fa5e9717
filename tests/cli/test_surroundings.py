"""Whatever the environment says and the disk is like: one line, or an answer, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import gst_analysis as gst
from gst_analysis.cli import program, run
from gst_analysis.errors import GstError, OutputError
from gst_analysis.files import find_cache, write_whole
from gst_analysis.networks import native
from tests.conftest import SaveSmall

LONG = "/" + "x" * 5_000
ODD: dict[str, dict[str, str | bytes | None]] = {
    "no home": {"HOME": "~", "XDG_CACHE_HOME": None},
    "an endless home": {"HOME": LONG, "XDG_CACHE_HOME": None},
    "a home that commands": {"HOME": "/tmp/\x1b[31m", "XDG_CACHE_HOME": None},
    "a home that is no text": {"HOME": b"/tmp/\xff", "XDG_CACHE_HOME": None},
    "a cache that is a device": {"XDG_CACHE_HOME": "/dev/full"},
    "an endless cache": {"XDG_CACHE_HOME": LONG},
    "a width of endless digits": {"COLUMNS": "9" * 100_000, "LINES": "9" * 100_000},
    "a width in other digits": {"COLUMNS": "²"},
    "no width": {"COLUMNS": "0", "LINES": "0"},
    "a terminal that commands": {"TERM": "\x1b[31m"},
    "no such time zone": {"TZ": "Nowhere/\x1b]0;x\x07"},
    "no programs": {"PATH": ""},
    "no languages": {"LANG": "C", "LC_ALL": "C"},
    "endless settings": {"GST_ANALYSIS_RAW_CSV": "9" * 100_000, "GST_ANALYSIS_ISOLATE": "\x1b[31m"},
}
QUICK = ("no home", "an endless cache", "a width of endless digits")


@pytest.fixture
def surround(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[str], None]]:
    """Set what the environment says; the current folder is an empty one."""
    home = tmp_path / "empty"
    home.mkdir()
    monkeypatch.chdir(home)

    def apply(name: str) -> None:
        for variable, value in ODD[name].items():
            if value is None:
                monkeypatch.delenv(variable, raising=False)
            else:
                monkeypatch.setenv(variable, os.fsdecode(value))
        time.tzset()

    yield apply
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name not in QUICK)) for name in ODD]
)
def test_the_doctor_and_an_analysis_stand_any_surroundings(
    name: str, surround: Callable[[str], None], save_small: SaveSmall, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save_small()
    surround(name)
    assert run(["doctor"]) == 0
    assert run(["inspect", str(path)]) == 0
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err
    assert list(Path().iterdir()) == []
    if name in ("an endless cache", "no home"):
        assert "traces folder" in " ".join(said.out.split())


@pytest.mark.parametrize("value", ["", "here", "./.cache", "~"])
def test_a_cache_never_lies_in_whatever_folder_one_stands_in(
    value: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", value)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_cache() == tmp_path / ".cache" / "gst-analysis"
    monkeypatch.setenv("HOME", value or "here")  # what is compiled would be loaded from there
    with pytest.raises(OutputError, match="set HOME or XDG_CACHE_HOME"):
        find_cache()
    with pytest.raises(GstError):
        native.cache_folder()


NAMES = {
    "a name of 5,000 letters": "x" * 5_000,
    "a link that leads to itself": "round",
    "below a file": "file/x",
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "line", ["inspect X", "look X", "verify X", "adopt NET --out X", "bn-hist NET --out X"]
)
def test_a_path_that_no_disk_has_is_one_line(
    line: str,
    name: str,
    save_small: SaveSmall,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    net = str(save_small())
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("round").symlink_to("round")
    words = [{"X": NAMES[name], "NET": net}.get(word, word) for word in line.split()]
    if (line, name) == ("adopt NET --out X", "a link that leads to itself"):
        return  # a link is replaced
    assert run(words) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_name_that_no_disk_has_is_an_error_of_ours_in_python_too(tmp_path: Path) -> None:
    for name in ("x" * 5_000, "x" * 5_000 + ".pth"):
        for call in (gst.load_model, gst.load_labelled_clips, gst.list_checkpoints):
            with pytest.raises(GstError):
                call(name)
        with pytest.raises(GstError):
            gst.cost("gst-resnet50").save(tmp_path / name)


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="a system without these signals")
def test_what_ends_a_job_ends_a_command_as_ctrl_c_does() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
        program.end_tidily()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGHUP)
        child = os.fork()
        if child == 0:
            os.kill(os.getpid(), signal.SIGTERM)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGTERM
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_command_that_is_ended_while_it_draws_leaves_nothing(
    name: str, save_small: SaveSmall, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    line = ["bn-hist", str(save_small()), "--formats", "csv,json,png,svg,pdf", "--out", str(out)]
    process = subprocess.Popen([sys.executable, "-m", "gst_analysis.cli", *line], stdout=subprocess.DEVNULL)
    while process.poll() is None and not (out.is_dir() and list(out.iterdir())):
        time.sleep(0.01)
    process.send_signal(getattr(signal, name))
    assert process.wait() == 130
    assert not out.exists()


def test_a_folder_for_what_could_not_be_written_goes(tmp_path: Path) -> None:
    def fail(file: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OutputError):
        write_whole(tmp_path / "new" / "a.csv", fail)
    assert list(tmp_path.iterdir()) == []
    write_whole(tmp_path / "new" / "a.csv", lambda file: file.write(b"1"))
    with pytest.raises(OutputError):
        write_whole(tmp_path / "new" / "b.csv", fail)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.csv"]
