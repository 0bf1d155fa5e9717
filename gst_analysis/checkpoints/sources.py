"""What an analysis is run on: a path, or what was loaded -> a checkpoint, a network, what it is."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from gst_analysis.checkpoints.loaded import Checkpoint, LoadedModel
from gst_analysis.checkpoints.loading import (
    build_loaded,
    load_checkpoint,
    load_unbuilt_checkpoint,
    require_path,
)
from gst_analysis.checkpoints.naming import OwnCode, ToldFile, find_folder, name_path
from gst_analysis.checkpoints.telling import settle_options, tell_checkpoint
from gst_analysis.errors import SpecError, one_line
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.described import NetworkSpec
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.numbers import show_class
from gst_analysis.options import NetworkOptions, keyword_options
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    from gst_analysis.checkpoints import starting
else:
    starting = Door("gst_analysis.checkpoints.starting")

Source: TypeAlias = str | os.PathLike[str] | Checkpoint | LoadedModel
"""A checkpoint's path, or what load_checkpoint or load_model returned."""


@dataclass(frozen=True)
class Inspection:
    """What a checkpoint file is."""

    file: str
    """The path of the file."""
    name: str
    """What builds such a network, such as gst-resnet50."""
    family: str
    """Its family, such as gst."""
    backbone: str
    """Its backbone, such as resnet50."""
    alpha: str | None
    """Fraction of channels that are temporal, such as 1/4; null where the network has none."""
    beta: str | None
    """Fraction of the input that each path reads, such as 1/2; null where the network has none."""
    width: int | None
    """Channels of the stem; null of all but designs."""
    num_classes: int
    """Classes that it tells apart."""
    num_frames: int
    """Frames in a clip."""
    layout: str
    """Whose form of file it is, such as gst-analysis or torchvision."""
    params: int
    """Parameters."""
    runnable: bool
    """Whether it can be built and run."""
    labels: int
    """How many names of classes are known; 0 where none are."""
    sha256: str
    """The file's sha256; empty of weights in memory."""
    slimmed: bool
    """Whether channels were taken out of it."""
    notes: tuple[str, ...]
    """What was assumed, a sentence each."""
    output: str = "frames"
    """Whether it answers for every frame, or once a clip."""
    places: int = 0
    """Modules along its way that analyses can look at."""
    groups: tuple[str, ...] = ()
    """Kinds of channels that can be told apart."""
    unknown: tuple[str, ...] = ()
    """What was looked for in it and not found."""


@keyword_options(NetworkOptions)
def open_checkpoint(
    path: str | os.PathLike[str], *, options: NetworkOptions, num_frames: int | None = None
) -> Checkpoint:
    """Read and recognise a file once, to hand to several of the functions here."""
    return checkpoint_of(tell(path, settle_options(options, num_frames)))


@keyword_options(NetworkOptions)
def inspect_checkpoint(
    source: Source, *, options: NetworkOptions, num_frames: int | None = None
) -> Inspection:
    """Recognise a checkpoint and say what was assumed."""
    checkpoint = glance_at(tell(source, settle_options(options, num_frames)))
    spec = checkpoint.spec
    plain = spec if isinstance(spec, ModelSpec) else None
    return Inspection(
        file=str(checkpoint.path),
        name=spec.name,
        family=spec.family,
        backbone=spec.backbone,
        alpha=None if plain is None or plain.alpha is None else str(plain.alpha),
        beta=None if plain is None or plain.beta is None else str(plain.beta),
        width=None if plain is None else plain.stem_width,
        num_classes=spec.num_classes,
        num_frames=spec.num_frames,
        layout=checkpoint.layout,
        params=checkpoint.params,
        runnable=plain is None or not plain.operator.unbuildable,
        labels=len(checkpoint.labels or ()),
        sha256=checkpoint.sha256,
        slimmed=plain is not None and plain.widths is not None,
        notes=checkpoint.notes,
        output=spec.output,
        places=len(checkpoint.anatomy.places),
        groups=checkpoint.anatomy.groups,
        unknown=checkpoint.anatomy.unknown,
    )


def build_untrained(spec: NetworkSpec, *, seed: int = 0) -> LoadedModel:
    """A freshly initialised network, the same for the same seed; its notes say that it is untrained."""
    return starting.create_model(spec, seed=seed)


def tell(source: Source, options: NetworkOptions) -> Source:
    """The source with what the user knows better than its weights; a file is not read for that.

    Raises:
        SpecError: it cannot be so.
        CheckpointError: the weights of what was loaded are not those of the family that is told.
    """
    if not options.is_told:
        return source
    if isinstance(source, OwnCode):
        return source.with_options(options)
    if isinstance(source, Checkpoint):
        return tell_checkpoint(source, options)
    if isinstance(source, LoadedModel):
        return _tell_model(source, options)
    require_path(source)
    return ToldFile.of(source, options)


def tell_each(sources: Sequence[Source], options: NetworkOptions) -> list[Source]:
    """Several sources of which the same is told, in their order; what `tell` raises it raises."""
    return [tell(source, options) for source in sources]


def _tell_model(model: LoadedModel, options: NetworkOptions) -> LoadedModel:
    """A network in hand: the module stays, unless it is of another family now."""
    if options.frames is not None:
        ClipSpec(frames=options.frames)  # says what is wrong with it, before the network is blamed
    told = tell_checkpoint(model.checkpoint, options)
    if told.spec.family != model.spec.family:
        return build_loaded(tell_checkpoint(model.current_checkpoint(), options))
    return replace(model, checkpoint=replace(told, spec=model.spec))


def checkpoint_of(source: Source) -> Checkpoint:
    """Read a file, or take the checkpoint out of what was loaded before."""
    if isinstance(source, OwnCode):
        return source.network.current_checkpoint()
    if isinstance(source, LoadedModel):
        return source.current_checkpoint()
    if isinstance(source, Checkpoint):
        return source
    if isinstance(source, ToldFile):
        return load_checkpoint(str(source), options=source.told)
    return load_checkpoint(source)


def glance_at(source: Source) -> Checkpoint:
    """A checkpoint of which a few tensors will be asked for, by `to_array`: read without torch if it can be.

    Whatever runs or changes a network needs `checkpoint_of`.
    """
    return glance_unbuilt(source) or checkpoint_of(source)


def glance_unbuilt(source: Source) -> Checkpoint | None:
    """A file's checkpoint, its tensors left in it; None of what is no file, or is for torch to read."""
    if not isinstance(source, (str, os.PathLike)) or isinstance(source, OwnCode):
        return None
    return load_unbuilt_checkpoint(source, source.told if isinstance(source, ToldFile) else NetworkOptions())


def name_of(source: Source) -> str:
    """What a figure calls a checkpoint if nothing else is said."""
    if isinstance(source, (str, os.PathLike)) and not isinstance(source, OwnCode):
        require_path(source)
        return name_path(Path(source), inside=find_folder(source) is not None)
    return checkpoint_of(source).name


def distinct_names(names: Sequence[str]) -> list[str]:
    """Number repeated names, so that two files called best.pth stay two columns."""
    numbered = [
        f"{name} ({names[: i + 1].count(name)})" if names.count(name) > 1 else name
        for i, name in enumerate(names)
    ]
    # A file may itself be called "best (1)".
    return numbered if len(set(numbered)) == len(names) else [f"{i} {n}" for i, n in enumerate(names, 1)]


@keyword_options(NetworkOptions)
def open_model(source: Source, *, options: NetworkOptions, num_frames: int | None = None) -> LoadedModel:
    """Load a network, or take what was loaded, with what is told of its clips and classes.

    Args:
        source: a checkpoint's path, or what load_checkpoint or load_model returned.
        options: what no weight shows; its fields may be given as keywords.
        num_frames: what `frames` was called before.

    Raises:
        CheckpointError: the file cannot be used.
        SpecError: what is told cannot be, or the source is none.
    """
    told = settle_options(options, num_frames)
    if told.frames is not None:
        ClipSpec(frames=told.frames)  # says what is wrong with it, before the file is blamed
    source = tell(source, told)
    if isinstance(source, OwnCode):
        source = source.network
    if isinstance(source, LoadedModel):
        source.current_checkpoint()  # refuses what is no network of its spec
        return source
    return build_loaded(checkpoint_of(source))


def find_class(model: LoadedModel, wanted: str | int) -> int:
    """The number of a class that is given by its name, whatever its case and blanks, or by its number.

    Raises:
        SpecError: the network has no such class.
    """
    labels, classes = model.labels or (), model.spec.num_classes
    folded = [one_line(label).casefold() for label in labels]  # as completion and tables name it
    text = one_line(str(wanted)).casefold()
    if text in folded:
        return folded.index(text)
    number = text.removeprefix("class ")  # as a class without a name is printed
    if number.isdecimal() and len(number) < 10 and int(number) < classes:  # Python reads no 5,000 digits
        return int(number)
    near = difflib.get_close_matches(text, folded, n=1, cutoff=0.5)
    names = "" if labels else "; this checkpoint holds no names"
    raise SpecError(
        "class",
        expected=f"the name of a class, or a number from 0 to {classes - 1}{names}",
        found=repr(wanted)[:60],
        todo=f"did you mean {labels[folded.index(near[0])]!r}?" if near else "choose one of them",
    )


def name_class(model: LoadedModel, number: int) -> str:
    """The class's name, or class and its number where names are unknown."""
    return model.labels[number] if model.labels else show_class(number)
