"""Checkpoints, read one at a time, their scales, the gap between space and time, and how they differ.

Enters checkpoints; leaves BLOCK_GAPS and SCALE_DIFFERENCES of those that could be read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from gst_analysis.analyses.comparison.comparability import (
    name_uncompared,
    require_reference,
    tabulate_uncompared,
)
from gst_analysis.analyses.comparison.differences import (
    collect_differences,
    join_differences,
    summarise_comparison,
)
from gst_analysis.analyses.comparison.table import ComparisonOptions, ScaleComparison
from gst_analysis.analyses.scales.gaps import collect_gaps
from gst_analysis.analyses.scales.measure import (
    ScaleRecord,
    name_origins,
    note_equal_scales,
    note_references,
    read_scales,
)
from gst_analysis.checkpoints.several import read_each
from gst_analysis.checkpoints.sources import distinct_names, name_of, tell_each
from gst_analysis.progress import Progress
from gst_analysis.tables.columns import Columns
from gst_analysis.tables.held import held_columns

if TYPE_CHECKING:
    from gst_analysis.checkpoints.sources import Source


def measure_comparison(
    sources: Sequence[Source],
    *,
    names: Sequence[str] | None = None,
    options: ComparisonOptions,
    progress: Progress | None = None,
) -> ScaleComparison:
    """Compare the scales of every checkpoint that can be read.

    Args:
        sources: paths of checkpoints, or what `load_checkpoint` or `load_model` returned.
        names: what to call them; their file names if not given.
        options: which one the others are compared with, and how scales are shown.
        progress: called before every checkpoint is read.

    Raises:
        CheckpointError: not one of them could be read.
    """
    labels, absolute = distinct_names(names or [name_of(source) for source in sources]), options.absolute
    told = tell_each(sources, options)
    read, failures = read_each(told, labels, read_scales, progress, glances=True)
    base = require_reference(list(read), options.reference)
    scales = Columns.join([held_columns(one) for one in read.values()])
    gaps = collect_gaps(scales, absolute=absolute)
    differences, uncompared = _compare_with(read[base], read, absolute=absolute)
    networks = {name: one.spec.label for name, one in read.items()}
    settings = {"absolute": absolute, "reference": base, "networks": networks}
    return ScaleComparison(
        gaps.as_table(),
        summarise_comparison(gaps, differences, reference=base, absolute=absolute),
        name_origins(read, settings),
        notes=(*note_references(read), *note_equal_scales(scales)),
        failures=failures,
        scales=scales.as_table(),
        differences=differences.as_table(),
        uncompared=uncompared.as_table(),
        by=options.by,
    )


def _compare_with(
    base: ScaleRecord, read: Mapping[str, ScaleRecord], *, absolute: bool
) -> tuple[Columns, Columns]:
    """SCALE_DIFFERENCES of all others, and NOT_COMPARED: what they do not share with the reference."""
    tables, uncompared = [], []
    for name, one in read.items():
        if one is not base:
            comparable, lacks = name_uncompared(name, one.spec, base.spec)
            uncompared += lacks
            if comparable:
                pair = held_columns(one), held_columns(base)
                tables.append(collect_differences(*pair, absolute=absolute))
    return join_differences(tables), tabulate_uncompared(uncompared)
