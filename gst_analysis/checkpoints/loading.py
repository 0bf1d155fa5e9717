"""A path -> a recognised checkpoint, or a network ready to run.

`load_checkpoint` reads and checks but builds nothing; `load_model` also builds the network. What they give
is in loaded.py; saving.py writes it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gst_analysis.checkpoints import apart
from gst_analysis.checkpoints.cards import Card, is_card_beside, load_card_beside
from gst_analysis.checkpoints.detective import Overrides, check_state, infer_spec, require_known
from gst_analysis.checkpoints.layouts import canonicalise
from gst_analysis.checkpoints.loaded import Checkpoint, Network
from gst_analysis.checkpoints.naming import find_folder
from gst_analysis.checkpoints.reading import RawCheckpoint, load_raw
from gst_analysis.checkpoints.records import read_clip_spec, read_labels, read_provenance, read_record
from gst_analysis.checkpoints.systems import find_system_of
from gst_analysis.checkpoints.telling import ASSUMED, settle_options, tell_clip, tell_labels, tells_all
from gst_analysis.checkpoints.unbuilt import NotPlain
from gst_analysis.errors import BrokenCheckpoint, GstError, SpecError, describe_error
from gst_analysis.networks.anatomy import require_arithmetic
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.described import NetworkSpec
from gst_analysis.networks.registry import build_model, spec_from_json
from gst_analysis.networks.spec_values import MOST_FRAMES
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.networks.systems import SystemSpec
from gst_analysis.networks.systems.recognised import ANY_LENGTH, FRAMES_UNSEEN, Recognised
from gst_analysis.options import NetworkOptions, keyword_options
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from gst_analysis.checkpoints import folders
    from gst_analysis.networks import network
else:  # a file is recognised without torch, which takes longer to import than most files to read
    torch = Door("torch")
    nn = Door("torch.nn")
    folders = Door("gst_analysis.checkpoints.folders")
    network = Door("gst_analysis.networks.network")


@keyword_options(NetworkOptions)
def load_checkpoint(
    path: str | os.PathLike[str], *, options: NetworkOptions, num_frames: int | None = None
) -> Checkpoint:
    """Read, recognise and check a checkpoint without building its network.

    Args:
        path: a PyTorch or safetensors file of any supported layout, or a folder of Hugging Face's form.
        options: what no weight shows: family, frames, labels, resize, crop, mean, std. Its fields may be
            given as keywords, and win over what the file or its card says.
        num_frames: what `frames` was called before.

    Example:
        >>> load_checkpoint("ckpt.pth", frames=16).spec.alpha  # doctest: +SKIP
        Fraction(1, 4)
    """
    require_path(path)
    told = settle_options(options, num_frames)
    if apart.must_read_apart(path):
        return _from_apart(*apart.read_apart(path, told))
    return read_here(path, told)


def load_unbuilt_checkpoint(
    path: str | os.PathLike[str], options: NetworkOptions, *, checked: bool = True
) -> Checkpoint | None:
    """What `load_checkpoint` gives, its tensors being left in the file, without importing torch.

    Tensors are `StoredTensor`s, which `to_array` reads: enough for whatever looks at a few of them.

    Args:
        path: a file.
        options: what no weight shows.
        checked: read all of the file, for its hash and whatever is wrong with its values; names of blocks
            and classes need nothing of it.

    Returns:
        None where torch has to read or recognise it, or to say what is wrong with it.

    Raises:
        SpecError: no path.
    """
    require_path(path)
    if apart.must_read_apart(path) or find_folder(path) is not None:
        return None
    try:
        return recognise_file(load_raw(path, unbuilt=True, checked=checked), options)
    except (GstError, NotPlain):
        return None


def load_weights(path: str | os.PathLike[str]) -> RawCheckpoint:
    """The tensors of a file by its own names, for a network that is known: nothing is recognised.

    What lies beside them in the file is left out where a child reads it, as nobody asks for it.

    Args:
        path: a PyTorch or safetensors file.

    Raises:
        CheckpointError: it cannot be used.
    """
    if not apart.must_read_apart(path):
        return load_raw(path)
    told, state = apart.read_apart(path, None)
    return RawCheckpoint(
        Path(told["path"]), str(told["sha256"]), state, extras={}, averaged=str(told["averaged"])
    )


def read_here(
    path: str | os.PathLike[str], told: NetworkOptions, *, hear: Callable[[], str] | None = None
) -> Checkpoint:
    """Read and recognise a file or a folder in this process.

    Args:
        path: what `load_checkpoint` takes.
        told: what no weight shows.
        hear: waits for the sha256 of the weights where somebody else hashes them meanwhile. It is asked where
            a card lies beside them, which is of exactly one file; elsewhere the checkpoint's is left empty.
    """
    where = find_folder(path)
    if where is not None:
        folder = folders.load_folder(where, named=Path(path), num_frames=told.frames, hashed=hear is None)
        theirs = folder.found
        check_state(theirs.state, theirs.spec, Path(path))
        found = _Found(theirs.state, theirs.spec, theirs.layout, theirs.notes)
        return _describe(folder.raw, found, folder.record, told)
    Overrides(told.family, told.frames)  # what no network could be is said before a file is read
    raw = load_raw(path, hashed=hear is None)
    if hear is not None and is_card_beside(raw.path):
        raw = replace(raw, sha256=hear())
    return recognise_file(raw, told)


def recognise_file(raw: RawCheckpoint, told: NetworkOptions) -> Checkpoint:
    """What a file that was read is, by its weights, its own record and the card beside it."""
    record = read_record(raw)
    card = _find_card(raw, needed=not record)
    overrides = Overrides(told.family, told.frames or _count_frames(card.record))
    return _describe(raw, _recognise(raw, record, overrides, card.notes), record or card.record, told)


def _from_apart(told: Mapping[str, Any], state: dict[str, Tensor]) -> Checkpoint:
    """What a child has read, recognised and checked."""
    labels = told["labels"]
    return Checkpoint(
        Path(told["path"]),
        str(told["sha256"]),
        spec_from_json(told["spec"]),
        ClipSpec.from_json(told["clip_spec"]),
        None if labels is None else tuple(map(str, labels)),
        str(told["layout"]),
        tuple(map(str, told["notes"])),
        state,
        told["provenance"],
    )


def require_path(source: object) -> None:
    """Refuse what is no path and was not loaded: a module, or a state dict, as people have them in hand.

    Raises:
        SpecError: such a thing.
    """
    found, todo = type(source).__name__, "name the file, or load it with load_model"
    if isinstance(source, (str, os.PathLike)):
        try:
            said = os.fspath(source)
        except Exception as error:  # its own code
            said, found = None, f"{found}, whose path cannot be asked for ({describe_error(error)})"
        if isinstance(said, str):
            return
        found = found if said is None else f"{found}, whose path is bytes"
    elif isinstance(source, nn.Module):
        todo = "make a network of it first: gst.adopt(module), or save its state dict and name that file"
    elif isinstance(source, Mapping):
        found, todo = "a dict, perhaps a state dict", "save it with torch.save, and name that file"
    raise SpecError(
        "checkpoint",
        expected="a path, or what load_model, load_checkpoint or adopt returned",
        found=found,
        todo=todo,
    )


@dataclass(frozen=True)
class _Found:
    """A state dict that was recognised and checked."""

    state: Mapping[str, Tensor]
    spec: NetworkSpec
    layout: str
    notes: tuple[str, ...] = ()


def _recognise(
    raw: RawCheckpoint, record: Mapping[str, Any], overrides: Overrides, notes: tuple[str, ...]
) -> _Found:
    embedded = _embedded_spec(record["spec"], overrides, raw) if "spec" in record else None
    known = _find_system(raw, embedded, overrides)
    if known is not None:
        check_state(known.state, known.spec, raw.path)
        return _Found(known.state, known.spec, known.layout, (*known.notes, *notes))
    found = canonicalise(raw.state, source=str(raw.path))
    if embedded is not None:
        spec = require_arithmetic(embedded, "the weights")
    else:
        finding = infer_spec(found, raw.path, overrides)
        spec, notes = finding.spec, (*finding.notes, *notes)
        require_known(found.state, finding.spec, raw.path)
    check_state(found.state, spec, raw.path)
    return _Found(found.state, spec, found.layout, notes)


def _find_system(raw: RawCheckpoint, embedded: NetworkSpec | None, overrides: Overrides) -> Recognised | None:
    """Which published system a file is of. Without torch none is looked for, only told apart from ours.

    Raises:
        NotPlain: it may be of one, and torch is needed to know.
    """
    if not raw.unbuilt:
        return find_system_of(raw.state, embedded, overrides.num_frames)
    found = canonicalise(raw.state, source=str(raw.path))
    # MMAction2 names the 3-D networks as it names 2-D ones. All others have layers that no design of ours
    # has, and what has those is not recognised as one of ours (`require_known`).
    deep = any(tensor.ndim == 5 for tensor in raw.state.values())
    theirs = deep and any(name.endswith("backbone.conv1.conv.weight") for name in raw.state)
    if theirs or found.nonlocal_blocks or isinstance(embedded, SystemSpec):
        raise NotPlain
    return None


def _find_card(raw: RawCheckpoint, *, needed: bool) -> Card:
    """The card beside a file; where the file tells everything itself, only whether it is another file's.

    A JSON file that is no card is then not in its way.
    """
    try:
        card = load_card_beside(raw.path, raw.sha256)
    except BrokenCheckpoint:
        if needed:
            raise
        return Card()
    return card if needed else Card(notes=card.notes)


def _count_frames(card: Mapping[str, Any]) -> int | None:
    """Frames of a clip as a card tells them; what makes no sense is said where its clip spec is read."""
    clip = card.get("clip_spec")
    frames = clip.get("frames") if isinstance(clip, Mapping) else None
    return frames if type(frames) is int and 1 <= frames <= MOST_FRAMES else None


@keyword_options(NetworkOptions)
def load_model(
    path: str | os.PathLike[str], *, options: NetworkOptions, num_frames: int | None = None
) -> Network:
    """Load any supported checkpoint as a network in eval mode; no config is needed.

    Args and errors are those of `load_checkpoint`.

    Example:
        >>> m = load_model("ckpt.pth")  # doctest: +SKIP
        >>> m.module(torch.zeros(1, 8, 3, 224, 224)).shape  # doctest: +SKIP
        torch.Size([1, 8, 174])
    """
    return build_loaded(load_checkpoint(path, options=settle_options(options, num_frames)))


def build_loaded(checkpoint: Checkpoint) -> Network:
    """Build the network of a checkpoint and fill in its weights."""
    module = build_model(checkpoint.spec)
    module.load_state_dict(checkpoint.state, strict=False)  # check_state has compared every name
    return Network(module.eval(), checkpoint)


def _embedded_spec(record: Any, overrides: Overrides, raw: RawCheckpoint) -> ModelSpec | SystemSpec:
    try:
        spec = spec_from_json(record)
    except (GstError, TypeError, ValueError, ArithmeticError) as error:
        raise BrokenCheckpoint(
            str(raw.path),
            expected="an embedded spec that describes a network",
            found=str(error),
            todo="save it again with gst_analysis.save_model",
        ) from error
    changes = {"family": overrides.family, "num_frames": overrides.num_frames}
    if isinstance(spec, SystemSpec):
        return replace(spec, num_frames=overrides.num_frames or spec.num_frames)
    return spec.replace(**{k: v for k, v in changes.items() if v is not None})


def _describe(
    raw: RawCheckpoint, found: _Found, source: Mapping[str, Any], told: NetworkOptions
) -> Checkpoint:
    """Add what the weights do not hold: as told, else from the file's own record or card, else assumed."""
    notes = (*found.notes, raw.averaged) if raw.averaged else found.notes
    if told.frames is not None:  # then none were assumed
        notes = tuple(note for note in notes if not note.startswith((ANY_LENGTH, FRAMES_UNSEEN)))
    clip_spec = tell_clip(read_clip_spec(source, found.spec, raw.path), told)
    if not source.get("clip_spec") and not tells_all(told):
        notes = (*notes, f"{ASSUMED}{_say_preprocessing(clip_spec, told)}")
    return Checkpoint(
        raw.path,
        raw.sha256,
        found.spec,
        clip_spec,
        tell_labels(told, found.spec.num_classes, read_labels(source, found.spec, raw.path)),
        found.layout,
        notes,
        dict(found.state),
        read_provenance(source, raw.path),
    )


def _say_preprocessing(clip: ClipSpec, told: NetworkOptions) -> str:
    """What was assumed of it, and not told."""
    usual = (clip.mean, clip.std, clip.colours) == (ClipSpec.mean, ClipSpec.std, ClipSpec.colours)
    colours = "ImageNet mean and std" if usual else f"{clip.colours}, mean {clip.mean}, std {clip.std}"
    parts = {
        f"{clip.resize} px short side": told.resize,
        f"{clip.crop} px centre crop": told.crop,
        colours: told.mean and told.std,
    }
    return ", ".join(text for text, said in parts.items() if not said)
