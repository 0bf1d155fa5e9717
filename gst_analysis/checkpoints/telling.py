"""What the user knows better than the weights: options -> the clips, classes and family of a checkpoint.

`load_checkpoint` asks it while it reads a file; `tell` in `sources` for what was loaded before.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gst_analysis.checkpoints.detective import override_family
from gst_analysis.clips.labels import load_class_names
from gst_analysis.errors import SpecError, quote
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.options import NetworkOptions

if TYPE_CHECKING:
    from gst_analysis.checkpoints.loaded import Checkpoint

ASSUMED = "nothing states the clip's preprocessing: assumed "
"""How the note of it begins, which goes once all of it is told."""


def settle_options(options: NetworkOptions, num_frames: int | None) -> NetworkOptions:
    """The options with `num_frames`, which `frames` was called before and still may be.

    Raises:
        SpecError: two different numbers.
    """
    if num_frames is None or num_frames == options.frames:
        return options
    if options.frames is not None:
        raise SpecError(
            "frames",
            expected="one number of frames",
            found=f"frames={options.frames!r} and num_frames={num_frames!r}",
            todo="say frames alone",
        )
    return replace(options, frames=num_frames)


def tell_clip(clip: ClipSpec, options: NetworkOptions) -> ClipSpec:
    """The clips that a network takes, with what was told of them.

    Raises:
        SpecError: no such clips.
    """
    told = {name: getattr(options, name) for name in ("frames", "resize", "crop")}
    told |= {name: _read_colours(name, getattr(options, name)) for name in ("mean", "std")}
    told = {name: value for name, value in told.items() if value is not None}
    # What was assumed of the short side must not forbid a crop that was told.
    if isinstance(options.crop, int) and options.resize is None:
        told["resize"] = max(options.crop, clip.resize)
    return replace(clip, **told) if told else clip


def tells_all(options: NetworkOptions) -> bool:
    """Whether nothing of the preprocessing is left to be assumed."""
    return None not in (options.resize, options.crop) and bool(options.mean) and bool(options.std)


def tell_labels(
    options: NetworkOptions, classes: int, known: tuple[str, ...] | None
) -> tuple[str, ...] | None:
    """Names of the classes: those told, else those known.

    Raises:
        SpecError: they are of another number of classes.
        DataError: a file that holds no names.
    """
    if options.labels is None:
        return known
    if isinstance(options.labels, (str, os.PathLike)):
        source = str(options.labels)
        names: Sequence[str] = load_class_names(Path(options.labels))[0]
    elif isinstance(options.labels, Iterable):
        source, names = "labels", tuple(map(str, options.labels))
    else:
        raise SpecError(
            "labels",
            expected="names of the classes in their order, or a file with them",
            found=quote(options.labels),
            todo="leave it out if nobody knows them",
        )
    if len(names) != classes:
        raise SpecError(
            source,
            expected=f"{classes} names, one for each class of the network in its order",
            found=f"{len(names)}",
            todo="name the list that it was trained with",
        )
    return tuple(names)


def tell_checkpoint(checkpoint: Checkpoint, options: NetworkOptions) -> Checkpoint:
    """A checkpoint that was loaded before, with what is told of it now.

    Raises:
        SpecError: it cannot be so.
        CheckpointError: its weights are not those of the family that is told.
    """
    spec = checkpoint.spec
    if options.family is not None and options.family != spec.family:
        if not isinstance(spec, ModelSpec):
            raise SpecError(
                spec.label,
                expected="a network whose family can be told, such as c2d or tsm",
                found="one that is known",
                todo="leave family out",
            )
        spec = override_family(spec, options.family, checkpoint.path)
    if options.frames is not None and isinstance(spec, ModelSpec):
        spec = spec.replace(num_frames=options.frames)
    notes = checkpoint.notes
    if tells_all(options):
        notes = tuple(note for note in notes if not note.startswith(ASSUMED))
    return replace(
        checkpoint,
        spec=spec,
        clip_spec=tell_clip(checkpoint.clip_spec, options),
        labels=tell_labels(options, spec.num_classes, checkpoint.labels),
        notes=notes,
    )


def _read_colours(name: str, given: object) -> tuple[float, ...] | None:
    """Three numbers of colours from 0 to 1; one stands for all three.

    Raises:
        SpecError: other numbers, such as those of colours from 0 to 255.
    """
    if given is None:
        return None
    values: list[Any] = list(given) if isinstance(given, Iterable) and not isinstance(given, str) else [given]
    if not values:
        return None
    try:
        numbers = [float(value) for value in values]
    except (TypeError, ValueError, OverflowError):  # no number, or one beyond all that stand for colours
        numbers = []
    if len(numbers) == 1:
        numbers *= 3
    if len(numbers) != 3:
        raise SpecError(
            name,
            expected="three numbers with commas between them, or one for all colours",
            found=",".join(v if isinstance(v, str) else quote(v) for v in values[:9])[:60],
            todo="such as 0.485,0.456,0.406",
        )
    if min(numbers) > 1:
        raise SpecError(
            name,
            expected="numbers of colours from 0 to 1",
            found=", ".join(f"{number:g}" for number in numbers),
            todo=f"for colours from 0 to 255 divide by 255: {','.join(f'{n / 255:.4g}' for n in numbers)}",
        )
    return tuple(numbers)
