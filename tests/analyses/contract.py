"""What every analysis must keep: one suite, run on each room of the list.

`check_analysis(name, bench)` runs it. The parts are functions of their own, so that a failure names the
promise that was broken.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import matplotlib as mpl
import pandas as pd
import plotly.graph_objects as go
import pytest
import torch
from matplotlib.figure import Figure

from gst_analysis.analyses import find_analysis
from gst_analysis.checkpoints.loaded import LoadedModel
from gst_analysis.cli import app, run
from gst_analysis.clips.records import RecordList
from gst_analysis.errors import GstError, OutputError
from gst_analysis.options import flag_of, list_options, write_command
from gst_analysis.results import Result
from gst_analysis.rooms import About
from gst_analysis.tables import check
from gst_analysis.training.conditions import capture_random
from tests.conftest import list_results
from tests.documents import find_fault

ALONE = ("checkpoint", "checkpoints", "pairs", "annotations")
COUNT = {"nothing": 0, **dict.fromkeys(ALONE, 1), "clip": 2, "clips": 2, "dataset": 2}
"""Arguments that a command takes at least."""
ASKED: dict[str, dict[str, Any]] = {"slim": {"macs": 0.9}}
"""What a command must be told beside them."""
CLIPS = {"similarity": 5}
"""How many clips a command is run on, where one would be too few."""


@dataclass(frozen=True)
class Bench:
    """What analyses are run on: a network, its file, labelled clips, and their annotation file."""

    model: LoadedModel
    file: Path
    second: Path
    """Another network of the same design, such as a later epoch's."""
    third: Path
    """One more, which no result is of."""
    records: RecordList
    annotations: Path
    folder: Path
    """An empty one to write into."""


def run_python(about: About, bench: Bench) -> Result[Any]:
    """The analysis through its public function."""
    given: dict[str, list[Any]] = {
        "nothing": [],
        "checkpoint": [bench.model],
        "checkpoints": [bench.model, bench.second],
        "clip": [bench.model, bench.records[0]],
        "clips": [bench.model, bench.records],
        "dataset": [bench.model, bench.records],
        "pairs": [[(bench.model, bench.records)]],
        "annotations": [bench.annotations],
    }
    result = about.run(*given[about.needs], **ASKED.get(about.command, {}))
    assert isinstance(result, Result)
    return result


def list_words(about: About, bench: Bench) -> list[str]:
    """What its command is run on."""
    clips = [str(record.path) for record in bench.records]
    asked = [word for name, value in ASKED.get(about.command, {}).items() for word in (f"--{name}", value)]
    named = {
        "nothing": [],
        "checkpoint": [str(bench.file)],
        "checkpoints": [str(bench.file), str(bench.second)],
        "clip": [str(bench.file), clips[0]],
        "clips": [str(bench.file), *clips[: CLIPS.get(about.command, 1)]],
        "dataset": [str(bench.file), str(bench.annotations)],
        "pairs": [f"{bench.file}={bench.annotations}"],
        "annotations": [str(bench.annotations)],
    }[about.needs]
    return [*named, *map(str, asked)]


def check_schema(result: Result[Any]) -> None:
    """Every table keeps its schema, and every table has one."""
    assert set(result.schemas) >= set(result.tables)
    for name, table in result.tables.items():
        assert isinstance(table, pd.DataFrame)
        check(table, result.schemas[name])


def check_remarks(result: Result[Any]) -> None:
    """Notes are sentences, failures are reasons by name; the summary and the provenance are typed."""
    assert all(isinstance(note, str) and note == note.strip() and note for note in result.notes)
    assert all(isinstance(why, str) and why for why in result.failures.values())
    assert dataclasses.is_dataclass(result.summary)
    assert type(result) is not Result


def check_document(result: Result[Any]) -> None:
    """The document is JSON without NaN, keeps its schema, and says what was written."""
    from gst_analysis.files import to_json

    found = json.loads(to_json(result.to_document({"csv": "x.csv"})), parse_constant=pytest.fail)
    assert find_fault(found, type(result).describe_document(), "document") is None
    assert found["files"] == {"csv": "x.csv"}
    assert "notes" in found


def check_figures(result: Result[Any]) -> None:
    """Figures and pages are drawn for both backgrounds, under the same names, and differ; settings stay."""
    before, drawn = dict(mpl.rcParams), set()
    for draw, kind in ((result.figures, Figure), (result.pages, go.Figure)):
        light, dark = draw(dark=False), draw(dark=True)
        assert list(light) == list(dark)
        drawn |= set(light)
        for name in light:
            assert isinstance(light[name], kind)
            assert _paper(light[name]) != _paper(dark[name])
    assert dict(mpl.rcParams) == before
    check_spoken(result, drawn)


def _paper(figure: Any) -> Any:
    return figure.layout.paper_bgcolor if isinstance(figure, go.Figure) else figure.get_facecolor()


COUNTS = ("macs", "params", "after", "clips", "norms")
"""Whole numbers of tables that an alternative text may be made of; others are names of places."""


def check_spoken(result: Result[Any], drawn: set[str]) -> None:
    """Each figure is said in words with numbers of its table: where all numbers change, so do all words."""
    said = result.say_figures()
    assert drawn <= set(said), "every figure has an alternative text in the room's spoken.py"
    assert all(re.search(r"\d", words) and words == words.strip() for words in said.values())
    fields: dict[str, Any] = {
        name: move_numbers(value) for name, value in vars(result).items() if isinstance(value, pd.DataFrame)
    }
    moved = dataclasses.replace(result, **fields)
    again = moved.say_figures()
    assert not [name for name in drawn if again[name] == said[name]]


def move_numbers(table: pd.DataFrame) -> pd.DataFrame:
    """A table with other numbers in it, in the same order; names and places stay."""
    reals = {name: 0.6 * table[name] + 0.05 for name in table.columns if table[name].dtype.kind == "f"}
    counts = {name: 2 * table[name] + 1 for name in COUNTS if name in table}
    return table.assign(**{**counts, **reals})


def check_files(result: Result[Any], folder: Path) -> None:
    """The same result gives the same bytes; files lie where `save` says, named `<name>.<kind>`."""
    first = result.save(folder / "one", result.kinds)
    # Of pictures the svg alone: it tells every line and letter of what is drawn, and drawing takes longest.
    second = result.save(folder / "two", [kind for kind in result.kinds if kind not in ("png", "pdf")])
    for key, path in first.items():
        file = Path(path)
        assert file.parent == folder / "one"
        assert key in (file.name, file.suffix[1:])
        if key == file.suffix[1:]:
            assert file.stem == result.stem
        if file.suffix not in (".png", ".pdf"):
            assert file.read_bytes() == Path(second.pop(key)).read_bytes(), key
    assert not second
    with pytest.raises(GstError, match="expected"):
        result.save(folder, ["docx"])
    check_kept(result, folder / "one")


def read_all(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, but for the note of what is its own there."""
    return {name: (folder / name).read_bytes() for name in list_results(folder)}


def check_kept(result: Result[Any], folder: Path) -> None:
    """In its folder a result may be saved again, and one of other inputs not, but where that is asked for.

    Then nothing is left of the first that is not of the second: no old pictures among new ones.
    """
    before = read_all(folder)
    result.save(folder)
    assert read_all(folder) == before
    origin = result.provenance
    another = dataclasses.replace(origin, sources={**origin.sources, "another": "f" * 64})
    other = dataclasses.replace(result, provenance=another)
    with pytest.raises(OutputError, match=r"other inputs.*overwrite=True") as caught:
        other.save(folder)
    assert "\n" not in str(caught.value)
    assert read_all(folder) == before
    written = {Path(path).name for path in other.save(folder, overwrite=True).values()}
    assert set(list_results(folder)) == written
    assert list_results(folder)


def check_options(about: About) -> None:
    """Every option can be said on the command line, and is heard as it was said."""
    command = app.commands[about.command]
    standard, named = about.options(), ["a", "b"][: COUNT[about.needs]]
    for field in list_options(standard):
        chosen = dataclasses.replace(
            standard, **{field.name: other_value(about.options, field.name, standard)}
        )
        line = write_command(about.command, named, chosen)
        assert flag_of(field) in line
        heard = command.make_context(about.command, shlex.split(line)[2:], resilient_parsing=False).params
        value = heard[field.name]
        if isinstance(getattr(standard, field.name), tuple):
            value = tuple(value.split(",") if isinstance(value, str) else value or ())
        elif isinstance(getattr(standard, field.name), bool):
            value = value != getattr(standard, field.name)
        assert value == getattr(chosen, field.name) or str(value) == str(getattr(chosen, field.name)), line
    plain = command.make_context(about.command, named, resilient_parsing=False).params
    for field in list_options(standard):
        usual = getattr(standard, field.name)
        if isinstance(usual, tuple):
            assert (plain[field.name] or None) == (",".join(usual) or None)
        elif not isinstance(usual, bool):
            assert plain[field.name] == usual


def other_value(kind: type[Any], name: str, standard: Any) -> Any:
    """A value that is allowed and is not the one by itself."""
    usual = getattr(standard, name)
    if isinstance(usual, bool):
        return not usual
    if isinstance(usual, tuple) and len(usual) > 1:
        return usual[:1]
    tries: list[Any] = [
        ("csv",),
        ("spatial",),
        3,
        12,
        5,
        0.9,
        "cpu",
        "tsm",
        2,
        1,
        0.5,
        "zero",
        "gamma",
        "stage",
        "block",
        "card",
        "prefix",
        "mean",
        "logit_drop",
        "ordered",
        Path("there"),
        "5",
    ]
    hints = get_args(get_type_hints(kind)[name]) or (get_type_hints(kind)[name],)
    hints = (tuple,) if isinstance(usual, tuple) else hints
    for value in tries:
        if value == usual or (type(value) not in hints and not (isinstance(value, Path) and Path in hints)):
            continue
        try:
            dataclasses.replace(standard, **{name: value})
        except GstError:
            continue
        return value
    raise AssertionError(f"no other value of {name} is known here: add one to the list above")


def fingerprint(model: LoadedModel) -> tuple[Any, ...]:
    """What an analysis must leave as it was: weights, modes, hooks, and every source of random numbers."""
    weights = hashlib.sha256()
    for name, tensor in model.module.state_dict().items():
        weights.update(name.encode() + tensor.numpy().tobytes())
    modes = tuple(module.training for module in model.module.modules())
    hooks = tuple(len(module._forward_hooks) for module in model.module.modules())
    grads = tuple(parameter.grad is None for parameter in model.module.parameters())
    wanted = tuple(parameter.requires_grad for parameter in model.module.parameters())
    # All three generators: numpy's words change once in 624 draws, between only the place among them moves.
    drawn = [state.numpy().tobytes() for state in capture_random(torch.device("cpu")).values()]
    return weights.hexdigest(), modes, hooks, grads, wanted, torch.get_num_threads(), *drawn


def check_refused(about: About, bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """The command leaves another checkpoint's results as they are, and any file that has one of its names."""
    out, mine = bench.folder / "out", bench.folder / "mine"
    written = read_all(out)
    words = [
        about.command,
        *list_words(about, dataclasses.replace(bench, file=bench.third, second=bench.third)),
    ]
    code = run([*words, "--out", str(out)])
    told = capsys.readouterr()
    assert read_all(out) == written
    if about.needs not in ("nothing", "annotations") and about.command != "cost":  # the same for a design
        assert code == 2
        assert told.out == ""
        assert told.err.count("\n") == 1
        assert "--overwrite" in told.err
    mine.mkdir()
    for name in written:
        (mine / name).write_text("mine")
    words = [about.command, *list_words(about, bench), "--out", str(mine)]
    assert run(words) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert set(read_all(mine).values()) == {b"mine"}
    assert sorted(path.name for path in mine.iterdir()) == sorted(written)


def check_command(about: About, bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """With --json one document and nothing else; a missing file is one line and exit code 2."""
    words = [about.command, *list_words(about, bench), "--out", str(bench.folder / "out"), "--json"]
    formats = any(parameter.name == "formats" for parameter in app.commands[about.command].params)
    assert run([*words, *["--formats", "csv"] * formats]) in (0, 1)
    told = capsys.readouterr()
    json.loads(told.out, parse_constant=pytest.fail)
    check_refused(about, bench, capsys)
    if about.needs == "nothing":
        return
    others = [] if about.needs == "checkpoints" else words[2:-3]  # a batch goes on without one of several
    assert run([about.command, "missing.pth", *others, "--out", str(bench.folder / "no")]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert len(told.err.strip().splitlines()) == 1
    assert told.err.startswith("gst-analyze: ")
    assert not (bench.folder / "no").exists() or not list((bench.folder / "no").iterdir())


def check_analysis(
    name: str, bench: Bench, capsys: pytest.CaptureFixture[str], again: Callable[[], Bench]
) -> None:
    """The whole suite for one room."""
    about = find_analysis(name)
    assert about.question.endswith("?"), "a room's docstring begins with its question"
    assert about.limits, "a room says what its answer cannot tell"
    before = fingerprint(bench.model)
    result = run_python(about, bench)
    assert fingerprint(bench.model) == before, "left as found"
    for part in (check_schema, check_remarks, check_document, check_figures):
        part(result)
    check_files(result, bench.folder)
    other = run_python(about, again())
    for stem, table in result.tables.items():
        pd.testing.assert_frame_equal(table, other.tables[stem])
    check_options(about)
    check_command(about, bench, capsys)
