"""Analyses that no page runs: why, and the lines that run them, on planted clips that anybody can render."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import streamlit as st

from app import components
from app.columns import NetworkColumn
from app.commands import Lines
from gst_analysis.checkpoints.naming import OwnCode, ToldFile
from gst_analysis.options import Variable, write_call, write_command
from gst_analysis.planted import plan_trial
from gst_analysis.rooms import About

CLIPS = 60
"""As many as pages measure on."""
WHY = {
    "pairs": "compares several networks, each on clips of its own, and ablates them all: that takes long.",
    "annotations": "looks at clips alone; a list that is chosen on a page is checked as it is read.",
}


def show_commands(analyses: Sequence[About], columns: Sequence[NetworkColumn]) -> None:
    """A line and the lines to type for each analysis that is neither on a page nor run on this one."""
    worlds = _find_worlds(columns)
    for about in analyses:
        if about.needs in WHY and not about.page:
            lines = write_pairs(about, worlds) if about.needs == "pairs" else write_check(about, worlds)
            if lines is not None:
                st.markdown(f"**{about.title}** {WHY[about.needs]}")
                components.show_code(lines, key=f"code-{about.command}")


def write_pairs(about: About, worlds: Mapping[str, str]) -> Lines | None:
    """Every network with the world that it was trained on; nothing where no world is known of any."""
    if not worlds:
        return None
    shell = _render(worlds.values())
    pairs = [f"{file}=worlds/{world}" for file, world in worlds.items()]
    shell.append(write_command(about.command, pairs, about.options(limit=CLIPS)))
    python = ["import gst_analysis as gst", ""]
    named = []
    for number, (file, world) in enumerate(worlds.items(), 1):
        python.append(f"clips_{number} = {write_call('make_trial', ['worlds', world])}")
        named.append(f"({str(file)!r}, clips_{number})")
    given = Variable(f"[{', '.join(named)}]")
    python.append(f"result = {write_call(about.run.__name__, [given], about.options(limit=CLIPS))}")
    return Lines("\n".join(shell), "\n".join(python))


def write_check(about: About, worlds: Mapping[str, str]) -> Lines:
    """The world of the first network that has one."""
    world = next(iter(worlds.values()), "temporal")
    shell = [*_render([world]), write_command(about.command, [f"worlds/{world}"])]
    made = f"clips = {write_call('make_trial', ['worlds', world])}"
    python = ["import gst_analysis as gst", "", made]
    python.append(f"result = {write_call(about.run.__name__, [Variable('clips')])}")
    return Lines("\n".join(shell), "\n".join(python))


def _find_worlds(columns: Sequence[NetworkColumn]) -> dict[str, str]:
    """Files that a command can name as they are, each with the planted world of its classes."""
    return {
        column.shown: column.reading.world
        for column in columns
        if column.reading.world is not None
        and not isinstance(column.shown, OwnCode)
        and not (isinstance(column.shown, ToldFile) and column.shown.told.is_told)
    }


def _render(worlds: Iterable[str]) -> list[str]:
    kinds = dict.fromkeys(worlds)  # two networks may share one
    return [write_command("synth", [f"worlds/{world}"], plan_trial(world)) for world in kinds]
