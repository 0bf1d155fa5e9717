"""The rooms: one folder an analysis, each with the same few files. This is their one list.

The command line, the explorer, the report and the docs walk it. A new analysis is a folder and a line here.
"""

from __future__ import annotations

import importlib

from gst_analysis.rooms import About

ROOMS = (
    "scales",
    "comparison",
    "importance",
    "drift",
    "cost",
    "dataset_check",
    "prediction",
    "evaluation",
    "ablation",
    "agreement",
    "slimming",
    "traces",
    "influence",
    "saliency",
)
"""Every analysis, in the order in which people meet them."""


def name_room(room: str) -> str:
    """A room's full name, under which Python finds it."""
    return f"{__name__}.{room}"


def list_analyses() -> list[About]:
    """What each room says of itself, in the order of the list."""
    return [find_analysis(room) for room in ROOMS]


def find_analysis(room: str) -> About:
    """What one room of the list says of itself."""
    about: About = importlib.import_module(name_room(room)).ABOUT
    return about


def list_beside(about: About) -> list[About]:
    """Analyses that share the explorer's page with another, as those that say what a trace is evidence of."""
    return [other for other in list_analyses() if other.page == about.page and other != about]
