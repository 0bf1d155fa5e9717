"""The JSON card beside a checkpoint: what the weights cannot say, and claims that can be checked.

`model.pth` has its card in `model.json`: sha256, spec, clip spec, labels, provenance, and measured
claims. A card whose hash is not the file's is about another file: it is left aside, and a note says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gst_analysis.checkpoints.naming import CHECKPOINT_ENDINGS
from gst_analysis.checkpoints.reading import is_reference
from gst_analysis.errors import BrokenCheckpoint, legible, one_line
from gst_analysis.files import is_there, to_json, write_whole
from gst_analysis.untrusted import parse_json, read_bounded, to_plain_record

LARGEST_CARD = 1_000_000
"""Bytes."""
_FIELDS = {"sha256", "spec", "clip_spec", "labels"}
"""What tells a card from another JSON file."""


@dataclass(frozen=True)
class Card:
    """What lies beside a checkpoint: the record of exactly this file, and what to note of it."""

    record: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def card_path(checkpoint: Path) -> Path:
    """Where a checkpoint's card lies: `X.json` for `X.pth` and for `X.pth.tar`."""
    inner = checkpoint.with_suffix("")
    archive = checkpoint.suffix == ".tar" and inner.suffix in CHECKPOINT_ENDINGS
    return (inner if archive else checkpoint).with_suffix(".json")


def is_card_beside(checkpoint: Path) -> bool:
    """Whether a file lies where a checkpoint's card would."""
    return any(is_there(path) for path in _list_places(checkpoint))


def load_card_beside(checkpoint: Path, sha256: str) -> Card:
    """The card of exactly this file, or an empty one; a card that cannot be read is an error.

    Where the file's hash is not known, it is empty, and a card of any file is taken for this one's.
    """
    for path in _list_places(checkpoint):
        if not is_there(path) or is_reference(path):  # which tells a hash too
            continue
        card = _read(path)
        if card.get("sha256") == sha256 or not sha256:
            return Card(card)
        if _FIELDS & set(card):
            return Card(notes=(_say_misfit(path, card, sha256),))
    return Card()


def _list_places(checkpoint: Path) -> list[Path]:
    # Until X.pth.tar found X.json, its card was X.pth.json.
    places = dict.fromkeys([card_path(checkpoint), checkpoint.with_suffix(".json")])
    return [path for path in places if path != checkpoint]


def _say_misfit(path: Path, card: Mapping[str, Any], sha256: str) -> str:
    told = card.get("sha256")
    why = f"its sha256 is {str(told)[:12]}…, the file's {sha256[:12]}…" if told else "it has no sha256"
    return f"the card {one_line(legible(path.name))} is left aside: {why}, so it may speak of another file"


def save_card(checkpoint: Path, card: Mapping[str, Any]) -> Path:
    """Write a checkpoint's card, whole or not at all; an older card gives way, another file does not.

    Raises:
        OutputError: another file is there, or the place cannot be written.
    """
    text, path = to_json(card), card_path(checkpoint)
    return write_whole(path, lambda file: file.write(text.encode()), replace=_is_card(path))


def _is_card(path: Path) -> bool:
    try:
        return is_there(path) and "sha256" in _read(path)
    except BrokenCheckpoint:
        return False


def _read(path: Path) -> Mapping[str, Any]:
    try:
        card = to_plain_record(parse_json(read_bounded(path, most=LARGEST_CARD)))
    except (OSError, ValueError) as error:
        raise BrokenCheckpoint(
            str(path),
            expected="a card, a JSON object",
            found=f"something else ({str(error)[:80]})",
            todo="correct or remove the card",
        ) from error
    return card
