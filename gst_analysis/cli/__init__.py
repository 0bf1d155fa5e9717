"""The command line: arguments in, workflow out. Nothing heavy is imported before a command runs.

Exit codes: 0 done, 1 a problem was found that the command was asked to find, 2 bad input (one line on
stderr), 130 interrupted. With --json stdout carries one JSON document and nothing else.

A module here holds a few commands; they stand in `--help` in the order of these imports.
"""

# isort: off
from gst_analysis.cli import checkpoints, costs, datasets, training
from gst_analysis.cli import inference
from gst_analysis.cli import ablation, slimming
from gst_analysis.cli import comparison
from gst_analysis.cli import influence
from gst_analysis.cli import traces
from gst_analysis.cli import saliency
from gst_analysis.cli import importance
from gst_analysis.cli import drift
from gst_analysis.cli import report
from gst_analysis.cli import demo
from gst_analysis.cli.program import app, main, run

__all__ = [
    "ablation",
    "app",
    "checkpoints",
    "comparison",
    "costs",
    "datasets",
    "demo",
    "drift",
    "importance",
    "inference",
    "influence",
    "main",
    "report",
    "run",
    "saliency",
    "slimming",
    "traces",
    "training",
]
