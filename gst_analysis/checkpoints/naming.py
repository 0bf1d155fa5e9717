"""How networks are named: by a design such as gst-resnet50, or by a file. No torch here."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gst_analysis.errors import OutputError, SpecError, legible
from gst_analysis.networks.anatomy import require_arithmetic
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.networks.systems import SystemSpec, is_system
from gst_analysis.options import NetworkOptions
from gst_analysis.rooms import Door

if TYPE_CHECKING:
    from gst_analysis.checkpoints import adopting, sources
    from gst_analysis.checkpoints.loaded import Network
else:
    adopting = Door("gst_analysis.checkpoints.adopting")
    sources = Door("gst_analysis.checkpoints.sources")


class OwnCode(str):
    """A user's own network as the user names it: code that builds it, and a file with its weights.

    A type of its own, because code runs: text that was typed into a page or found in a file never becomes
    one.
    """

    weights: str | None = None
    told = NetworkOptions()

    @classmethod
    def of(cls, code: str, weights: str | None) -> OwnCode:
        """The code, "package.module:function", and the weights if they come from a file."""
        made = cls(code)
        made.weights = weights
        return made

    def with_options(self, options: NetworkOptions) -> OwnCode:
        """This code, asked for a network of these clips and classes."""
        made = type(self).of(str(self), self.weights)
        made.told = options
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        """What is kept of it elsewhere is its name, never the network."""
        return type(self).of, (str(self), self.weights)

    @property
    def short(self) -> str:
        """What tables call the network, such as models-build."""
        return self.rpartition(".")[2].replace(":", "-")

    @functools.cached_property
    def network(self) -> Network:
        """The network, built when it is first asked for."""
        return adopting.load_told(str(self), self.weights, self.told)


class ToldFile(str):
    """A checkpoint's path, and what the user knows of it that its weights do not show."""

    told = NetworkOptions()

    @classmethod
    def of(cls, path: str | os.PathLike[str], options: NetworkOptions) -> ToldFile:
        """The path with the options; the file is read when it is asked for."""
        made = cls(os.fspath(path))
        made.told = options
        return made


CONFIG, WEIGHTS = "config.json", "model.safetensors"
PREPROCESSING = ("video_preprocessor_config.json", "preprocessor_config.json")
"""What is read of a folder of Hugging Face's form."""
CHECKPOINT_ENDINGS = (".pth", ".pt", ".tar", ".ckpt", ".safetensors")


def is_file(text: str) -> bool:
    """A name with a separator or a checkpoint's ending is a path, whether it exists or not.

    A network of the user's own counts as one: it is no name of a design.
    """
    if isinstance(text, OwnCode):
        return True
    return os.sep in text or Path(text).suffix in CHECKPOINT_ENDINGS or os.path.exists(text)


def find_folder(path: str | os.PathLike[str]) -> Path | None:
    """The folder that a path names, itself or by the weights in it; None for every other path."""
    where = Path(path)
    if os.path.isdir(where):
        return where if where.name not in ("", "..") else where.resolve()
    beside = where.name == WEIGHTS and os.path.isfile(where) and os.path.isfile(where.parent / CONFIG)
    return find_folder(where.parent) if beside else None


def name_path(path: Path, *, inside: bool) -> str:
    """What tables call a path: its name without its ending, or the folder's if its weights lie inside one."""
    where = path.parent if inside and path.name == WEIGHTS else path
    return legible((where if where.stem.strip(".") else where.resolve()).stem)


def list_checkpoints(folder: str | os.PathLike[str]) -> list[Path]:
    """The checkpoint files directly inside a folder, by name."""
    where = Path(folder)
    if not os.path.isdir(where):
        raise OutputError(str(where), expected="a folder", found="none", todo="check the path")
    return sorted(p for p in where.iterdir() if p.suffix in CHECKPOINT_ENDINGS and p.is_file())


def spec_from_text(name: str) -> ModelSpec | SystemSpec:
    """The spec of FAMILY-BACKBONE or of a published system, by name."""
    return SystemSpec.from_name(name) if is_system(name) else ModelSpec.from_name(name)


def resolve_spec(model: ModelSpec | sources.Source, **design: Any) -> ModelSpec:
    """The spec behind a name, a path, a spec or a loaded checkpoint, with some fields changed."""
    changes = {field: value for field, value in design.items() if value is not None}
    if isinstance(model, str) and not is_file(model):
        return ModelSpec.from_name(model, **changes)
    found = model if isinstance(model, ModelSpec) else sources.checkpoint_of(model).spec
    spec = require_arithmetic(found, "the design")
    changed = spec.replace(**changes) if changes else spec
    if spec.widths is not None and changed.widths is None:
        raise SpecError(
            spec.label,
            expected="frames and classes alone to be changed: it has been slimmed",
            found=", ".join(f"{field} {value}" for field, value in changes.items()),
            todo=f"leave the others out, or name a network that is whole, such as {spec.name}",
        )
    return changed
