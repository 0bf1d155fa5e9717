"""The command line and the Python lines that make what a page shows."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import NamedTuple

from gst_analysis.networks.specs import ModelSpec
from gst_analysis.planted import TRIAL_CLIPS, TRIAL_LIST, TRIAL_SEED


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
        "from gst_analysis import build_untrained",
        "",
        f"model = build_untrained(gst.ModelSpec.from_name({spec.name!r}{_alpha(spec)}))",
        f"result = gst.bn_scales(model{', absolute=True' if absolute else ''})",
        f"figure = result.plot(by={by!r})  # or plot_interactive",
    ]
    return "\n".join(lines)


class CostView(NamedTuple):
    """What the page's two figures show."""

    bars: str
    dataset: str
    axis: str


def write_cost(spec: ModelSpec, size: int, view: CostView) -> Lines:
    """Totals, table and both figures of a network's cost."""
    alpha = ["--alpha", str(spec.alpha)] if spec.alpha is not None else []
    clip = ["--frames", str(spec.num_frames), "--size", str(size), "--classes", str(spec.num_classes)]
    sizes = f"num_frames={spec.num_frames}, num_classes={spec.num_classes}, size={size}"
    lines = [
        "import gst_analysis as gst",
        "from gst_analysis import compare_with_published",
        "",
        f"cost = gst.cost({spec.name!r}{_alpha(spec)}, {sizes})",
        "table = cost.table",
        f"bars = cost.plot(quantity={view.bars!r})",
        f"scatter = compare_with_published(cost).plot(dataset={view.dataset!r}, cost={view.axis!r})",
    ]
    return Lines(shlex.join(["gst-analyze", "cost", spec.name, *alpha, *clip]), "\n".join(lines))


def _alpha(spec: ModelSpec) -> str:
    return f", alpha={str(spec.alpha)!r}" if spec.alpha is not None else ""


def write_compare(paths: Sequence[str], *, by: str, absolute: bool, figure: str) -> Lines:
    """Statistics and overlays of several checkpoints."""
    options = ["--by", by, *(["--absolute"] if absolute else [])]
    arguments = [*(repr(path) for path in paths), *(["absolute=True"] if absolute else [])]
    lines = [
        "from gst_analysis import compare_scales",
        "",
        f"result = compare_scales({', '.join(arguments)})",
        f"figure = result.figures(by={by!r})[{figure!r}]",
        "gaps, differences = result.table, result.differences",
    ]
    shell = shlex.join(["gst-analyze", "compare", *paths, *options, "--out", "comparison"])
    return Lines(shell, "\n".join(lines))


def write_importance(paths: Sequence[str]) -> Lines:
    """Raw and invariant scores of every channel."""
    lines = [
        "from gst_analysis import channel_importance",
        "",
        f"result = channel_importance({', '.join(repr(path) for path in paths)})",
        "figure = result.plot()",
        "channels, layers = result.table, result.groups",
    ]
    return Lines(shlex.join(["gst-analyze", "importance", *paths, "--out", "importance"]), "\n".join(lines))


def write_drift(paths: Sequence[str], *, start: str | None, figure: str) -> Lines:
    """How far scales moved, of one checkpoint or of a run's."""
    option = ["--start", start] if start else []
    arguments = [*(repr(path) for path in paths), *([f"start={start!r}"] if start else [])]
    lines = [
        "from gst_analysis import measure_drift",
        "",
        f"result = measure_drift({', '.join(arguments)})",
        f"figure = result.figures()[{figure!r}]",
        "channels, layers = result.table, result.layers",
    ]
    shell = shlex.join(["gst-analyze", "drift", *paths, *option, "--out", "drift"])
    return Lines(shell, "\n".join(lines))


class ClipsToTry(NamedTuple):
    """A planted world, or an annotation file and how many of its clips."""

    world: str | None
    file: str = ""
    limit: int | None = None


def write_ablation(path: str, clips: ClipsToTry, *, measure: str) -> Lines:
    """What each group of channels is needed for."""
    made, dataset, options, _ = _write_clips(clips)
    shell = shlex.join(["gst-analyze", "ablate", path, dataset, *options, "--measure", measure])
    limit = f", limit={clips.limit}" if clips.world is None and clips.limit else ""
    lines = [
        "import gst_analysis as gst",
        *([] if clips.world is None else ["from gst_analysis import make_trial"]),
        "",
        f"result = gst.ablate({path!r}, {_python_place(clips)}{limit})",
        f"figure = result.plot(measure={measure!r})",
        "table = result.table",
    ]
    return Lines("\n".join([*made, f"{shell} --out ablation"]), "\n".join(lines))


def write_slimming(path: str, clips: ClipsToTry, *, score: str, macs: float) -> Lines:
    """A smaller network, and accuracy over cost."""
    made, dataset, options, _ = _write_clips(clips)
    limit = f", limit={clips.limit}" if clips.world is None and clips.limit else ""
    budget = ["--score", score, "--macs", f"{macs:g}"]
    shell = shlex.join(["gst-analyze", "slim", path, dataset, *options, *budget, "--out", "slim"])
    lines = [
        f"from gst_analysis import {'slim' if clips.world is None else 'make_trial, slim'}",
        "",
        f"clips = {_python_place(clips)}",
        f"result = slim({path!r}, clips, macs={macs:g}, score={score!r}{limit})",
        "figure = result.plot()",
        "smaller = result.model.module",
    ]
    return Lines("\n".join([*made, shell]), "\n".join(lines))


def write_report(path: str, clips: ClipsToTry | None) -> Lines:
    """Everything about a checkpoint in one file."""
    made, dataset, options, _ = _write_clips(clips) if clips else ([], "", [], [])
    named = [dataset] if dataset else []
    options = ["--limit" if option == "--clips" else option for option in options]
    shell = shlex.join(["gst-analyze", "report", path, *named, *options, "--out", "report"])
    given = [repr(path), *([_python_place(clips)] if clips else [])]
    limited = f", limit={clips.limit}" if clips and clips.limit else ""
    lines = [
        "import gst_analysis as gst",
        *(["from gst_analysis import make_trial"] if clips and clips.world else []),
        "",
        f"result = gst.report({', '.join(given)}{limited})",
        "result.save('report')",
    ]
    return Lines("\n".join([*made, shell]), "\n".join(lines))


def _write_clips(clips: ClipsToTry) -> tuple[list[str], str, list[str], list[str]]:
    """Lines that make the clips; what names them, with options; and lines to import."""
    if clips.world is None:
        limit = ["--clips", str(clips.limit)] if clips.limit else []
        return [], clips.file, limit, ["from gst_analysis import ClipChoice"] if limit else []
    folder = f"worlds/{clips.world}"
    options = ["--world", clips.world, "--clips", str(TRIAL_CLIPS), "--seed", str(TRIAL_SEED)]
    made = shlex.join(["gst-analyze", "synth", folder, *options, "--difficulty", "easy"])
    return [made], f"{folder}/{TRIAL_LIST}", [], ["from gst_analysis import make_trial"]


def _python_place(clips: ClipsToTry) -> str:
    return repr(clips.file) if clips.world is None else f"make_trial('worlds', {clips.world!r})"


def _python_limit(clips: ClipsToTry) -> str:
    return f", choice=ClipChoice(limit={clips.limit})" if clips.world is None and clips.limit else ""
