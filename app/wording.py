"""Numbers, names and errors as people read them, and the sentences that several pages share."""

from __future__ import annotations

import re

from gst_analysis.errors import GstError, one_line

SCALES_INTRO = (
    "After each temporal operator stands a batch norm with one scale γ per channel. Some of those channels "
    "look at one frame at a time (:blue[**spatial**]), the others across frames (:orange[**temporal**]). "
    "Figure 4 of the GST paper reads a larger scale as a channel that the network relies on more."
)
GROUP_NOTES = {
    "sth": (
        "**STH (our reading of its abstract).** Every filter owns a spatial and a temporal kernel, so its "
        "one scale belongs to both: it is shared out by the energy of their weights, and each channel "
        "appears once in each histogram. Before training that shows only how fresh weights are spread over "
        "the two kernels. In MobileNetV2 a filter is either spatial or temporal, as in GST."
    ),
}
NO_GROUPS = (
    "**No groups, one histogram.** {names}: in this family every channel is made in the same way, so there "
    "are no spatial and temporal channels to compare. Add a GST checkpoint to see two histograms."
)
CAUTION = (
    "A scale by itself proves nothing: multiply a channel's γ and its offset by ten, divide the next layer's "
    "weights for it by ten, and every prediction stays the same while this figure changes."
)
UNTRAINED = (
    "**This network is untrained.** {name} with fresh weights stands in until there is a checkpoint to show. "
    "Batch norm starts with every γ equal to 1, so nothing tells one channel from another yet: expect a "
    "single bar. Training is what moves them apart. Add a checkpoint on the left to see where it keeps time."
)

COST_INTRO = (
    "Design a network on the left and see what one clip costs. :blue[**Spatial**] kernels look within a "
    "frame, :orange[**temporal**] ones across frames; stem, 1×1 convolutions and head are **shared**."
)
FLOPS_NOTE = "Two for each multiply-add. Many papers, GST's too, print multiply-adds and call them FLOPs."
TRADEOFF_INTRO = (
    "Accuracies as the GST paper prints them, over cost. What your design would reach is not known without "
    "training it, so it stands as a line at its cost."
)
CONVENTIONS = {
    "conv+linear": (
        "convolutions and the linear head only, as above. The default of most papers; PyTorch's own "
        "`FlopCounterMode` prints twice this, since it counts a multiply and an add as two."
    ),
    "conv+linear+bn": "batch norm too, one scale and one offset for each value. As `fvcore` counts.",
    "conv+linear+bn+relu+pool": (
        "ReLU, pooling and the head's biases too. As `ptflops` counts, and nearest to what the GST paper "
        "prints as GFLOPs."
    ),
}
DATASETS = {
    "something-v1": "Something-Something V1",
    "something-v2": "Something-Something V2",
    "diving48": "Diving48",
    "egtea gaze+": "EGTEA Gaze+",
}

_STEPS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def people(number: float, unit: str = "", *, digits: int = 1) -> str:
    """A count for reading: 21035246 is 21.0 M, and with the unit MACs it is 21.0 MMACs."""
    for step, letter in _STEPS:
        if number >= step:
            return f"{number / step:.{digits}f} {letter}{unit}"
    return f"{number:.0f} {unit}".rstrip()


def plain_name(name: str, *, limit: int = 60) -> str:
    """A file's name without what browsers, figures or markdown could take for an instruction."""
    return re.sub(r"[^\w.+=@()\[\] -]", "_", one_line(name))[:limit] or "checkpoint"


def literal(text: str) -> str:
    """Text that markdown shows as it is, addresses not as links."""
    apart = re.sub(r"(?<=:)(?=//)|(?<=www)(?=\.)", "\u2060", one_line(text))
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", apart)


def tell(error: GstError, *, path: object = None, shown: str = "") -> str:
    """An error's own sentence; where it names a path, the name the visitor knows the file by."""
    sentence = str(error)
    return literal(sentence.replace(str(path), shown) if path is not None else sentence)
