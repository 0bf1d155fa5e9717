"""No command opens a socket unless asked: `explore` serves pages, and ranks that train together talk."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gst_analysis.checkpoints.saving import save_model
from gst_analysis.cli import app, run
from gst_analysis.clips.decoding import probe_clip
from gst_analysis.errors import DataError
from tests.analyses.labelled_clips import small_model, write_world
from tests.sockets import SocketOpened, forbidden
from tests.training import runs

TALKING = ("explore",)
"""Commands that are asked to. Training on several devices, a setting of `train`, is the other exception."""
NET, OTHER, WORLD, CLIP = "one.pth", "two.pth", "world", "world/videos/clip00"
TINY = [word for key, value in runs.SETTINGS.items() for word in ("--set", f"{key}={value}")]
LINES: dict[str, list[str]] = {
    "models": [],
    "schema": ["bn-hist"],
    "inspect": [NET],
    "look": [NET],
    "profile": [NET, "--formats", "csv"],
    "compare-profiles": [NET, OTHER, "--formats", "csv"],
    "adopt": [NET, "--frames", "4", "--out", "adopted.pth"],
    "bn-hist": [NET, "--formats", "csv"],
    "reference": [NET, "--out", "reference.csv"],
    "compare": [NET, OTHER, "--formats", "csv"],
    "importance": [NET, "--formats", "csv"],
    "drift": [NET, "--start", OTHER, "--formats", "csv"],
    "temporal-use": [NET, "--formats", "csv"],
    "cost": ["gst-resnet50"],
    "paper-audit": [],
    "dataset-check": [WORLD],
    "predict": [NET, CLIP],
    "evaluate": [NET, WORLD, "--formats", "csv"],
    "order": [NET, WORLD, "--formats", "csv"],
    "roles": [NET, "--scenes", "4", "--formats", "csv"],
    "ablate": [NET, WORLD, "--interventions", "zero", "--formats", "csv"],
    "agreement": [f"{NET}={WORLD}", "--formats", "csv"],
    "slim": [NET, "--macs", "0.9", "--formats", "csv"],
    "trace": [NET, CLIP, "--formats", "csv"],
    "influence": [NET, CLIP, "--formats", "csv"],
    "similarity": [NET, WORLD, "--formats", "csv"],
    "saliency": [NET, CLIP, "--formats", "csv"],
    "synth": ["rendered", "--clips", "24", "--frames", "8", "--size", "64"],
    "train": ["planted-static", *TINY, "--set", "data.root=rendered", "--set", "schedule.epochs=1"],
    "report": [NET, "--without", "roles,slimming,cost,importance"],
    "verify": ["bn-hist"],
    "doctor": [],
    "demo": ["--clips", "60", "--epochs", "1"],
    "completion": ["bash"],
}
CHEAP = ("inspect", "reference", "cost", "predict", "doctor")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench")
    for seed, name in enumerate((NET, OTHER)):
        made = small_model(seed=seed)
        save_model(folder / name, made.module, clip_spec=made.clip_spec)
    write_world(folder / WORLD, [0, 1, 2, 3, 4])
    return folder


def call_guarded(words: list[str], folder: Path) -> tuple[int, str]:
    """The exit code, and what was tried."""
    told = folder / "told"
    with forbidden(told):
        code = run(words)
    return code, told.read_text()


@pytest.mark.parametrize(
    "command", [pytest.param(name, marks=[pytest.mark.slow] * (name not in CHEAP)) for name in LINES]
)
def test_a_command_opens_no_socket(
    command: str, bench: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (NET, OTHER, WORLD):
        Path(name).symlink_to(bench / name)
    if command == "verify":
        assert run(["bn-hist", NET, "--formats", "csv", "--out", "bn-hist"]) == 0
    if command == "train":
        runs.render(tmp_path / "rendered")
    assert call_guarded([command, *LINES[command]], tmp_path) == (0, "")


def test_every_command_is_looked_at() -> None:
    assert {*LINES, *TALKING} == set(app.commands)


def test_the_guard_sees_what_it_is_there_to_see(tmp_path: Path) -> None:
    code = "import _socket; _socket.socket().connect(('127.0.0.1', 9))"
    told = tmp_path / "told"
    with forbidden(told):
        for end in socket.socketpair():
            end.close()
        with pytest.raises(SocketOpened):
            socket.create_connection(("localhost", 9))
        with socket.socket() as made, pytest.raises(SocketOpened):
            made.bind(("", 0))
        with socket.socket(type=socket.SOCK_DGRAM) as made:
            for send in (lambda: made.sendto(b"", ("127.0.0.1", 9)), lambda: made.sendmsg([b""])):
                with pytest.raises(SocketOpened):
                    send()
        assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 1
    assert [line.split()[0] for line in told.read_text().splitlines() if line.startswith("socket.")] == [
        *("socket.getaddrinfo", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.connect")
    ]


def test_the_guard_lets_processes_of_this_machine_talk_and_ends_with_its_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # names of such sockets are short
    told, path = tmp_path / "told", os.environ.get("PYTHONPATH", "")
    with forbidden(told), socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as guest:
        server.bind("ours")
        server.listen()
        guest.connect("ours")
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
    assert told.read_text() == ""
    assert os.environ["PYTHONPATH"] == path


@contextlib.contextmanager
def listening() -> Iterator[tuple[int, list[str]]]:
    """A port, and who came to it."""
    came: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        over = threading.Event()

        def wait() -> None:
            while not over.is_set():
                with contextlib.suppress(TimeoutError):
                    came.append(str(server.accept()[1]))

        thread = threading.Thread(target=wait)
        thread.start()
        try:
            yield server.getsockname()[1], came
        finally:
            over.set()
            thread.join()


LINKS = {
    "a.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}/a.ts\n#EXT-X-ENDLIST\n",
    "list.mp4": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}/a.ts\n#EXT-X-ENDLIST\n",
    "concat.mp4": "ffconcat version 1.0\nfile {}/a.mp4\n",
    "a.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n",
    "dash.mp4": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="p" type="static">'
    "<Period><BaseURL>{}/</BaseURL></Period></MPD>",
}
"""Files that send a decoder elsewhere."""


def test_clips_that_name_another_machine_are_not_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with listening() as (port, came):
        place = f"http://127.0.0.1:{port}"
        for name, text in LINKS.items():
            Path(name).write_text(text.format(place))
        for clip in (*LINKS, f"{place}/a.mp4", f"tcp://127.0.0.1:{port}", f"concat:{place}/a.mp4"):
            with pytest.raises(DataError):
                probe_clip(clip)
    assert came == []
