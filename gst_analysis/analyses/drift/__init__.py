"""How far γ has moved from its start: one checkpoint, or the epochs of a run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gst_analysis.checkpoints.sources import checkpoint_of, distinct_names, name_of, read_each
from gst_analysis.errors import SpecError
from gst_analysis.files import IMAGE_FORMATS
from gst_analysis.progress import Progress
from gst_analysis.results import LegacyResult as Result
from gst_analysis.results import Provenance
from gst_analysis.style.files import save_figures, save_html

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go
    from matplotlib.figure import Figure

    from gst_analysis.analyses.drift.measure import DriftSummary
    from gst_analysis.analyses.drift.starts import ScaleRecord, Start
    from gst_analysis.checkpoints.sources import Source

FROM_CARD, FROM_FIRST = "card", "first"


@dataclass(frozen=True)
class Drift(Result[Any]):
    """`.table` is DRIFT, channel by channel; `.layers` is DRIFT_LAYERS."""

    summary: DriftSummary
    layers: pd.DataFrame = field(repr=False)
    notes: tuple[str, ...] = ()
    """What was left out, and what does not fit together."""
    failures: Mapping[str, str] = field(default_factory=dict)
    """Files that could not be read or have other layers, and why."""

    def figures(self, *, dark: bool = False) -> dict[str, Figure]:
        """How far each block moved; now against the start; and, of a series, γ over training."""
        from gst_analysis.analyses.drift.figure import (
            draw_drift,
            draw_gamma_over_training,
            draw_start_against_now,
        )

        last = self.table["checkpoint"].iloc[-1]
        now, layers = (t[t["checkpoint"] == last] for t in (self.table, self.layers))
        origin = self.summary.origin
        found = {"drift": draw_drift(now, layers, tolerance=self.summary.tolerance, origin=origin, dark=dark)}
        if now["start"].nunique() > 1:
            found["start_against_now"] = draw_start_against_now(now, origin=origin, dark=dark)
        if self.layers["position"].nunique() > 1:
            found["gamma_over_training"] = draw_gamma_over_training(
                self.layers, axis=self.summary.axis, dark=dark
            )
        return found

    def plot_animation(self, *, dark: bool = False) -> go.Figure:
        """γ of every block over the series, to play."""
        from gst_analysis.analyses.drift.interactive import draw_drift_animation

        return draw_drift_animation(self.table, axis=self.summary.axis, dark=dark)

    def contract(self, files: Mapping[str, str] | None = None) -> dict[str, Any]:
        """What `gst-analyze drift --json` prints."""
        origin = self.provenance
        layers = dict(iter(self.layers.groupby("checkpoint", sort=False)))
        checkpoints = [
            {
                "name": name,
                "path": origin.settings["paths"][name],
                "sha256": sha,
                "groups": self.summary.checkpoints[name],
                "layers": layers[name].to_dict("records"),
            }
            for name, sha in origin.sources.items()
        ]
        return {
            "origin": self.summary.origin,
            "tolerance": self.summary.tolerance,
            "axis": self.summary.axis,
            "checkpoints": checkpoints,
            "notes": list(self.notes),
            "failures": dict(self.failures),
            "files": dict(files or {}),
        }


def measure_drift(
    *sources: Source,
    start: str | os.PathLike[str] | None = None,
    tolerance: float = 0.05,
    names: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> Drift:
    """γ now against γ at the start.

    Args:
        sources: one checkpoint, or those of a run in order.
        start: a checkpoint, 2-D or of an earlier epoch; "card" for what the last checkpoint says of its
            start; "first" for the first of a series. If not given: "card" for one, "first" for several.
        tolerance: the part of its start within which a scale counts as unmoved.
        names: what to call the checkpoints; their file names if not given.
        progress: called before every checkpoint is read.

    Raises:
        CheckpointError: not one of them could be read.
        SpecError: the start is unknown or does not fit.

    Example:
        >>> measure_drift("ckpt.pth", start="resnet50.pth").layers  # doctest: +SKIP
    """
    import pandas as pd

    from gst_analysis.analyses.drift.measure import (
        choose_positions,
        summarise_drift,
        summarise_layers,
        tabulate_drift,
    )

    _check_tolerance(tolerance)
    labels = distinct_names(names or [name_of(source) for source in sources])
    read, failures = read_each(sources, labels, _read_one, progress)
    kind = start if start is not None else (FROM_FIRST if len(read) > 1 else FROM_CARD)
    fitting, odd = _keep_fitting(read)
    begin = _find_start(fitting, kind)
    axis, positions = choose_positions([one.provenance.get("epoch") for one in fitting.values()])
    table = pd.concat(
        [
            tabulate_drift(one.table, begin, position=at, tolerance=tolerance)
            for one, at in zip(fitting.values(), positions, strict=True)
        ],
        ignore_index=True,
    )
    layers = summarise_layers(table)
    summary = summarise_drift(layers, origin=begin.origin, axis=axis, tolerance=tolerance)
    settings = {
        "paths": {n: one.path for n, one in fitting.items()},
        "tolerance": tolerance,
        "start": str(kind),
    }
    specs = {n: one.spec.to_json() for n, one in fitting.items()}
    provenance = Provenance({n: one.sha256 for n, one in fitting.items()}, specs, settings)
    return Drift(table, summary, provenance, layers, begin.notes, failures | odd)


def save_drift(
    result: Drift, folder: str | os.PathLike[str], kinds: Sequence[str], *, dark: bool = False
) -> dict[str, str]:
    """Write tables, figures and the animation in the formats named; returns the files by what they are."""
    images = [kind for kind in kinds if kind in IMAGE_FORMATS]
    tables = [kind for kind in kinds if kind in ("csv", "parquet")]
    saved = result.save(folder, "drift", [kind for kind in kinds if kind in ("csv", "parquet", "json")])
    files = {f"drift.{kind}": path for kind, path in saved.items()}
    layers: Result[Any] = Result(result.layers, result.summary, result.provenance)
    for kind, path in layers.save(folder, "drift_layers", tables).items():
        files[f"drift_layers.{kind}"] = path
    for stem, figure in (result.figures(dark=dark) if images else {}).items():
        for kind, path in save_figures(figure, folder, stem, images).items():
            files[f"{stem}.{kind}"] = path
    if "html" in kinds:
        animation = result.plot_animation(dark=dark)
        files["drift_animation.html"] = save_html(animation, folder, "drift_animation")["html"]
    return files


def _read_one(source: Source, label: str) -> ScaleRecord:
    from gst_analysis.analyses.drift.starts import record_scales

    return record_scales(checkpoint_of(source), label)


def _keep_fitting(read: Mapping[str, ScaleRecord]) -> tuple[dict[str, ScaleRecord], dict[str, str]]:
    """Checkpoints of the network that the first one is, and why the others were left out."""
    first, *_ = read.values()
    fitting = {name: one for name, one in read.items() if one.is_of(first)}
    why = f"expected the layers of {first.spec.label}"
    odd = {n: f"{n}: {why}; found {one.spec.label}" for n, one in read.items() if n not in fitting}
    return fitting, odd


def _find_start(read: Mapping[str, ScaleRecord], kind: str | os.PathLike[str]) -> Start:
    from gst_analysis.analyses.drift.starts import start_of_card, start_of_file, start_of_series

    records = list(read.values())
    if kind == FROM_CARD:
        return start_of_card(records[-1])
    if kind == FROM_FIRST:
        return start_of_series(records[0])
    return start_of_file(checkpoint_of(kind), records[-1])


def _check_tolerance(tolerance: float) -> None:
    if not 0 <= tolerance < 1:
        raise SpecError(
            "tolerance",
            expected="a part of the start, from 0 to below 1",
            found=repr(tolerance)[:40],
            todo="give one, such as 0.05",
        )
