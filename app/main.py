"""The explorer's entry: `streamlit run app/main.py` from the repository's root."""

import logging
import os
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.middleware import Middleware

HOME = str(Path(__file__).resolve().parents[1])
if HOME not in sys.path:  # streamlit puts this file's folder there, not the one above it
    sys.path.insert(0, HOME)
# Plots look for IPython, which no page needs: where it is installed, two threads that import it at once fail.
sys.modules.setdefault("IPython", None)  # type: ignore[arg-type] # what Python takes for "not there"


@asynccontextmanager
async def while_serving(_: Any) -> AsyncIterator[dict[str, Any]]:
    """From the server's start to its end: load what pages need in the background, leave nothing behind."""
    from app.cached import remove_uploads
    from app.paths import SHIPPED
    from app.upkeep import keep_up
    from app.warming import warm_up
    from gst_analysis.checkpoints import apart

    # Work on threads of our own uses the caches outside of any visit, as it should.
    logging.getLogger("streamlit.runtime.scriptrunner_utils.script_run_context").setLevel(logging.ERROR)
    stopping = threading.Event()
    # Whatever a visitor sends or names: a file that ends its reader must not end the server.
    os.environ |= {apart.VARIABLE: "always", apart.OWN_VARIABLE: str(SHIPPED)}
    for work in (warm_up, keep_up):
        threading.Thread(target=work, args=(stopping,), daemon=True).start()
    yield {}
    stopping.set()
    remove_uploads()


from app.gate import Gate  # noqa: E402 # once our own package can be found

app = st.App("explorer.py", lifespan=while_serving, middleware=[Middleware(Gate)])
