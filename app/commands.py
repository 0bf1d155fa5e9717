"""The command line and the Python lines that make what a page shows, written out of the options it chose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from gst_analysis.analyses import cost, drift, list_beside, traces
from gst_analysis.analyses.cost import CostOptions, PublishedOptions
from gst_analysis.analyses.traces import TraceOptions
from gst_analysis.analyses.traces.single_clips import PLANTED_WORLDS, plan_clips
from gst_analysis.checkpoints.naming import OwnCode, ToldFile
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.options import Files, NetworkOptions, Variable, write_call, write_command
from gst_analysis.planted import plan_trial
from gst_analysis.rooms import About
from gst_analysis.sections.options import ReportOptions

CLIPS, MODEL, RESULT = Variable("clips"), Variable("model"), Variable("result")
TAKE_OTHER = ("similarity",)
"""Functions that compare a network with a second one, which they call `other`."""
_LAST_RUN = Files(out=Path("runs/last"))
"""Where `gst-analyze train` writes by itself."""
_ENOUGH = 24
"""Planted clips: the first are the same however many a world has; so many are enough for both lists."""


class Lines(NamedTuple):
    """For a shell (empty where the command line has nothing for it) and for Python."""

    shell: str
    python: str


class ClipsToTry(NamedTuple):
    """A planted world, or an annotation file; and how many of its clips, all if None.

    Where labels are not asked for, the file is a world's folder of videos, a clip, or a folder of clips.
    """

    world: str | None
    file: str = ""
    limit: int | None = None
    labelled: bool = True


def write_analysis(
    about: About,
    named: Sequence[str],
    options: Any = None,
    *,
    clips: ClipsToTry | None = None,
    untrained: ModelSpec | None = None,
    then: Sequence[str] = (),
) -> Lines:
    """An analysis of files.

    Args:
        about: what the room says of itself.
        named: what it is run on, beside the clips.
        options: an instance of its options class; its defaults if None.
        clips: labelled clips; how many of them is in the options.
        untrained: a freshly initialised network in place of files, which no command can name.
        then: Python lines that take the `result` further.
    """
    chosen = about.options() if options is None else options
    function = about.run.__name__
    if untrained is not None:
        made = [f"{MODEL} = {write_call('build_untrained', [Variable(_write_spec(untrained))])}"]
        return Lines("", _write_python(made, write_call(function, [MODEL], chosen), then))
    return _write_lines(about.command, function, named, chosen, clips, then)


class CostView(NamedTuple):
    """What the figures of a cost show: its bars, whose accuracies over which cost, and its own if known."""

    bars: str
    dataset: str
    axis: str
    top1: float | None = None


def say_design(spec: ModelSpec, size: int) -> CostOptions:
    """What tells a design from the usual one of its name; what is as it is by itself is left out."""
    usual = ModelSpec.from_name(spec.name)
    return CostOptions(
        alpha=None if spec.alpha in (None, usual.alpha) else str(spec.alpha),
        num_frames=None if spec.num_frames == usual.num_frames else spec.num_frames,
        num_classes=None if spec.num_classes == usual.num_classes else spec.num_classes,
        size=None if size == cost.SIZE else size,
    )


def write_cost(named: str, options: CostOptions, view: CostView) -> Lines:
    """A network's cost, and its two figures."""
    known = PublishedOptions(top1=view.top1, dataset="something-v1" if view.top1 is None else view.dataset)
    then = [
        f"bars = result.plot(quantity={view.bars!r})",
        f"placed = {write_call('compare_with_published', [RESULT], known)}",
        f"scatter = placed.plot(dataset={view.dataset!r}, cost={view.axis!r})",
    ]
    lines = write_analysis(cost.ABOUT, [named], options, then=then)
    flags = write_command("cost", [], known).removeprefix("gst-analyze cost")
    return lines._replace(shell=f"{lines.shell}{flags}")


def write_report(path: str, clips: ClipsToTry | None) -> Lines:
    """Everything about a checkpoint in one file."""
    options = ReportOptions(limit=clips.limit if clips else None)
    return _write_lines("report", "report", [path], options, clips, ["result.save('report')"])


def write_train(folder: str, checkpoints: Sequence[str]) -> Lines:
    """A run trained again elsewhere, and how γ drifts over what it has kept so far."""
    again = Files(out=Path(f"{folder}-again"))
    shell = [write_command("train", [f"{folder}/config.toml"], again, standard={Files: _LAST_RUN})]
    if len(checkpoints) > 1:
        shell.append(write_command(drift.ABOUT.command, checkpoints))
    then = [
        "curves, steps, epochs = result.plot(), result.table, result.epochs",
        f"drift = {write_call('follow_gamma', [Variable('result.checkpoints')])}",
    ]
    return Lines("\n".join(shell), _write_python([], write_call("read_run", [folder]), then))


class NamedClip(NamedTuple):
    """A clip as commands name it, as figures name it, and its true class where that is known."""

    shown: str
    name: str
    truth: str | None = None
    trial: str | None = None
    """The planted world, where it is one of the clips to try networks on."""


def write_trace(checkpoint: str, clip: NamedClip, options: TraceOptions, class_id: int | None) -> Lines:
    """A clip's trace and what it is evidence of; of a planted one, first how to render it.

    Args:
        checkpoint: as commands name it.
        clip: which one.
        options: those of the trace.
        class_id: whose evidence is looked for; that of the predicted class if None.
    """
    beside = [(about, about.options(class_name=class_id)) for about in list_beside(traces.ABOUT)]
    rooms = [(traces.ABOUT, options), *beside]
    told = _told_of(checkpoint)
    shell = [
        _write_shell(about.command, [checkpoint], _with_told(chosen, told), clip.shown)
        for about, chosen in rooms
    ]
    world = clip.shown.split("/")[1] if clip.truth is not None and clip.shown.startswith("worlds/") else ""
    if clip.trial is not None:
        shell.insert(0, write_command("synth", [f"worlds/{clip.trial}"], plan_trial(clip.trial)))
    elif world in PLANTED_WORLDS:
        rendered = replace(plan_clips(world), clips=_ENOUGH)
        shell.insert(0, write_command("synth", [f"worlds/{world}"], rendered))
    made = [
        f"{MODEL} = {_write_load(checkpoint)}",
        f"{CLIPS} = {write_call('name_clip', [MODEL, clip.shown, clip.name], truth=clip.truth)}",
    ]
    then = ["strip, table = result.plot(), result.table"]
    for about, chosen in beside:
        given = Variable(f"{CLIPS}[0]") if about.needs == "clip" else CLIPS
        then.append(f"{about.name} = {write_call(about.run.__name__, [MODEL, given], chosen)}")
    call = write_call(traces.ABOUT.run.__name__, [MODEL, CLIPS], options)
    return Lines("\n".join(shell), _write_python(made, call, then))


def _write_lines(
    command: str,
    function: str,
    named: Sequence[str],
    options: Any,
    clips: ClipsToTry | None,
    then: Sequence[str],
) -> Lines:
    made, taken = _name_loaded(named)
    alike = len({repr(_told_of(one)) for one in named}) == 1
    if alike and named:
        options = _with_told(options, _told_of(named[0]))
    if clips is None:
        call = write_call(function, taken, options)
        return Lines(_write_shell(command, named, options), _write_python(made, call, then))
    shell, place = [_write_shell(command, named, options, clips.file)], clips.file
    if clips.world is not None:
        shell.insert(0, write_command("synth", [f"worlds/{clips.world}"], plan_trial(clips.world)))
        rendered = write_call("make_trial", ["worlds", clips.world])
        made.append(f"{CLIPS} = {rendered}" if clips.labelled else rendered)
        place = CLIPS if clips.labelled else place
    beside = {"other": taken.pop()} if function in TAKE_OTHER and len(taken) > 1 else {}
    call = write_call(function, [*taken, place], options, **beside)
    return Lines("\n".join(shell), _write_python(made, call, then))


def _write_shell(command: str, named: Sequence[str], options: Any, *clips: str) -> str:
    """A command; empty where none can say it.

    So it is where the user's own network is not the first of several, and where not of all files is told
    alike.
    """
    first, *others = named
    unlike = len({repr(_told_of(one)) for one in named}) > 1
    if unlike or any(isinstance(one, OwnCode) for one in others):
        return ""
    if not isinstance(first, OwnCode):
        return write_command(command, [*named, *clips], options)
    weights = [] if first.weights is None else ["--weights", first.weights]
    return write_command(command, ["--network", first, *weights, *others, *clips], options)


def _name_loaded(named: Sequence[str]) -> tuple[list[str], list[str]]:
    """Python lines that load what no path alone names, and what the function is called with."""
    made: list[str] = []
    taken: list[str] = []
    unlike = len({repr(_told_of(one)) for one in named}) > 1
    for number, one in enumerate(named, 1):
        name = MODEL if isinstance(one, OwnCode) else Variable(f"network_{number}")
        if isinstance(one, OwnCode) or (unlike and _told_of(one).is_told):
            made.append(f"{name} = {_write_load(one)}")
            taken.append(name)
        else:
            taken.append(one)
    return made, taken


def _told_of(one: str) -> NetworkOptions:
    """What the visitor said of a file."""
    return one.told if isinstance(one, ToldFile) else NetworkOptions()


def _with_told(options: Any, told: NetworkOptions) -> Any:
    """Options that say of a file what the visitor said."""
    if isinstance(options, NetworkOptions):
        return replace(options, **vars(told))
    if isinstance(options, CostOptions):
        frames, size = options.num_frames or told.frames, options.size or told.crop
        return replace(options, num_frames=frames, size=size, family=told.family or options.family)
    return options


def _write_load(checkpoint: str) -> str:
    if not isinstance(checkpoint, OwnCode):
        return write_call("load_model", [checkpoint], _told_of(checkpoint))
    weights = {} if checkpoint.weights is None else {"weights": checkpoint.weights}
    return write_call("load_network", [str(checkpoint)], **weights)


def _write_python(made: Sequence[str], call: str, then: Sequence[str]) -> str:
    return "\n".join(["import gst_analysis as gst", "", *made, f"{RESULT} = {call}", *then])


def _write_spec(spec: ModelSpec) -> str:
    alpha = {} if spec.alpha is None else {"alpha": str(spec.alpha)}
    return write_call("ModelSpec.from_name", [spec.name], **alpha)
