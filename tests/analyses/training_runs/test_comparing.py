"""Runs in one chart: a look a design, seeds of one design together with their spread."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from gst_analysis.analyses.training_runs import RunSummary, TrainingRun, measure
from gst_analysis.analyses.training_runs.comparing import draw_runs, group_runs, say_runs
from gst_analysis.results import Provenance
from gst_analysis.training.config import ModelConfig, OptimiserConfig, RunConfig, TrainConfig


def make_run(design: str, scores: list[float | None], network: str = "GST-ResNet-26s") -> TrainingRun:
    epochs = pd.DataFrame({"epoch": range(1, len(scores) + 1), "val_top1": scores})
    epochs = epochs.astype({"val_top1": float}).assign(val_loss=2 - 2 * epochs["val_top1"].astype(float))
    done = len(scores)
    summary = RunSummary(network, done, done, 10, 1.0, None, None, None, 0.1, 1.0, None, True)
    return TrainingRun(
        epochs, summary, Provenance({}, {}, {}), epochs=epochs, folder=Path(), checkpoints=(), design=design
    )


RUNS = {
    "gst-0": make_run("gst", [0.5, 0.7, 0.9]),
    "gst-1": make_run("gst", [0.4, None, 0.8]),
    "c2d": make_run("c2d", [0.3, 0.4, 0.4, 0.5], "C2D-ResNet-26s"),
    "new": make_run("new", [None], "TSM-ResNet-26s"),
}


def test_seeds_of_one_design_share_a_look_and_show_their_spread() -> None:
    figure = draw_runs(RUNS)
    named = [trace for trace in figure.data if trace.showlegend]
    assert [trace.name for trace in named] == [
        "GST-ResNet-26s, mean of 2",
        "C2D-ResNet-26s",
        "TSM-ResNet-26s",
    ]
    assert len({(trace.line.color, trace.line.dash) for trace in named}) == 3
    (mean, *_), right = named, [trace for trace in figure.data if trace.xaxis == "x2"]
    assert mean.xaxis == "x"
    band, first, second, middle, *_ = right
    assert list(middle.x) == [1, 3]  # both were validated after these
    assert [round(float(value), 3) for value in middle.y] == [0.45, 0.85]
    assert list(band.y) == [0.4, 0.8, 0.9, 0.5]
    assert (list(first.x), list(second.x)) == ([1, 2, 3], [1, 3])


def test_words_say_how_far_each_design_is() -> None:
    assert say_runs(RUNS) == (
        "GST-ResNet-26s: 85% (80% to 90%, 2 seeds) after 3 epochs; C2D-ResNet-26s: 50% after 4 epochs; "
        "TSM-ResNet-26s: not validated yet"
    )


def test_designs_of_one_network_are_told_apart_by_their_runs() -> None:
    runs = {"a": make_run("1", [0.5]), "b": make_run("2", [0.6])}
    assert [design.name for design in group_runs(runs)] == ["GST-ResNet-26s, a", "GST-ResNet-26s, b"]


def test_what_makes_a_design_is_all_but_the_seed_and_where_it_ran() -> None:
    def hash_of(**changes: object) -> str:
        return measure._hash_design(TrainConfig(**changes))  # type: ignore[arg-type] # one section each

    plain = hash_of()
    assert hash_of(run=RunConfig(seed=3, threads=7)) == plain
    assert hash_of(optimiser=OptimiserConfig(lr=0.02)) != plain
    assert hash_of(model=ModelConfig(name="c2d-resnet50")) != plain
