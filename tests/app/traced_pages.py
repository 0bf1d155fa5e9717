"""What a page of traces shows, read back from its elements."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np


def numbers(values: Any) -> Any:
    """What plotly's JSON holds, which may be packed."""
    if isinstance(values, dict):
        flat = np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"])
        shape = [int(side) for side in str(values.get("shape", len(flat))).split(",")]
        return flat.reshape(shape)
    return np.asarray(values, dtype=float)


def curves(figure: str) -> dict[str, list[float]]:
    data = json.loads(figure)["data"]
    return {trace["name"]: numbers(trace["y"]).tolist() for trace in data if trace["mode"] == "lines+markers"}


def said(page: Any) -> str:
    return " ".join(element.value for element in (*page.markdown, *page.caption)).replace("\\", "")
