"""Checkpoints and the clips they were made for -> which importance score foretells the causal drop."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gst_analysis.checkpoints.sources import distinct_names
from gst_analysis.clips.labelled import ClipChoice, load_labelled_clips
from gst_analysis.errors import legible
from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS
from gst_analysis.progress import Progress
from gst_analysis.results import LegacyResult as Result
from gst_analysis.results import Provenance
from gst_analysis.style.files import save_figures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gst_analysis.analyses.ablation.measure import AblationPlan, AblationSummary
    from gst_analysis.inference.settings import InferenceSettings


@dataclass(frozen=True)
class ScoreAgreement(Result[Any]):
    """Which score foretells the causal drop: `.table`, `.summary` (the ablations), `.plot()`, `.save()`."""

    channels: Any = None
    """Every score of every channel."""
    drops: Any = None
    """The ABLATION tables of all checkpoints, one below the other."""

    def plot(self, *, measure: str = "loss_rise", aggregate: str = "sum", dark: bool = False) -> Figure:
        """Every score's rank correlation with the drop, a panel for each intervention."""
        from gst_analysis.analyses.agreement.figure import draw_score_agreement

        return draw_score_agreement(self.table, measure=measure, aggregate=aggregate, dark=dark)


def score_agreement(
    pairs: Sequence[tuple[str | os.PathLike[str], str | os.PathLike[str]]],
    *,
    choice: ClipChoice | None = None,
    plan: AblationPlan | None = None,
    settings: InferenceSettings | None = None,
    progress: Progress | None = None,
) -> ScoreAgreement:
    """Rank correlations of every importance score with the causal drop, over checkpoints.

    Args:
        pairs: checkpoints, each with the data set it is measured on.
        choice: which clips, as in `ablate`.
        plan: interventions, seed and confidence.
        settings: batch and device.
        progress: called before every checkpoint.
    """
    import pandas as pd

    from gst_analysis.analyses.ablation.measure import AblationPlan
    from gst_analysis.analyses.agreement.measure import measure_agreement

    plan = plan or AblationPlan()
    drops, scores = [], []
    summaries: dict[str, AblationSummary] = {}
    sources: dict[str, str] = {}
    specs: dict[str, Mapping[str, Any]] = {}
    names = distinct_names([legible(f"{Path(data).name}/{Path(path).stem}") for path, data in pairs])
    for done, (name, (path, dataset)) in enumerate(zip(names, pairs, strict=True)):
        if progress is not None:
            progress(done, len(pairs), name)
        table, channels, found = _check_one(path, dataset, choice, plan, settings)
        drops.append(table.assign(checkpoint=name))
        scores.append(channels.assign(checkpoint=name))
        summaries[name] = found.summary
        sources |= {
            key if key not in found.provenance.specs else name: sha
            for key, sha in found.provenance.sources.items()
        }
        specs[name] = next(iter(found.provenance.specs.values()))
    all_scores, all_drops = pd.concat(scores, ignore_index=True), pd.concat(drops, ignore_index=True)
    agreement = measure_agreement(all_scores, all_drops, bootstrap=plan.bootstrap)
    provenance = Provenance(sources, specs, dataclasses.asdict(plan))
    return ScoreAgreement(agreement, summaries, provenance, all_scores, all_drops)


def save_score_agreement(
    result: ScoreAgreement, folder: str | os.PathLike[str], kinds: Sequence[str], *, dark: bool = False
) -> dict[str, str]:
    """Write the table and the figure in the formats named; returns the files by kind."""
    images = [kind for kind in kinds if kind in IMAGE_FORMATS]
    files = result.save(folder, "score_agreement", [kind for kind in kinds if kind in TABLE_FORMATS])
    if images:
        files |= save_figures(result.plot(dark=dark), folder, "score_agreement", images)
    return files


def _check_one(
    path: str | os.PathLike[str],
    dataset: str | os.PathLike[str],
    choice: ClipChoice | None,
    plan: AblationPlan,
    settings: InferenceSettings | None,
) -> tuple[Any, Any, Any]:
    """One checkpoint's ABLATION table, its channels' scores, and the ablation's result."""
    from gst_analysis.analyses.ablation.measure import measure_ablation
    from gst_analysis.analyses.agreement.measure import join_scores
    from gst_analysis.analyses.importance.data_scores import measure_data_scores
    from gst_analysis.analyses.importance.measure import infer_importance
    from gst_analysis.checkpoints.loading import load_model

    model, records = load_model(path), load_labelled_clips(dataset, choice)
    found = measure_ablation(model, records, plan=plan, settings=settings)
    data = measure_data_scores(model, records, settings=settings)
    return found.table, join_scores(infer_importance(model.current_checkpoint()), data.table), found
