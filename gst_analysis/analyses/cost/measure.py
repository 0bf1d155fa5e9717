"""Tables of cost: every module of one network, and published results with a design among them.

Enters a ModelSpec; leaves a COMPLEXITY table. Or enters a network's cost; leaves the PUBLISHED_COSTS that it
is held against. Counting itself is in `counting`, which needs no pandas.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

import pandas as pd

from gst_analysis.analyses.cost.counting import Layer, count_layers, summarise_layers
from gst_analysis.analyses.cost.panels import choose_results
from gst_analysis.analyses.cost.paper_audit import tabulate_published_costs
from gst_analysis.analyses.cost.table import COMPLEXITY, Cost, DesignCost, PublishedOptions, PublishedPlacing
from gst_analysis.errors import SpecError
from gst_analysis.networks.described import NetworkSpec
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.results import Provenance
from gst_analysis.tables import check, check_choices


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


def place_design(design: Cost, options: PublishedOptions) -> PublishedPlacing:
    """Put a network's cost, and its accuracy if that is known, beside those that were published.

    Raises:
        SpecError: an accuracy that is none in percent, or a data set without published results.
    """
    table = tabulate_published_costs()
    check_choices("dataset", [options.dataset], list(dict.fromkeys(table["dataset"])))
    total = design.summary
    cost = DesignCost(total.name, total.macs / 1e9, total.params / 1e6)
    if options.top1 is not None:
        _check_percent(options.top1)
        rows = choose_results(table, dataset=options.dataset, cost="gmacs")
        ahead = rows[(rows["gmacs"] <= cost.gmacs) & (rows["top1"] > options.top1)]
        cost = replace(
            cost, top1=float(options.top1), dataset=options.dataset, results=len(rows), ahead=len(ahead)
        )
    return PublishedPlacing(table, cost, design.provenance, dataset=options.dataset)


def _check_percent(top1: object) -> None:
    known = isinstance(top1, (int, float)) and not isinstance(top1, bool) and 0 <= top1 <= 100
    if not known:
        raise SpecError(
            "top1",
            expected="a number from 0 to 100, in percent",
            found=repr(top1)[:40],
            todo="give the accuracy in percent, such as 47.0",
        )


def _tabulate(layers: Sequence[Layer], spec: NetworkSpec, size: int) -> pd.DataFrame:
    table = pd.DataFrame([asdict(layer) for layer in layers])
    alpha = "" if not isinstance(spec, ModelSpec) or spec.alpha is None else str(spec.alpha)
    table = table.assign(spec=spec.name, alpha=alpha, frames=spec.num_frames, size=size)
    return table[list(COMPLEXITY.columns)]
