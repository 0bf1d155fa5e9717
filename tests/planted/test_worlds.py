"""Classes, labels, splits and factors of the planted worlds, without a pixel drawn."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, chisquare

from gst_analysis.errors import DataError, SpecError
from gst_analysis.planted.making import WORLDS, WorldConfig, classes_of, draw_plan
from gst_analysis.planted.scenes import class_of
from gst_analysis.planted.worlds import split_of

UNLIKELY = 1e-3


def independence(first, second):
    """The p-value of a chi-square test that two lists of factors have nothing to do with each other."""
    rows, columns = sorted(set(first)), sorted(set(second))
    table = np.zeros((len(rows), len(columns)))
    for a, b in zip(first, second, strict=True):
        table[rows.index(a), columns.index(b)] += 1
    return chi2_contingency(table).pvalue


def plans_of(world, clips, **options):
    config = WorldConfig(world=world, clips=clips, **options)
    return [draw_plan(config, index) for index in range(clips)]


@pytest.mark.parametrize(
    ("world", "classes"),
    [
        ("static", 12),
        ("temporal", 12),
        ("mixed", 12),
        ("state-change", 8),
        ("there-and-back", 5),
        ("long-order", 8),
        ("clock", 6),
        ("speed", 3),
        ("count", 3),
        ("hidden", 6),
        ("hard", 48),
    ],
)
def test_every_class_has_a_name_of_its_own_in_the_order_of_names(world, classes):
    labels = [c.label for c in classes_of(world)]
    assert len(set(labels)) == classes
    assert labels == sorted(labels)
    assert all("[something]" in c.template for c in classes_of(world))


def test_partners_are_mutual_and_differ_in_direction_or_outcome_only():
    for world in ("temporal", "mixed", "state-change"):
        named = {c.label: c for c in classes_of(world)}
        for planted in named.values():
            partner = named[planted.partner]
            assert partner.partner == planted.label
            assert (partner.action, partner.shape) == (planted.action, planted.shape)
            if world == "state-change":
                assert {partner.completes, planted.completes} == {True, False}
            else:
                assert partner.backwards != planted.backwards
    assert not any(c.partner for c in classes_of("static"))


@given(
    world=st.sampled_from(WORLDS),
    clips=st.integers(96, 700),
    fraction=st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def test_labels_are_balanced_in_every_split(world, clips, fraction, seed):
    config = WorldConfig(world=world, clips=clips, train_fraction=fraction, seed=seed)
    counts: dict[str, Counter[int]] = {"train": Counter(), "validation": Counter()}
    for index in range(clips):
        counts[split_of(config, index)][class_of(config, index)] += 1
    classes = range(len(config.classes))
    for count in counts.values():
        spread = [count[c] for c in classes]
        assert max(spread) - min(spread) <= 1
    if 0 < fraction < 1:
        assert min(counts["train"].values()) > 0
        assert len(set(counts["validation"].values())) == 1
        wanted = clips * (1 - fraction)
        assert abs(counts["validation"].total() - wanted) <= max(
            len(classes), wanted - clips + 2 * len(classes)
        )
    else:
        assert not counts["validation" if fraction else "train"]


def test_the_order_of_labels_tells_nothing():
    config = WorldConfig(clips=12_000)
    labels = [class_of(config, index) for index in range(config.clips)]
    assert independence([i % 12 for i in range(config.clips)], labels) > UNLIKELY
    assert labels[:12] != labels[12:24]


def test_a_class_is_the_same_however_many_clips_there_are():
    few, many = WorldConfig(clips=30), WorldConfig(clips=900)
    assert [class_of(few, i) for i in range(30)] == [class_of(many, i) for i in range(30)]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"world": "temporl"}, "did you mean temporal?"),
        ({"difficulty": "impossible"}, "easy, medium, hard"),
        ({"container": "mp5"}, "did you mean mp4?"),
        ({"size": 97}, "use 98"),
        ({"size": 16}, "32 to 512"),
        ({"frames": 7}, "8 to 512"),
        ({"frames": 24.0}, "a whole number"),
        ({"fps": 0}, "1 to 120"),
        ({"seed": -1}, "0 to 4294967295"),
        ({"clips": True}, "a whole number"),
        (
            {"clips": 23},
            "at least 24, so that both splits hold every class; found 23; ask for 24 or more clips",
        ),
        ({"train_fraction": 1.5}, "from 0 to 1"),
        ({"train_fraction": float("nan")}, "from 0 to 1"),
        ({"world": "hard", "rest": 0.8}, "a number from 0 to 0.75"),
        ({"world": "hard", "rest": float("nan")}, "a number from 0 to 0.75"),
        ({"world": "speed", "rest": 0.5}, "leave rest out, or ask for the world hard"),
        ({"world": "hard", "rest": 0.75, "frames": 15}, "ask for more frames, or for less rest"),
    ],
)
def test_an_impossible_world_is_refused_in_one_line(options, said):
    with pytest.raises(SpecError) as error:
        WorldConfig(**options)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unknown_class_is_refused_with_the_known_ones():
    with pytest.raises(DataError, match="Moving something up"):
        draw_plan(WorldConfig(), 0, label="Moving something sideways")


def test_static_motion_and_colour_say_nothing_about_the_label():
    plans = plans_of("static", 1800)
    labels = [p.class_id for p in plans]
    for factor in ([p.action for p in plans], [p.backwards for p in plans], [p.look.hue for p in plans]):
        assert len(set(factor)) > 1
        assert independence(labels, factor) > UNLIKELY
    for plan in plans:
        assert (plan.look.shape, plan.look.texture) == (plan.planted.shape, plan.planted.texture)
        assert all(s.shape == plan.look.shape for s in plan.scene.sprites if s.role == "target")


def test_temporal_appearance_says_nothing_about_the_label():
    plans = plans_of("temporal", 1800)
    labels = [p.class_id for p in plans]
    for name in ("shape", "texture", "hue", "twin_hue"):
        assert independence(labels, [getattr(p.look, name) for p in plans]) > UNLIKELY
    sides = [bool(p.scene.backdrop.pan[-1, 0] > p.scene.backdrop.pan[0, 0]) for p in plans]
    assert independence(labels, sides) > UNLIKELY
    assert (
        independence([p.backwards for p in plans], [round(10 * p.look.radius, 1) for p in plans]) > UNLIKELY
    )


def test_mixed_shape_and_motion_are_the_label_and_texture_is_not():
    plans = plans_of("mixed", 1200)
    for plan in plans:
        assert (plan.look.shape, plan.action, plan.backwards) == (
            plan.planted.shape,
            plan.planted.action,
            plan.planted.backwards,
        )
    assert independence([p.look.shape for p in plans], [(p.action, p.backwards) for p in plans]) > UNLIKELY
    assert independence([p.class_id for p in plans], [p.look.texture for p in plans]) > UNLIKELY


def test_the_state_changes_at_any_frame_that_leaves_a_before_and_an_after():
    plans = plans_of("state-change", 2400)
    taus = Counter(p.tau for p in plans if p.planted.completes)
    assert set(taus) == set(range(4, 21))
    assert chisquare(list(taus.values())).pvalue > UNLIKELY
    assert all(p.tau == p.twin_tau for p in plans if p.planted.completes)
    never = [p for p in plans if not p.planted.completes]
    assert len(never) == 1200
    assert all(p.tau is None and p.twin_tau is not None for p in never)
    assert independence([p.class_id for p in plans], [p.twin_tau for p in plans]) > UNLIKELY


@pytest.mark.parametrize("frames", [8, 16, 100])
def test_tau_spans_clips_of_any_length(frames):
    taus = [p.tau for p in plans_of("state-change", 600, frames=frames) if p.tau is not None]
    assert 2 <= min(taus) <= 0.26 * frames
    assert 0.6 * frames <= max(taus) <= frames - 3


def test_placeholders_fill_the_template_and_keep_the_label_to_themselves():
    for world in WORLDS:
        for plan in plans_of(world, 120):
            assert len(plan.placeholders) == plan.planted.template.count("[something]")
            if plan.planted.shape:
                assert plan.planted.shape not in " ".join(plan.placeholders)
