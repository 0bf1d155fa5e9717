"""What every section of a report shows, in one sentence, and how far it can be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gst_analysis.analyses.importance.table import WHICH_TO_TRUST


@dataclass(frozen=True)
class Words:
    """A section's title, what it shows, and its limits."""

    title: str
    shows: str
    limits: tuple[str, ...] = ()


WORDS: Mapping[str, Words] = {
    "checkpoint": Words(
        "What this checkpoint is",
        "What was read off the weights, what the file or its card says, and what had to be assumed.",
        (
            "How a clip is sampled, cropped and normalised, and what the classes are called, is not in the "
            "weights: it is what the file or its card says, or a default that the notes name.",
        ),
    ),
    "scales": Words(
        "Space and time by batch-norm scale",
        "How large the batch-norm scales γ of the spatial and of the temporal channels are, in every block "
        "(the paper's Figure 4).",
        (
            "A scale is not importance: see the next section.",
            "The tests take channels as draws from what this network might have had. They do not say what "
            "another training run would give.",
        ),
    ),
    "importance": Words(
        "How much channels matter",
        "How much each layer's spatial and temporal channels hand on to what follows: by raw γ, and by a "
        "score that no rescaling can move.",
        (
            WHICH_TO_TRUST,
            "Contributions are added up as if filters did not cancel, and what later layers do with them is "
            "not seen. Compare channels of one layer.",
            "The scores here take what passes as normally distributed; measured on clips (--clips) they can "
            "differ.",
        ),
    ),
    "drift": Words(
        "How far scales have moved",
        "How far γ lies from where training began, block by block.",
        (
            "A scale that has not moved may still be needed, and one that has moved need not be: movement is "
            "no importance either.",
            "Weight decay moves all scales alike. Then values change while their order stays as it began.",
        ),
    ),
    "cost": Words(
        "What it costs",
        "Parameters and multiply-adds of one clip, and what they are spent on: space, time, or both.",
        (
            "Multiply-adds are not time: a real machine also copies and waits. Counted are convolutions and "
            "linear layers; other counters add norms and pooling.",
        ),
    ),
    "accuracy": Words(
        "How often it is right",
        "How often the class predicted is the one the clip is labelled with, and what it is taken for "
        "otherwise.",
        ("On these clips, one middle view of each. The fewer clips, the less a percentage says.",),
    ),
    "ablation": Words(
        "What each group of channels is needed for",
        "How much worse the network predicts when the spatial or the temporal channels of one layer are "
        "changed.",
        (
            "Other channels may stand in for what was changed: a small rise does not mean that a group does "
            "nothing.",
            "Later layers meet values they were not trained on, so part of a rise may be their surprise.",
        ),
    ),
    "slimming": Words(
        "What a smaller network would keep",
        "How many channels of each group are left when those with the lowest invariant scores are taken out, "
        "until 80% of the multiply-adds remain.",
        (
            "Before any fine-tuning. What a smaller network reaches after it is not measured here.",
            "Which channels go is decided by a score of the weights alone; scores that look at clips choose "
            "otherwise (--score).",
        ),
    ),
    "traces": Words(
        "A few clips, frame by frame",
        "What the network says of every frame before the frames are averaged (the paper's Figure 5).",
        (
            "A frame's prediction may draw on every frame of the clip, later ones too: it is no evidence of "
            "that frame alone.",
        ),
    ),
    "influence": Words(
        "What a frame's prediction is made of",
        "How much the prediction for each frame depends on each input frame.",
        (
            "Dependence has no direction: a frame can speak for the class or against it.",
            "A frame put in another's place is no neutral frame, so occlusion shows the network something "
            "unusual too.",
        ),
    ),
    "saliency": Words(
        "Where it looks",
        "Where in the frames a clip speaks for the class predicted, for a whole block and for its spatial "
        "and its temporal channels (Grad-CAM).",
        (
            "It says where evidence is, in cells as large as those of the block's map, not which pixels "
            "would have to change.",
            "Edges alone draw heat to a lone object: an untrained network can look well placed too.",
            "Deep blocks have looked around in space and time; their heat at a place is about more than that "
            "place.",
        ),
    ),
    "provenance": Words(
        "Where the numbers come from",
        "The files and settings that give this page again, byte for byte, on the same machine.",
    ),
}
"""By section, in the order of the page."""

SECTIONS = tuple(name for name in WORDS if name not in ("checkpoint", "provenance"))
"""Those that may be left out."""


def name_section(name: str) -> str:
    """A section's title."""
    return WORDS[name].title
