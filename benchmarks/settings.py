"""A benchmark's settings as options of its command: one for every field, of its default's type."""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import torch


def add_settings(parser: argparse.ArgumentParser, defaults: Any) -> None:
    """An option for every field of a dataclass."""
    for name, value in asdict(defaults).items():
        option = f"--{name.replace('_', '-')}"
        parser.add_argument(option, type=type(value), default=value, help="default: %(default)s")


def count_threads(wanted: int) -> int:
    """How many threads a setting means: 0 is as many as there are cores."""
    return wanted or os.cpu_count() or 1


@contextlib.contextmanager
def using_threads(wanted: int) -> Iterator[int]:
    """Run torch with so many threads, and put its own number back."""
    before = torch.get_num_threads()
    torch.set_num_threads(count_threads(wanted))
    try:
        yield torch.get_num_threads()
    finally:
        torch.set_num_threads(before)
