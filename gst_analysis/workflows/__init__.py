"""Load, analyse, draw, save: what the command line, the explorer and notebooks call.

Every function here returns a result that knows its table, its summary, where it came from and how to
draw itself. None of them prints, parses arguments or decides anything about science. Torch and pandas are
imported when a function needs them.
"""

from gst_analysis.workflows.costs import (
    Comparison,
    Cost,
    PaperAudit,
    Placing,
    audit_paper,
    compare_with_published,
    cost,
    summarise_cost,
)
from gst_analysis.workflows.datasets import DatasetCheck, MadeWorld, check_dataset, make_world
from gst_analysis.workflows.files import IMAGE_FORMATS, TABLE_FORMATS, save_figures, save_html
from gst_analysis.workflows.scales import BnScales, bn_scales, join_bn_scales, save_bn_scales
from gst_analysis.workflows.sources import (
    CHECKPOINT_ENDINGS,
    Inspection,
    Progress,
    build_untrained,
    inspect_checkpoint,
    list_checkpoints,
    open_checkpoint,
    resolve_spec,
)
from gst_analysis.workflows.training import list_recipes, train

__all__ = [
    "CHECKPOINT_ENDINGS",
    "IMAGE_FORMATS",
    "TABLE_FORMATS",
    "BnScales",
    "Comparison",
    "Cost",
    "DatasetCheck",
    "Inspection",
    "MadeWorld",
    "PaperAudit",
    "Placing",
    "Progress",
    "audit_paper",
    "bn_scales",
    "build_untrained",
    "check_dataset",
    "compare_with_published",
    "cost",
    "inspect_checkpoint",
    "join_bn_scales",
    "list_checkpoints",
    "list_recipes",
    "make_world",
    "open_checkpoint",
    "resolve_spec",
    "save_bn_scales",
    "save_figures",
    "save_html",
    "summarise_cost",
    "train",
]
