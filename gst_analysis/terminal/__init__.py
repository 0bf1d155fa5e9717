"""Results as text for people, and progress bars. Text goes to stdout, progress to stderr."""

from __future__ import annotations

from gst_analysis.terminal.checkpoints import show_bn_scales, show_inspection
from gst_analysis.terminal.costs import show_audit, show_cost
from gst_analysis.terminal.datasets import show_dataset_check, show_world
from gst_analysis.terminal.output import print_json, show_files, show_progress
from gst_analysis.terminal.training import show_recipes, show_trained, show_training

__all__ = [
    "print_json",
    "show_audit",
    "show_bn_scales",
    "show_cost",
    "show_dataset_check",
    "show_files",
    "show_inspection",
    "show_progress",
    "show_recipes",
    "show_trained",
    "show_training",
    "show_world",
]
