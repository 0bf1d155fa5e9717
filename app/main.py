"""The explorer's entry: `streamlit run app/main.py` from the repository's root."""

import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st

HOME = str(Path(__file__).resolve().parents[1])
if HOME not in sys.path:  # streamlit puts this file's folder there, not the one above it
    sys.path.insert(0, HOME)


@asynccontextmanager
async def while_serving(_: Any) -> AsyncIterator[dict[str, Any]]:
    """From the server's start to its end: load what pages need in the background, leave nothing behind."""
    from app.cached import remove_uploads, warm_up

    threading.Thread(target=warm_up, daemon=True).start()
    yield {}
    remove_uploads()


app = st.App("explorer.py", lifespan=while_serving)
