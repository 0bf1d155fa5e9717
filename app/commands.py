"""The command line and the Python lines that make what a page shows."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import NamedTuple

from gst_analysis.specs import ModelSpec


class Lines(NamedTuple):
    """For a shell (empty where the command line has nothing for it) and for Python."""

    shell: str
    python: str


def write_bn_hist(
    paths: Sequence[str], untrained: ModelSpec | None = None, *, by: str, absolute: bool
) -> Lines:
    """Figure 4 of checkpoints, or of one freshly initialised network."""
    if untrained is not None:
        return Lines("", _untrained(untrained, by=by, absolute=absolute))
    options = ["--by", by, *(["--absolute"] if absolute else [])]
    arguments = [*(repr(path) for path in paths), *(["absolute=True"] if absolute else [])]
    lines = [
        "import gst_analysis as gst",
        "",
        f"result = gst.bn_scales({', '.join(arguments)})",
        f"figure = result.plot(by={by!r})  # or plot_interactive",
        "table = result.table",
    ]
    shell = shlex.join(["gst-analyze", "bn-hist", *paths, *options, "--out", "figures"])
    return Lines(shell, "\n".join(lines))


def _untrained(spec: ModelSpec, *, by: str, absolute: bool) -> str:
    lines = [
        "import gst_analysis as gst",
        "from gst_analysis.workflows import build_untrained",
        "",
        f"model = build_untrained(gst.ModelSpec.from_name({spec.name!r}{_alpha(spec)}))",
        f"result = gst.bn_scales(model{', absolute=True' if absolute else ''})",
        f"figure = result.plot(by={by!r})  # or plot_interactive",
    ]
    return "\n".join(lines)


def write_cost(spec: ModelSpec, size: int) -> Lines:
    """Totals, table and both figures of a network's cost."""
    alpha = ["--alpha", str(spec.alpha)] if spec.alpha is not None else []
    clip = ["--frames", str(spec.num_frames), "--size", str(size), "--classes", str(spec.num_classes)]
    sizes = f"num_frames={spec.num_frames}, num_classes={spec.num_classes}, size={size}"
    lines = [
        "import gst_analysis as gst",
        "from gst_analysis.workflows import compare_with_published",
        "",
        f"cost = gst.cost({spec.name!r}{_alpha(spec)}, {sizes})",
        "table = cost.table",
        "bars = cost.plot(quantity='macs')  # or params",
        "scatter = compare_with_published(cost).plot(dataset='something-v1')",
    ]
    return Lines(shlex.join(["gst-analyze", "cost", spec.name, *alpha, *clip]), "\n".join(lines))


def _alpha(spec: ModelSpec) -> str:
    return f", alpha={str(spec.alpha)!r}" if spec.alpha is not None else ""
