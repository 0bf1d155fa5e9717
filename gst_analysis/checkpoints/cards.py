"""The JSON card beside a checkpoint: what the weights cannot say, and claims that can be checked.

`model.pth` has its card in `model.json`: sha256, spec, clip spec, labels, provenance, and measured
claims. A card whose hash is not the file's is about another file and is left aside.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gst_analysis.checkpoints.reading import is_reference
from gst_analysis.errors import BrokenCheckpoint
from gst_analysis.files import to_json, write_whole

MAX_CARD_BYTES = 1_000_000


def card_path(checkpoint: Path) -> Path:
    """Where a checkpoint's card lies."""
    return checkpoint.with_suffix(".json")


def load_card_beside(checkpoint: Path, sha256: str) -> Mapping[str, Any]:
    """The card of exactly this file, or an empty one; a card that cannot be read is an error."""
    path = card_path(checkpoint)
    if path == checkpoint or not path.is_file():
        return {}
    if is_reference(path):  # which tells a hash too
        return {}
    card = _read(path)
    return card if card.get("sha256") == sha256 else {}


def save_card(checkpoint: Path, card: Mapping[str, Any]) -> Path:
    """Write a checkpoint's card, whole or not at all; an older card gives way, another file does not.

    Raises:
        OutputError: another file is there, or the place cannot be written.
    """
    text, path = to_json(card), card_path(checkpoint)
    return write_whole(path, lambda file: file.write(text.encode()), replace=_is_card(path))


def _is_card(path: Path) -> bool:
    try:
        return path.is_file() and "sha256" in _read(path)
    except BrokenCheckpoint:
        return False


def _read(path: Path) -> Mapping[str, Any]:
    try:
        if path.stat().st_size > MAX_CARD_BYTES:
            raise ValueError("it is larger than a megabyte")
        card = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(card, dict):
            raise ValueError(f"it holds a {type(card).__name__}")
    except (OSError, ValueError) as error:
        raise BrokenCheckpoint(
            str(path),
            expected="a card, a JSON object",
            found=f"something else ({str(error)[:80]})",
            todo="correct or remove the card",
        ) from error
    return card
