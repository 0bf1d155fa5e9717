from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import tomllib
import types
import typing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gst_analysis.errors import SpecError
from gst_analysis.networks.registry import build_model
from gst_analysis.training.config import DataConfig, OptimiserConfig, TrainConfig, fixed_settings
from gst_analysis.training.recipes import (
    format_config,
    list_recipes,
    load_config,
    parse_config,
    parse_overrides,
    setting_types,
)
from gst_analysis.training.table import DEFAULT_RECIPE
from tests.untyped import design, submodule


@pytest.mark.parametrize("name", list_recipes())
def test_every_recipe_loads_builds_and_survives_being_written(name: str, tmp_path: Path) -> None:
    config = load_config(name)
    assert config.model.num_classes is not None
    network = build_model(config.model_spec(config.model.num_classes), dropout=config.model.dropout)
    assert submodule(network, "fc").out_features == config.model.num_classes
    assert network.spec.num_frames == config.clip.spec().frames
    path = tmp_path / "config.toml"
    path.write_text(format_config(config), encoding="utf-8")
    assert load_config(path) == config


def test_the_recipes_that_the_paper_and_the_shipped_models_need_are_there() -> None:
    names = set(list_recipes())
    assert DEFAULT_RECIPE in names
    for start in (
        "something-v1",
        "diving48-gst-r18-16f",
        "diving48-gst-r50-16f",
        "epic-kitchens",
        "egtea-gst-r34",
        "egtea-gst-r50",
        "jester",
        "kinetics",
        "planted-static",
        "planted-temporal",
        "planted-mixed",
        "planted-state-change",
    ):
        assert any(name.startswith(start) for name in names), start
    assert {load_config(n).clip.frames for n in names if n.startswith("diving48")} == {16}


def test_the_default_recipe_is_the_papers_and_the_default_of_every_setting() -> None:
    config = load_config()
    assert (config.optimiser.lr, config.optimiser.momentum, config.optimiser.batch_size) == (0.01, 0.9, 24)
    assert (config.optimiser.weight_decay, config.model.dropout) == (3e-4, 0.3)
    assert (config.schedule.epochs, config.schedule.factor) == (60, 0.1)
    assert (config.clip.resize, config.clip.crop, config.clip.sampling) == (256, 224, "segments")
    assert (config.clip, config.optimiser, config.schedule, config.run) == tuple(
        getattr(TrainConfig(), name) for name in ("clip", "optimiser", "schedule", "run")
    )


def test_planted_recipes_have_the_classes_of_their_worlds() -> None:
    for name in list_recipes():
        config = load_config(name)
        if config.world is not None:
            assert name == f"planted-{config.world.world}"
            assert config.model.num_classes == len(config.world.classes)


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("optimizer.lr", "optimiser.lr"),
        ("optimiser.learning_rat", "optimiser."),
        ("lr", "optimiser.lr"),
        ("batch_size", "optimiser.batch_size"),
        ("schedule.epoch", "schedule.epochs"),
        ("run.precison", "run.precision"),
        ("world.clip", "world.clips"),
    ],
)
def test_an_unknown_key_is_an_error_that_suggests_the_nearest(key: str, near: str) -> None:
    with pytest.raises(SpecError, match="unknown key") as caught:
        load_config(DEFAULT_RECIPE, {key: "1"})
    assert f"did you mean {near}" in caught.value.todo


@pytest.mark.parametrize("text", ["[optimizer]\nlr = 1.0\n", "lr = 1.0\n", "[optimiser]\nlrr = 1.0\n"])
def test_an_unknown_key_in_a_file_is_an_error_too(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(SpecError, match=r"did you mean optimiser\.lr"):
        load_config(path)


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("optimiser.lr", "fast", "a number"),
        ("optimiser.lr", "nan", "a number"),
        ("optimiser.lr", "-1", "a positive number"),
        ("optimiser.batch_size", "2.5", "a whole number"),
        ("optimiser.nesterov", "1", "true or false"),
        ("schedule.milestones", "10,five", "a list of numbers"),
        ("schedule.milestones", "20,10", "rising"),
        ("schedule.kind", "linear", "one of steps, cosine, constant"),
        ("run.precision", "fp64", "one of fp32, bf16, fp16"),
        ("run.seed", "none", "a whole number"),
        ("model.dropout", "1", "below 1"),
        ("clip.mean", "0.5,0.5", "three numbers"),
        ("clip.mean", "0.5,inf,0.5", "a list of numbers"),
        ("clip.std", "0,0,0", r"clip\.std: expected numbers above 0; found \[0\.0, 0\.0, 0\.0\]"),
        ("clip.std", "-1,1,1", r"clip\.std: expected numbers above 0"),
        ("clip.crop", "31", r"clip\.crop: expected from 32 to 8192; found 31"),
        ("clip.crop", "100000", r"clip\.crop: expected from 32 to 8192"),
        ("clip.resize", "0", r"clip\.resize: expected from 32 to 8192"),
        ("clip.frames", "100000", r"clip\.frames: expected from 1 to 10000"),
        ("clip.max_distortion", "-1", r"clip\.max_distortion: expected 0 or more"),
        ("model.width", "100000", r"model\.width: expected from 1 to 1024"),
        ("model.num_classes", "0", r"model\.num_classes: expected from 1 to 1000000"),
        ("run.threads", "100000", r"run\.threads: expected from 1 to 1024"),
        ("run.devices", "0", r"run\.devices: expected from 1 to 1024"),
        ("model.alpha", "2/3/4", "a fraction"),
        ("model.name", "gst-resnet49", "FAMILY-BACKBONE"),
    ],
)
def test_a_wrong_value_is_said(key: str, text: str, expected: str) -> None:
    with pytest.raises(SpecError, match=expected):
        load_config(DEFAULT_RECIPE, {key: text})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[optimiser]\nlr = "0.1"\n', "a number"),
        ("[optimiser]\nbatch_size = true\n", "a whole number"),
        ("[run]\ntensorboard = 1\n", "true or false"),
        ("[schedule]\nmilestones = 10\n", "a list of numbers"),
        ("[optimiser\n", "a recipe in TOML"),
    ],
)
def test_a_wrong_type_in_a_file_is_said(text: str, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(SpecError, match=expected):
        load_config(path)


def test_overrides_are_read_by_their_type() -> None:
    config = load_config(
        DEFAULT_RECIPE,
        parse_overrides(
            [
                "optimiser.lr=0.02",
                "schedule.milestones=10, 20",
                "optimiser.clip_norm=5",
                "run.sync_bn=true",
                "model.width=none",
                "model.alpha=0.5",
                "data.validation=none",
                "data.train=a=b.json",
            ]
        ),
    )
    assert config.optimiser.lr == 0.02
    assert config.schedule.milestones == (10.0, 20.0)
    assert config.optimiser.clip_norm == 5.0
    assert config.run.sync_bn is True
    assert config.model.width is None
    assert config.data.validation is None
    assert config.data.train == "a=b.json"
    assert str(design(config.model_spec(3)).alpha) == "1/2"
    with pytest.raises(SpecError, match="key=value"):
        parse_overrides(["optimiser.lr"])
    with pytest.raises(SpecError, match=r"such as optimiser\.lr=0\.02; found planted"):
        parse_overrides("planted")


def test_overrides_may_be_python_values() -> None:
    given = {
        "optimiser.lr": 1,
        "schedule.milestones": (10, 20),
        "run.sync_bn": True,
        "model.width": None,
        "data.validation": "none",
        "data.root": Path("worlds") / "static",
        "schedule.epochs": "5",
    }
    typed = ["optimiser.lr=1", "schedule.milestones=10,20", "run.sync_bn=true", "model.width=none"]
    typed += ["data.validation=none", f"data.root={Path('worlds', 'static')}", "schedule.epochs=5"]
    assert load_config(overrides=parse_overrides(given)) == load_config(overrides=parse_overrides(typed))
    with pytest.raises(SpecError, match=r"setting optimiser\.lr: expected a number; found True"):
        load_config(overrides={"optimiser.lr": True})
    with pytest.raises(SpecError, match="unknown key"):
        load_config(overrides={"optimiser": {"lr": 1}})


def test_unknown_recipes_and_missing_files_are_said(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="did you mean planted-temporal"):
        load_config("planted-temporel")
    with pytest.raises(SpecError, match="recipes: diving48"):  # it is like none: all are named
        load_config("nosuchrecipe")
    with pytest.raises(SpecError, match="No such file"):
        load_config(tmp_path / "none.toml")


def test_what_may_change_in_a_resumed_run_is_where_and_how_it_runs() -> None:
    base = load_config()
    free = {"run.devices": "2", "data.root": "elsewhere", "data.workers": "1", "schedule.epochs": "70"}
    assert fixed_settings(base) == fixed_settings(load_config(DEFAULT_RECIPE, free))
    for key, text in {
        "optimiser.lr": "0.1",
        "run.seed": "1",
        "run.precision": "bf16",
        "clip.flip": "0",
    }.items():
        assert fixed_settings(base) != fixed_settings(load_config(DEFAULT_RECIPE, {key: text}))
    cosine = {"schedule.kind": "cosine"}
    longer = load_config(DEFAULT_RECIPE, cosine | {"schedule.epochs": "70"})
    assert fixed_settings(longer) != fixed_settings(load_config(DEFAULT_RECIPE, cosine))


def test_every_setting_is_reachable_from_the_command_line() -> None:
    assert {"model.name", "data.cache", "clip.crop", "world.seed"} <= setting_types().keys()


def test_reading_a_recipe_does_not_import_torch() -> None:
    code = (
        "import sys; from gst_analysis.training.recipes import load_config; load_config(); "
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def written(config: TrainConfig) -> TrainConfig:
    return parse_config(tomllib.loads(format_config(config)))


@st.composite
def configs(draw: st.DrawFn) -> TrainConfig:
    """The default recipe with any settings of any value that can be drawn for their type."""
    config = load_config("planted-static")
    keys = draw(st.sets(st.sampled_from(sorted(setting_types())), max_size=12))
    for key in sorted(keys):
        section, _, name = key.partition(".")
        value = draw(values_of(setting_types()[key]))
        try:
            part = dataclasses.replace(getattr(config, section), **{name: value})
            config = dataclasses.replace(config, **{section: part})
        except SpecError:  # such as an unknown network, or a rate below 0
            continue
    return config


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    plain: dict[Any, st.SearchStrategy[Any]] = {
        str: st.text() | st.sampled_from(["none", "NONE", "a\x7fb", 'a"b\\', "\x85\u2028", "1", "true"]),
        int: st.integers(-1, 2**33),
        float: st.floats(),
        bool: st.booleans(),
        type(None): st.none(),
    }
    numbers = st.lists(st.floats(1e-9, 100), min_size=1, max_size=4, unique=True)
    return st.one_of(
        [
            st.sampled_from(typing.get_args(kind))
            if typing.get_origin(kind) is typing.Literal
            else numbers.map(lambda values: tuple(sorted(values)))
            if typing.get_origin(kind) is tuple
            else plain[kind]
            for kind in kinds
        ]
    )


@settings(deadline=None, max_examples=50)  # a busy machine is no mistake; an example takes 25 ms
@given(configs())
def test_whatever_is_written_reads_back_to_the_same(config: TrainConfig) -> None:
    assert written(config) == config
    assert parse_config(config.to_json()) == config
    assert parse_config(json.loads(json.dumps(config.to_json()))) == config


@pytest.mark.parametrize("key", [key for key, hint in setting_types().items() if "None" in str(hint)])
def test_none_reads_back_as_none(key: str) -> None:
    config = load_config(DEFAULT_RECIPE, {key: "none"})
    section, _, name = key.partition(".")
    assert getattr(getattr(config, section), name) is None
    assert written(config) == parse_config(config.to_json()) == config


def test_no_validation_is_written_as_none(tmp_path: Path) -> None:
    config = load_config(DEFAULT_RECIPE, {"data.validation": "none"})
    assert 'validation = "none"' in format_config(config)
    assert config.to_json()["data"]["validation"] is None
    assert fixed_settings(written(config)) == fixed_settings(config)
    assert "labels" not in config.to_json()["data"]


def test_what_no_toml_file_says_is_refused() -> None:
    with pytest.raises(
        SpecError, match=r"^data\.root: expected text .* in UTF-8.*; found w\ufffd; rename it"
    ):
        load_config(DEFAULT_RECIPE, {"data.root": "w\udcff"})
    with pytest.raises(SpecError, match=r"^data\.labels: expected a text, or None; found 'None'; .*\./none"):
        TrainConfig(data=DataConfig(labels="None"))
    with pytest.raises(SpecError, match=r"^optimiser\.lr: expected finite numbers; found inf"):
        TrainConfig(optimiser=OptimiserConfig(lr=float("inf")))
    assert load_config(DEFAULT_RECIPE, {"data.cache": "none"}).data.cache == "none"


def test_a_key_of_thousands_of_parts_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text("[model]\nname = 1\na" + ".a" * 300 + " = 1\n")
    with pytest.raises(SpecError, match="more than 200 dots in line 3"):
        load_config(path)
