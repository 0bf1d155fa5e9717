"""Streamlit's own files, answered at once.

Streamlit hands each of the hundred files of a first visit through several threads, a piece at a time. While
the server still imports what pages need, each hand-over waits for its turn; read at once, a file waits once.
"""

from __future__ import annotations

import mimetypes
from pathlib import Path

import streamlit
from starlette.responses import Response
from starlette.types import Scope

_STATIC = Path(streamlit.__file__).parent / "static" / "static"
_KEPT = "public, immutable, max-age=31536000"
"""What Streamlit says of them, too: their names hold a hash of what is in them."""


class Bundle:
    """The files that are there when the server starts; nothing else has an address here."""

    def __init__(self) -> None:
        files = (file for file in _STATIC.glob("*/*") if file.is_file())
        self._files = {f"/static/{file.parent.name}/{file.name}": file for file in files}

    def find(self, scope: Scope) -> Response | None:
        """The answer to a request for one of them; None for any other, which is Streamlit's to answer."""
        file = self._files.get(scope["path"]) if scope["method"] == "GET" else None
        try:
            content = None if file is None else file.read_bytes()
        except OSError:
            return None
        if file is None or content is None:
            return None
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        return Response(content, media_type=kind, headers={"cache-control": _KEPT})
