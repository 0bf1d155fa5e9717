"""What a network says of clips: predictions of any, accuracies over labelled ones, as results and files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gst_analysis.checkpoints.sources import open_model
from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS
from gst_analysis.progress import Progress
from gst_analysis.results import LegacyResult as Result
from gst_analysis.style.files import save_figures, save_html

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go
    from matplotlib.figure import Figure

    from gst_analysis.checkpoints.sources import Source
    from gst_analysis.clips.records import AnyPath, RecordList
    from gst_analysis.inference.evaluation import EvaluationSummary
    from gst_analysis.inference.logits import FrameLogits
    from gst_analysis.inference.prediction import PredictionSummary
    from gst_analysis.inference.settings import InferenceSettings

LOGITS = "npz"
"""The format of per-frame logits among those that can be asked for."""


@dataclass(frozen=True)
class ClipPredictions(Result[Any]):
    """The most likely classes of clips: `.table` (PREDICTIONS), `.summary`, `.logits`, `.save()`."""

    summary: PredictionSummary
    logits: FrameLogits = field(repr=False)

    def contract(self, files: Mapping[str, str] | None = None) -> dict[str, Any]:
        """What `gst-analyze predict --json` prints."""
        rows = self.table.drop(columns=["checkpoint", "clip"])
        clips = [
            {"clip": clip, "predictions": rows.loc[places].to_dict("records")}
            for clip, places in self.table.groupby("clip", sort=False).groups.items()
        ]
        return {
            **_describe(self),
            "clips": clips,
            "failures": self.summary.failures,
            "notes": self.summary.notes,
            "files": dict(files or {}),
        }


@dataclass(frozen=True)
class ModelEvaluation(Result[Any]):
    """Accuracies: `.table` (CLASS_ACCURACY), `.confusion`, `.logits`, `.plot()`, `.plot_interactive()`."""

    summary: EvaluationSummary
    confusion: pd.DataFrame = field(repr=False)
    logits: FrameLogits = field(repr=False)

    def plot(self, *, dark: bool = False) -> Figure:
        """The confusion matrix."""
        from gst_analysis.analyses.evaluation.figure import draw_confusion

        return draw_confusion(self.confusion, dark=dark)

    def plot_interactive(self, *, dark: bool = False) -> go.Figure:
        """The same in plotly."""
        from gst_analysis.analyses.evaluation.interactive import draw_confusion_interactive

        return draw_confusion_interactive(self.confusion, dark=dark)

    def contract(self, files: Mapping[str, str] | None = None) -> dict[str, Any]:
        """What `gst-analyze evaluate --json` prints."""
        shares = ("top1", "top5", "mean_class_accuracy", "clips", "classes", "classes_seen")
        return {
            **_describe(self),
            **{name: getattr(self.summary, name) for name in shares},
            "per_class": self.table.drop(columns="checkpoint").to_dict("records"),
            "failures": self.summary.failures,
            "notes": self.summary.notes,
            "files": dict(files or {}),
        }


def predict(
    source: Source,
    clips: AnyPath | Sequence[AnyPath] | RecordList,
    *,
    top_k: int = 5,
    settings: InferenceSettings | None = None,
    progress: Progress | None = None,
) -> ClipPredictions:
    """The most likely classes of clips.

    Args:
        source: a checkpoint's path, or what load_model returned.
        clips: video files, frame folders, folders of either, globs; or records.
        top_k: how many classes to tell of each clip.
        settings: views, batch, device and so on.
        progress: called after every clip.

    Raises:
        DataError: a name that stands for no clip, or not one clip that could be read.

    Example:
        >>> import gst_analysis as gst
        >>> gst.predict("ckpt.pth", "clip.mp4").table  # doctest: +SKIP
    """
    from gst_analysis.inference import prediction

    prediction.check_top_k(top_k)
    model = open_model(source)
    found = prediction.predict(model, clips, top_k=top_k, settings=settings, progress=_told(progress))
    return ClipPredictions(found.table, found.summary, found.provenance, found.logits)


def evaluate(
    source: Source,
    records: RecordList,
    *,
    settings: InferenceSettings | None = None,
    progress: Progress | None = None,
) -> ModelEvaluation:
    """How often a network is right, class by class, and what it takes for what.

    Args:
        source: a checkpoint's path, or what load_model returned.
        records: what load_labelled_clips or load_records returned.
        settings: views, batch, device and so on.
        progress: called after every clip.

    Raises:
        DataError: classes that are not the checkpoint's, clips without labels, or none that can be read.
    """
    from gst_analysis.inference import evaluation

    found = evaluation.evaluate(open_model(source), records, settings=settings, progress=_told(progress))
    return ModelEvaluation(found.table, found.summary, found.provenance, found.confusion, found.logits)


def save_predictions(
    result: ClipPredictions, folder: str | os.PathLike[str], kinds: Sequence[str]
) -> dict[str, str]:
    """Write the table, the record and the per-frame logits (npz)."""
    where, tables = Path(folder), [kind for kind in kinds if kind in TABLE_FORMATS]
    files = result.save(where, "predictions", tables)
    return files | _save_logits(result.logits, where, kinds)


def save_evaluation(
    result: ModelEvaluation, folder: str | os.PathLike[str], kinds: Sequence[str], *, dark: bool = False
) -> dict[str, str]:
    """Write accuracies, the confusion matrix as table and figure, and the per-frame logits (npz)."""
    where, tables = Path(folder), [kind for kind in kinds if kind in TABLE_FORMATS]
    files = result.save(where, "accuracy", tables)
    pairs = Result(result.confusion, None, result.provenance)
    plain = [kind for kind in tables if kind != "json"]
    files |= {f"confusion.{kind}": path for kind, path in pairs.save(where, "confusion", plain).items()}
    images = [kind for kind in kinds if kind in IMAGE_FORMATS]
    if images:
        files |= save_figures(result.plot(dark=dark), where, "confusion", images)
    if "html" in kinds:
        files |= save_html(result.plot_interactive(dark=dark), where, "confusion")
    return files | _save_logits(result.logits, where, kinds)


def leads() -> bool:
    """Whether this process is the one to print and to write, wherever several were started."""
    from gst_analysis.inference.launching import is_leader

    return is_leader()


def _save_logits(logits: FrameLogits, folder: Path, kinds: Sequence[str]) -> dict[str, str]:
    return {LOGITS: str(logits.save(folder / "frame_logits.npz"))} if LOGITS in kinds else {}


def _describe(result: ClipPredictions | ModelEvaluation) -> dict[str, str]:
    name = result.logits.checkpoint
    return {"checkpoint": name, "sha256": result.provenance.sources[name]}


def _told(progress: Progress | None) -> Any:
    return None if progress is None else lambda done, total: progress(done, total, "")
