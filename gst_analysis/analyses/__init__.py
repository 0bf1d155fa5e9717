"""The rooms: one folder an analysis, each with the same few files. This is their one list.

The command line, the explorer, the report and the docs walk it. A new analysis is a folder and a line here,
out of which `--help` is written without opening the room.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # not for `--help`, which opens no room
    from gst_analysis.rooms import About

ROOMS: Mapping[str, Mapping[str, str]] = {
    "profile": {"profile": "Show where in its depth a network keeps time."},
    "profile_comparison": {"compare-profiles": "Set the profiles of several networks against each other."},
    "scales": {
        "bn-hist": "Draw Figure 4 from checkpoints.",
        "reference": "Write the scales of a checkpoint into a small file to send.",
    },
    "comparison": {"compare": "Compare the batch-norm scales of checkpoints, with statistics."},
    "importance": {"importance": "Score the channels after every temporal operator."},
    "drift": {"drift": "See how far batch-norm scales have moved since training began."},
    "temporal_use": {"temporal-use": "Measure how much kernels over time differ from frame to frame."},
    "cost": {
        "cost": "Count parameters and multiply-adds.",
        "paper-audit": "Check the costs that the paper prints.",
    },
    "dataset_check": {"dataset-check": "Look through a data set's clips."},
    "prediction": {"predict": "Tell the most likely classes of clips."},
    "evaluation": {"evaluate": "Measure how often a network is right."},
    "order": {"order": "Measure whether a network needs the order of frames."},
    "roles": {"roles": "Tell channels that see appearance from those that see motion."},
    "ablation": {"ablate": "Measure what each group of channels is needed for."},
    "agreement": {"agreement": "Compare importance scores with what channels are needed for."},
    "slimming": {"slim": "Take channels out of a network."},
    "traces": {"trace": "Trace a prediction over the course of clips (Figure 5)."},
    "influence": {"influence": "Measure which input frames a frame's prediction is made of."},
    "similarity": {"similarity": "Compare how two networks, or the places of one, see clips."},
    "saliency": {"saliency": "Show where in the frame a network looks."},
}
"""Every analysis, in the order in which people meet them: its commands, and what `--help` says of each."""


def name_room(room: str) -> str:
    """A room's full name, under which Python finds it."""
    return f"{__name__}.{room}"


def list_commands() -> dict[str, Mapping[str, str]]:
    """Each room's module of commands: what it holds, and what `--help` says of it."""
    return {f"{name_room(room)}.command": commands for room, commands in ROOMS.items() if commands}


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
