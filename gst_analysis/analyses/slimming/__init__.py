"""Slimming: a checkpoint, a score and a budget -> a smaller checkpoint, its widths, and what it costs."""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gst_analysis.analyses.slimming.fine_tuning import FineTuning, configure_fine_tuning
from gst_analysis.clips.labelled import ClipChoice, load_labelled_clips
from gst_analysis.errors import SpecError
from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS
from gst_analysis.progress import Progress
from gst_analysis.results import LegacyResult as Result
from gst_analysis.results import Provenance
from gst_analysis.style.files import save_figures

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from gst_analysis.analyses.slimming.measure import SlimSummary
    from gst_analysis.analyses.slimming.order import Budget
    from gst_analysis.checkpoints.loading import LoadedModel
    from gst_analysis.clips.records import RecordList
    from gst_analysis.inference.settings import InferenceSettings
    from gst_analysis.training.config import TrainConfig

SLIM_SCORES = (
    "gamma",
    "abs_gamma",
    "invariant",
    "invariant_spread",
    "invariant_output",
    "activation_norm",
    "taylor",
)
_FROM_DATA = ("activation_norm", "taylor")


@dataclass(frozen=True)
class SlimTarget:
    """How small: exactly one of a share of multiply-adds, of parameters, or accuracy that may be lost."""

    macs: float | None = None
    params: float | None = None
    max_drop: float | None = None

    def __post_init__(self) -> None:
        given = {name: value for name, value in vars(self).items() if value is not None}
        numbers = all(isinstance(value, (int, float)) for value in given.values())
        if len(given) != 1 or not numbers or not all(0 < value < 1 for value in given.values()):
            raise SpecError(
                "budget",
                expected="one of macs, params and max-drop, as a share between 0 and 1",
                found=", ".join(f"{name} {value!r}"[:60] for name, value in given.items()) or "none",
                todo="such as macs 0.7",
            )

    @property
    def budget(self) -> Budget | None:
        """The share of a cost, where one was given."""
        from gst_analysis.analyses.slimming.order import Budget

        shares = {name: share for name, share in (("macs", self.macs), ("params", self.params)) if share}
        return next((Budget(name, share) for name, share in shares.items()), None)


@dataclass(frozen=True)
class Slimming(Result[Any]):
    """A smaller network: `.table` (widths), `.curve` (accuracy over cost), `.model`, `.plot()`, `.save()`."""

    summary: SlimSummary

    model: LoadedModel = field(repr=False, kw_only=True)
    """The smaller network itself."""
    curve: pd.DataFrame | None = field(repr=False, kw_only=True, default=None)
    """A SLIM_CURVE table; None where no clips were given."""
    tuned: pd.DataFrame | None = field(repr=False, kw_only=True, default=None)
    """A SLIM_TUNED table; None where nothing was fine-tuned."""
    tuned_model: LoadedModel | None = field(repr=False, kw_only=True, default=None)
    """The smaller network after fine-tuning."""
    path: str = field(kw_only=True, default="")

    def plot(self, *, dark: bool = False) -> Figure:
        """The widths of every block, and accuracy over multiply-adds where clips were given."""
        from gst_analysis.analyses.slimming.figure import draw_slimming

        return draw_slimming(self.table, self.curve, chosen=self.summary.after, tuned=self.tuned, dark=dark)

    def contract(self, files: Mapping[str, str] | None = None) -> dict[str, Any]:
        """What `gst-analyze slim --json` prints."""
        (name,) = self.provenance.specs
        curve, tuned = (
            [] if table is None else table.drop(columns="checkpoint").to_dict("records")
            for table in (self.curve, self.tuned)
        )
        return {
            "checkpoint": {"path": self.path, "name": name, "sha256": self.provenance.sources[name]},
            **vars(self.summary),
            "widths": _nest(self.table),
            "curve": curve,
            "fine_tuned": tuned,
            "files": dict(files or {}),
        }


def slim(
    source: str | os.PathLike[str] | LoadedModel,
    target: SlimTarget,
    *,
    score: str = "invariant",
    dataset: str | os.PathLike[str] | RecordList | None = None,
    choice: ClipChoice | None = None,
    settings: InferenceSettings | None = None,
    fine_tuning: FineTuning | None = None,
    progress: Progress | None = None,
) -> Slimming:
    """Take the channels with the lowest scores out of a network.

    Args:
        source: the path of a checkpoint, or what `load_model` returned.
        target: how small.
        score: one of SLIM_SCORES.
        dataset: labelled clips; needed for scores from data, for max_drop and for the curve.
        choice: which of the clips; its seed also draws the random orders of the curve.
        settings: batch and device.
        fine_tuning: also train points of the curve on, and measure them again.
        progress: called now and then.
    """
    from gst_analysis.analyses.slimming.fine_tuned import check_apart, choose_points, fine_tune_curve
    from gst_analysis.analyses.slimming.measure import measure_curve, slim_model
    from gst_analysis.analyses.slimming.order import SlimmingOrder, check_slimmable
    from gst_analysis.checkpoints.loading import LoadedModel, load_model
    from gst_analysis.tables.schema import check_choices

    if not isinstance(target, SlimTarget):
        raise SpecError(
            "slim", expected="a SlimTarget", found=repr(target)[:60], todo="such as SlimTarget(macs=0.7)"
        )
    check_choices("score", [score], SLIM_SCORES)
    if dataset is None and (score in _FROM_DATA or target.max_drop is not None or fine_tuning is not None):
        raise SpecError(
            "slim",
            expected="labelled clips, which this score, budget or fine-tuning needs",
            found="none",
            todo="name a data set, or choose another score and a budget of macs or params",
        )
    choice = choice or ClipChoice()
    if dataset is None:
        choice.require_dataset("slim", todo="name it, or leave that out", seed_is_used=True)
    model = source if isinstance(source, LoadedModel) else load_model(source)
    order = functools.partial(SlimmingOrder, model.spec, size=model.clip_spec.crop)
    check_slimmable(model.spec)
    config = _configure(fine_tuning, model, dataset, settings)
    records = None if dataset is None else load_labelled_clips(dataset, choice)
    if config is not None and records is not None:
        check_apart(config, records)
    report = None if progress is None else lambda done, total: progress(done, total, "")
    channels = _score_channels(model, records, score, settings, report)
    proposal = None if target.budget is None else order(channels).propose(target.budget)
    curve = None
    if records is not None:
        curve = measure_curve(model, channels, records, seed=choice.seed, settings=settings, progress=report)
        proposal = proposal or curve.choose(target.max_drop or 0)
    assert proposal is not None  # a budget proposes one, and so does a curve
    found = slim_model(model, proposal, curve, settings=settings)
    tuned = None
    if config is not None and fine_tuning is not None and curve is not None:
        points = choose_points(curve, proposal, budgets=fine_tuning.budgets)
        tuned = fine_tune_curve(model, curve, points, config, settings=settings, progress=progress)
    name = model.checkpoint.name
    sources = {name: model.sha256, **((records.sources or {}) if records is not None else {})}
    asked = {"score": score, "seed": choice.seed, **vars(target), "size": model.clip_spec.crop}
    asked |= {"fine_tuning": config.to_json()} if config is not None else {}
    provenance = Provenance(sources, {name: model.spec.to_json()}, asked)
    return Slimming(
        found.widths,
        found.summary,
        provenance,
        model=found.model,
        curve=None if curve is None else curve.table,
        path=str(model.checkpoint.path),
        tuned=None if tuned is None else tuned.table,
        tuned_model=None if tuned is None else tuned.model,
    )


def save_slimming(
    result: Slimming, folder: str | os.PathLike[str], kinds: Sequence[str], *, dark: bool = False
) -> dict[str, str]:
    """Write the smaller checkpoint, tables and figure; returns the files by kind."""
    from gst_analysis.checkpoints.loading import save_model

    where, files = Path(folder), {}
    for kind, model in (("checkpoint", result.model), ("fine_tuned_checkpoint", result.tuned_model)):
        if model is not None:
            checkpoint = model.checkpoint
            files[kind] = str(
                save_model(
                    where / f"{checkpoint.name}.pth",
                    model.module,
                    clip_spec=checkpoint.clip_spec,
                    labels=checkpoint.labels,
                    provenance=checkpoint.provenance,
                )
            )
    files |= result.save(folder, "slimming", [kind for kind in kinds if kind in TABLE_FORMATS])
    for stem, table in (("curve", result.curve), ("fine_tuned", result.tuned)):
        if table is not None and "csv" in kinds:
            files[stem] = _save_csv(table, where / f"slimming_{stem}.csv")
    images = [kind for kind in kinds if kind in IMAGE_FORMATS]
    if images:
        files |= save_figures(result.plot(dark=dark), folder, "slimming", images)
    return files


def _save_csv(table: pd.DataFrame, path: Path) -> str:
    from gst_analysis.files import write_whole

    text = table.to_csv(index=False, lineterminator="\n").encode()
    return str(write_whole(path, lambda file: file.write(text)))


def _configure(
    plan: FineTuning | None, model: LoadedModel, dataset: Any, settings: InferenceSettings | None
) -> TrainConfig | None:
    """How to fine-tune, before anything is measured: mistakes are told at once."""
    if plan is None:
        return None
    return configure_fine_tuning(plan, model, dataset, device=settings.device if settings else "auto")


def _score_channels(
    model: LoadedModel, records: Any, score: str, settings: InferenceSettings | None, progress: Any
) -> pd.DataFrame:
    """Columns layer, group, channel and value, one row a channel."""
    from gst_analysis.analyses.importance.data_scores import measure_data_scores
    from gst_analysis.analyses.importance.measure import infer_importance

    if score in _FROM_DATA:
        table = measure_data_scores(model, records, settings=settings, progress=progress).table
    else:
        table = infer_importance(model.current_checkpoint())
    found = table.rename(columns={score: "value"})[["layer", "group", "channel", "value"]]
    if found["value"].nunique() < 2:
        raise SpecError(
            model.checkpoint.name,
            expected=f"{score} scores that differ from channel to channel",
            found=f"{float(found['value'].iloc[0]):g} for all of them",
            todo="choose another score; untrained, folded or silent batch norms tell nothing apart",
        )
    return found


def _nest(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows -> a record for each batch norm, with its groups and its alpha."""
    layers: dict[str, dict[str, Any]] = {}
    for row in table.to_dict("records"):
        place = {"block": row["block"], "layer": row["layer"], "stage": row["stage"], "groups": {}}
        layer = layers.setdefault(str(row["layer"]), place)
        layer["groups"][row["group"]] = {"before": row["before"], "after": row["after"]}
    for layer in layers.values():
        left = {group: counts["after"] for group, counts in layer["groups"].items()}
        layer["alpha"] = left["temporal"] / sum(left.values()) if "temporal" in left else None
    return list(layers.values())
