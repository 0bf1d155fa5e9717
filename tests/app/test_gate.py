"""Who may speak to the server: by its own names, from its own pages, with a few files at a time."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit
from starlette.datastructures import Headers
from streamlit.proto.BackMsg_pb2 import BackMsg

from app import waiting_uploads
from app.gate import HOSTS_VARIABLE, Gate, list_names, refuse
from app.preloading import SHOWN_FIRST, find_plots, find_script, list_early
from app.visits import COOKIE
from app.waiting_uploads import Waiting, choose_given_up, find_place
from gst_analysis.cli import explore

NAMES = list_names({HOSTS_VARIABLE: "lab.example.org, "})


def ask(host: str, origin: str | None = None) -> str | None:
    return refuse(Headers({"host": host} | ({"origin": origin} if origin else {})), NAMES)


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("localhost:8501", None),
        ("localhost:8501", "http://localhost:8501"),
        ("127.0.0.1:8501", "http://127.0.0.1:8501"),
        ("[::1]:8501", "http://[::1]:8501"),
        ("192.168.1.20:8501", "http://192.168.1.20:8501"),
        ("Lab.Example.org", "https://lab.example.org"),
    ],
)
def test_its_own_pages_may_ask_by_its_own_names(host: str, origin: str | None) -> None:
    assert ask(host, origin) is None


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("evil.example.com:8501", "http://evil.example.com:8501"),  # a name that was led here: rebinding
        ("evil.example.com:8501", None),
        ("localhost.evil.example.com", None),
        ("127.0.0.1.evil.example.com", None),
        ("", None),
        ("user@localhost", None),
        ("localhost/evil", None),
        ("[::1", None),
        ("localhost:8501", "http://evil.example.com"),
        ("localhost:8501", "http://localhost:3000"),  # another server of this machine
        ("localhost:8501", "http://127.0.0.1:8501"),  # both are ours, but not together
        ("localhost:8501", "null"),
        ("localhost:8501", "file://"),
        ("192.168.1.20:8501", "http://evil.example.com:8501"),
    ],
)
def test_others_are_turned_away(host: str, origin: str | None) -> None:
    assert ask(host, origin)


def test_the_command_names_hosts_as_the_gate_reads_them() -> None:
    assert explore.HOSTS_VARIABLE == HOSTS_VARIABLE


def speak(scope: dict[str, Any], messages: list[dict[str, Any]]) -> tuple[list[Any], list[Any]]:
    """What an app behind the gate receives, and what is sent back."""
    received: list[Any] = []
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        received.append(await receive())
        if scope["type"] == "http":
            await send(
                {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/html")]}
            )

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(Gate(app)(scope, receive, send))
    return received, sent


def say(kind: str) -> dict[str, Any]:
    told = BackMsg()
    setattr(told, kind, True)
    return {"type": "websocket.receive", "bytes": told.SerializeToString()}


def test_no_visitor_empties_the_servers_caches() -> None:
    scope = {"type": "websocket", "headers": [(b"host", b"localhost")]}
    received, _ = speak(scope, [say("clear_cache"), say("set_run_on_save"), say("stop_script")])
    assert received == [say("stop_script")]


def test_a_link_with_a_number_without_end_reaches_controls_as_a_word() -> None:
    told = BackMsg()
    told.rerun_script.page_name, told.rerun_script.query_string = "cost", "frames=1e999&size=64"
    scope = {"type": "websocket", "headers": [(b"host", b"localhost")]}
    (message,), _ = speak(scope, [{"type": "websocket.receive", "bytes": told.SerializeToString()}])
    told.ParseFromString(message["bytes"])
    assert told.rerun_script.page_name == "cost"
    assert told.rerun_script.query_string == "frames=1e999%E2%81%A0&size=64"


def test_a_stranger_reaches_neither_page_nor_socket() -> None:
    headers = [(b"host", b"evil.example.com")]
    received, sent = speak({"type": "websocket", "headers": headers}, [{"type": "websocket.connect"}])
    assert (received, sent) == ([], [{"type": "websocket.close", "code": 1008}])
    received, sent = speak({"type": "http", "method": "GET", "path": "/", "headers": headers}, [])
    assert (received, sent[0]["status"]) == ([], 403)


def test_a_browser_is_given_a_cookie_once() -> None:
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"host", b"localhost")]}
    _, (answer,) = speak(scope, [{}])
    (given,) = [value.decode() for name, value in answer["headers"] if name == b"set-cookie"]
    token = given.partition(";")[0]
    assert token.startswith(f"{COOKIE}=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(given.split("; "))
    for kept, made in ((token, 0), (f"{COOKIE}=short", 1), ("x=1; y", 1)):
        known = {**scope, "headers": [*scope["headers"], (b"cookie", kept.encode())]}
        _, (answer,) = speak(known, [{}])
        assert sum(name == b"set-cookie" for name, _ in answer["headers"]) == made


STATIC = Path(streamlit.__file__).parent / "static"


def test_a_page_is_sent_with_the_addresses_of_what_shows_it() -> None:
    early = list_early()
    assert early[0] == find_plots()
    assert all((STATIC / name).is_file() for name in early)
    assert all(f"./static/js/{find_script(name).name}" in early for name in SHOWN_FIRST)  # type: ignore[union-attr] # there, or this test fails
    imported = "./static/js/" + next((STATIC / "static/js").glob("withFullScreenWrapper.*.js")).name
    assert imported in early  # which plots import, and wait for
    assert not {name for name in early if name in (STATIC / "index.html").read_text()}
    assert len(set(early)) == len(early)
    _, (answer,) = speak(
        {"type": "http", "method": "GET", "path": "/", "headers": [(b"host", b"localhost")]}, [{}]
    )
    told = dict(answer["headers"])[b"link"].decode()
    assert told.split(", ") == [f"<{name}>; rel=modulepreload" for name in early]


def ask_file(path: str, method: str = "GET") -> tuple[list[Any], list[Any]]:
    scope = {"type": "http", "method": method, "path": path, "headers": [(b"host", b"localhost")]}
    return speak(scope, [{}])


def test_streamlits_own_files_are_answered_at_once() -> None:
    address = find_plots().removeprefix(".")
    received, (start, body) = ask_file(address)
    assert received == []  # Streamlit was not asked
    headers = dict(start["headers"])
    assert start["status"] == 200
    assert headers[b"content-type"].startswith(b"text/javascript")
    assert headers[b"cache-control"] == b"public, immutable, max-age=31536000"
    assert body["body"] == (STATIC / address.removeprefix("/")).read_bytes()


@pytest.mark.parametrize(
    "path", ["/static/js/../../../config.py", "/static/js/nothing.js", "/static//etc/passwd", "/", "/cost"]
)
def test_nothing_else_is_a_file(path: str) -> None:
    received, _ = ask_file(path)
    assert received == [{}]


def test_files_that_no_page_takes_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    held: dict[str, dict[str, Any]] = {}
    manager = SimpleNamespace(uploaded_file_mgr=SimpleNamespace(file_storage=held))
    fake = SimpleNamespace(exists=lambda: True, get_instance=lambda: manager)
    monkeypatch.setattr(waiting_uploads, "runtime", fake)
    path, yours = (f"/_stcore/upload_file/{who}/file" for who in ("me", "you"))
    coming = waiting_uploads.ComingUploads()
    assert coming.refuse(path, "5") is None
    held["me"] = {str(n): SimpleNamespace(data=b"x") for n in range(waiting_uploads.MOST_OF_ONE)}
    assert coming.refuse(path, "5")
    assert coming.refuse(yours, "5") is None
    assert coming.refuse(yours, str(3 * 2**30))
    held.update({str(n): {"f": SimpleNamespace(data=b"x")} for n in range(waiting_uploads.MOST_OF_ALL)})
    held.pop("me")
    assert coming.refuse(yours, "5")
    assert coming.refuse("/cost", None) is None


def test_files_that_come_at_once_are_counted_before_they_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dozen were taken in past the limit where all had begun before the first had come."""
    manager = SimpleNamespace(uploaded_file_mgr=SimpleNamespace(file_storage={}))
    fake = SimpleNamespace(exists=lambda: True, get_instance=lambda: manager)
    monkeypatch.setattr(waiting_uploads, "runtime", fake)
    path, half = "/_stcore/upload_file/me/file", str(waiting_uploads.MOST_BYTES_OF_ONE // 2)
    answers, gone_on = [], []

    async def send_many() -> None:
        enough = asyncio.Event()

        async def keep(*_: Any) -> None:
            gone_on.append(1)
            await enough.wait()

        gate = Gate(keep)
        scope: dict[str, Any] = {"type": "http", "method": "PUT", "path": path}
        scope["headers"] = [(b"host", b"localhost"), (b"content-length", half.encode())]

        async def nothing() -> Any:
            raise AssertionError("nobody reads what is sent")

        async def answer(message: Any) -> None:
            if message["type"] == "http.response.start":
                answers.append(message["status"])
                enough.set()

        await asyncio.gather(*(gate(scope, nothing, answer) for _ in range(3)))
        assert gone_on == [1, 1]
        await gate(scope, nothing, answer)  # there is room again

    asyncio.run(send_many())
    assert answers == [413]
    assert len(gone_on) == 3
    coming = waiting_uploads.ComingUploads()
    assert "How long" in str(coming.refuse(path, None))


def wait_for(visit: str, place: str, size: int, *, age: float = 5, coming: bool = False) -> Waiting:
    return Waiting(visit, place, size, time.monotonic() - age, coming, lambda: None)


FULL, HALF = waiting_uploads.MOST_BYTES_OF_ALL, waiting_uploads.MOST_BYTES_OF_ONE
SMALL = 2**27


def test_one_attacker_with_many_visits_keeps_nobody_out() -> None:
    many = [wait_for(f"bad-{n}", "10.0.0.9", FULL // 32, age=32 - n) for n in range(32)]
    assert choose_given_up(many, "mine", "10.0.0.1", SMALL) == many[: SMALL // (FULL // 32)]  # the oldest
    assert choose_given_up(many, "bad-99", "10.0.0.9", SMALL) is None
    # Where all come from one place, as behind a proxy, one visit that holds much makes room.
    few = [wait_for("bad", "proxy", HALF // 8, age=9 - n) for n in range(8)]
    others = [wait_for(f"v{n}", "proxy", HALF // 16) for n in range(16)]
    assert choose_given_up([*few, *others], "mine", "proxy", SMALL) == few[:1]
    assert choose_given_up([*few, *others], "bad", "proxy", SMALL) is None


def test_many_small_files_of_one_place_keep_nobody_out() -> None:
    many = [wait_for(f"bad-{n}", "10.0.0.9", 1) for n in range(waiting_uploads.MOST_OF_ALL)]
    found = choose_given_up(many, "mine", "10.0.0.1", SMALL)
    assert found is not None
    assert len(found) == 1


def test_what_no_page_takes_goes_first_when_room_is_needed() -> None:
    old, sending = wait_for("a", "p", HALF, age=90), wait_for("b", "p", HALF // 2, age=80)
    last = wait_for("b", "p", HALF // 2, coming=True)
    assert choose_given_up([old, sending, last], "c", "q", SMALL) == [old]
    assert choose_given_up([old], "c", "q", HALF) == []  # there is room
    assert choose_given_up([sending, last, wait_for("c", "q", HALF)], "c", "q", 2 * SMALL) is None


def test_a_house_of_many_numbers_is_one_place() -> None:
    assert find_place("2001:db8::1") == find_place("2001:db8::ffff:2") != find_place("2001:db8:1::1")
    assert find_place("10.0.0.1") != find_place("10.0.0.2")
    assert find_place("") == ""


def test_what_comes_slowly_is_given_up_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two begin what would fill all room and send nothing more; a third, from elsewhere, is let in."""
    held: dict[str, dict[str, Any]] = {}
    manager = SimpleNamespace(uploaded_file_mgr=SimpleNamespace(file_storage=held))
    fake = SimpleNamespace(exists=lambda: True, get_instance=lambda: manager)
    monkeypatch.setattr(waiting_uploads, "runtime", fake)
    begun, ended = [], []

    async def keep(scope: Any, receive: Any, send: Any) -> None:
        begun.append(scope["path"])
        try:
            await receive()
        finally:
            ended.append(scope["path"])

    async def send_all() -> None:
        gate, never = Gate(keep), asyncio.Event()

        def put(visit: str, address: str, size: int, receive: Any) -> Any:
            scope: dict[str, Any] = {"type": "http", "method": "PUT", "client": (address, 1)}
            scope["path"] = f"/_stcore/upload_file/{visit}/file"
            scope["headers"] = [(b"host", b"localhost"), (b"content-length", str(size).encode())]
            return asyncio.ensure_future(gate(scope, receive, receive))

        async def nothing(*_: Any) -> Any:
            await never.wait()

        async def at_once(*_: Any) -> Any:
            return {}

        slow = [put(f"bad-{n}", "10.0.0.9", HALF, nothing) for n in range(2)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(begun) == 2
        await asyncio.wait_for(put("mine", "10.0.0.1", SMALL, at_once), 10)
        await asyncio.wait_for(slow[0], 10)
        assert not slow[1].done()
        slow[1].cancel()

    asyncio.run(send_all())
    names = [path.split("/")[3] for path in ended]
    assert (sorted(names[:2]), names[2:]) == (["bad-0", "mine"], ["bad-1"])
