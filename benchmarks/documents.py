"""What a benchmark found, as one JSON document."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from gst_analysis.files import to_json, write_whole


def tell(record: Any, file: Path | None) -> None:
    """Print the document, and write it to a file as well if one is named."""
    document = to_json(record)
    sys.stdout.write(document)
    if file is not None:
        write_whole(file, lambda out: out.write(document.encode()))
