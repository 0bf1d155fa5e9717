"""Every network is the plain 3-D network of its paper: outputs and gradients, to rounding."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gst_analysis.networks.families import runnable_families
from gst_analysis.networks.registry import build_model
from gst_analysis.networks.specs import ModelSpec, model_names
from gst_analysis.networks.undrawn import shapes_alone
from tests.networks.agreement import (
    build_pair,
    draw_clips,
    measure_distance,
    pass_product,
    pass_reference,
    relative,
)
from tests.reference import build_reference

TOLERANCE = 1e-5  # relative, in fp32
BACKBONES = ("resnet18", "resnet26s", "resnet50", "mobilenetv2")
NAMES = [name for name in model_names() if name.endswith(BACKBONES)]

# Bottlenecks and inverted residuals train in every run; the other backbones in the slow one.
TRAINED = [
    pytest.param(name, marks=() if name.endswith(("resnet26s", "mobilenetv2")) else pytest.mark.slow)
    for name in NAMES
]


def small(name: str, **settings: object) -> ModelSpec:
    return ModelSpec.from_name(name, width=16, num_classes=5, **settings)


def assert_close(spec: ModelSpec, clips: Tensor) -> None:
    distance = measure_distance(spec, clips, tolerance=TOLERANCE)
    worst = max(distance, key=distance.__getitem__)
    assert distance[worst] < TOLERANCE, worst


def test_the_names_cover_every_family_that_runs() -> None:
    for family in runnable_families():
        covered = {name.removeprefix(f"{family}-") for name in NAMES if name.startswith(f"{family}-")}
        assert covered >= {"resnet18", "resnet26s", "resnet50"}


@pytest.mark.parametrize("name", NAMES)
def test_fp32_with_fixed_statistics(name: str) -> None:
    assert_close(small(name), draw_clips(2, 5, 40))


@pytest.mark.parametrize("frames", [1, *(pytest.param(n, marks=pytest.mark.slow) for n in (2, 3))])
@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(("resnet26s", "mobilenetv2"))])
def test_fp32_of_any_number_of_frames(name: str, frames: int) -> None:
    assert_close(small(name), draw_clips(2, frames, 40))


@pytest.mark.parametrize("name", TRAINED)
def test_training_in_double(name: str) -> None:
    """Batch statistics and ReLU's kinks magnify rounding, so the truth of training is shown in double."""
    product, reference = build_pair(small(name), train=True)
    clips = draw_clips(2, 4, 64).double()
    found = pass_product(product.double(), clips)
    truth = pass_reference(reference.double(), clips, product)
    assert relative(found.output, truth.output) < 1e-11
    assert max(found.distance(truth).values()) < 1e-7
    own, other = dict(product.named_buffers()), dict(reference.named_buffers())
    assert relative(own["bn1.running_var"], other["bn1.running_var"]) < 1e-11


@pytest.mark.parametrize("name", TRAINED)
def test_training_in_fp32_is_rounding_away_from_double(name: str) -> None:
    """Batch statistics of few values magnify rounding layer by layer, in the reference too."""
    product, reference = build_pair(small(name), train=True)
    clips = draw_clips(2, 4, 64)
    with torch.no_grad():
        truth = reference.double()(clips.double())
        assert relative(product(clips), truth) < 5e-3


@pytest.mark.parametrize("alpha", ["1/2", "1/8"])
@pytest.mark.parametrize("name", ["gst-resnet26s", "gst-large-resnet26s", "sth-resnet26s"])
def test_other_alphas(name: str, alpha: str) -> None:
    assert_close(small(name, alpha=alpha), draw_clips(2, 4, 40))


@pytest.mark.parametrize("backbone", ["resnet34", "resnet101", "resnet152"])
def test_deeper_tsm_shifts_where_the_reference_does(backbone: str) -> None:
    product, reference = build_pair(ModelSpec("tsm", backbone, width=8, num_classes=5))
    clips = draw_clips(1, 4, 33)
    with torch.inference_mode():
        assert relative(product(clips), reference(clips)) < TOLERANCE


@pytest.mark.parametrize("name", [name for name in model_names() if not name.endswith(("101", "152"))])
def test_parameters_are_the_references(name: str) -> None:
    spec = ModelSpec.from_name(name)
    with shapes_alone():
        product = build_model(spec)
        reference = build_reference(spec.family, spec.backbone, width=spec.stem_width)
    own = sum(parameter.numel() for parameter in product.parameters())
    assert own == sum(parameter.numel() for parameter in reference.parameters())


@pytest.mark.slow
@pytest.mark.parametrize("family", runnable_families())
def test_full_width_resnet50(family: str) -> None:
    """Outputs in fp32, gradients in double: of so many activations some always lie at a ReLU's kink."""
    product, reference = build_pair(ModelSpec(family, "resnet50"))
    clips = draw_clips(1, 8, 112)
    with torch.inference_mode():
        assert relative(product(clips), reference(clips)) < TOLERANCE
    clips = draw_clips(1, 2, 64).double()
    found = pass_product(product.double(), clips)
    truth = pass_reference(reference.double(), clips, product)
    assert max(found.distance(truth).values()) < 1e-9
