"""How much channels matter: raw γ beside the score that no rescaling can move."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gst_analysis.analyses.importance.table import WHICH_TO_TRUST
from gst_analysis.checkpoints.sources import checkpoint_of, distinct_names, name_of, read_each
from gst_analysis.files import IMAGE_FORMATS
from gst_analysis.progress import Progress
from gst_analysis.results import LegacyResult as Result
from gst_analysis.results import Provenance
from gst_analysis.style.files import save_figures

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from gst_analysis.analyses.importance.measure import RankAgreement
    from gst_analysis.checkpoints.loading import Checkpoint
    from gst_analysis.checkpoints.sources import Source
    from gst_analysis.clips.records import RecordList

    Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


@dataclass(frozen=True)
class ImportanceSummary:
    """What to trust, how alike scores rank channels, and how many clips were measured."""

    trust: str
    agreement: Mapping[str, RankAgreement]
    clips: int
    clip_failures: Mapping[str, str]


@dataclass(frozen=True)
class Importance(Result[Any]):
    """`.table` is IMPORTANCE, channel by channel; `.groups` is GROUP_IMPORTANCE, layer by layer."""

    summary: ImportanceSummary
    groups: pd.DataFrame = field(repr=False)
    notes: tuple[str, ...] = ()
    """Checkpoints whose batch norms tell nothing."""
    failures: Mapping[str, str] = field(default_factory=dict)
    """Files that could not be read, and why."""

    def plot(self, *, dark: bool = False) -> Figure:
        """Raw γ and the invariant score side by side, block by block."""
        from gst_analysis.analyses.importance.figure import draw_importance

        return draw_importance(self.table, dark=dark)

    def contract(self, files: Mapping[str, str] | None = None) -> dict[str, Any]:
        """What `gst-analyze importance --json` prints."""
        origin, agreement = self.provenance, self.summary.agreement
        rows = dict(iter(self.groups.groupby("checkpoint", sort=False)))
        checkpoints = [
            {
                "name": name,
                "path": origin.settings["paths"][name],
                "sha256": sha,
                "agreement": agreement.get(name),
                "scores": rows[name].to_dict("records"),
            }
            for name, sha in origin.sources.items()
        ]
        summary = self.summary
        return {
            "trust": summary.trust,
            "checkpoints": checkpoints,
            "clips": summary.clips,
            "clip_failures": summary.clip_failures,
            "notes": list(self.notes),
            "failures": dict(self.failures),
            "files": dict(files or {}),
        }


def channel_importance(
    *sources: Source,
    clips: Paths | None = None,
    names: Sequence[str] | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> Importance:
    """Scores of every channel after a temporal operator.

    Args:
        sources: paths of checkpoints, or what `load_checkpoint` or `load_model` returned.
        clips: video files, frame folders, folders of either, globs: also measure the scores on them.
        names: what to call the checkpoints; their file names if not given.
        device: where clips are run: auto, cpu, cuda or mps.
        progress: called with what is done, of how much, and what is next.

    Raises:
        CheckpointError: not one of them could be read. If some could not, the result names them.
        DataError: clips that are none, or not one that could be read.

    Example:
        >>> channel_importance("ckpt.pth").plot()  # doctest: +SKIP
    """
    import pandas as pd

    from gst_analysis.analyses.importance.measure import summarise_agreement, summarise_importance
    from gst_analysis.analyses.scales.measure import note_equal_scales

    labels = distinct_names(names or [name_of(source) for source in sources])
    records = _find_records(clips)
    read, failures = read_each(
        sources, labels, lambda source, label: _read_one(source, label, records, device), progress
    )
    table = pd.concat([part for one in read.values() for part in one.tables], ignore_index=True)
    unread = {clip: why for one in read.values() for clip, why in one.clip_failures.items()}
    agreement = summarise_agreement(table)
    summary = ImportanceSummary(WHICH_TO_TRUST, agreement, len(records or ()) - len(unread), unread)
    settings = {"paths": {n: str(one.path) for n, one in read.items()}, "device": device}
    specs = {n: one.spec for n, one in read.items()}
    provenance = Provenance({n: one.sha256 for n, one in read.items()}, specs, settings)
    groups, notes = summarise_importance(table), note_equal_scales(table)
    return Importance(table, summary, provenance, groups, notes, failures)


def save_importance(
    result: Importance, folder: str | os.PathLike[str], kinds: Sequence[str], *, dark: bool = False
) -> dict[str, str]:
    """Write tables and figure in the formats named; returns the files by what they are."""
    images = [kind for kind in kinds if kind in IMAGE_FORMATS]
    tables = [kind for kind in kinds if kind in ("csv", "parquet")]
    channels = result.save(folder, "importance", [kind for kind in kinds if kind not in IMAGE_FORMATS])
    layers: Result[Any] = Result(result.groups, result.summary, result.provenance)
    files = {f"importance.{kind}": path for kind, path in channels.items()}
    for kind, path in layers.save(folder, "group_importance", tables).items():
        files[f"group_importance.{kind}"] = path
    if images:
        saved = save_figures(result.plot(dark=dark), folder, "importance", images)
        files |= {f"importance.{kind}": path for kind, path in saved.items()}
    return files


@dataclass(frozen=True)
class _Read:
    """What is kept of a checkpoint: no weights."""

    tables: list[pd.DataFrame] = field(repr=False)
    sha256: str
    path: str
    spec: dict[str, Any]
    clip_failures: Mapping[str, str]


def _find_records(clips: Paths | None) -> RecordList | None:
    if clips is None:
        return None
    from gst_analysis.clips.finding import find_clips

    return find_clips(clips)


def _read_one(source: Source, label: str, records: RecordList | None, device: str) -> _Read:
    from gst_analysis.analyses.importance.measure import infer_importance, measure_importance
    from gst_analysis.inference.settings import InferenceSettings

    checkpoint = checkpoint_of(source)
    tables, unread = [infer_importance(checkpoint, name=label)], {}
    if records is not None:
        model = _model_of(source, checkpoint)
        measured = measure_importance(model, records, settings=InferenceSettings(device=device), name=label)
        tables.append(measured.table)
        unread = dict(measured.failures)
    return _Read(tables, checkpoint.sha256, str(checkpoint.path), checkpoint.spec.to_json(), unread)


def _model_of(source: Source, checkpoint: Checkpoint) -> Any:
    from gst_analysis.checkpoints.loading import LoadedModel, build_loaded

    return source if isinstance(source, LoadedModel) else build_loaded(checkpoint)
