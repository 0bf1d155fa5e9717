"""Which network to look at, by its design: widgets -> arguments of a ModelSpec.

All pages share the choice, and the URL names it.
"""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from app import links
from gst_analysis.checkpoints.naming import resolve_spec
from gst_analysis.networks.spec_values import MIN_SIZE
from gst_analysis.networks.specs import ModelSpec, model_names

ALPHAS = ("1/2", "1/4", "1/8", "1/16")
BETAS = ("1/2", "1")
BACKBONE_TITLES = {"resnet26s": "ResNet-26, small", "mobilenetv2": "MobileNetV2"}


class ClipSizes(NamedTuple):
    """What goes in, and how many classes come out."""

    frames: int | None = None
    size: int = 224
    classes: int | None = None


class Design(NamedTuple):
    """What the widgets say about a network, which may be impossible."""

    name: str
    alpha: str | None
    beta: str | None

    def resolve(self, sizes: ClipSizes | None = None) -> ModelSpec:
        """The network, or the SpecError that says why there is none."""
        asked = sizes or ClipSizes()
        return resolve_spec(
            self.name, alpha=self.alpha, beta=self.beta, num_frames=asked.frames, num_classes=asked.classes
        )


def choose_design() -> Design:
    """Family, backbone and, where they apply, α and β."""
    specs = [ModelSpec.from_name(name) for name in model_names()]
    titles = {spec.family: spec.operator.title for spec in specs if spec.family != "gst-large"}
    titles["gst"] = "GST, GST-Large"
    links.check_choice("family", titles)
    family = st.selectbox(
        "Family",
        list(titles),
        format_func=titles.__getitem__,
        key="family",
        bind="query-params",
        help="What stands where a 3×3 convolution stood, in every block.",
    )
    backbones = [spec.backbone for spec in specs if spec.family == family]
    links.check_choice("backbone", {name: _title(name) for name in backbones})
    backbone = st.selectbox(
        "Backbone",
        backbones,
        index=backbones.index("resnet50"),
        key="backbone",
        bind="query-params",
        format_func=_title,
        help="The 2-D network it stands in. MobileNetV2 takes only families with a depthwise form: "
        "C2D, TSM and STH.",
    )
    plain = ModelSpec(family, backbone)
    return Design(plain.name, _choose_alpha(plain), _choose_beta(plain))


def choose_sizes() -> ClipSizes:
    """Frames, their size, and the classes of the head."""
    for key, least, most in (("frames", 1, 1024), ("size", MIN_SIZE, 2048), ("classes", 1, 100_000)):
        links.check_number(key, least, most)
    frames = st.number_input("Frames", 1, 1024, 8, key="frames", bind="query-params", help="In one clip.")
    size = st.number_input(
        "Frame size",
        MIN_SIZE,
        2048,
        224,
        step=16,
        key="size",
        bind="query-params",
        help="Height and width in pixels.",
    )
    classes = st.number_input(
        "Classes", 1, 100_000, 174, key="classes", bind="query-params", help="174 in Something-Something."
    )
    return ClipSizes(frames, size, classes)


def _title(backbone: str) -> str:
    return BACKBONE_TITLES.get(backbone, backbone.replace("resnet", "ResNet-"))


def _choose_alpha(spec: ModelSpec) -> str | None:
    if spec.alpha is None:
        return None
    links.check_text("alpha")
    return st.selectbox(
        "α, the temporal share",
        ALPHAS,
        index=1,
        key="alpha",
        bind="query-params",
        accept_new_options=True,
        help="The fraction of a block's channels that look over time. Pick one or type one, such as 3/8.",
    )


def _choose_beta(spec: ModelSpec) -> str | None:
    if spec.beta is None:
        return None
    links.check_choice("beta", {beta: beta for beta in BETAS}, usual=BETAS[0])
    chosen = st.segmented_control(
        "β, what each path reads",
        BETAS,
        default=BETAS[0],
        key="beta",
        bind="query-params",
        required=True,
        help="The fraction of the input channels that the spatial and the temporal path each read: "
        "1/2 is GST, 1 is GST-Large.",
    )
    return chosen or BETAS[0]
