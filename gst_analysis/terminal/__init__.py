"""Results as text for people, and progress bars. Text goes to stdout, progress to stderr."""

from __future__ import annotations

from gst_analysis.terminal.ablation import show_ablation
from gst_analysis.terminal.checkpoints import show_bn_scales, show_inspection
from gst_analysis.terminal.comparison import show_comparison
from gst_analysis.terminal.costs import show_audit, show_cost
from gst_analysis.terminal.datasets import show_dataset_check, show_world
from gst_analysis.terminal.drift import show_drift
from gst_analysis.terminal.importance import show_importance
from gst_analysis.terminal.inference import show_evaluation, show_predictions
from gst_analysis.terminal.influence import show_influence
from gst_analysis.terminal.output import print_json, show_files, show_progress
from gst_analysis.terminal.report import show_report
from gst_analysis.terminal.saliency import show_saliency
from gst_analysis.terminal.slimming import show_slimming
from gst_analysis.terminal.traces import show_traced_folder, show_traces
from gst_analysis.terminal.training import show_demo, show_recipes, show_stopped, show_trained, show_training

__all__ = [
    "print_json",
    "show_ablation",
    "show_audit",
    "show_bn_scales",
    "show_comparison",
    "show_cost",
    "show_dataset_check",
    "show_demo",
    "show_drift",
    "show_evaluation",
    "show_files",
    "show_importance",
    "show_influence",
    "show_inspection",
    "show_predictions",
    "show_progress",
    "show_recipes",
    "show_report",
    "show_saliency",
    "show_slimming",
    "show_stopped",
    "show_traced_folder",
    "show_traces",
    "show_trained",
    "show_training",
    "show_world",
]
