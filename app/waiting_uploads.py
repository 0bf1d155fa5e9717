"""Files that were sent and that no page has taken yet: Streamlit holds them in memory, of any number.

A page that takes one lets go of Streamlit's copy, which else stays as long as the visit. What is left are
files that were sent past any page, or a moment before it takes them: few are enough, for each and for all.
"""

from __future__ import annotations

import re
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


def refuse_upload(path: str, told_length: str | None) -> str | None:
    """Why a file is not taken in; None where there is room for it."""
    asked = _UPLOAD.fullmatch(path)
    if asked is None or not runtime.exists():
        return None
    # Streamlit's manager shows what it holds by visit under this name alone.
    held = dict(getattr(runtime.get_instance().uploaded_file_mgr, "file_storage", {}))
    of_all = [file for files in held.values() for file in list(files.values())]
    coming = int(told_length) if told_length and told_length.isdecimal() and len(told_length) < 16 else 0
    own = list(dict(held.get(asked[1], {})).values())
    if len(own) >= MOST_OF_ONE or coming + sum(len(f.data) for f in own) > MOST_BYTES_OF_ONE:
        most = f"At most {MOST_OF_ONE} files and {MOST_BYTES_OF_ONE // 2**20:,} MB at a time."
        return f"{most} Wait until the page shows those that you sent."
    if len(of_all) >= MOST_OF_ALL or coming + sum(len(f.data) for f in of_all) > MOST_BYTES_OF_ALL:
        return "Others are sending files. Try again in a minute."
    return None
