"""Says at the foot of every page which version it describes: a reader may have installed another one.

A hook of MkDocs, which calls it by its name once it has read mkdocs.yml.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def on_config(config: Any) -> Any:
    """Put the version into the foot; pyproject.toml says it for the code that lies beside these pages."""
    version = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["version"]
    config.copyright = f"These pages describe gst-analysis {version}."
    return config
