"""Files that were sent and that no page has taken yet: Streamlit holds them in memory, of any number.

A page that takes one lets go of Streamlit's copy, which else stays as long as the visit. What is left are
files that were sent past any page, or a moment before it takes them: few are enough, for each and for all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

MOST_OF_ONE, MOST_OF_ALL = 41, 240
"""Files: clips with their list come together."""
MOST_BYTES_OF_ONE, MOST_BYTES_OF_ALL = 2**30, 2 * 2**30
_UPLOAD = re.compile(r".*/_stcore/upload_file/([^/]+)/[^/]+/?")


def let_go(upload: Any) -> None:
    """Have Streamlit drop its copy of a file that was taken."""
    context = get_script_run_ctx(suppress_warning=True)
    if context is not None and runtime.exists():
        manager: Any = runtime.get_instance().uploaded_file_mgr
        manager.remove_file(context.session_id, upload.file_id)


class ComingUploads:
    """Files that are on their way. They are counted before they are there: many may come at once."""

    def __init__(self) -> None:
        self._sizes: dict[object, tuple[str, int]] = {}

    def refuse(self, path: str, told_length: str | None) -> str | None:
        """Why a file is not taken in; None where there is room for it."""
        asked = _UPLOAD.fullmatch(path)
        if asked is None or not runtime.exists():
            return None
        if told_length is None or not told_length.isdecimal() or len(told_length) > 15:
            return "How long the file is must be told before it comes."  # as browsers do
        own, others = self._measure(asked[1])
        coming = int(told_length)
        if len(own) >= MOST_OF_ONE or coming + sum(own) > MOST_BYTES_OF_ONE:
            most = f"At most {MOST_OF_ONE} files and {MOST_BYTES_OF_ONE // 2**20:,} MB at a time."
            return f"{most} Wait until the page shows those that you sent."
        if len(own) + len(others) >= MOST_OF_ALL or coming + sum(own) + sum(others) > MOST_BYTES_OF_ALL:
            return "Others are sending files. Try again in a minute."
        return None

    @contextmanager
    def counting(self, path: str, told_length: str | None) -> Iterator[None]:
        """Count what is sent until it has come, or has failed to."""
        asked, one = _UPLOAD.fullmatch(path), object()
        if asked is not None and told_length is not None and told_length.isdecimal():
            self._sizes[one] = asked[1], int(told_length)
        try:
            yield
        finally:
            self._sizes.pop(one, None)

    def _measure(self, visit: str) -> tuple[list[int], list[int]]:
        """Sizes of a visit's files and of all others, of those that are held and those that come."""
        # Streamlit's manager shows what it holds by visit under this name alone.
        held = dict(getattr(runtime.get_instance().uploaded_file_mgr, "file_storage", {}))
        sizes = [(whose, len(file.data)) for whose, files in held.items() for file in list(files.values())]
        sizes += self._sizes.values()
        own = [size for whose, size in sizes if whose == visit]
        return own, [size for whose, size in sizes if whose != visit]
