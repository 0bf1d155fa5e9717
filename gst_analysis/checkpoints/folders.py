"""A folder of Hugging Face's form, config.json and model.safetensors -> weights, their network, their clips.

A folder comes from anybody: its config.json is read as plain values and held against the weights before
anything is built; code that it names, and weights as pickles, are left where they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gst_analysis.checkpoints.naming import CONFIG, PREPROCESSING, WEIGHTS
from gst_analysis.checkpoints.reading import RawCheckpoint, load_raw
from gst_analysis.errors import (
    BrokenCheckpoint,
    CheckpointError,
    SpecError,
    UnknownCheckpoint,
    UnreadableCheckpoint,
    UnsafeCheckpoint,
    name_some,
    one_line,
)
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.registry import usual_clip
from gst_analysis.networks.systems import SystemSpec
from gst_analysis.networks.systems.catalogue_transformers import HUGGING_FACE
from gst_analysis.networks.systems.recognised import Recognised
from gst_analysis.networks.systems.transformer_kinds import KINDS, count_labels, kind_of_spec, read_config
from gst_analysis.networks.systems.transformer_weights import find_lie, read_sizes, rename_weights
from gst_analysis.untrusted import parse_json, read_bounded, to_plain_record

_DROPOUT = ("hidden_dropout_prob", "attention_probs_dropout_prob", "attention_dropout", "drop_path_rate")


@dataclass(frozen=True)
class Folder:
    """What a folder holds: its weights, whose they are, and what a card would say (clip spec, labels)."""

    raw: RawCheckpoint
    found: Recognised
    record: Mapping[str, Any]


def load_folder(
    folder: Path, *, named: Path | None = None, num_frames: int | None = None, hashed: bool = True
) -> Folder:
    """Read a folder and recognise its network.

    Args:
        folder: with config.json and model.safetensors, and perhaps how frames are prepared.
        named: the path that was given for it, which the result and errors bear; the folder's own if None.
        num_frames: overrides the number of frames.
        hashed: False where somebody else hashes the weights, whose sha256 is left empty.

    Raises:
        CheckpointError: something is missing, none of the four, or not what the weights are.
    """
    try:
        found = _load(folder, num_frames, hashed=hashed)
    except CheckpointError as error:
        file = Path(error.subject).name if error.subject != str(folder) else ""
        expected = f"{error.expected} in {file}" if file else error.expected
        raise type(error)(
            str(named or folder), expected=expected, found=error.found, todo=error.todo
        ) from error
    return replace(found, raw=replace(found.raw, path=named or folder))


def _load(folder: Path, num_frames: int | None, *, hashed: bool) -> Folder:
    config = _read_json(folder / CONFIG, missing=_say_missing(folder))
    spec = _read_spec(folder, config)
    raw = _load_weights(folder, hashed=hashed)
    state = rename_weights(kind_of_spec(spec), raw.state)
    if len(state) < len(raw.state):
        raise _broken(folder, "one tensor of each name", "two names of the same tensor")
    spec = _with_classes(spec, config, state)
    if lie := find_lie(spec, state):
        raise _broken(folder / CONFIG, *lie)
    labels = _read_labels(folder, config)
    spec = spec if num_frames is None else replace(spec, num_frames=num_frames)
    clip, notes = _read_clip(folder, spec)
    found = Recognised(spec, HUGGING_FACE, state, (*_list_left(config), *notes))
    record = {"clip_spec": clip.to_json(), "labels": labels}
    return Folder(raw, found, record)


def _say_missing(folder: Path) -> UnreadableCheckpoint:
    return UnreadableCheckpoint(
        str(folder),
        expected="a checkpoint file, or a folder of Hugging Face's form",
        found=f"a folder without {CONFIG}",
        todo="name a file in it",
    )


def _read_json(path: Path, *, missing: UnreadableCheckpoint | None = None) -> Mapping[str, Any]:
    if missing is not None and not path.is_file():
        raise missing
    try:
        told = to_plain_record(parse_json(read_bounded(path)))
    except (OSError, ValueError) as error:
        raise _broken(path, "a JSON object", f"something else ({one_line(str(error))[:80]})") from error
    return told


def _read_spec(folder: Path, config: Mapping[str, Any]) -> SystemSpec:
    """The network of a config.json, by the table of those that are known."""
    classes = config.get("architectures")
    named = [str(name)[:60] for name in classes] if isinstance(classes, list) else []
    known = [kind.network for kind in KINDS.values()]
    kind = KINDS.get(str(config.get("model_type")))
    if kind is None or (named and kind.network not in named):
        raise UnknownCheckpoint(
            str(folder),
            expected=f"one of {', '.join(known)}",
            found=name_some(named) or f"model_type {str(config.get('model_type'))[:60]}",
            todo="fine-tune it with a head of classes" if kind else "adopt the network in Python",
        )
    try:
        spec = read_config(config)
    except SpecError as error:
        raise _broken(folder / CONFIG, error.expected, error.found) from error
    assert spec is not None  # its kind is known
    return spec


def _load_weights(folder: Path, *, hashed: bool) -> RawCheckpoint:
    path = folder / WEIGHTS
    if path.is_file():
        return load_raw(path, hashed=hashed)
    names = sorted(item.name for item in folder.iterdir())
    pickled = [name for name in names if name.endswith((".bin", ".pt", ".pth", ".ckpt"))]
    if any(name.endswith(".safetensors") for name in names):
        found = f"weights in other files: {name_some([n for n in names if n.endswith('.safetensors')])}"
    elif pickled:
        raise UnsafeCheckpoint(
            str(folder),
            expected=f"its weights as {WEIGHTS}",
            found=f"{name_some(pickled)} alone, a pickle, which was not read",
            todo="save it again with save_pretrained, which writes safetensors",
        )
    else:
        found = "none"
    raise UnreadableCheckpoint(
        str(folder),
        expected=f"its weights as {WEIGHTS}",
        found=found,
        todo="copy all of the folder, or save it again in one file",
    )


def _with_classes(spec: SystemSpec, config: Mapping[str, Any], state: Mapping[str, Any]) -> SystemSpec:
    """With the head's classes where the config says none."""
    shown = read_sizes(kind_of_spec(spec), state)
    if shown is None or count_labels(config) is not None:
        return spec
    return replace(spec, num_classes=shown["num_classes"])


def _read_labels(folder: Path, config: Mapping[str, Any]) -> list[str] | None:
    """The classes' names; none where they are the library's placeholders."""
    names = config.get("id2label")
    if not isinstance(names, Mapping) or not names:
        return None
    if sorted(names) != sorted(map(str, range(len(names)))):
        raise _broken(folder / CONFIG, f"id2label from 0 to {len(names) - 1}", name_some(sorted(names)))
    labels = [str(names[str(number)]) for number in range(len(names))]
    return None if labels == [f"LABEL_{number}" for number in range(len(names))] else labels


def _list_left(config: Mapping[str, Any]) -> list[str]:
    """What a config.json says that is not taken over."""
    notes = []
    if "auto_map" in config:
        notes.append("its config.json names code of its own (auto_map), which is never run")
    if any(config.get(name) for name in _DROPOUT):
        notes.append("the dropout of its config.json is left out: it plays no part in answers")
    return notes


def _read_clip(folder: Path, spec: SystemSpec) -> tuple[ClipSpec, list[str]]:
    """How frames are prepared, from the folder where it says so, else as the network was published."""
    usual = usual_clip(spec)
    told = next((_read_json(folder / name) for name in PREPROCESSING if (folder / name).is_file()), None)
    sampled = f"nothing states how frames are taken from a clip: assumed {usual.sampling}"
    if told is None:
        return usual, [f"{sampled}, and means and size of frames as published: no {PREPROCESSING[1]}"]
    try:
        mean, std = read_colours(told, usual)
        clip = replace(usual, mean=mean, std=std, resize=_read_resize(told, usual))
    except (SpecError, TypeError, ValueError, ZeroDivisionError, OverflowError) as error:
        raise _broken(
            folder, "sizes and colours that make sense in its preprocessing", str(error)[:160]
        ) from error
    return clip, [sampled]


def read_colours(told: Mapping[str, Any], usual: ClipSpec) -> tuple[Any, Any]:
    """Mean and std of colours from 0 to 1, whatever they are multiplied by and moved by first."""
    factor = float(told.get("rescale_factor", 1 / 255)) if told.get("do_rescale", True) else 1.0
    offset = 1.0 if told.get("offset") and told.get("do_rescale", True) else 0.0
    normal = told.get("do_normalize", True)
    means = told.get("image_mean", usual.mean) if normal else (0.0,) * 3
    stds = told.get("image_std", usual.std) if normal else (1.0,) * 3
    whole = 255 * factor
    return tuple((offset + float(m)) / whole for m in means), tuple(float(s) / whole for s in stds)


def _read_resize(told: Mapping[str, Any], usual: ClipSpec) -> int:
    """The short side; the crop's size is the network's own."""
    size = told.get("size")
    if not told.get("do_resize", True) or size is None:
        return usual.resize
    if isinstance(size, Mapping):
        sides = [size[side] for side in ("shortest_edge", "height", "width") if side in size]
        size = sides[0] if sides else usual.resize
    return max(int(size), usual.crop)


def _broken(where: Path, expected: str, found: str) -> BrokenCheckpoint:
    return BrokenCheckpoint(
        str(where), expected=expected, found=found, todo="copy the folder again, or correct it"
    )
