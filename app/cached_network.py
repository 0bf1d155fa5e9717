"""The network of the user's own that the explorer was started with: code that was named on its command line.

Code runs, so nothing else names it: no page's address, no upload and no typed text is ever imported. This is
the one module of the explorer that makes an `OwnCode`, and it reads nothing but the variable.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import threading
from pathlib import Path
from typing import Any

import streamlit as st

from gst_analysis.checkpoints.naming import OwnCode
from gst_analysis.errors import SpecError, one_line

NETWORK_VARIABLE = "GST_ANALYSIS_NETWORK"
"""Set by `gst-analyze explore --network` alone; a test compares it with the command's own."""
_BUILDING = threading.Lock()


def find_own() -> OwnCode | None:
    """What the explorer was started with; None where it was started with files alone."""
    told = os.environ.get(NETWORK_VARIABLE)
    return _remember(told) if told else None


@st.cache_resource(max_entries=1)
def _remember(told: str) -> OwnCode:
    """One object for the whole server, so that its code is run once."""
    code, weights = json.loads(told)
    return OwnCode.of(code, weights)


def key_of_own(own: OwnCode) -> str:
    """What everything measured on it follows from; its code is run once, so it stays as it is.

    The last word is the hash of its weights' file, where there is one.
    """
    return f"{own} {_built(own).sha256}"


def copy_of(own: OwnCode) -> Any:
    """A copy to measure, since two visitors may run it at once, each with hooks of their own."""
    network = _built(own)
    try:
        module = copy.deepcopy(network.module)
    except Exception as error:  # whatever somebody's modules raise
        raise SpecError(
            f"network {own}",
            expected="a module that can be copied, for visitors who look at it at the same time",
            found=f"{type(error).__name__}: {one_line(str(error))[:160]}",
            todo="use the command line, which runs the module itself",
        ) from error
    named = dataclasses.replace(network.checkpoint, path=Path(own.short))
    return dataclasses.replace(network, module=module, checkpoint=named)


def _built(own: OwnCode) -> Any:
    """The network itself, which is never run here."""
    with _BUILDING:
        return own.network
