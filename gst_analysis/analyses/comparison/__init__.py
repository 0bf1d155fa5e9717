"""Many checkpoints side by side: their scales, the gap between space and time, and how they differ."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gst_analysis.checkpoints.sources import checkpoint_of, distinct_names, name_of, read_each
from gst_analysis.files import IMAGE_FORMATS
from gst_analysis.progress import Progress
from gst_analysis.results import LegacyResult as Result
from gst_analysis.results import Provenance
from gst_analysis.style.files import save_figures

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from gst_analysis.analyses.scales.statistics import ComparisonSummary
    from gst_analysis.checkpoints.sources import Source
    from gst_analysis.networks.specs import ModelSpec


@dataclass(frozen=True)
class ScaleComparison(Result[Any]):
    """`.table` is BLOCK_GAPS; `.scales`, `.differences` and `.uncompared` go with it."""

    summary: ComparisonSummary
    scales: pd.DataFrame = field(repr=False)
    """BN_SCALES of every checkpoint."""
    differences: pd.DataFrame = field(repr=False)
    """SCALE_DIFFERENCES of every checkpoint but the reference."""
    uncompared: pd.DataFrame = field(repr=False)
    """NOT_COMPARED: what networks do not share."""
    notes: tuple[str, ...] = ()
    """Checkpoints whose scales tell nothing."""
    failures: Mapping[str, str] = field(default_factory=dict)
    """Files that could not be read, and why."""

    def figures(self, *, by: str = "stage", dark: bool = False) -> dict[str, Figure]:
        """Gap by block, overlaid distributions, and ridgelines."""
        from gst_analysis.analyses.comparison.figure import (
            MOST_NAMED,
            draw_gaps,
            draw_overlays,
            draw_ridgelines,
        )
        from gst_analysis.analyses.comparison.gap_map import draw_gap_map

        absolute = self.summary.statistic != "gamma"
        draw = draw_gaps if len(self.summary.checkpoints) <= MOST_NAMED else draw_gap_map
        return {
            "gaps": draw(self.table, absolute=absolute, dark=dark),
            "overlays": draw_overlays(self.scales, by=by, absolute=absolute, dark=dark),
            "ridgelines": draw_ridgelines(self.scales, absolute=absolute, dark=dark),
        }

    def contract(self, files: Mapping[str, str] | None = None) -> dict[str, Any]:
        """What `gst-analyze compare --json` prints."""
        origin = self.provenance
        blocks = dict(iter(self.table.groupby("checkpoint", sort=False)))
        checkpoints = [
            {
                "name": name,
                "path": origin.settings["paths"][name],
                "sha256": sha,
                "network": origin.settings["networks"][name],
                "blocks": _records(blocks[name]),
            }
            for name, sha in origin.sources.items()
        ]
        return {
            "statistic": self.summary.statistic,
            "reference": self.summary.reference,
            "settings": {"confidence": self.summary.confidence, "correction": self.summary.correction},
            "checkpoints": checkpoints,
            "differences": _records(self.differences),
            "not_compared": _records(self.uncompared),
            "notes": list(self.notes),
            "failures": dict(self.failures),
            "files": dict(files or {}),
        }


def compare_scales(
    *sources: Source,
    reference: str | None = None,
    absolute: bool = False,
    names: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> ScaleComparison:
    """Compare the batch-norm scales of checkpoints, read one at a time.

    Args:
        sources: paths of checkpoints, or what `load_checkpoint` or `load_model` returned.
        reference: which of the names the others are compared with; the first that can be read if None.
        absolute: compare |γ| instead of γ.
        names: what to call them; their file names if not given.
        progress: called before every checkpoint is read.

    Raises:
        CheckpointError: not one of them could be read. If some could not, the result names them.

    Example:
        >>> compare_scales("half.pth", "quarter.pth").table  # doctest: +SKIP
    """
    import pandas as pd

    from gst_analysis.analyses.comparison.comparability import require_reference, tabulate_uncompared
    from gst_analysis.analyses.scales.measure import note_equal_scales
    from gst_analysis.analyses.scales.statistics import summarise_comparison, tabulate_gaps

    labels = distinct_names(names or [name_of(source) for source in sources])
    read, failures = read_each(sources, labels, _read_one, progress)
    base = require_reference(list(read), reference)
    scales = pd.concat([one.table for one in read.values()], ignore_index=True)
    gaps = tabulate_gaps(scales, absolute=absolute)
    differences, uncompared = _compare_with(read[base], read, absolute=absolute)
    summary = summarise_comparison(gaps, differences, reference=base, absolute=absolute)
    settings = {
        "absolute": absolute,
        "reference": base,
        "paths": {n: one.path for n, one in read.items()},
        "networks": {n: one.spec.label for n, one in read.items()},
    }
    specs = {n: one.spec.to_json() for n, one in read.items()}
    provenance = Provenance({n: one.sha256 for n, one in read.items()}, specs, settings)
    return ScaleComparison(
        gaps,
        summary,
        provenance,
        scales,
        differences,
        tabulate_uncompared(uncompared),
        note_equal_scales(scales),
        failures,
    )


def save_comparison(
    result: ScaleComparison,
    folder: str | os.PathLike[str],
    kinds: Sequence[str],
    *,
    by: str = "stage",
    dark: bool = False,
) -> dict[str, str]:
    """Write the tables and figures in the formats named; returns the files by what they are."""
    images = [kind for kind in kinds if kind in IMAGE_FORMATS]
    tables = [kind for kind in kinds if kind in ("csv", "parquet")]
    files = result.save(folder, "block_gaps", [kind for kind in kinds if kind not in IMAGE_FORMATS])
    files = {f"block_gaps.{kind}": path for kind, path in files.items()}
    for stem, table in (
        ("scale_differences", result.differences),
        ("not_compared", result.uncompared),
        ("bn_scales", result.scales),
    ):
        part: Result[Any] = Result(table, result.summary, result.provenance)
        files |= {f"{stem}.{kind}": path for kind, path in part.save(folder, stem, tables).items()}
    for stem, figure in (result.figures(by=by, dark=dark) if images else {}).items():
        saved = save_figures(figure, folder, stem, images)
        files |= {f"{stem}.{kind}": path for kind, path in saved.items()}
    return files


@dataclass(frozen=True)
class _Read:
    """What is kept of a checkpoint: no weights."""

    table: pd.DataFrame = field(repr=False)
    spec: ModelSpec
    sha256: str
    path: str


def _read_one(source: Source, label: str) -> _Read:
    """The table alone, without the weights."""
    from gst_analysis.analyses.scales.measure import tabulate_bn_scales

    checkpoint = checkpoint_of(source)
    table = tabulate_bn_scales(checkpoint, name=label)
    return _Read(table, checkpoint.spec, checkpoint.sha256, str(checkpoint.path))


def _compare_with(
    base: _Read, read: Mapping[str, _Read], *, absolute: bool
) -> tuple[pd.DataFrame, list[dict[str, str]]]:
    """SCALE_DIFFERENCES of all others, and what they do not share with the reference."""
    from gst_analysis.analyses.comparison.comparability import name_uncompared
    from gst_analysis.analyses.scales.statistics import join_differences, tabulate_differences

    tables, uncompared = [], []
    for name, one in read.items():
        if one is not base:
            comparable, lacks = name_uncompared(name, one.spec, base.spec)
            uncompared += lacks
            if comparable:
                tables.append(tabulate_differences(one.table, base.table, absolute=absolute))
    return join_differences(tables), uncompared


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
