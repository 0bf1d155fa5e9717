"""Which version of this package is running."""

from __future__ import annotations

from importlib import metadata


def find_version() -> str:
    """The installed version; a plain word where the source is run without having been installed."""
    try:
        return metadata.version("gst-analysis")
    except metadata.PackageNotFoundError:
        return "uninstalled"
