"""Tables of cost: every module of one network, and published results with a design among them.

Enters a ModelSpec; leaves a COMPLEXITY table. Or enters a network's cost; leaves the PUBLISHED_COSTS that it
is held against. Counting itself is in `counting`, which needs no pandas.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import pandas as pd

from gst_analysis.analyses.cost.counting import Layer, count_layers, summarise_layers
from gst_analysis.analyses.cost.paper_audit import tabulate_published_costs
from gst_analysis.analyses.cost.table import COMPLEXITY, Cost, DesignCost, PublishedPlacing
from gst_analysis.networks.described import NetworkSpec
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.results import Provenance
from gst_analysis.tables import check


def measure_complexity(spec: ModelSpec, *, size: int = 224) -> Cost:
    """Count one clip of spec.num_frames frames, size by size pixels, module by module."""
    return tabulate_cost(count_layers(spec, size=size), spec, size=size)


def tabulate_cost(
    layers: list[Layer],
    spec: NetworkSpec,
    *,
    size: int,
    notes: tuple[str, ...] = (),
    flow: NetworkSpec | None = None,
) -> Cost:
    """What was counted, by whichever way, as a result; `flow` is the other stream's network."""
    specs = {one.name: one.to_json() for one in (spec, flow) if one is not None}
    summary = summarise_layers(layers, spec, size, flow=flow)
    provenance = Provenance({}, specs, {"size": size})
    table = _tabulate(layers, spec, size).assign(spec=" + ".join(specs))
    return Cost(check(table, COMPLEXITY), summary, provenance, notes=notes)


def place_design(design: Cost) -> PublishedPlacing:
    """Put a network's cost beside those of published accuracies."""
    summary = DesignCost(design.summary.name, design.summary.macs / 1e9, design.summary.params / 1e6)
    return PublishedPlacing(tabulate_published_costs(), summary, design.provenance)


def _tabulate(layers: Sequence[Layer], spec: NetworkSpec, size: int) -> pd.DataFrame:
    table = pd.DataFrame([asdict(layer) for layer in layers])
    alpha = "" if not isinstance(spec, ModelSpec) or spec.alpha is None else str(spec.alpha)
    table = table.assign(spec=spec.name, alpha=alpha, frames=spec.num_frames, size=size)
    return table[list(COMPLEXITY.columns)]
