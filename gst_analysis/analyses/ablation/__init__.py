"""The causal check: a checkpoint and labelled clips -> what each group of channels is needed for."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gst_analysis.clips.labelled import ClipChoice, load_labelled_clips
from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS
from gst_analysis.progress import Progress
from gst_analysis.results import LegacyResult as Result
from gst_analysis.style.files import save_figures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gst_analysis.analyses.ablation.measure import AblationPlan, AblationSummary
    from gst_analysis.checkpoints.loading import LoadedModel
    from gst_analysis.clips.records import RecordList
    from gst_analysis.inference.settings import InferenceSettings


@dataclass(frozen=True)
class Ablation(Result[Any]):
    """What changing each group of channels does: `.table`, `.summary`, `.plot()`, `.save()`."""

    summary: AblationSummary

    path: str = ""
    """The checkpoint's file."""

    def plot(self, *, measure: str = "accuracy_drop", dark: bool = False) -> Figure:
        """The drop at every block, for both groups, a row of the figure for each intervention."""
        from gst_analysis.analyses.ablation.figure import draw_ablation

        return draw_ablation(self.table, measure=measure, dark=dark)

    def contract(self, files: Mapping[str, str] | None = None) -> dict[str, Any]:
        """What `gst-analyze ablate --json` prints."""
        (name,) = self.provenance.specs
        summary = self.summary
        return {
            "checkpoint": {"path": self.path, "name": name, "sha256": self.provenance.sources[name]},
            "clips": summary.clips,
            "accuracy": summary.accuracy,
            "loss": summary.loss,
            "interventions": summary.interventions,
            "blocks": _nest(self.table),
            "failures": summary.failures,
            "notes": summary.notes,
            "files": dict(files or {}),
        }


def ablate(
    source: str | os.PathLike[str] | LoadedModel,
    dataset: str | os.PathLike[str] | RecordList,
    *,
    choice: ClipChoice | None = None,
    plan: AblationPlan | None = None,
    settings: InferenceSettings | None = None,
    progress: Progress | None = None,
) -> Ablation:
    """Change every group of channels after every temporal operator, and measure what is lost.

    Args:
        source: the path of a checkpoint, or what `load_model` returned.
        dataset: an annotation file, a folder with one validation list, or what load_labelled_clips gave.
        choice: where clips lie, their list's format, and how many to take.
        plan: interventions, seed and confidence.
        settings: batch and device.
        progress: called now and then.

    Example:
        >>> import gst_analysis as gst
        >>> gst.ablate("ckpt.pth", "worlds/temporal").plot()  # doctest: +SKIP
    """
    from gst_analysis.analyses.ablation.measure import measure_ablation
    from gst_analysis.checkpoints.loading import LoadedModel, load_model

    model = source if isinstance(source, LoadedModel) else load_model(source)
    records = load_labelled_clips(dataset, choice)
    report = None if progress is None else lambda done, total: progress(done, total, "")
    found = measure_ablation(model, records, plan=plan, settings=settings, progress=report)
    return Ablation(found.table, found.summary, found.provenance, str(model.checkpoint.path))


def save_ablation(
    result: Ablation,
    folder: str | os.PathLike[str],
    kinds: Sequence[str],
    *,
    measure: str = "accuracy_drop",
    dark: bool = False,
) -> dict[str, str]:
    """Write the table and the figure in the formats named; returns the files by kind."""
    images = [kind for kind in kinds if kind in IMAGE_FORMATS]
    files = result.save(folder, "ablation", [kind for kind in kinds if kind in TABLE_FORMATS])
    if images:
        files |= save_figures(result.plot(measure=measure, dark=dark), folder, "ablation", images)
    return files


def _nest(table: Any) -> list[dict[str, Any]]:
    """Rows -> batch norms, groups, interventions, measures."""
    from gst_analysis.analyses.ablation.table import CAUSAL_MEASURES

    layers: dict[str, dict[str, Any]] = {}
    for row in table.to_dict("records"):
        layer = layers.setdefault(
            row["layer"], {"block": row["block"], "layer": row["layer"], "stage": row["stage"], "groups": {}}
        )
        group = layer["groups"].setdefault(row["group"], {"channels": row["channels"], "interventions": {}})
        group["interventions"][row["intervention"]] = {"accuracy": row["accuracy"]} | {
            measure: {"value": row[measure], "low": row[f"{measure}_low"], "high": row[f"{measure}_high"]}
            for measure in CAUSAL_MEASURES
        }
    return list(layers.values())
