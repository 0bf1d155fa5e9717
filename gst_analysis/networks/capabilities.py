"""What can be asked of a network, and why not: one rule and one wording for every analysis. No torch here."""

from __future__ import annotations

from gst_analysis.errors import NotDefinedError
from gst_analysis.networks.anatomy import NO_ARITHMETIC, Anatomy
from gst_analysis.networks.described import NetworkSpec
from gst_analysis.networks.next_layer import NextLayer
from gst_analysis.networks.specs import ModelSpec
from gst_analysis.networks.time_kernels import say_left_out
from gst_analysis.networks.widths import why_not_slimmed
from gst_analysis.rooms import Ask


def why_not(spec: NetworkSpec, anatomy: Anatomy, ask: Ask) -> str:
    """Why a network lacks what an analysis needs; empty where it has it."""
    operator = spec.operator if isinstance(spec, ModelSpec) else None
    if ask in ("logits", "frames", "length") and operator is not None and operator.unbuildable:
        return operator.unbuildable
    if ask == "frames" and spec.output != "frames":
        return "it gives one answer a clip, not one a frame"
    if ask == "length" and not anatomy.any_length:
        return f"it takes clips of {spec.num_frames} frames alone"
    if ask == "places" and not anatomy.places:
        return "no module along its way could be read as frames"
    lacking = not anatomy.units if ask in ("units", "groups") else not anatomy.scaled
    if ask in ("units", "groups", "scales", "readers") and lacking:
        return "no batch norm follows a convolution over space or time in it"
    if ask == "groups" and not anatomy.tells_apart:
        return "its channels cannot be told apart into space and time"
    if ask == "readers" and not any(isinstance(found, NextLayer) for _, found in anatomy.readers):
        return "which weights read a channel next could be told for none of its norms"
    if ask == "time" and not anatomy.time_kernels:
        return f"no kernel, shift or gate over time was found in it{_add_left_out(anatomy)}"
    if ask == "colours" and spec.flow:
        return "it takes optical flow, and what is rendered are colour frames"
    if ask in ("arithmetic", "widths") and not isinstance(spec, ModelSpec):
        return NO_ARITHMETIC
    if ask == "widths" and isinstance(spec, ModelSpec):
        return why_not_slimmed(spec.operator, spec.plan, spec.alpha)
    return ""


def _add_left_out(anatomy: Anatomy) -> str:
    """What does reach over frames, so that nobody takes it for a network of single frames."""
    told = say_left_out(anatomy.left_out)
    return f", and weights alone do not say what others do: {told}" if told else ""


def require(spec: NetworkSpec, anatomy: Anatomy, *asks: Ask, what: str) -> None:
    """Refuse an analysis that a network lacks something for.

    Raises:
        NotDefinedError: it does.
    """
    for ask in asks:
        reason = why_not(spec, anatomy, ask)
        if reason:
            raise NotDefinedError(
                f"{what} of {spec.label}",
                expected="a network that it is defined for",
                found=f"not defined for this network, because {reason}",
                todo="see docs/networks.md for what can be asked of it",
            )
