"""Figure 4: checkpoints -> batch-norm scales of space and time, as result, figure and files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gst_analysis.checkpoints.sources import checkpoint_of, distinct_names, name_of
from gst_analysis.errors import SpecError
from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS, to_plain
from gst_analysis.progress import Progress
from gst_analysis.results import LegacyResult as Result
from gst_analysis.results import Provenance
from gst_analysis.style.files import save_figures, save_html

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go
    from matplotlib.figure import Figure

    from gst_analysis.analyses.scales.measure import BnSummary
    from gst_analysis.checkpoints.sources import Source


@dataclass(frozen=True)
class BnScales(Result[Any]):
    """Figure 4 of any checkpoints: `.table`, `.summary`, `.plot()`, `.plot_interactive()`, `.save()`."""

    summary: BnSummary

    absolute: bool = False
    """Whether figures and summary show |γ| rather than γ."""

    def plot(self, *, by: str = "block", dark: bool = False) -> Figure:
        """The grid of the paper: rows are blocks (or stages), columns are checkpoints."""
        from gst_analysis.analyses.scales.figure import draw_bn_scales

        return draw_bn_scales(self.table, by=by, absolute=self.absolute, dark=dark)

    def plot_interactive(self, *, by: str = "block", dark: bool = False) -> go.Figure:
        """The same figure in plotly."""
        from gst_analysis.analyses.scales.interactive import draw_bn_scales_interactive

        return draw_bn_scales_interactive(self.table, by=by, absolute=self.absolute, dark=dark)

    def gaps(self) -> pd.DataFrame:
        """Time against space in every layer, with interval and tests: a BLOCK_GAPS table."""
        from gst_analysis.analyses.scales.statistics import tabulate_gaps

        return tabulate_gaps(self.table, absolute=self.absolute)

    def notes(self) -> tuple[str, ...]:
        """Checkpoints whose scales tell nothing."""
        from gst_analysis.analyses.scales.measure import note_equal_scales

        return note_equal_scales(self.table)

    def contract(self, files: Mapping[str, str] | None = None) -> dict[str, Any]:
        """What `gst-analyze bn-hist --json` prints."""
        origin = self.provenance
        gaps = {(row["checkpoint"], row["layer"]): row for row in self.gaps().to_dict("records")}
        checkpoints = [
            {
                "path": origin.settings["paths"][name],
                "sha256": origin.sources[name],
                "name": name,
                "blocks": [to_plain(one) | {"statistics": gaps[name, one.layer]} for one in layers],
            }
            for name, layers in self.summary.checkpoints.items()
        ]
        return {
            "statistic": self.summary.statistic,
            "checkpoints": checkpoints,
            "files": dict(files or {}),
            "notes": self.notes(),
        }


def bn_scales(
    *sources: Source,
    absolute: bool = False,
    names: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> BnScales:
    """The batch-norm scales after every temporal operator, split into space and time (Figure 4).

    Args:
        sources: paths of checkpoints, or what `load_checkpoint` or `load_model` returned.
        absolute: show |γ| instead of γ.
        names: what to call them in figures and tables; their file names if not given.
        progress: called before every checkpoint is read.

    Example:
        >>> import gst_analysis as gst
        >>> gst.bn_scales("ckpt.pth").plot()  # doctest: +SKIP
    """
    import pandas as pd

    from gst_analysis.analyses.scales.measure import summarise_bn_scales, tabulate_bn_scales

    if not sources:
        raise SpecError("bn_scales", expected="at least one checkpoint", found="none", todo="name a file")
    if names is not None and len(names) != len(sources):
        raise SpecError(
            "names",
            expected=f"{len(sources)}, one a checkpoint",
            found=str(len(names)),
            todo="give a name for each, or none",
        )
    tables, hashes, specs, paths = [], {}, {}, {}
    labels = distinct_names(names or [name_of(source) for source in sources])
    for done, (source, label) in enumerate(zip(sources, labels, strict=True)):
        if progress is not None:
            progress(done, len(sources), label)
        checkpoint = checkpoint_of(source)
        tables.append(tabulate_bn_scales(checkpoint, name=label))
        hashes[label], specs[label] = checkpoint.sha256, checkpoint.spec.to_json()
        paths[label] = str(checkpoint.path)
    table = pd.concat(tables, ignore_index=True)
    summary = summarise_bn_scales(table, absolute=absolute)
    return BnScales(
        table, summary, Provenance(hashes, specs, {"absolute": absolute, "paths": paths}), absolute
    )


def join_bn_scales(
    parts: Sequence[BnScales], *, names: Sequence[str], paths: Sequence[str], absolute: bool = False
) -> BnScales:
    """The result of `bn_scales` for several checkpoints out of one result for each, reading no file.

    Args:
        parts: results of one checkpoint each.
        names: what to call them in figures and tables.
        paths: where to say they lie.
        absolute: show |γ| instead of γ.
    """
    import pandas as pd

    from gst_analysis.analyses.scales.measure import summarise_bn_scales

    labelled = list(zip(distinct_names(names), parts, strict=True))
    table = pd.concat([part.table.assign(checkpoint=label) for label, part in labelled], ignore_index=True)
    hashes = {label: sha for label, part in labelled for sha in part.provenance.sources.values()}
    specs = {label: spec for label, part in labelled for spec in part.provenance.specs.values()}
    settings = {"absolute": absolute, "paths": dict(zip(hashes, paths, strict=True))}
    summary = summarise_bn_scales(table, absolute=absolute)
    return BnScales(table, summary, Provenance(hashes, specs, settings), absolute)


def save_bn_scales(
    result: BnScales,
    folder: str | os.PathLike[str],
    kinds: Sequence[str],
    *,
    by: str = "block",
    dark: bool = False,
) -> dict[str, str]:
    """Write Figure 4 and its table in the formats named; returns the files by kind."""
    images = [kind for kind in kinds if kind in IMAGE_FORMATS]
    files = result.save(folder, "bn_scales", [kind for kind in kinds if kind in TABLE_FORMATS])
    if images:
        files |= save_figures(result.plot(by=by, dark=dark), folder, "bn_scales", images)
    if "html" in kinds:
        files |= save_html(result.plot_interactive(by=by, dark=dark), folder, "bn_scales")
    return files
