"""The rooms: one folder an analysis, each with the same few files."""

ROOMS = (
    "scales",
    "cost",
    "dataset_check",
    "evaluation",
    "ablation",
    "slimming",
    "comparison",
    "influence",
    "traces",
    "saliency",
    "importance",
    "drift",
)
"""Every analysis, in the order in which people meet them."""
