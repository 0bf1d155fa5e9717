"""A run's folder read back: the numbers of a real run, whole lines only, and what is no run."""

from __future__ import annotations

from pathlib import Path

import matplotlib.colors
import numpy as np
import pandas as pd
import pytest

from gst_analysis.analyses.drift.series import draw_gamma_over_training_interactive
from gst_analysis.analyses.training_runs import MOST_CHECKPOINTS, follow_gamma, read_run
from gst_analysis.analyses.training_runs.figure import draw_training
from gst_analysis.analyses.training_runs.interactive import draw_training_interactive
from gst_analysis.errors import DataError, SpecError
from gst_analysis.style.colours import GROUP_COLOURS
from gst_analysis.training.recipes import format_config, load_config
from gst_analysis.training.table import TRAINING_EPOCHS, TRAINING_STEPS
from tests.conftest import SaveSmall
from tests.untyped import untyped


def write_run(folder: Path, *, epochs: int, planned: int = 4) -> Path:
    """A log by hand: two rows of steps an epoch, a validation every second epoch."""
    changes = {"schedule.epochs": str(planned), "model.num_classes": "12"}
    (folder / "config.toml").write_text(format_config(load_config("planted-temporal", changes)))
    steps = [f"{1 + n // 2},{5 * n + 5},{3 - n / 10},0.5,0.05,90.0,{2.0 * n}" for n in range(2 * epochs)]
    (folder / "steps.csv").write_text("\n".join([",".join(TRAINING_STEPS.columns), *steps, ""]))
    right = {2: 0.9, 4: 0.8}
    rows = []
    for n in range(1, epochs + 1):
        scores = f"1.5,{right[n]},1.0" if n in right else ",,"
        rows.append(f"{n},{10 * n},0.05,2.5,0.5,{scores},100,0,{4.0 * n}")
    (folder / "epochs.csv").write_text("\n".join([",".join(TRAINING_EPOCHS.columns), *rows, ""]))
    return folder


def test_a_runs_summary_follows_from_its_log(tmp_path: Path) -> None:
    found = read_run(write_run(tmp_path, epochs=4, planned=8)).summary
    assert (found.epochs, found.planned_epochs, found.steps, found.finished) == (4, 8, 40, False)
    assert found.loss == pytest.approx(3 - 7 / 10)
    assert (found.top1, found.best_top1, found.best_epoch) == (0.8, 0.9, 2)
    assert found.chance == pytest.approx(1 / 12)
    assert (found.seconds, found.remaining_s) == (16.0, 16.0)
    assert read_run(write_run(tmp_path, epochs=4)).summary.finished


def test_before_the_first_epoch_there_are_no_scores(tmp_path: Path) -> None:
    found = read_run(write_run(tmp_path, epochs=0))
    assert found.table.empty
    assert (found.summary.loss, found.summary.top1, found.summary.remaining_s) == (None, None, None)
    assert found.last is None
    found.plot()
    found.plot_interactive()


def test_a_half_written_line_is_left_out(tmp_path: Path) -> None:
    before = read_run(write_run(tmp_path, epochs=2)).table
    with (tmp_path / "steps.csv").open("a") as file:
        file.write("3,25,1.")
    pd.testing.assert_frame_equal(read_run(tmp_path).table, before)


@pytest.mark.parametrize(
    "content", [b"", b"a,b\n1,2\n", b"\xff\xfe\0\n\0\n", b'epoch,step\n"\n', b"x" * 200 + b"\n"]
)
def test_a_log_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    write_run(tmp_path, epochs=2)
    (tmp_path / "epochs.csv").write_bytes(content)
    with pytest.raises(DataError, match=r"epochs\.csv: expected the log of a run"):
        read_run(tmp_path)


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no config"):
        read_run(tmp_path)
    with pytest.raises(DataError, match="no such folder"):
        read_run(tmp_path / "missing")
    (tmp_path / "config.toml").write_text("nonsense = ")
    with pytest.raises(SpecError, match="TOML"):
        read_run(tmp_path)


def test_curves_stand_at_their_epochs(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path, epochs=4))
    figure = draw_training_interactive(run.table, run.epochs, chance=1 / 12)
    training, accuracy, validated = figure.data[0], figure.data[1], figure.data[3]
    assert list(training.x) == pytest.approx([0.5 * n for n in range(1, 9)])
    assert list(training.y) == pytest.approx(run.table["loss"].tolist())
    assert list(accuracy.y) == [0.5] * 8
    assert (list(validated.x), list(validated.y)) == ([2, 4], [0.9, 0.8])
    assert figure.layout.shapes[0].y0 == pytest.approx(1 / 12)
    axes = draw_training(run.table, run.epochs, chance=1 / 12, dark=True).axes
    assert [line.get_label() for line in axes[1].lines] == ["training, as augmented", "validation", "chance"]
    assert list(untyped(axes[0].lines[1].get_xdata())) == [20, 40]


def test_a_run_saves_its_log_and_its_curves(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path, epochs=4))
    files = run.save(tmp_path / "o", ["csv", "svg", "html"])
    assert list(files) == ["csv", "training_epochs.csv", "svg", "html"]
    pd.testing.assert_frame_equal(pd.read_csv(files["csv"]), run.table, check_dtype=False)
    assert list(run.figures()) == list(run.pages(dark=True)) == ["training"]


def test_long_logs_are_thinned_for_the_page(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path, epochs=4))
    long = pd.concat([run.table] * 1000, ignore_index=True)
    assert len(draw_training_interactive(long, run.epochs).data[0].x) <= 1500


def test_gamma_of_kept_epochs_is_that_of_the_files(tmp_path: Path, save_small: SaveSmall) -> None:
    paths = [save_small(seed=seed, file=f"epoch-{seed:04d}.pth") for seed in (1, 2, 3)]
    assert follow_gamma(paths[:1]) is None
    drift = follow_gamma(paths)
    assert drift is not None
    figure = draw_gamma_over_training_interactive(drift.layers, axis=drift.summary.axis, dark=False)
    rows = drift.layers[drift.layers["layer"] == "layer1.0.bn2"]
    for group in ("spatial", "temporal"):
        curves = [t for t in figure.data if t.xaxis in (None, "x") and t.legendgroup == group]
        band, median = curves
        part = rows[rows["group"] == group]
        assert list(median.y) == pytest.approx(part["median"].tolist())
        assert np.mean(list(band.y)) == pytest.approx((part["low"].mean() + part["high"].mean()) / 2)
        assert matplotlib.colors.same_color(median.line.color, GROUP_COLOURS[group])


def test_of_a_long_run_some_epochs_are_read_the_first_and_last_among_them(
    tmp_path: Path, save_small: SaveSmall
) -> None:
    one = save_small(file="epoch-0001.pth")
    paths = [one.with_name(f"epoch-{number:04d}.pth") for number in range(1, 31)]
    for path in paths[1:]:
        path.write_bytes(one.read_bytes())
    drift = follow_gamma(paths)
    assert drift is not None
    names = list(drift.provenance.sources)
    assert len(names) == MOST_CHECKPOINTS
    assert (names[0], names[-1]) == ("epoch-0001", "epoch-0030")
