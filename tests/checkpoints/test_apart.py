"""Reading in a child: the same checkpoint, and one line for whatever ends the child."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from gst_analysis.checkpoints import apart, apart_child, apart_helper, loading
from gst_analysis.checkpoints.adopting import _fill
from gst_analysis.checkpoints.apart import reading_apart
from gst_analysis.checkpoints.loaded import Checkpoint, Network
from gst_analysis.checkpoints.loading import load_checkpoint, load_model
from gst_analysis.checkpoints.reading import load_raw
from gst_analysis.checkpoints.saving import save_model
from gst_analysis.checkpoints.starting import load_flat_weights
from gst_analysis.cli import run
from gst_analysis.errors import BrokenCheckpoint, CheckpointError, UnreadableCheckpoint, UnsafeCheckpoint
from gst_analysis.networks.anatomy import require_arithmetic
from tests.conftest import SMALL_CLIPS, SaveSmall, build_small

NEST = b"\x80\x02})" + b"\x85" * 200_000 + b"K\x01s."


@pytest.fixture(autouse=True)
def _forked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Quick tests fork from this process: a helper's start takes seconds."""
    if request.node.get_closest_marker("slow") is None:
        monkeypatch.setattr(apart, "_may_fork", lambda: True)


def read(path: Path, **told: Any) -> Checkpoint:
    with reading_apart("always"):
        return load_checkpoint(path, **told)


def check_same(path: Path, **told: Any) -> Checkpoint:
    """The child's answer is what this process would have read."""
    plain, far = load_checkpoint(path, **told), read(path, **told)
    assert list(far.state) == list(plain.state)
    for name, tensor in plain.state.items():
        assert far.state[name].dtype == tensor.dtype
        assert torch.equal(far.state[name], tensor)
    for name in ("path", "sha256", "spec", "clip_spec", "labels", "layout", "notes", "provenance"):
        assert getattr(far, name) == getattr(plain, name), name
    return far


@pytest.mark.parametrize("file", ["net.pth", "net.safetensors"])
def test_a_child_reads_the_same(tmp_path: Path, file: str) -> None:
    path = save_model(
        tmp_path / file, build_small("gst-resnet26s"), clip_spec=SMALL_CLIPS, labels=list("abcde")
    )
    far = check_same(path)
    assert far.labels == tuple("abcde")
    next(iter(far.state.values())).zero_()  # it is this process's own


@pytest.mark.parametrize("kind", ["legacy", "with an optimizer", "half"])
def test_so_it_does_of_files_that_cannot_be_mapped(tmp_path: Path, kind: str) -> None:
    path, network = tmp_path / "net.pth", build_small("gst-resnet26s")
    state: Any = {f"module.{name}": tensor for name, tensor in network.state_dict().items()}
    if kind == "half":
        state = {
            name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in state.items()
        }
    if kind == "with an optimizer":
        state = {"state_dict": state, "optimizer": {"memory": torch.ones(3_000_000)}}
    torch.save(state, path, _use_new_zipfile_serialization=kind != "legacy")
    check_same(path)


def test_what_was_told_reaches_the_child(tmp_path: Path) -> None:
    torch.save(build_small("tsm-resnet26s").state_dict(), tmp_path / "net.pth")
    far = check_same(tmp_path / "net.pth", family="tsm", frames=4, mean=(0.4, 0.4, 0.4), std=(0.2, 0.2, 0.2))
    assert (far.spec.family, far.spec.num_frames) == ("tsm", 4)


def test_weights_for_a_network_that_is_known_are_read_apart_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """2-D weights to begin with, and those of a network of somebody's own: nobody here opens the file."""
    path = save_model(tmp_path / "flat.pth", build_small("c2d-resnet26s"))
    begun = load_model(path)
    spec = require_arithmetic(begun.spec, "a test")
    read_here, once = list[Any](), load_raw
    monkeypatch.setattr(loading, "load_raw", lambda path: read_here.append(path) or once(path))  # type: ignore[func-returns-value] # append returns None, and so what follows
    ways: list[Callable[[], Any]] = [lambda: load_flat_weights(spec, path), lambda: _fill(begun, path)]
    for read_it in ways:
        plain = read_it()
        assert read_here
        read_here.clear()
        with reading_apart("always"):
            far = read_it()
        assert not read_here
        (here, told), (there, said) = (
            (one.checkpoint.state, one.checkpoint.sha256) if isinstance(one, Network) else one
            for one in (plain, far)
        )
        assert told == said
        assert here.keys() == there.keys()
        assert all(torch.equal(there[name], tensor) for name, tensor in here.items())


@pytest.mark.parametrize("whose", ["its own", "another's"])
def test_a_card_is_held_against_the_files_hash(tmp_path: Path, whose: str) -> None:
    """Where one lies beside a file the child hashes it; elsewhere whoever reads its bytes does."""
    path = tmp_path / "net.pth"
    torch.save(build_small("gst-resnet26s").state_dict(), path)
    sha256 = hashlib.sha256(path.read_bytes() + b"x" * (whose != "its own")).hexdigest()
    (tmp_path / "net.json").write_text(json.dumps({"sha256": sha256, "labels": list("abcde")}))
    far = check_same(path)
    assert (far.labels is not None) == (whose == "its own")


def test_threads_of_numpy_are_no_reason_for_a_helper() -> None:
    """They end ahead of a fork; those of Python, which may hold locks, do not."""
    code = (
        "import threading, numpy, os\n"
        "from gst_analysis.checkpoints import apart\n"
        "print(len(os.listdir('/proc/self/task')), apart._may_fork())\n"
        "threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "print(apart._may_fork())\n"
    )
    surroundings = {key: told for key, told in os.environ.items() if not key.endswith("_NUM_THREADS")}
    told = subprocess.run(
        [sys.executable, "-c", code], env=surroundings, capture_output=True, text=True, check=True
    )
    threads, forks, later = told.stdout.split()
    assert int(threads) == 1 or (os.cpu_count() or 1) > 1
    assert (forks, later) == ("True", "False")


def test_its_errors_are_the_same(save_small: SaveSmall, tmp_path: Path) -> None:
    whole = save_small(file="net.pth").read_bytes()
    bad = {
        "cut.pth": whole[: len(whole) // 2],
        "empty.pth": b"",
        "code.pth": pickle.dumps({"x": print}, protocol=2),
        "text.pth": b"words",
    }
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
    for path in [*(tmp_path / name for name in bad), tmp_path / "none.pth", tmp_path]:
        with pytest.raises(CheckpointError) as plain:
            load_checkpoint(path)
        with pytest.raises(CheckpointError) as far:
            read(path)
        assert type(far.value) is type(plain.value)
        assert str(far.value) == str(plain.value)


def test_a_child_that_crashes_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net.pth").write_bytes(b"PK\x03\x04")
    monkeypatch.setattr(apart_child, "_read", lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(UnreadableCheckpoint, match="ends the process that reads it"):
        read(tmp_path / "net.pth")


def test_so_is_one_that_takes_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net.pth").write_bytes(b"PK\x03\x04")
    monkeypatch.setattr(apart, "LEAST_S", 0.1)
    monkeypatch.setattr(apart_child, "_read", lambda *_, **__: time.sleep(60))
    began = time.monotonic()
    with pytest.raises(UnreadableCheckpoint, match="is not read after 0 s"):
        read(tmp_path / "net.pth")
    assert time.monotonic() - began < 10


def test_so_is_one_that_takes_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net.pth").write_bytes(b"PK\x03\x04")
    monkeypatch.setattr(apart_child, "_read", lambda *_, **__: bytearray(2**30))
    with pytest.raises(UnreadableCheckpoint, match="far more memory than it is large"):
        read(tmp_path / "net.pth")


def test_what_a_child_says_of_tensors_is_held_against_what_is_there(tmp_path: Path) -> None:
    with (tmp_path / "shared").open("w+b") as shared:
        shared.write(bytes(8))
        shared.flush()
        for place, count, start in (("written", 3, 0), ("written", 1, 8), ("source", 1, 0)):
            with pytest.raises((ValueError, RuntimeError)):
                apart._find_tensors([["x", "float32", [count], place, start]], bytearray(), shared.fileno())


def test_a_reader_that_starts_late_is_no_fault_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "_GRACE_S", 0.0)
    question = {"source": "", "hashed": True, "seconds": 0.1}

    def answer_late(wire: socket.socket) -> None:
        time.sleep(0.3)
        wire.sendall(b'1\n{"late": true}\n')

    for begin in (answer_late, lambda _: None):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            helper = threading.Thread(target=begin, args=(theirs,))
            helper.start()
            if begin is answer_late:
                assert apart._converse(ours, question, "net.pth")[0] == {"late": True}
            else:
                monkeypatch.setattr(apart, "_STARTED_WITHIN_S", 0.1)
                with pytest.raises(UnreadableCheckpoint, match="no reader has started after 0 s"):
                    apart._converse(ours, question, "net.pth")
            helper.join()


@contextlib.contextmanager
def a_second_thread() -> Iterator[None]:
    """Somebody who waits: with threads beside it, this process asks the helper."""
    over = threading.Event()
    waiting = threading.Thread(target=over.wait)
    waiting.start()
    try:
        yield
    finally:
        over.set()
        waiting.join()


@pytest.mark.slow
def test_files_that_kill_or_hold_up_a_reader_do_neither_here(tmp_path: Path) -> None:
    """Through the helper, as the explorer reads, several at a time: soon, as sound files just then."""
    bad = ("nest.pth", "key.pth")
    (tmp_path / "nest.pth").write_bytes(NEST)
    torch.save({"module." * 1_000_000 + "weight": torch.zeros(2)}, tmp_path / "key.pth")
    network = save_model(tmp_path / "good.pth", build_small("gst-resnet26s"), clip_spec=SMALL_CLIPS)
    told: dict[str, str] = {}
    took: dict[str, float] = {}

    def try_one(path: Path) -> None:
        began = time.monotonic()
        try:
            told[path.name] = load_checkpoint(path).spec.name
        except CheckpointError as error:
            told[path.name] = str(error)
        took[path.name] = time.monotonic() - began

    def time_sound_ones() -> float:
        slowest = 0.0
        for _ in range(5):
            try_one(network)
            slowest = max(slowest, took[network.name])
        return slowest

    threads = [threading.Thread(target=try_one, args=(path,)) for path in sorted(tmp_path.glob("*.pth"))]
    with reading_apart("always"), a_second_thread():
        apart.start_helper()
        process = apart_helper.helper()._process
        try_one(network)  # however long it takes to start
        time.sleep(apart_child._IDLE_S + 1)  # from then on it gets ready for foreign files
        try_one(network)  # however long that takes
        plain = time_sound_ones()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        together = dict(took)
        plain = max(plain, time_sound_ones())
        assert told[network.name] == "gst-resnet26s"
        assert apart_helper.helper()._process is process
    assert max(together.values()) < 20 * plain, (together, plain)
    assert all("\n" not in told[name] and "expected" in told[name] for name in bad)


@pytest.mark.slow
def test_the_helper_ends_with_the_process_that_started_it(save_small: SaveSmall) -> None:
    path = save_small(file="net.pth")
    code = (
        "import threading, time, sys\n"
        "from gst_analysis.checkpoints import apart, apart_helper, loading\n"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
        "with apart.reading_apart('always'): print(loading.load_checkpoint(sys.argv[1]).spec.name)\n"
        "print(apart_helper.helper()._process.pid)\n"
    )
    told = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    name, pid = told.stdout.split()
    assert name == "gst-resnet26s"
    last = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and time.monotonic() < last:
        time.sleep(0.1)
    assert not Path(f"/proc/{pid}").exists()


def test_the_command_reads_apart_when_asked_to(
    save_small: SaveSmall, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, read_so = save_small(file="net.pth"), []
    once = apart.read_apart
    monkeypatch.setattr(apart, "read_apart", lambda *given: read_so.append(given[0]) or once(*given))  # type: ignore[func-returns-value] # append returns None, and so what follows
    assert run(["inspect", str(path), "--json"]) == 0
    plain = capsys.readouterr().out
    assert not read_so
    assert run(["--isolate", "inspect", str(path), "--json"]) == 0
    assert capsys.readouterr().out == plain
    assert read_so
    assert apart.VARIABLE not in os.environ


def test_what_is_broken_is_told_as_such(save_small: SaveSmall, tmp_path: Path) -> None:
    state = torch.load(save_small(file="net.pth"), weights_only=True)
    first = next(iter(state["state_dict"]))
    del state["state_dict"][first]
    torch.save(state, tmp_path / "less.pth")
    with pytest.raises(BrokenCheckpoint, match="less"):
        read(tmp_path / "less.pth")
    (tmp_path / "code.pth").write_bytes(pickle.dumps({"x": print}, protocol=2))
    with pytest.raises(UnsafeCheckpoint):
        read(tmp_path / "code.pth")


def test_a_child_that_nobody_asks_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was to ask may have been killed, and the child itself may hold the other end of its wire."""
    monkeypatch.setattr(apart_child, "ASKED_WITHIN_S", 1)
    ours, theirs = socket.socketpair()
    with ours, theirs, Path("/dev/null").open("wb") as nowhere:
        child = os.fork()
        if child == 0:
            apart_child.live(theirs, nowhere.fileno())
        assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGALRM
