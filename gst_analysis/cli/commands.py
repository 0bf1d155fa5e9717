"""The program's commands by name: `--help` lists them, and a module is imported when it is asked for."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.models import CommandInfo

from gst_analysis.analyses import list_commands
from gst_analysis.checkpoints.naming import CHECKPOINT_ENDINGS
from gst_analysis.console.loudness import is_quiet
from gst_analysis.console.options import put_weights_first
from gst_analysis.console.plain_values import pass_plain_values

_FIRST = {
    "gst_analysis.cli.networks": {"models": "List the networks that there are."},
    "gst_analysis.cli.inspection": {"inspect": "Recognise a checkpoint file."},
    "gst_analysis.cli.looking": {"look": "Say what a checkpoint is, and show its profile."},
    "gst_analysis.cli.adopting": {"adopt": "Write a file that carries what weights do not show."},
}
_LAST = {
    "gst_analysis.cli.synth": {"synth": "Render a planted world of videos."},
    "gst_analysis.cli.training": {"train": "Train a network by a recipe."},
    "gst_analysis.reporting.command": {"report": "Write everything about a checkpoint on one page."},
    "gst_analysis.cli.verify": {"verify": "Make saved results once more and compare them."},
    "gst_analysis.cli.doctor": {"doctor": "Look for what is missing here."},
    "gst_analysis.cli.demo": {"demo": "See everything at work in two minutes."},
    "gst_analysis.cli.explore": {"explore": "Open the explorer in a browser."},
    "gst_analysis.cli.schema": {"schema": "Print the JSON Schema of what commands print with --json."},
    "gst_analysis.cli.completion": {"completion": "Print what lets a shell complete a command line."},
}
"""Modules of commands that are no analysis, before and after those of `analyses.ROOMS`: what they hold."""

QUESTIONS = {
    "What is this file?": ("models", "inspect", "look", "adopt"),
    "Where are space and time?": (
        "profile",
        "compare-profiles",
        "bn-hist",
        "reference",
        "compare",
        "importance",
        "drift",
        "temporal-use",
        "roles",
        "similarity",
    ),
    "Is that what it needs?": ("ablate", "agreement", "order"),
    "What does it say of clips?": ("predict", "evaluate", "trace", "influence", "saliency"),
    "What does it cost, and how small can it be?": ("cost", "paper-audit", "slim"),
    "Where do clips and networks come from?": ("dataset-check", "synth", "train"),
    "How is it all seen at once?": ("report", "explore", "demo"),
}
"""What `--help` lists commands under; those of none stand last."""
_OTHERS = "What else is there?"

HELP = {"help_option_names": ["-h", "--help"]}
"""How help is asked for, of the program and of every command."""


class Commands(Mapping[str, Any]):
    """The commands in the order of `--help`; the module of one is imported when it is looked up.

    Typer would need every command's function, and so every room, to print a list of names.
    """

    def __init__(self) -> None:
        modules = _FIRST | list_commands() | _LAST
        self.lines = {name: line for held in modules.values() for name, line in held.items()}
        """What `--help` says of each."""
        self._modules = {name: module for module, held in modules.items() for name in held}

    def __getitem__(self, name: str) -> Any:
        held = typer.Typer(rich_markup_mode=None)
        held.registered_commands = _import_commands(self._modules[name])
        return typer.main.get_group(held).commands[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)

    def list_modules(self) -> list[str]:
        """Every module that holds commands."""
        return list(dict.fromkeys(self._modules.values()))

    def import_all(self) -> list[tuple[str, CommandInfo]]:
        """Every command's name and how its module declares it, for docs and tests."""
        declared = [info for module in self.list_modules() for info in _import_commands(module)]
        return [(info.name or info.callback.__name__, info) for info in declared if info.callback]


def _import_commands(module: str) -> list[CommandInfo]:
    commands: typer.Typer = importlib.import_module(module).commands
    for info in commands.registered_commands:
        info.cls = Command
        info.context_settings = {**(info.context_settings or {}), **HELP}
    return commands.registered_commands


class Command(TyperCommand):
    """A command, in whose line a network of the user's own may stand in the place of the checkpoint."""

    def get_params(self, ctx: Any) -> list[Any]:
        """What its line may hold."""
        return pass_plain_values(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the words of its line."""
        takes_code = any(one.name == "network" for one in self.params)
        self._tell_old_names(args)
        return super().parse_args(ctx, put_weights_first(args) if takes_code else args)

    def _tell_old_names(self, args: Sequence[str]) -> None:
        """Say on stderr how an option is called whose old name is used; of several names the first is new."""
        names = {old: one.opts[0] for one in self.params for old in one.opts[1:] if old.startswith("--")}
        for word in dict.fromkeys(word.partition("=")[0] for word in args):
            if word in names and not is_quiet():
                print(f"note: {word} is the old name of {names[word]} here", file=sys.stderr)


class Program(TyperGroup):
    """The program itself, which lists its commands without looking them up."""

    commands: Any

    def get_params(self, ctx: Any) -> list[Any]:
        """What may stand before the command."""
        return pass_plain_values(super().get_params(ctx))

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names."""
        return list(self.commands)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find the command of a line; a checkpoint's name in its place asks for a look at it."""
        word = args[0]
        if word not in self.commands and (word.endswith(CHECKPOINT_ENDINGS) or os.path.exists(word)):
            return "look", self.commands["look"], args
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write names and lines under the question that they answer, all lines one below the other."""
        lines = self.commands.lines
        asked = {name for names in QUESTIONS.values() for name in names}
        groups = QUESTIONS | {_OTHERS: tuple(name for name in lines if name not in asked)}
        wide = max(map(len, lines))
        room = formatter.width - 6 - wide
        for question, names in groups.items():
            told = [(name, TyperCommand(name, help=lines[name])) for name in names if name in lines]
            if told:
                formatter.write(f"\n{question}\n")  # a heading of click's would end in a colon
                with formatter.indentation():
                    formatter.write_dl([(n.ljust(wide), c.get_short_help_str(room)) for n, c in told])
