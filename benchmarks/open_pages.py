"""A page open in somebody's browser, without the browser: it asks the server, and does what it is told.

A hundred browsers cannot be started on one machine, and what they draw is no work of the server's. What a
browser says and when it says it is imitated here: a page is asked for by its name and address; work that goes
on is looked at every half second, for as long as the page stays open.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from app.visits import COOKIE


class Drawn(NamedTuple):
    """A page as it was drawn."""

    page: str
    seconds: float
    """From asking for it to the end of its script; what it has begun beside the page may go on."""
    kinds: frozenset[str]
    """Kinds of elements that were drawn."""

    @property
    def failed(self) -> bool:
        """Whether it ended in an error that no page of ours says."""
        return "exception" in self.kinds


class OpenPage:
    """One visitor's page."""

    def __init__(self, wire: Any) -> None:
        self._wire = wire
        self._asked = BackMsg()
        self._timer: tuple[str, float] | None = None
        self.heard: list[Any] = []
        """All that the server told since the page was asked for."""

    @property
    def is_watching(self) -> bool:
        """Whether it shows work that goes on."""
        return self._timer is not None

    async def go(self, page: str, query: str = "") -> Drawn:
        """Ask for a page, and wait until it has been drawn."""
        self._asked, self._timer, self.heard = BackMsg(), None, []
        self._asked.rerun_script.page_name, self._asked.rerun_script.query_string = page, query
        began = time.perf_counter()
        await self._wire.send(self._asked.SerializeToString())
        await self._listen()
        kinds = frozenset(told.delta.new_element.WhichOneof("type") or "" for told in self.heard)
        return Drawn(page, time.perf_counter() - began, kinds)

    async def stay(self, seconds: float) -> None:
        """Leave the page open, and look at the work that goes on as a browser does."""
        until = time.perf_counter() + seconds
        while (left := until - time.perf_counter()) > 0:
            if self._timer is None:
                await asyncio.sleep(left)
                return
            part, every = self._timer
            await asyncio.sleep(min(every, left))
            again = BackMsg()
            again.CopyFrom(self._asked)
            again.rerun_script.fragment_id, again.rerun_script.is_auto_rerun = part, True
            await self._wire.send(again.SerializeToString())
            await self._listen()

    async def _listen(self) -> None:
        """Until a script has come to its end, and is not to run again at once."""
        async for data in self._wire:
            told: Any = ForwardMsg()
            told.ParseFromString(data)
            self.heard.append(told)
            kind = told.WhichOneof("type")
            if kind == "auto_rerun":
                self._timer = told.auto_rerun.fragment_id, told.auto_rerun.interval
            elif kind == "new_session":
                self._asked.rerun_script.page_script_hash = told.new_session.page_script_hash
            elif kind == "script_finished":
                if told.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                    return
                self._timer = None  # the whole page is drawn again, and says what is still to be looked at
        raise ConnectionError("the server hung up")


@asynccontextmanager
async def open_page(address: str) -> AsyncIterator[OpenPage]:
    """A visitor whom the server does not know yet, with one page."""
    place = address.replace("http", "ws", 1) + "/_stcore/stream"
    cookie = {"Cookie": f"{COOKIE}={secrets.token_hex(32)}"}
    async with websockets.connect(
        place, subprotocols=[websockets.Subprotocol("streamlit")], max_size=None, additional_headers=cookie
    ) as wire:
        yield OpenPage(wire)


def read_memory(process: int) -> float:
    """Megabytes that a process and those it has started hold; what several share is counted once."""
    try:
        told = Path(f"/proc/{process}/smaps_rollup").read_text()
        lists = [one.read_text() for one in Path(f"/proc/{process}/task").glob("*/children")]
    except OSError:  # it has ended
        return 0.0
    own = sum(int(line.split()[1]) for line in told.splitlines() if line.startswith("Pss:"))
    return own * 1024 / 1e6 + sum(read_memory(int(child)) for child in " ".join(lists).split())
