"""Specs: what they accept, what they refuse, and that every way out they name is one."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gst_analysis.errors import GstError, SpecError
from gst_analysis.networks.backbones import BACKBONES
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.families import FAMILIES
from gst_analysis.networks.spec_values import parse_fraction
from gst_analysis.networks.specs import ModelSpec, model_names
from tests.untyped import untyped


def as_written(family: str, backbone: str, **settings: Any) -> ModelSpec:
    """A spec of texts and numbers, as a file or a command line has them."""
    return ModelSpec(family, backbone, **settings)


@pytest.mark.parametrize("text", ["1/4", "0.25", 0.25, "4", 4, Fraction(1, 4), " 1/4 "])
def test_a_quarter_is_written_in_many_ways(text: object) -> None:
    assert parse_fraction(text) == Fraction(1, 4)


@pytest.mark.parametrize(
    ("text", "value"), [("1", 1), (1.0, 1), ("3/8", Fraction(3, 8)), (0.125, Fraction(1, 8))]
)
def test_other_fractions(text: object, value: Fraction) -> None:
    assert parse_fraction(text) == value


def test_a_rounded_third_is_a_third() -> None:
    assert parse_fraction(1 / 3) == Fraction(1, 3)


@pytest.mark.parametrize(
    "text", ["", "a quarter", "0", "-1/4", "1/0", "5/4", "2.5", None, "nan", "inf", [], "1/4/2"]
)
def test_what_is_no_fraction_is_refused(text: object) -> None:
    with pytest.raises(SpecError, match=r"expected a fraction such as 1/4, 0\.25, or 4 for a quarter"):
        parse_fraction(text)


@given(st.integers(1, 64), st.integers(1, 64))
def test_every_proper_fraction_survives_its_own_text(top: int, bottom: int) -> None:
    value = Fraction(min(top, bottom), max(top, bottom))
    assert parse_fraction(str(value)) == value


@pytest.mark.parametrize("name", model_names())
def test_every_name_is_its_specs_name(name: str) -> None:
    spec = ModelSpec.from_name(name)
    assert spec.name == name
    assert spec.width == BACKBONES[spec.backbone].width


def test_names_that_begin_alike_are_told_apart() -> None:
    assert ModelSpec.from_name("gst-large-resnet50").family == "gst-large"
    assert ModelSpec.from_name("gst-resnet50").family == "gst"
    assert ModelSpec.from_name("c3d-g2-resnet18").family == "c3d-g2"


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("gst-resnet5O", "gst-resnet50"),
        ("gst-resnt50", "gst-resnet50"),
        ("tsm_resnet50", "tsm-resnet50"),
        ("GST-ResNet50", "gst-resnet50"),
    ],
)
def test_a_slip_in_a_name_is_met_with_the_right_one(wrong: str, right: str) -> None:
    with pytest.raises(SpecError, match=re.escape(f"did you mean {right}?")):
        ModelSpec.from_name(wrong)


@pytest.mark.parametrize("name", ["", "resnet50", "zzz", "gst", "gst-", "-", "gst-gst-resnet50\nx"])
def test_a_strange_name_gets_the_list_or_a_near_one(name: str) -> None:
    with pytest.raises(SpecError, match=r"expected FAMILY-BACKBONE") as caught:
        ModelSpec.from_name(name)
    assert "\n" not in str(caught.value)
    assert "did you mean" in str(caught.value) or "families: gst" in str(caught.value)


def test_unknown_family_and_backbone() -> None:
    with pytest.raises(SpecError, match=r"family: expected one of gst, .*did you mean gst-large\?"):
        ModelSpec("gst-larg", "resnet50")
    with pytest.raises(SpecError, match=r"backbone: .*did you mean resnet101\?"):
        ModelSpec("gst", "resnet100")


def test_defaults_follow_the_family() -> None:
    assert ModelSpec("gst", "resnet50").alpha == Fraction(1, 4)
    assert ModelSpec("gst", "resnet50").beta == Fraction(1, 2)
    assert ModelSpec("gst-large", "resnet50").beta == 1
    assert ModelSpec("sth", "resnet50").alpha == Fraction(1, 4)
    assert ModelSpec("sth", "resnet50").beta is None
    assert ModelSpec("c3d", "resnet50").alpha is None
    assert as_written("c2d", "resnet50", alpha="1/4").alpha is None


def test_beta_chooses_between_the_two_gsts() -> None:
    assert as_written("gst", "resnet50", beta=1).family == "gst-large"
    assert as_written("gst-large", "resnet50", beta="1/2").family == "gst"
    with pytest.raises(SpecError, match=r"expected 1/2 \(gst\) or 1 \(gst-large\); found 1/4"):
        as_written("gst", "resnet50", beta="1/4")


@pytest.mark.parametrize("field", ["num_frames", "num_classes", "width"])
@pytest.mark.parametrize("value", [0, -1, 1.5, "8", True])
def test_counts_are_whole_numbers(field: str, value: object) -> None:
    with pytest.raises(SpecError, match=f"{field.replace('_', ' ')}: expected a whole number of at least 1"):
        as_written("gst", "resnet50", **{field: value})


def test_alpha_one_is_another_family() -> None:
    with pytest.raises(SpecError, match="choose c2d for no temporal channels, or c3d for nothing else"):
        as_written("gst", "resnet50", alpha=1)


@pytest.mark.parametrize(
    ("name", "alpha", "width"),
    [
        ("gst-resnet50", "1/8", 20),
        ("gst-resnet50", "1/7", 64),
        ("gst-resnet18", "1/8", 36),
        ("gst-large-resnet50", "1/3", 64),
        ("c3d-g2-resnet50", None, 33),
        ("sth-resnet50", "1/8", 12),
        ("sth-mobilenetv2", "1/3", 32),
        ("gst-resnet50", "1/4", 2),
        ("sth-mobilenetv2", "1/64", 32),
    ],
)
def test_the_widths_an_error_names_do_work(name: str, alpha: str | None, width: int) -> None:
    with pytest.raises(SpecError, match=r"expected widths that are multiples of \d+") as caught:
        ModelSpec.from_name(name, alpha=alpha, width=width)
    named = re.search(r"use width (.*?)(?:, or another alpha such as (.*))?$", caught.value.todo)
    assert named
    if named[2] is not None:
        assert Fraction(named[2]) != Fraction(alpha or 0)
        assert ModelSpec.from_name(name, alpha=named[2], width=width).width == width
    for works in named[1].split(" or "):
        spec = ModelSpec.from_name(name, alpha=alpha, width=int(works))
        for block in spec.blocks():
            for site in block.sites:
                spec.groups(site.c_out, depthwise=site.depthwise)
                assert spec.kernels(site)


@pytest.mark.parametrize(
    ("name", "alpha", "width", "other"),
    [
        ("gst-resnet26s", "1/4", 9, None),
        ("gst-large-resnet26s", "1/4", 9, None),
        ("gst-resnet26s", "1/4", 10, "1/2"),
        ("sth-resnet26s", "1/4", 6, "1/2"),
        ("gst-resnet26s", "1/8", 12, "1/4"),
        ("gst-resnet26s", "1/3", 16, "1/4"),
        ("c3d-g2-resnet26s", None, 9, None),
    ],
)
def test_another_alpha_is_named_only_where_one_would_do(
    name: str, alpha: str | None, width: int, other: str | None
) -> None:
    with pytest.raises(SpecError) as caught:
        ModelSpec.from_name(name, alpha=alpha, width=width)
    assert caught.value.todo.rpartition("another alpha such as ")[2] == (other or caught.value.todo)
    assert "None" not in str(caught.value)


@pytest.mark.parametrize("alpha", ["2/5", "3/8"])
def test_sth_groups_are_equal(alpha: str) -> None:
    with pytest.raises(SpecError, match="one group of equal groups, so alpha = 1/G"):
        as_written("sth", "resnet50", alpha=alpha, width=80)


@pytest.mark.parametrize("family", ["gst", "gst-large", "c3d", "c3d-g2", "p3d"])
def test_mobilenet_refusals_say_why(family: str) -> None:
    with pytest.raises(SpecError) as caught:
        ModelSpec(family, "mobilenetv2")
    assert FAMILIES[family].depthwise in str(caught.value)
    assert "a family with a depthwise form (c2d, tsm, sth)" in str(caught.value)
    assert f"{family}-mobilenetv2" not in model_names()


@pytest.mark.parametrize("name", ["gst-resnet50", "gst-large-resnet18", "sth-mobilenetv2", "c2d-resnet26s"])
def test_json_round_trip(name: str) -> None:
    spec = ModelSpec.from_name(name, num_frames=16, num_classes=7)
    record = json.loads(json.dumps(spec.to_json()))
    assert ModelSpec.from_json(record) == spec
    assert spec.alpha is None or record["alpha"] == "1/4"


def test_json_with_a_setting_we_do_not_know_is_refused() -> None:
    record = ModelSpec("gst", "resnet50").to_json() | {"zoom": 2}
    with pytest.raises(SpecError, match="also zoom"):
        ModelSpec.from_json(record)
    with pytest.raises(SpecError, match="a record with family and backbone"):
        ModelSpec.from_json({"family": "gst"})


def test_replace() -> None:
    spec = as_written("gst", "resnet50", alpha="1/8", num_classes=10)
    assert spec.replace(num_classes=5) == as_written("gst", "resnet50", alpha="1/8", num_classes=5)
    assert spec.replace(family="gst-large") == ModelSpec("gst-large", "resnet50", num_classes=10)
    assert spec.replace(family="c2d").alpha is None
    assert spec.replace(family="sth", alpha="1/2").alpha == Fraction(1, 2)
    assert spec.replace(beta=1).family == "gst-large"
    assert ModelSpec("c2d", "resnet50").replace(family="gst").alpha == Fraction(1, 4)
    assert spec.alpha == Fraction(1, 8)


def test_groups_are_named_slices() -> None:
    groups = ModelSpec("gst", "resnet50").groups(64)
    assert dict(groups) == {"spatial": slice(0, 48), "temporal": slice(48, 64)}
    assert as_written("gst", "resnet50", alpha="1/8").groups(64)["temporal"] == slice(56, 64)
    for family in ("c2d", "c3d", "c3d-g2", "p3d", "tsm", "sth"):
        assert dict(ModelSpec(family, "resnet50").groups(64)) == {"all": slice(0, 64)}
    assert ModelSpec("sth", "mobilenetv2").groups(96, depthwise=True)["temporal"] == slice(72, 96)


def test_labels_are_short_and_for_people() -> None:
    assert ModelSpec("gst", "resnet50").label == "GST resnet50 α=1/4"
    assert ModelSpec("c2d", "resnet50").label == "C2D resnet50"


def test_specs_are_frozen_and_hashable() -> None:
    spec = as_written("gst", "resnet50", alpha="4")
    assert len({spec, as_written("gst", "resnet50", alpha=0.25)}) == 1
    with pytest.raises(AttributeError):
        untyped(spec).alpha = Fraction(1, 2)


@given(
    family=st.sampled_from(sorted(FAMILIES)),
    backbone=st.sampled_from(sorted(BACKBONES)),
    alpha=st.sampled_from(["1/2", "1/4", "1/8", "3/4", "1/3", None]),
    width=st.integers(1, 70),
)
def test_a_spec_is_either_whole_or_a_clear_refusal(
    family: str, backbone: str, alpha: str | None, width: int
) -> None:
    try:
        spec = as_written(family, backbone, alpha=alpha, width=width)
    except GstError as error:
        spec, refusal = None, str(error)
    if spec is None:
        assert re.fullmatch(r"[^\n]+: expected .+; found .+; .+", refusal)
        return
    for block in spec.blocks():
        for site in block.sites:
            groups = spec.groups(site.c_out, depthwise=site.depthwise)
            assert sum(part.stop - part.start for _, part in groups) == site.c_out
            assert all(kernel.filters > 0 and kernel.channels > 0 for kernel in spec.kernels(site))


def test_clip_spec_round_trip_and_refusals() -> None:
    spec = ClipSpec(frames=16, mean=(0.5, 0.5, 0.5))
    assert ClipSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
    with pytest.raises(SpecError, match="also zoom"):
        ClipSpec.from_json({"zoom": 2})
    with pytest.raises(SpecError, match="three numbers, one a colour"):
        ClipSpec(std=untyped((0.2, 0.2)))
    with pytest.raises(SpecError, match="frames: expected a whole number"):
        ClipSpec(frames=0)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("std", (0.2, 0.0, 0.2), "clip std: expected numbers above 0; found 0.2, 0.0, 0.2"),
        ("std", (-1, 1, 1), "expected numbers above 0"),
        ("std", (float("nan"), 1, 1), "expected numbers above 0"),
        ("mean", (0.5, float("inf"), 0.5), "clip mean: expected finite numbers"),
        ("frames", 1_000_000, "frames: expected at most 10000; found 1000000"),
        ("crop", 100_000, "crop: expected at most 8192"),
        ("resize", 100_000, "resize: expected at most 8192"),
    ],
)
def test_clips_that_nothing_could_be_made_of_are_refused(field: str, value: object, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        ClipSpec(**{field: value})  # type: ignore[arg-type] # wrong on purpose


def test_a_million_frames_are_a_slip_of_the_hand() -> None:
    with pytest.raises(SpecError, match="num frames: expected at most 10000"):
        ModelSpec("gst", "resnet50", num_frames=1_000_000)
