"""A path -> a recognised checkpoint, or a network ready to run; and a network -> a file.

`load_checkpoint` reads and checks but builds nothing; `load_model` also builds the network. Our own
files embed spec, clip spec, labels and provenance, all of them plain values.
"""

from __future__ import annotations

import html
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gst_analysis.checkpoints import apart
from gst_analysis.checkpoints.cards import Card, load_card_beside
from gst_analysis.checkpoints.detective import Overrides, check_state, infer_spec, require_known
from gst_analysis.checkpoints.layouts import canonicalise
from gst_analysis.checkpoints.naming import find_folder, name_path
from gst_analysis.checkpoints.reading import SAFETENSORS_KEY, RawCheckpoint, load_raw
from gst_analysis.checkpoints.records import (
    VERSION,
    read_clip_spec,
    read_labels,
    read_provenance,
    read_record,
)
from gst_analysis.checkpoints.systems import find_system_of
from gst_analysis.checkpoints.telling import ASSUMED, settle_options, tell_clip, tell_labels, tells_all
from gst_analysis.checkpoints.unbuilt import FORMAT, NotPlain
from gst_analysis.errors import BrokenCheckpoint, GstError, SpecError, legible
from gst_analysis.files import Writer, to_json, write_whole
from gst_analysis.networks.anatomy import Anatomy, require_arithmetic
from gst_analysis.networks.described import NetworkSpec
from gst_analysis.networks.registry import anatomy_of, build_model, spec_from_json
from gst_analysis.networks.specs import MOST_FRAMES, ClipSpec, ModelSpec
from gst_analysis.networks.systems import SystemSpec
from gst_analysis.networks.systems.catalogue_transformers import HUGGING_FACE
from gst_analysis.networks.systems.recognised import Recognised
from gst_analysis.options import NetworkOptions, keyword_options
from gst_analysis.results import Result, find_version
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    import torch
    from safetensors import torch as safetensors
    from torch import Tensor, nn

    from gst_analysis.checkpoints import folders, own_weights
    from gst_analysis.networks import adopted, folding, fused, network
    from gst_analysis.networks.adopted import ClipNetwork
    from gst_analysis.networks.network import VideoNetwork
else:  # a file is recognised without torch, which takes longer to import than most files to read
    safetensors = Door("safetensors.torch")
    torch = Door("torch")
    nn = Door("torch.nn")
    adopted = Door("gst_analysis.networks.adopted")
    folders = Door("gst_analysis.checkpoints.folders")
    folding = Door("gst_analysis.networks.folding")
    fused = Door("gst_analysis.networks.fused")
    network = Door("gst_analysis.networks.network")
    own_weights = Door("gst_analysis.checkpoints.own_weights")

_KINDS = {"fp32": "float32", "bf16": "bfloat16"}
profile_room: Any = Door("gst_analysis.analyses.profile")
"""The one look upwards: in a notebook people ask the network itself. Nothing here needs it."""
CHANGED = "weights were changed after they were loaded or made: these are the network's as it is now"


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read, recognised and checked; no network was built."""

    path: Path
    sha256: str
    spec: NetworkSpec
    clip_spec: ClipSpec
    labels: tuple[str, ...] | None
    layout: str
    notes: tuple[str, ...]
    state: dict[str, Tensor] = field(repr=False)
    provenance: Mapping[str, Any] = field(repr=False, default_factory=dict)

    def __repr__(self) -> str:
        """One line."""
        return f"Checkpoint({_say_what(self)})"

    @property
    def name(self) -> str:
        """The file's name without its ending, or the folder's whose weights they are."""
        return name_path(self.path, inside=self.layout == HUGGING_FACE)

    @property
    def anatomy(self) -> Anatomy:
        """Places and groups of channels of its network."""
        return anatomy_of(self.spec)

    @property
    def params(self) -> int:
        """Learned numbers: everything but batch norm's running statistics."""
        return sum(t.numel() for n, t in self.state.items() if not _is_statistic(n))


@dataclass(frozen=True)
class Network:
    """A network with its weights, and everything known about it.

    `.module` takes normalised clips (N, T, 3, H, W) and returns logits: one row a frame, (N, T, K), or one a
    clip, (N, 1, K), as `.spec.output` says. Its weights may be changed, by training for instance: every
    analysis is of the module as it is, and its notes say so. What is no longer a network of `.spec` is
    refused.
    """

    module: VideoNetwork | ClipNetwork
    checkpoint: Checkpoint

    def __repr__(self) -> str:
        """One line; `.module` prints every layer."""
        return f"Network({_say_what(self.checkpoint)})"

    @property
    def spec(self) -> NetworkSpec:
        return self.checkpoint.spec

    @property
    def anatomy(self) -> Anatomy:
        """Places and groups of channels: what analyses go by."""
        return self.checkpoint.anatomy

    @property
    def clip_spec(self) -> ClipSpec:
        return self.checkpoint.clip_spec

    @property
    def labels(self) -> tuple[str, ...] | None:
        return self.checkpoint.labels

    @property
    def sha256(self) -> str:
        """The file's hash; empty where there is none, or where the weights are no longer the file's."""
        return self.current_checkpoint().sha256

    @property
    def layout(self) -> str:
        return self.checkpoint.layout

    @property
    def notes(self) -> tuple[str, ...]:
        """What was assumed because the file does not say it."""
        return self.current_checkpoint().notes

    def profile(self, dataset: str | os.PathLike[str] | None = None, **options: Any) -> Result[Any]:
        """Its depth profile: what `gst.profile` returns of it.

        Args:
            dataset: labelled clips, for the lines that need some.
            options: fields of ProfileOptions.
        """
        found: Result[Any] = profile_room.profile(self, dataset, **options)
        return found

    def _repr_html_(self) -> str:
        """What it is, and its profile."""
        line = f"<p><code>{html.escape(repr(self))}</code></p>"
        if not self.checkpoint.state:  # as with_module leaves it: there are no weights to read
            return line
        try:
            return line + self.profile()._repr_html_()
        except GstError:
            return line

    def current_checkpoint(self) -> Checkpoint:
        """The checkpoint with the weights that the module has now: itself unless somebody changed them.

        Raises:
            SpecError: the module is another network: wrapped, pruned, with another head, or of other numbers.
        """
        known = self.checkpoint.state
        # As with_module leaves it: there is nothing to compare with.
        if not known:
            return self.checkpoint
        now = own_weights.require_own(self.module, self.spec)
        own_weights.require_floats(now)
        if all(torch.equal(now[name], tensor.to(now[name].dtype)) for name, tensor in known.items()):
            return self.checkpoint
        provenance = {
            **own_weights.forget_scores(self.checkpoint.provenance),
            "changed_from": self._name_file(),
        }
        notes = (*self.checkpoint.notes, CHANGED)
        return replace(self.checkpoint, sha256="", notes=notes, state=now, provenance=provenance)

    def with_module(self, module: Any) -> Network:
        """This model with a module of another kind, such as one around it, and without weights to compare."""
        return Network(module, replace(self.current_checkpoint(), state={}))

    def fast(self, precision: str = "fp32") -> Network:
        """A form for inference alone that says the same sooner on a CPU; it holds the weights of this moment.

        Networks of ours are fused (networks/fused.py); of others, and where that cannot be, batch norms are
        folded. `predict`, `evaluate` and `trace` do so by themselves where it pays.

        Args:
            precision: fp32 or bf16.

        Example:
            >>> fast = gst.load_network("ckpt.pth").fast()  # doctest: +SKIP
        """
        if precision not in _KINDS:
            raise SpecError(
                "precision",
                expected=" or ".join(_KINDS),
                found=repr(precision)[:40],
                todo="choose one of them",
            )
        kind: torch.dtype = getattr(torch, _KINDS[precision])
        return self.with_module(fused.fuse_network(self.module, kind) or folding.fold_norms(self.module))

    def _name_file(self) -> dict[str, str]:
        return {"name": self.checkpoint.name, "sha256": self.checkpoint.sha256}


LoadedModel = Network
"""What a network was called while all of them were loaded from files."""


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
    where = find_folder(path)
    if where is not None:
        folder = folders.load_folder(where, named=Path(path), num_frames=told.frames)
        theirs = folder.found
        check_state(theirs.state, theirs.spec, Path(path))
        found = _Found(theirs.state, theirs.spec, theirs.layout, theirs.notes)
        return _describe(folder.raw, found, folder.record, told)
    Overrides(told.family, told.frames)  # what no network could be is said before a file is read
    return _recognise_file(load_raw(path), told)


def load_unbuilt_checkpoint(path: str | os.PathLike[str], options: NetworkOptions) -> Checkpoint | None:
    """What `load_checkpoint` gives, its tensors being left in the file, without importing torch.

    Tensors are `StoredTensor`s, which `to_array` reads: enough for whatever looks at a few of them.

    Args:
        path: a file.
        options: what no weight shows.

    Returns:
        None where torch has to read or recognise it, or to say what is wrong with it.
    """
    if apart.must_read_apart(path) or find_folder(path) is not None:
        return None
    try:
        return _recognise_file(load_raw(path, unbuilt=True), options)
    except (GstError, NotPlain):
        return None


def _recognise_file(raw: RawCheckpoint, told: NetworkOptions) -> Checkpoint:
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
    if isinstance(source, (str, os.PathLike)):
        return
    found, todo = type(source).__name__, "name the file, or load it with load_model"
    if isinstance(source, nn.Module):
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


def save_model(
    path: str | os.PathLike[str],
    model: Network | VideoNetwork | ClipNetwork,
    *,
    clip_spec: ClipSpec | None = None,
    labels: Sequence[str] | None = None,
    provenance: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> Path:
    """Write weights, spec, clip spec, labels and provenance in one file, whole or not at all.

    The ending chooses the kind: .safetensors, or a PyTorch file for anything else. What is not given is
    taken over from a Network.

    Args:
        path: where to.
        model: a network, or what load_model returned.
        clip_spec: the clips that it takes.
        labels: its classes' names.
        provenance: plain values to keep with it.
        overwrite: take the place of another file of that name.

    Raises:
        SpecError: labels for another number of classes, or a module that is no network of its spec.
        OutputError: the place cannot be written, or another file is there.
    """
    where = Path(path)
    write = model_writer(
        model, clip_spec=clip_spec, labels=labels, provenance=provenance, safe=where.suffix == ".safetensors"
    )
    return write_whole(where, write, replace=overwrite)


def model_writer(
    model: Network | VideoNetwork | ClipNetwork,
    *,
    clip_spec: ClipSpec | None = None,
    labels: Sequence[str] | None = None,
    provenance: Mapping[str, Any] | None = None,
    safe: bool = False,
) -> Writer:
    """What writes a network as `save_model` does: as safetensors, or as a PyTorch file."""
    if not isinstance(model, (Network, network.VideoNetwork, adopted.ClipNetwork)):
        raise SpecError(
            "save_model",
            expected="what load_model, create_model or adopt returned",
            found=type(model).__name__,
            todo="adopt a module of your own first; a state dict is saved by torch.save",
        )
    if isinstance(model, Network):
        labels = labels if labels is not None else model.labels
        clip_spec = clip_spec or model.clip_spec
        provenance = {**model.current_checkpoint().provenance, **(provenance or {})}
    module = model.module if isinstance(model, Network) else model
    spec = model.spec
    state = own_weights.require_own(module, spec)
    if labels is not None and len(labels) != spec.num_classes:
        raise SpecError(
            "labels",
            expected=f"{spec.num_classes}, one a class",
            found=str(len(labels)),
            todo="give a label for every class, or none",
        )
    # safetensors takes no others, and the stem's kernel lies with channels last.
    state = {name: tensor.contiguous() for name, tensor in state.items()}
    record = {
        "format": FORMAT,
        "version": VERSION,
        "spec": spec.to_json(),
        "clip_spec": (clip_spec or ClipSpec(frames=spec.num_frames)).to_json(),
        "labels": list(labels) if labels is not None else None,
        "provenance": {"gst_analysis": find_version(), **(provenance or {})},
    }
    if safe:
        payload = safetensors.save(state, {SAFETENSORS_KEY: to_json(record)})
        return lambda file: file.write(payload)
    return lambda file: torch.save({**record, "state_dict": state}, file)


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


def _say_what(checkpoint: Checkpoint) -> str:
    spec, clip = checkpoint.spec, checkpoint.clip_spec
    named = "named" if checkpoint.labels else "unnamed"
    size = f"{clip.frames} frames of {clip.crop} px"
    return f"{spec.label}, {spec.num_classes} {named} classes, {size}, {legible(checkpoint.path.name)!r}"


def _is_statistic(name: str) -> bool:
    return name.endswith(("running_mean", "running_var", "num_batches_tracked"))


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
