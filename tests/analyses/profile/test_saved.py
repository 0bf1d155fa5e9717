"""A profile of saved results is the one that measures anew; and what is of other weights is refused."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

import gst_analysis as gst
from gst_analysis.cli import run
from tests.analyses.labelled_clips import small_model, write_world

SURE = 1 - (1 - 0.95) / (4 * 5) / 2
"""What a share of two losses needs for four stages and five lines of 95% at once."""
KINDS = ("csv", "json")
COLUMNS = ["measure", "level", "stage", "place"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    torch.set_num_threads(1)
    model = small_model()
    gst.save_model(tmp_path / "small.pth", model.module, clip_spec=model.clip_spec)
    write_world(tmp_path / "world", [0, 1, 2, 3, 4])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def save_all(folder: Path, *, confidence: float = SURE) -> list[str]:
    """Every result that a profile can be made of, as commands save them."""
    sets = ("stage", "share")
    results: list[gst.Result[Any]] = [
        gst.ablate("small.pth", "world", joint=True, sets=sets, confidence=confidence, device="cpu"),
        gst.frame_order("small.pth", "world", device="cpu"),
        gst.channel_roles("small.pth", scenes=4, device="cpu"),
        gst.temporal_use("small.pth"),
        gst.frame_influence("small.pth", "world/videos", device="cpu"),
    ]
    names = []
    for result in results:
        files = result.save(folder, kinds=KINDS)
        names += [str(path) for path in files.values() if str(path).endswith(".json")]
    return names


def save_losses(sets: tuple[str, ...]) -> None:
    gst.ablate("small.pth", "world", joint=True, sets=sets, device="cpu").save("out", kinds=KINDS)


def sort(table: pd.DataFrame) -> pd.DataFrame:
    return table.sort_values(COLUMNS, kind="stable").reset_index(drop=True)


def test_saved_results_give_what_measuring_anew_gives(home: Path) -> None:
    saved = save_all(home / "out")
    assert len(saved) == 5
    anew = gst.profile("small.pth", "world", scenes=4, device="cpu")
    again = gst.profile("small.pth", saved=tuple(saved), device="cpu")
    assert set(anew.table["measure"]) >= {"ablation", "joint", "roles", "reach", "in order", "in reverse"}
    pd.testing.assert_frame_equal(sort(again.table), sort(anew.table), check_exact=False, rtol=1e-6)
    assert again.verdict == anew.verdict
    assert again.summary.clips == anew.summary.clips == 5
    read = [note for note in again.notes if "was not measured again: read from" in note]
    assert len(read) == 5
    assert not [note for note in again.notes if "nothing was measured on clips" in note]
    assert set(again.provenance.settings["with"]) == set(saved)


def test_one_saved_result_stands_beside_what_weights_tell(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gst.frame_order("small.pth", "world", device="cpu").save("out", kinds=KINDS)
    assert run(["profile", "small.pth", "--with", "out/order.json", "--json", "--out", "made"]) == 0
    told = json.loads(capsys.readouterr().out)
    measures = {row["measure"] for row in pd.read_csv("made/profile.csv").to_dict("records")}
    assert measures >= {"gamma", "invariant", "temporal-use", "in order"}
    assert any("order was not measured again" in note for note in told["notes"])


def test_a_result_of_other_weights_is_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gst.temporal_use("small.pth").save("out", kinds=KINDS)
    model = small_model(seed=1)
    gst.save_model(home / "other.pth", model.module, clip_spec=model.clip_spec)
    assert run(["profile", "other.pth", "--with", "out/temporal_use.json"]) != 0
    said = capsys.readouterr().err
    assert "expected a result of these weights" in said
    assert "found one of others" in said
    assert len(said.strip().splitlines()) == 1


def test_intervals_that_are_not_sure_enough_are_refused_with_what_to_type(home: Path) -> None:
    save_losses(("stage",))
    with pytest.raises(gst.SpecError, match=rf"found those of 0\.95; .*--confidence {SURE:.5f}"):
        gst.profile("small.pth", saved=("out/ablation.json",))


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"provenance": {"sources": 1}}'])
def test_what_is_no_record_is_refused(home: Path, content: str) -> None:
    Path("order.json").write_text(content)
    with pytest.raises(gst.DataError, match="found none that can be read"):
        gst.profile("small.pth", saved=("order.json",))


def test_a_record_without_its_table_or_of_no_question_is_refused(home: Path) -> None:
    gst.temporal_use("small.pth").save("out", kinds=KINDS)
    Path("out/temporal_use.csv").write_text("checkpoint,stage\n")
    with pytest.raises(gst.DataError, match="TEMPORAL_USE beside its record"):
        gst.profile("small.pth", saved=("out/temporal_use.json",))
    with pytest.raises(gst.SpecError, match=r"expected one of ablation\.json"):
        gst.profile("small.pth", saved=("small.pth",))
    gst.temporal_use("small.pth").save("again", kinds=KINDS)
    with pytest.raises(gst.SpecError, match="one result a question"):
        gst.profile("small.pth", saved=("again/temporal_use.json",) * 2)


def lie(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    told = json.loads(path.read_text())
    change(told)
    path.write_text(json.dumps(told))


LIES: dict[str, Callable[[dict[str, Any]], object]] = {
    "no temporality": lambda told: told["summary"].clear(),
    "a list for a summary": lambda told: told.update(summary=[1]),
    "no summary": lambda told: told.pop("summary"),
    "a text for a number": lambda told: told["summary"].update(chance="high"),
    "not a number": lambda told: told["summary"].update(chance=float("nan")),
    "a half of a temporality": lambda told: told["summary"].update(temporality={"value": 1}),
}


@pytest.mark.parametrize("name", LIES)
def test_a_record_that_lies_about_its_numbers_is_one_line(home: Path, name: str) -> None:
    gst.frame_order("small.pth", "world", device="cpu").save("out", kinds=KINDS)
    lie(Path("out/order.json"), LIES[name])
    with pytest.raises(gst.DataError, match=r"out/order\.json: expected"):
        gst.profile("small.pth", saved=("out/order.json",))


TABLES: dict[str, Callable[[pd.DataFrame], str]] = {
    "endless numbers": lambda table: write(table.map(lambda value: str(value).replace("0", "9" * 400))),
    "no rows": lambda table: write(table.iloc[:0]),
    "other places": lambda table: write(table.assign(stage="elsewhere")),
    "wide": lambda _: ",".join(f"c{n}" for n in range(200_000)) + "\n" + ",".join("1" * 200_000) + "\n",
}


@pytest.mark.parametrize("share", ["-1.5", "inf", "-inf", "1e300", "1" + "0" * 400])
def test_a_table_of_shares_that_are_none_is_refused(home: Path, share: str) -> None:
    """The hash fits: only the numbers lie."""
    gst.temporal_use("small.pth").save("out", kinds=KINDS)
    written = Path("out/temporal_use.csv")
    table = pd.read_csv(written, dtype=str)
    written.write_text(write(table.assign(**dict.fromkeys(("varying", "off_frame", "start"), share))))
    with pytest.raises(gst.DataError, match=r"out/temporal_use\.(json|csv): expected"):
        gst.profile("small.pth", saved=("out/temporal_use.json",), lines=("temporal-use",))


def write(table: pd.DataFrame) -> str:
    return table.to_csv(index=False)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_that_lies_ends_in_one_line_and_soon(
    home: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    gst.temporal_use("small.pth").save("out", kinds=KINDS)
    written = Path("out/temporal_use.csv")
    written.write_text(TABLES[name](pd.read_csv(written)))
    began = time.process_time()
    assert run(["profile", "small.pth", "--with", "out/temporal_use.json", "--lines", "temporal-use"]) in (
        0,
        2,
    )
    assert time.process_time() - began < 10
    assert len(capsys.readouterr().err.splitlines()) <= 1
