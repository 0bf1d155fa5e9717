"""What every request passes before a page sees it: who is asked, who asks, and how much they may bring.

A web page from elsewhere must not reach an explorer through the visitor's own browser. So the name in the
address (Host) must be one of this machine's, and a page that asks (Origin) must be one of ours. Numbers are
no danger: to lead a browser here by its name is what rebinding needs.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import secrets
import socket
from collections.abc import Awaitable, Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg

from app.bundle import Bundle
from app.links import tame_wild_numbers
from app.preloading import list_early
from app.visits import COOKIE, KEPT_S, read_token
from app.waiting_uploads import ComingUploads

HOSTS_VARIABLE = "GST_ANALYSIS_HOSTS"
"""Other names of this machine, separated by commas; `gst-analyze explore --host` sets it."""
_COMMANDS = ("clear_cache", "set_run_on_save", "load_git_info")
"""What Streamlit's menu for developers sends: each is for the whole server, so no visitor's to send."""


class Gate:
    """The outermost layer of the server."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._names, self._early = list_names(os.environ), _name_early()
        self._coming, self._bundle = ComingUploads(), Bundle()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or hand it on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        why = refuse(headers, self._names)
        if why is not None:
            await _turn_away(scope, receive, send, why, 403)
        elif scope["type"] == "http" and scope["method"] == "PUT":
            await self._take_in(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._app(scope, _sift(receive), send)
        elif (file := self._bundle.find(scope)) is not None:
            await file(scope, receive, send)
        else:
            await self._app(scope, receive, _with_hint(_with_cookie(send, headers), self._early))

    async def _take_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a file on where there is room for it."""
        path, length = scope["path"], Headers(scope=scope).get("content-length")
        address = (scope.get("client") or ("",))[0]
        why = self._coming.refuse(path, length, address=address)
        if why is not None:
            await _turn_away(scope, receive, send, why, 413)
            return
        given_up = asyncio.Event()
        # From here on: nothing is awaited in between.
        with self._coming.counting(path, length, address=address, drop=given_up.set):
            await _run_until(given_up, self._app(scope, receive, send))


def list_names(environment: Mapping[str, str]) -> frozenset[str]:
    """What this machine may be called in an address, beside its numbers."""
    told = environment.get(HOSTS_VARIABLE, "").split(",")
    names = ["localhost", socket.gethostname(), *told]
    return frozenset(name.strip().lower().rstrip(".") for name in names if name.strip())


def refuse(headers: Headers, names: frozenset[str]) -> str | None:
    """Why a request is turned away; None where it may come in."""
    host = headers.get("host", "")
    if not _is_ours(host, names):
        return (
            f"This explorer does not answer to this name. Whoever started it can add it: "
            f"gst-analyze explore --host NAME (or {HOSTS_VARIABLE})."
        )
    origins = headers.getlist("origin")
    # No exception for other pages of this machine: what serves them may be somebody else's.
    if any(_place_of(origin) != host.lower() for origin in origins):
        return "Another site's page asked for this. Open the explorer by its own address."
    return None


def find_token(headers: Headers) -> str | None:
    """What the visitor's browser was given to be known by."""
    try:
        kept = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return read_token(kept.value if kept is not None else None)


def _is_ours(host: str, names: frozenset[str]) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        return False
    if not name or "@" in host or "/" in host:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name.rstrip(".") in names
    return True


def _place_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


async def _run_until(given_up: asyncio.Event, work: Awaitable[None]) -> None:
    """Await work to its end, or until it is given up: what sends it then finds its connection closed."""
    running, waiting = asyncio.ensure_future(work), asyncio.ensure_future(given_up.wait())
    try:
        await asyncio.wait((running, waiting), return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
    finally:
        for task in (running, waiting):
            task.cancel()
        await asyncio.gather(running, waiting, return_exceptions=True)


async def _turn_away(scope: Scope, receive: Receive, send: Send, why: str, status: int) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
    else:
        await PlainTextResponse(why, status_code=status)(scope, receive, send)


def _sift(receive: Receive) -> Receive:
    """What a visitor's page says, without commands that are for the whole server, wild numbers as words."""

    async def receive_on() -> Message:
        while True:
            message = await receive()
            told = _read_message(message.get("bytes"))
            if told is None:
                return message
            if told.WhichOneof("type") == "rerun_script":
                asked = told.rerun_script
                tame = tame_wild_numbers(asked.query_string)
                if tame != asked.query_string:
                    asked.query_string = tame
                    message["bytes"] = told.SerializeToString()
            if told.WhichOneof("type") not in _COMMANDS:
                return message

    return receive_on


def _read_message(data: bytes | None) -> BackMsg | None:
    """What Streamlit would read; None for what it refuses."""
    told = BackMsg()
    try:
        told.ParseFromString(data or b"")
    except Exception:  # protobuf has no types, and none of its errors is for us
        return None
    return told


def _name_early() -> str:
    """A page's `Link` header."""
    return ", ".join(f"<{script}>; rel=modulepreload" for script in list_early())


def _with_hint(send: Send, early: str) -> Send:
    """Make the browser fetch and read what plots (5 MB) and what shows the first page along with the page."""

    async def send_on(message: Message) -> None:
        if message["type"] == "http.response.start" and early:
            answer = MutableHeaders(raw=message["headers"])
            if answer.get("content-type", "").startswith("text/html"):
                answer.append("link", early)
                message["headers"] = answer.raw
        await send(message)

    return send_on


def _with_cookie(send: Send, headers: Headers) -> Send:
    """Give a browser that has none something to be known by, with the first page that it is sent."""
    if find_token(headers) is not None:
        return send

    async def send_on(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer = MutableHeaders(raw=message["headers"])
            message["headers"] = answer.raw
            if answer.get("content-type", "").startswith("text/html"):
                # Lax: a link from elsewhere must not make a new visitor of one who is known.
                given = f"{COOKIE}={secrets.token_hex(32)}; Max-Age={KEPT_S}; Path=/; HttpOnly; SameSite=Lax"
                answer.append("set-cookie", given)
                message["headers"] = answer.raw
        await send(message)

    return send_on
