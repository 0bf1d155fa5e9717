"""Load, analyse, draw, save: what the command line, the explorer and notebooks call.

Every function here returns a result that knows its table, its summary, where it came from and how to
draw itself. None of them prints, parses arguments or decides anything about science. Torch and pandas are
imported when a function needs them.
"""

from gst_analysis.workflows.ablation import Ablation, ablate, save_ablation
from gst_analysis.workflows.comparison import ScaleComparison, compare_scales, save_comparison
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
from gst_analysis.workflows.demo import Demo, DemoSize, run_demo
from gst_analysis.workflows.drift import Drift, measure_drift, save_drift
from gst_analysis.workflows.files import IMAGE_FORMATS, TABLE_FORMATS, save_figures, save_html
from gst_analysis.workflows.fine_tuning import FineTuning
from gst_analysis.workflows.importance import Importance, channel_importance, save_importance
from gst_analysis.workflows.inference import (
    ClipPredictions,
    ModelEvaluation,
    evaluate,
    leads,
    predict,
    save_evaluation,
    save_predictions,
)
from gst_analysis.workflows.influence import FrameInfluence, frame_influence, save_influence
from gst_analysis.workflows.labelled_clips import ClipChoice, load_labelled_clips
from gst_analysis.workflows.opening import open_model
from gst_analysis.workflows.report import Report, check_report_place, report, save_report
from gst_analysis.workflows.report_clips import ReportPlan
from gst_analysis.workflows.saliency import SaliencyMaps, saliency_maps, save_saliency
from gst_analysis.workflows.scales import BnScales, bn_scales, join_bn_scales, save_bn_scales
from gst_analysis.workflows.score_agreement import ScoreAgreement, save_score_agreement, score_agreement
from gst_analysis.workflows.single_clips import (
    CLIP_ENDINGS,
    PLANTED_SEED,
    PLANTED_WORLDS,
    PlantedClip,
    Windows,
    find_windows,
    match_world,
    name_clip,
    open_named,
    planted_clips,
    trace_clip,
)
from gst_analysis.workflows.slimming import SLIM_SCORES, Slimming, SlimTarget, save_slimming, slim
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
from gst_analysis.workflows.trace_files import (
    TRACE_FORMATS,
    TracedFolder,
    TraceFiles,
    save_traces,
    trace_to_folder,
)
from gst_analysis.workflows.trace_runs import TraceOptions, choose_clips
from gst_analysis.workflows.traces import Traces, trace
from gst_analysis.workflows.training import can_resume, list_recipes, train
from gst_analysis.workflows.training_runs import (
    RunSummary,
    TrainingRun,
    follow_gamma,
    read_run,
    watch_rendering,
)
from gst_analysis.workflows.trials import TRIAL_CLIPS, TRIAL_LIST, TRIAL_SEED, make_trial

__all__ = [
    "CHECKPOINT_ENDINGS",
    "CLIP_ENDINGS",
    "IMAGE_FORMATS",
    "PLANTED_SEED",
    "PLANTED_WORLDS",
    "SLIM_SCORES",
    "TABLE_FORMATS",
    "TRACE_FORMATS",
    "TRIAL_CLIPS",
    "TRIAL_LIST",
    "TRIAL_SEED",
    "Ablation",
    "BnScales",
    "ClipChoice",
    "ClipPredictions",
    "Comparison",
    "Cost",
    "DatasetCheck",
    "Demo",
    "DemoSize",
    "Drift",
    "FineTuning",
    "FrameInfluence",
    "Importance",
    "Inspection",
    "MadeWorld",
    "ModelEvaluation",
    "PaperAudit",
    "Placing",
    "PlantedClip",
    "Progress",
    "Report",
    "ReportPlan",
    "RunSummary",
    "SaliencyMaps",
    "ScaleComparison",
    "ScoreAgreement",
    "SlimTarget",
    "Slimming",
    "TraceFiles",
    "TraceOptions",
    "TracedFolder",
    "Traces",
    "TrainingRun",
    "Windows",
    "ablate",
    "audit_paper",
    "bn_scales",
    "build_untrained",
    "can_resume",
    "channel_importance",
    "check_dataset",
    "check_report_place",
    "choose_clips",
    "compare_scales",
    "compare_with_published",
    "cost",
    "evaluate",
    "find_windows",
    "follow_gamma",
    "frame_influence",
    "inspect_checkpoint",
    "join_bn_scales",
    "leads",
    "list_checkpoints",
    "list_recipes",
    "load_labelled_clips",
    "make_trial",
    "make_world",
    "match_world",
    "measure_drift",
    "name_clip",
    "open_checkpoint",
    "open_model",
    "open_named",
    "planted_clips",
    "predict",
    "read_run",
    "report",
    "resolve_spec",
    "run_demo",
    "saliency_maps",
    "save_ablation",
    "save_bn_scales",
    "save_comparison",
    "save_drift",
    "save_evaluation",
    "save_figures",
    "save_html",
    "save_importance",
    "save_influence",
    "save_predictions",
    "save_report",
    "save_saliency",
    "save_score_agreement",
    "save_slimming",
    "save_traces",
    "score_agreement",
    "slim",
    "summarise_cost",
    "trace",
    "trace_clip",
    "trace_to_folder",
    "train",
    "watch_rendering",
]
