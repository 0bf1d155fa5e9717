"""Load, analyse, draw, save: what the command line, the explorer and notebooks call.

Every function here returns a result that knows its table, its summary, where it came from and how to
draw itself. None of them prints, parses arguments or decides anything about science.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gst_analysis.errors import OutputError, SpecError
from gst_analysis.results import Provenance, Result, write_whole
from gst_analysis.specs import ModelSpec

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from matplotlib.figure import Figure

    from gst_analysis.analysis.bn_scales import BnSummary
    from gst_analysis.analysis.complexity import ComplexitySummary
    from gst_analysis.analysis.paper_audit import AuditSummary
    from gst_analysis.checkpoints.loading import Checkpoint, LoadedModel
    from gst_analysis.data.synthetic_worlds import WorldConfig

    Source = str | os.PathLike[str] | Checkpoint | LoadedModel

Progress = Callable[[int, int, str], object]
"""Called with how many are done, how many there are, and the name of the next."""

IMAGE_FORMATS = ("png", "svg", "pdf")
TABLE_FORMATS = ("csv", "parquet", "json")
CHECKPOINT_ENDINGS = (".pth", ".pt", ".tar", ".ckpt", ".safetensors")


@dataclass(frozen=True)
class BnScales(Result[Any]):
    """Figure 4 of any checkpoints: `.table`, `.summary`, `.plot()`, `.plot_interactive()`, `.save()`."""

    summary: BnSummary

    absolute: bool = False
    """Whether figures and summary show |γ| rather than γ."""

    def plot(self, *, by: str = "block", dark: bool = False) -> Figure:
        """The grid of the paper: rows are blocks (or stages), columns are checkpoints."""
        from gst_analysis.figures.bn_scales import draw_bn_scales

        return draw_bn_scales(self.table, by=by, absolute=self.absolute, dark=dark)

    def plot_interactive(self, *, by: str = "block", dark: bool = False) -> go.Figure:
        """The same figure in plotly."""
        from gst_analysis.figures.interactive_bn_scales import draw_bn_scales_interactive

        return draw_bn_scales_interactive(self.table, by=by, absolute=self.absolute, dark=dark)

    def contract(self, files: Mapping[str, str] | None = None) -> dict[str, Any]:
        """What `gst-analyze bn-hist --json` prints."""
        origin = self.provenance
        checkpoints = [
            {
                "path": origin.settings["paths"][name],
                "sha256": origin.sources[name],
                "name": name,
                "blocks": layers,
            }
            for name, layers in self.summary.checkpoints.items()
        ]
        return {"statistic": self.summary.statistic, "checkpoints": checkpoints, "files": dict(files or {})}


@dataclass(frozen=True)
class Cost(Result[Any]):
    """Parameters and multiply-adds of one network, module by module."""

    summary: ComplexitySummary

    def plot(self, *, quantity: str = "macs", dark: bool = False) -> Figure:
        """Bars per stage and group."""
        from gst_analysis.figures.complexity import draw_cost_bars

        return draw_cost_bars(self.table, quantity=quantity, dark=dark)

    def plot_interactive(self, *, quantity: str = "macs", dark: bool = False) -> go.Figure:
        """The same figure in plotly."""
        from gst_analysis.figures.interactive_complexity import draw_cost_bars_interactive

        return draw_cost_bars_interactive(self.table, quantity=quantity, dark=dark)


@dataclass(frozen=True)
class Placing:
    """A design among published results: its name, and what it costs in the figure's units."""

    name: str
    gmacs: float
    params_m: float


@dataclass(frozen=True)
class Comparison(Result[Placing]):
    """Published accuracies with their cost, and where a design of unknown accuracy stands among them."""

    @property
    def datasets(self) -> list[str]:
        """The datasets there are results for."""
        return list(dict.fromkeys(self.table["dataset"]))

    def plot(self, *, dataset: str = "something-v1", cost: str = "gmacs", dark: bool = False) -> Figure:
        """Accuracy over cost (`gmacs` or `params_m`), the design as a line at its cost."""
        from gst_analysis.figures.complexity import draw_accuracy_over_cost

        design = (self.summary.name, getattr(self.summary, cost))
        return draw_accuracy_over_cost(self.table, design=design, dataset=dataset, cost=cost, dark=dark)

    def plot_interactive(
        self, *, dataset: str = "something-v1", cost: str = "gmacs", dark: bool = False
    ) -> go.Figure:
        """The same figure in plotly."""
        from gst_analysis.figures.interactive_complexity import draw_accuracy_over_cost_interactive

        design = (self.summary.name, getattr(self.summary, cost))
        return draw_accuracy_over_cost_interactive(
            self.table, design=design, dataset=dataset, cost=cost, dark=dark
        )


@dataclass(frozen=True)
class PaperAudit(Result[Any]):
    """The paper's printed parameters and GFLOPs beside ours."""

    summary: AuditSummary


@dataclass(frozen=True)
class Inspection:
    """What a checkpoint file is."""

    file: str
    name: str
    family: str
    backbone: str
    alpha: str | None
    beta: str | None
    width: int
    num_classes: int
    num_frames: int
    layout: str
    params: int
    runnable: bool
    labels: int
    sha256: str
    notes: tuple[str, ...]


def bn_scales(
    *sources: Source,
    absolute: bool = False,
    names: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> BnScales:
    """The batch-norm scales after every temporal operator, split into space and time (Figure 4).

    Args:
        sources: paths of checkpoints, or what `load_checkpoint` or `load_model` returned.
        absolute: show |γ| instead of γ.
        names: what to call them in figures and tables; their file names if not given.
        progress: called before every checkpoint is read.

    Example:
        >>> import gst_analysis as gst
        >>> gst.bn_scales("ckpt.pth").plot()  # doctest: +SKIP
    """
    import pandas as pd

    from gst_analysis.analysis.bn_scales import summarise_bn_scales, tabulate_bn_scales

    if not sources:
        raise SpecError("bn_scales", expected="at least one checkpoint", found="none", todo="name a file")
    tables, hashes, specs, paths = [], {}, {}, {}
    labels = _distinct(names or [_name_of(source) for source in sources])
    for done, (source, label) in enumerate(zip(sources, labels, strict=True)):
        if progress is not None:
            progress(done, len(sources), label)
        checkpoint = _checkpoint_of(source)
        tables.append(tabulate_bn_scales(checkpoint, name=label))
        hashes[label], specs[label] = checkpoint.sha256, checkpoint.spec.to_json()
        paths[label] = str(checkpoint.path)
    table = pd.concat(tables, ignore_index=True)
    summary = summarise_bn_scales(table, absolute=absolute)
    return BnScales(
        table, summary, Provenance(hashes, specs, {"absolute": absolute, "paths": paths}), absolute
    )


def join_bn_scales(
    parts: Sequence[BnScales],
    *,
    names: Sequence[str],
    paths: Sequence[str],
    absolute: bool = False,
) -> BnScales:
    """The result of `bn_scales` for several checkpoints out of one result for each, reading no file.

    Args:
        parts: results of one checkpoint each.
        names: what to call them in figures and tables.
        paths: where to say they lie.
        absolute: show |γ| instead of γ.
    """
    import pandas as pd

    from gst_analysis.analysis.bn_scales import summarise_bn_scales

    labelled = list(zip(_distinct(names), parts, strict=True))
    table = pd.concat([part.table.assign(checkpoint=label) for label, part in labelled], ignore_index=True)
    hashes = {label: sha for label, part in labelled for sha in part.provenance.sources.values()}
    specs = {label: spec for label, part in labelled for spec in part.provenance.specs.values()}
    settings = {"absolute": absolute, "paths": dict(zip(hashes, paths, strict=True))}
    summary = summarise_bn_scales(table, absolute=absolute)
    return BnScales(table, summary, Provenance(hashes, specs, settings), absolute)


def save_bn_scales(
    result: BnScales,
    folder: str | os.PathLike[str],
    kinds: Sequence[str],
    *,
    by: str = "block",
    dark: bool = False,
) -> dict[str, str]:
    """Write Figure 4 and its table in the formats named; returns the files by kind."""
    images = [kind for kind in kinds if kind in IMAGE_FORMATS]
    files = result.save(folder, "bn_scales", [kind for kind in kinds if kind in TABLE_FORMATS])
    if images:
        files |= save_figures(result.plot(by=by, dark=dark), folder, "bn_scales", images)
    if "html" in kinds:
        files |= save_html(result.plot_interactive(by=by, dark=dark), folder, "bn_scales")
    return files


def open_checkpoint(
    path: str | os.PathLike[str], *, family: str | None = None, num_frames: int | None = None
) -> Checkpoint:
    """Read and recognise a file once, to hand to several of the functions here."""
    return _checkpoint_of(path, family=family, num_frames=num_frames)


def inspect_checkpoint(
    source: Source, *, family: str | None = None, num_frames: int | None = None
) -> Inspection:
    """Recognise a checkpoint and say what was assumed."""
    checkpoint = _checkpoint_of(source, family=family, num_frames=num_frames)
    spec = checkpoint.spec
    return Inspection(
        file=str(checkpoint.path),
        name=spec.name,
        family=spec.family,
        backbone=spec.backbone,
        alpha=None if spec.alpha is None else str(spec.alpha),
        beta=None if spec.beta is None else str(spec.beta),
        width=spec.stem_width,
        num_classes=spec.num_classes,
        num_frames=spec.num_frames,
        layout=checkpoint.layout,
        params=checkpoint.params,
        runnable=not spec.operator.unbuildable,
        labels=len(checkpoint.labels or ()),
        sha256=checkpoint.sha256,
        notes=checkpoint.notes,
    )


def cost(model: ModelSpec | Source, *, size: int = 224, **design: Any) -> Cost:
    """Parameters and multiply-adds of a network by name, spec or checkpoint.

    Args:
        model: FAMILY-BACKBONE, a ModelSpec, a checkpoint's path, or what loading one returned.
        size: height and width of a frame.
        design: fields of ModelSpec to change: alpha, beta, num_frames, num_classes, width.

    Example:
        >>> cost("gst-resnet50", alpha="1/4").summary.params
        21035246
    """
    from gst_analysis.analysis.complexity import measure_complexity

    result = measure_complexity(resolve_spec(model, **design), size=size)
    return Cost(result.table, result.summary, result.provenance)


def summarise_cost(model: ModelSpec | Source, *, size: int = 224, **design: Any) -> ComplexitySummary:
    """The totals of `cost` without its table, which is quicker."""
    from gst_analysis.analysis import complexity

    return complexity.summarise_cost(resolve_spec(model, **design), size=size)


def compare_with_published(design: Cost) -> Comparison:
    """Place a network's cost among the accuracies that the GST paper prints."""
    from gst_analysis.analysis.paper_audit import tabulate_published_costs

    spec = ModelSpec.from_json(design.summary.spec)
    placing = Placing(spec.label, design.summary.macs / 1e9, design.summary.params / 1e6)
    return Comparison(tabulate_published_costs(), placing, design.provenance)


def resolve_spec(model: ModelSpec | Source, **design: Any) -> ModelSpec:
    """The spec behind a name, a path, a spec or a loaded checkpoint, with some fields changed."""
    changes = {field: value for field, value in design.items() if value is not None}
    if isinstance(model, str) and not _is_file(model):
        return ModelSpec.from_name(model, **changes)
    spec = model if isinstance(model, ModelSpec) else _checkpoint_of(model).spec
    return spec.replace(**changes) if changes else spec


def audit_paper() -> PaperAudit:
    """Recompute every parameter count and GFLOP figure the paper prints for families that exist here."""
    from gst_analysis.analysis import paper_audit

    result = paper_audit.audit_paper()
    return PaperAudit(result.table, result.summary, result.provenance)


def build_untrained(spec: ModelSpec, *, seed: int = 0) -> LoadedModel:
    """A freshly initialised network, the same for the same seed; its notes say that it is untrained."""
    from gst_analysis.checkpoints.starting import create_model

    return create_model(spec, seed=seed)


@dataclass(frozen=True)
class MadeWorld:
    """A planted world on disk."""

    folder: str
    world: str
    clips: int
    train: int
    validation: int
    labels: list[str]


def make_world(
    folder: str | os.PathLike[str], config: WorldConfig, *, progress: Progress | None = None
) -> MadeWorld:
    """Render a planted world: video files in Something-Something v2's layout whose truth is known."""
    from gst_analysis.data import synthetic

    report = None if progress is None else lambda done, total: progress(done, total, "")
    world = synthetic.make_world(folder, config, progress=report)
    train, validation = (len(world.split(name)) for name in ("train", "validation"))
    return MadeWorld(str(world.folder), config.world, len(world.clips), train, validation, list(world.labels))


def save_figures(
    figure: Figure, folder: str | os.PathLike[str], stem: str, kinds: Iterable[str]
) -> dict[str, str]:
    """Write a figure in several formats, each whole or not at all; returns the files by kind."""
    from gst_analysis.figures.style import save_figure

    return {kind: str(save_figure(figure, Path(folder) / f"{stem}.{kind}")) for kind in kinds}


def save_html(figure: go.Figure, folder: str | os.PathLike[str], stem: str) -> dict[str, str]:
    """Write an interactive figure as one self-contained page."""
    page = figure.to_html(include_plotlyjs=True, div_id=stem)
    path = Path(folder) / f"{stem}.html"
    return {"html": str(write_whole(path, lambda file: file.write(page.encode())))}


def list_checkpoints(folder: str | os.PathLike[str]) -> list[Path]:
    """The checkpoint files directly inside a folder, by name."""
    where = Path(folder)
    if not where.is_dir():
        raise OutputError(str(where), expected="a folder", found="none", todo="check the path")
    return sorted(p for p in where.iterdir() if p.suffix in CHECKPOINT_ENDINGS and p.is_file())


def _checkpoint_of(source: Source, *, family: str | None = None, num_frames: int | None = None) -> Checkpoint:
    from gst_analysis.checkpoints.loading import Checkpoint, LoadedModel, load_checkpoint

    if isinstance(source, LoadedModel):
        return source.checkpoint
    if isinstance(source, Checkpoint):
        return source
    return load_checkpoint(source, family=family, num_frames=num_frames)


def _name_of(source: Source) -> str:
    if isinstance(source, (str, os.PathLike)):
        return Path(source).stem
    return _checkpoint_of(source).name


def _distinct(names: Sequence[str]) -> list[str]:
    """Number repeated names, so that two files called best.pth stay two columns."""
    return [
        f"{name} ({names[: i + 1].count(name)})" if names.count(name) > 1 else name
        for i, name in enumerate(names)
    ]


def _is_file(text: str) -> bool:
    """A name with a separator or a checkpoint's ending is a path, whether it exists or not."""
    return os.sep in text or Path(text).suffix in CHECKPOINT_ENDINGS or Path(text).exists()
