"""The truth about a planted world: plans and boxes in; truth.json, truth.csv and, read back, a World out."""

from __future__ import annotations

import csv
import io
import json
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gst_analysis.errors import DataError, SpecError
from gst_analysis.planted.events import Event
from gst_analysis.planted.render import Box, Rendering, Sprite, X, Y
from gst_analysis.planted.scenes import ClipPlan
from gst_analysis.planted.shapes import Colour
from gst_analysis.planted.worlds import Split, WorldConfig, split_of

TRUTH_VERSION = 1
_DIGITS = 4  # of every length in truth.json: a hundredth of a pixel at 100 pixels


@dataclass(frozen=True)
class Thing:
    """One object of a clip, from back to front; lengths are fractions of the frame's side.

    Attributes:
        role: target, distractor, piece, box, lid, content, block, shelf or screen.
        wraps: whether what leaves the frame at one side comes in at the other; centres go on beyond it.
        boxes: per frame (x0, y0, x1, y1) in pixels around what is seen of it; None where nothing is.
        centres: per frame (x, y), without the camera's shake.
        radii: per frame; of a bar, half its width.
        angles: per frame, in radians, clockwise.
        opacities: per frame, from 0 to 1.
    """

    role: str
    shape: str
    texture: str
    colour: Colour
    second: Colour
    aspect: float
    part: int
    boxes: tuple[Box | None, ...]
    centres: tuple[tuple[float, float], ...]
    radii: tuple[float, ...]
    angles: tuple[float, ...]
    opacities: tuple[float, ...]
    wraps: bool = False


@dataclass(frozen=True)
class WorldClip:
    """Everything known about one clip.

    Attributes:
        label: the class, as in labels.json; `text` is it with the placeholders filled in.
        partner: the class of the same clip played backwards, or of the other outcome; "" if there is none.
        action: what moves and how, forwards; `backwards` says that it is played from its end.
        completes: whether the change of state completes; None where nothing changes its state.
        tau: first frame that shows the completed change; None where it never does.
        twin_tau: the same of the partner's clip made from the same random state.
        shape: of the main object, as are texture, hue and radius; twin_hue is the second object's hue.
        things: every object, from back to front.
        pan: per frame, where the background lies; `shake` is per frame where the camera points.
        compression: 0 light, 1 middling, 2 strong.
        events: in the worlds of stories, what happens, in order of the story, and in which frames. One that
            stops beyond the last frame goes on at the first.
    """

    id: str
    index: int
    split: Split
    class_id: int
    label: str
    template: str
    text: str
    placeholders: tuple[str, ...]
    partner: str
    action: str
    backwards: bool
    completes: bool | None
    tau: int | None
    twin_tau: int | None
    shape: str
    texture: str
    hue: str
    twin_hue: str
    radius: float
    things: tuple[Thing, ...]
    texture_seed: int
    background: Colour
    contrast: float
    grain: float
    pan: tuple[tuple[float, float], ...]
    shake: tuple[tuple[float, float], ...]
    noise_sigma: float
    noise_seed: int
    compression: int
    events: tuple[Event, ...] = ()

    @property
    def targets(self) -> tuple[Thing, ...]:
        """What the class is about: every object but the distractors."""
        return tuple(thing for thing in self.things if thing.role != "distractor")


@dataclass(frozen=True)
class World:
    """A planted world on disk: where it lies, how it was made and the truth about every clip."""

    folder: Path
    config: WorldConfig
    clips: tuple[WorldClip, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names in the order of their numbers."""
        return tuple(c.label for c in self.config.classes)

    def split(self, name: Split) -> tuple[WorldClip, ...]:
        """The clips of "train" or "validation"."""
        return tuple(clip for clip in self.clips if clip.split == name)

    def path(self, clip: WorldClip) -> Path:
        """The clip's video file, or its folder of frames."""
        return self.folder / place_of(self.config, clip.id)


def place_of(config: WorldConfig, clip_id: str) -> str:
    """Where a clip lies inside its world's folder."""
    frames = config.container == "frames"
    return f"frames/{clip_id}" if frames else f"videos/{clip_id}.{config.container}"


def describe_clip(config: WorldConfig, plan: ClipPlan, rendering: Rendering) -> WorldClip:
    """The truth about a clip, from its plan and from what was seen of each object."""
    scene, planted, look = plan.scene, plan.planted, plan.look
    boxes = zip(scene.sprites, rendering.boxes, strict=True)
    return WorldClip(
        id=str(plan.index + 1),
        index=plan.index,
        split=split_of(config, plan.index),
        class_id=plan.class_id,
        label=planted.label,
        template=planted.template,
        text=_fill(planted.template, plan.placeholders),
        placeholders=plan.placeholders,
        partner=planted.partner,
        action=plan.action,
        backwards=plan.backwards,
        completes=planted.completes,
        tau=plan.tau,
        twin_tau=plan.twin_tau,
        shape=look.shape,
        texture=look.texture,
        hue=look.hue,
        twin_hue=look.twin_hue,
        radius=round(look.radius, _DIGITS),
        things=tuple(_describe_thing(sprite, seen) for sprite, seen in boxes),
        texture_seed=scene.backdrop.texture_seed,
        background=scene.backdrop.colour,
        contrast=scene.backdrop.contrast,
        grain=round(scene.backdrop.grain, _DIGITS),
        pan=_pairs(scene.backdrop.pan),
        shake=_pairs(scene.shake),
        noise_sigma=scene.noise_sigma,
        noise_seed=scene.noise_seed,
        compression=config.level.compression,
        events=plan.events,
    )


def _describe_thing(sprite: Sprite, seen: tuple[Box | None, ...]) -> Thing:
    radii, angles, opacities = (_numbers(column) for column in sprite.track[:, Y + 1 :].T)
    return Thing(
        sprite.role,
        sprite.shape,
        sprite.texture,
        sprite.colour,
        sprite.second,
        round(sprite.aspect, _DIGITS),
        sprite.part,
        seen,
        _pairs(sprite.track[:, X : Y + 1]),
        radii,
        angles,
        opacities,
        wraps=sprite.wraps,
    )


def _fill(template: str, placeholders: tuple[str, ...]) -> str:
    for thing in placeholders:
        template = template.replace("[something]", thing, 1)
    return template[0].lower() + template[1:]


def _numbers(values: npt.NDArray[np.float32]) -> tuple[float, ...]:
    return tuple(round(float(v), _DIGITS) for v in values)


def _pairs(values: npt.NDArray[np.float32]) -> tuple[tuple[float, float], ...]:
    return tuple((round(float(x), _DIGITS), round(float(y), _DIGITS)) for x, y in values)


def format_truth(world: World) -> str:
    """truth.json: the configuration, then one line per clip."""
    head = json.dumps({"version": TRUTH_VERSION, "config": asdict(world.config)})
    lines = ",\n".join(json.dumps(asdict(clip), separators=(",", ":")) for clip in world.clips)
    return f'{head[:-1]}, "clips": [\n{lines}\n]}}\n'


_FLAT = tuple(
    f.name
    for f in fields(WorldClip)
    if f.name not in ("things", "pan", "shake", "placeholders", "background", "events")
)


def format_table(world: World) -> str:
    """truth.csv: one row per clip with everything that is one value; empty where there is none."""
    config, out = world.config, io.StringIO()
    whole = {name: getattr(config, name) for name in ("world", "difficulty", "seed", "frames", "size", "fps")}
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["file", *whole, *_FLAT, "distractors", "pan_x", "pan_y", "shake_rms"])
    for clip in world.clips:
        counts = len(clip.things) - len(clip.targets)
        way = [round(end - start, _DIGITS) for start, end in zip(clip.pan[0], clip.pan[-1], strict=True)]
        shake = round(float(np.sqrt(np.mean(np.square(clip.shake)))), _DIGITS)
        flat = [getattr(clip, name) for name in _FLAT]
        writer.writerow([place_of(config, clip.id), *whole.values(), *flat, counts, *way, shake])
    return out.getvalue()


def load_truth(folder: Path) -> World:
    """Read truth.json back, and check that it says what this package wrote."""
    path = folder / "truth.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except OSError as error:
        raise _bad(path, f"nothing readable: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise _bad(path, f"no JSON: {error}") from error
    if not isinstance(document, dict) or document.get("version") != TRUTH_VERSION:
        raise _bad(path, "another kind of file, or one of another version")
    try:
        config = WorldConfig(**_coerce_fields(document.get("config"), WorldConfig, "config"))
        clips = tuple(
            _coerce(clip, WorldClip, f"clip {n}")
            for n, clip in enumerate(_coerce_list(document.get("clips")), 1)
        )
        _check_clips(config, clips)
    except (ValueError, SpecError) as error:
        raise _bad(path, str(error)) from error
    return World(folder, config, clips)


def _refuse_constant(name: str) -> object:
    raise ValueError(f"the number {name}")


def _coerce_list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("clips that are no list")
    return value


def _bad(path: Path, found: str) -> DataError:
    return DataError(
        str(path),
        expected="the truth.json of a planted world",
        found=found,
        todo="point at a folder made by gst-analyze synth, or make it again",
    )


def _check_clips(config: WorldConfig, clips: tuple[WorldClip, ...]) -> None:
    if len(clips) != config.clips:
        raise ValueError(f"{len(clips)} clips where its configuration says {config.clips}")
    labels = [c.label for c in config.classes]
    for index, clip in enumerate(clips):
        if clip.id != str(index + 1) or clip.index != index or not re.fullmatch("[0-9]+", clip.id):
            raise ValueError(f"clip {clip.id!r} where clip {index + 1} belongs")
        if not 0 <= clip.class_id < len(labels) or labels[clip.class_id] != clip.label:
            raise ValueError(f"clip {clip.id} of class {clip.class_id} {clip.label!r}, which the world lacks")


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    return typing.get_type_hints(kind)


@cache
def _anatomy(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    return typing.get_origin(hint), typing.get_args(hint)


def _coerce_fields(value: object, kind: type, where: str) -> dict[str, Any]:
    hints = _hints(kind)
    # WorldConfig's defaults are left out of this: a truth that does not say its seed says nothing. What was
    # rendered before there was rest had none.
    later = (
        {f.name for f in fields(kind) if f.default is not MISSING} if kind is not WorldConfig else {"rest"}
    )
    if not isinstance(value, dict) or not set(hints) - later <= set(value) <= set(hints):
        raise ValueError(f"{where} without exactly the fields of a {kind.__name__}")
    return {n: _coerce(value[n], hint, f"{where}: {n}") for n, hint in hints.items() if n in value}


def _coerce(value: object, hint: Any, where: str) -> Any:
    """JSON's lists and objects as the tuples and dataclasses that `hint` asks for, or ValueError."""
    origin, parts = _anatomy(hint)
    if is_dataclass(hint) and isinstance(hint, type):
        return hint(**_coerce_fields(value, hint, where))
    if origin is types.UnionType:
        return None if value is None else _coerce(value, parts[0], where)
    if origin is tuple and isinstance(value, list):
        kinds = [parts[0]] * len(value) if parts[-1] is Ellipsis else parts
        if len(kinds) == len(value):
            return tuple(_coerce(v, kind, where) for v, kind in zip(value, kinds, strict=True))
    if (origin is typing.Literal and value in parts) or type(value) is hint:
        return value
    if hint is float and type(value) is int:
        return float(value)
    raise ValueError(f"{where} of the wrong kind or length: {str(value)[:40]!r}")
