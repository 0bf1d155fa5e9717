"""The one list of public names: what stands here is public, and nothing else is."""

from .analyses.ablation import Ablation, AblationOptions, ablate
from .analyses.agreement import AgreementOptions, ScoreAgreement, score_agreement
from .analyses.comparison import ComparisonOptions, ScaleComparison, compare_scales
from .analyses.comparison.table import ComparisonSummary
from .analyses.cost import (
    Cost,
    CostOptions,
    CostSummary,
    DesignCost,
    PaperAudit,
    PublishedPlacing,
    audit_paper,
    compare_with_published,
    cost,
    summarise_cost,
)
from .analyses.dataset_check import DatasetCheck, DatasetCheckOptions, DatasetSummary, check_dataset
from .analyses.drift import Drift, DriftOptions, measure_drift
from .analyses.drift.table import DriftSummary
from .analyses.evaluation import EvaluationOptions, EvaluationSummary, ModelEvaluation, evaluate
from .analyses.importance import Importance, ImportanceOptions, channel_importance
from .analyses.influence import FrameInfluence, frame_influence
from .analyses.prediction import ClipPredictions, PredictionOptions, PredictionSummary, predict
from .analyses.saliency import SaliencyMaps, SaliencyOptions, saliency_maps
from .analyses.scales import BnScales, ScaleOptions, bn_scales
from .analyses.scales.table import BnSummary
from .analyses.slimming import Slimming, SlimOptions, slim
from .analyses.slimming.table import NetworkCost, SlimSummary
from .analyses.traces import TraceOptions, Traces, trace
from .analyses.traces.single_clips import name_clip, trace_clip
from .analyses.training_runs import RunSummary, TrainingRun, follow_gamma, read_run
from .checkpoints.loading import Checkpoint, LoadedModel, load_checkpoint, load_model, save_model
from .checkpoints.naming import list_checkpoints
from .checkpoints.sources import (
    Inspection,
    Source,
    build_untrained,
    inspect_checkpoint,
    open_checkpoint,
    open_model,
)
from .checkpoints.starting import create_model
from .clips.labelled import ClipChoice, choose_clips, load_labelled_clips
from .clips.records import ClipRecord, RecordList
from .errors import (
    BrokenCheckpoint,
    CheckpointError,
    DataError,
    GstError,
    OutputError,
    SpecError,
    TableError,
    UnknownCheckpoint,
    UnreadableCheckpoint,
    UnsafeCheckpoint,
)
from .inference.logits import FrameLogits
from .inference.settings import InferenceSettings
from .networks.network import VideoNetwork, average_frames
from .networks.specs import ClipSpec, ModelSpec
from .planted import MadeWorld, make_trial, make_world
from .planted.worlds import WorldConfig
from .reporting.making import Report, report
from .results import Provenance, Result
from .sections.options import ReportOptions
from .training import TrainProgress, TrainResult, TrainSummary, TrainWatcher, can_resume, list_recipes, train

__version__: str

__all__ = [
    "Ablation",
    "AblationOptions",
    "AgreementOptions",
    "BnScales",
    "BnSummary",
    "BrokenCheckpoint",
    "Checkpoint",
    "CheckpointError",
    "ClipChoice",
    "ClipPredictions",
    "ClipRecord",
    "ClipSpec",
    "ComparisonOptions",
    "ComparisonSummary",
    "Cost",
    "CostOptions",
    "CostSummary",
    "DataError",
    "DatasetCheck",
    "DatasetCheckOptions",
    "DatasetSummary",
    "DesignCost",
    "Drift",
    "DriftOptions",
    "DriftSummary",
    "EvaluationOptions",
    "EvaluationSummary",
    "FrameInfluence",
    "FrameLogits",
    "GstError",
    "Importance",
    "ImportanceOptions",
    "InferenceSettings",
    "Inspection",
    "LoadedModel",
    "MadeWorld",
    "ModelEvaluation",
    "ModelSpec",
    "NetworkCost",
    "OutputError",
    "PaperAudit",
    "PredictionOptions",
    "PredictionSummary",
    "Provenance",
    "PublishedPlacing",
    "RecordList",
    "Report",
    "ReportOptions",
    "Result",
    "RunSummary",
    "SaliencyMaps",
    "SaliencyOptions",
    "ScaleComparison",
    "ScaleOptions",
    "ScoreAgreement",
    "SlimOptions",
    "SlimSummary",
    "Slimming",
    "Source",
    "SpecError",
    "TableError",
    "TraceOptions",
    "Traces",
    "TrainProgress",
    "TrainResult",
    "TrainSummary",
    "TrainWatcher",
    "TrainingRun",
    "UnknownCheckpoint",
    "UnreadableCheckpoint",
    "UnsafeCheckpoint",
    "VideoNetwork",
    "WorldConfig",
    "ablate",
    "audit_paper",
    "average_frames",
    "bn_scales",
    "build_untrained",
    "can_resume",
    "channel_importance",
    "check_dataset",
    "choose_clips",
    "compare_scales",
    "compare_with_published",
    "cost",
    "create_model",
    "evaluate",
    "follow_gamma",
    "frame_influence",
    "inspect_checkpoint",
    "list_checkpoints",
    "list_recipes",
    "load_checkpoint",
    "load_labelled_clips",
    "load_model",
    "make_trial",
    "make_world",
    "measure_drift",
    "name_clip",
    "open_checkpoint",
    "open_model",
    "predict",
    "read_run",
    "report",
    "saliency_maps",
    "save_model",
    "score_agreement",
    "slim",
    "summarise_cost",
    "trace",
    "trace_clip",
    "train",
]
