"""Ten visitors at once: each speaks to the server as a browser does, without the cost of ten browsers."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from app.choosing import FIRST_SHOWN
from tests.app.test_server import fetch

websockets = pytest.importorskip("websockets", reason="websockets is not installed")
VISITORS, PATIENCE_S = 10, 120.0


async def open_page(address: str, page: str, query: str) -> set[str]:
    """Open a page; returns the kinds of elements that were drawn when its script had ended."""
    return {told.delta.new_element.WhichOneof("type") or "" for told in await read_page(address, page, query)}


async def read_page(address: str, page: str, query: str) -> list[Any]:
    """Open a page; returns all that the server told until its script had ended."""
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    asked = BackMsg()
    asked.rerun_script.page_name, asked.rerun_script.query_string = page, query
    heard: list[Any] = []
    place = address.replace("http", "ws", 1) + "/_stcore/stream"
    async with websockets.connect(place, subprotocols=["streamlit"], max_size=None) as wire:
        await wire.send(asked.SerializeToString())
        async for data in wire:
            told: Any = ForwardMsg()
            told.ParseFromString(data)
            heard.append(told)
            if told.WhichOneof("type") == "script_finished":
                return heard
    raise AssertionError("the server hung up")


async def look_around(address: str, number: int, network: str) -> float:
    """Figure 4 of a network, then the trace of a clip of one's own; returns the seconds."""
    began = time.monotonic()
    scales = await open_page(address, "space_and_time", f"ckpt={network}")
    assert "plotly_chart" in scales
    clip = f"planted:static/{number}"
    traces = await open_page(address, "traces", f"ckpt={network}&clip={clip}")
    assert {"plotly_chart", "video", "imgs"} <= traces
    assert "exception" not in scales | traces
    return time.monotonic() - began


@pytest.mark.slow
def test_ten_visitors_at_once_each_finish_a_figure_4_and_a_trace(address: str) -> None:
    """Half of them look at one shipped network, half at another; no two at the same clip."""
    networks = [f"trained_models/{name}.pth" for name in FIRST_SHOWN]
    assert fetch(f"{address}/_stcore/health") == "ok"

    async def all_at_once() -> list[float]:
        visits = [look_around(address, number, networks[number % 2]) for number in range(VISITORS)]
        return await asyncio.wait_for(asyncio.gather(*visits), PATIENCE_S)

    seconds = asyncio.run(all_at_once())
    assert len(seconds) == VISITORS
    print("seconds", *(f"{spent:.1f}" for spent in sorted(seconds)))
