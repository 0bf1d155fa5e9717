"""Ten visitors at once: each speaks to the server as a browser does, without the cost of ten browsers."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from app.choosing import FIRST_SHOWN
from benchmarks.open_pages import open_page
from tests.app.test_server import fetch

VISITORS, PATIENCE_S = 10, 120.0


async def read_page(address: str, page: str, query: str) -> list[Any]:
    """Open a page; returns all that the server told until its script had ended."""
    async with open_page(address) as opened:
        await opened.go(page, query)
        return opened.heard


async def look_around(address: str, number: int, network: str) -> float:
    """Figure 4 of a network, then the trace of a clip of one's own; returns the seconds."""
    began = time.monotonic()
    async with open_page(address) as opened:
        scales = await opened.go("space_and_time", f"ckpt={network}")
        assert "plotly_chart" in scales.kinds
        traces = await opened.go("traces", f"ckpt={network}&clip=planted:static/{number}")
    assert {"plotly_chart", "video"} <= traces.kinds
    assert not scales.failed
    assert not traces.failed
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
