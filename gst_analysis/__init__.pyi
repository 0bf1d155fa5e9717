"""The one list of public names: what stands here is public, and nothing else is."""

from .analyses.ablation import Ablation, AblationOptions, ablate
from .analyses.agreement import AgreementOptions, ScoreAgreement, score_agreement
from .analyses.comparison import ComparisonOptions, ScaleComparison, compare_scales
from .analyses.comparison.table import ComparedCheckpoint, ComparisonSummary
from .analyses.cost import (
    Cost,
    CostOptions,
    CostSummary,
    DesignCost,
    ExplainedCost,
    PaperAudit,
    PublishedOptions,
    PublishedPlacing,
    audit_paper,
    compare_with_published,
    cost,
    explain_cost,
    summarise_cost,
)
from .analyses.cost.listing import ListedNetwork, list_networks
from .analyses.cost.table import GroupCost
from .analyses.dataset_check import DatasetCheck, DatasetCheckOptions, DatasetSummary, check_dataset
from .analyses.drift import Drift, DriftOptions, measure_drift
from .analyses.drift.table import DriftSummary, GroupDrift
from .analyses.evaluation import EvaluationOptions, EvaluationSummary, ModelEvaluation, evaluate
from .analyses.importance import Importance, ImportanceOptions, channel_importance
from .analyses.influence import FrameInfluence, frame_influence
from .analyses.influence.table import InfluenceOptions
from .analyses.order import FrameOrder, OrderOptions, OrderSummary, frame_order
from .analyses.prediction import ClipPredictions, PredictionOptions, PredictionSummary, predict
from .analyses.profile import Profile, ProfileOptions, ProfileSummary, profile
from .analyses.profile_comparison import ProfileComparison, ProfileComparisonOptions, compare_profiles
from .analyses.profile_comparison.table import ProfileComparisonSummary
from .analyses.roles import ChannelRoles, RoleOptions, channel_roles
from .analyses.saliency import SaliencyMaps, SaliencyOptions, saliency_maps
from .analyses.scales import BnScales, ScaleOptions, bn_scales, reference
from .analyses.scales.sharing import Reference
from .analyses.scales.table import BnSummary, GroupStatistics, LayerStatistics
from .analyses.similarity import Similarity, SimilarityOptions, similarity
from .analyses.slimming import Slimming, SlimOptions, slim
from .analyses.slimming.table import NetworkCost, SlimSummary
from .analyses.temporal_use import TemporalUse, TemporalUseOptions, temporal_use
from .analyses.traces import TraceOptions, Traces, trace
from .analyses.traces.evidence import Evidence
from .analyses.traces.single_clips import name_clip, trace_clip
from .analyses.traces.story import ClipStory, Moment, Turn
from .analyses.training_runs import RunSummary, TrainingRun, follow_gamma, read_run
from .checkpoints.adopting import adopt, load_network
from .checkpoints.checking import check_network
from .checkpoints.loaded import Checkpoint, LoadedModel, Network
from .checkpoints.loading import load_checkpoint, load_model
from .checkpoints.naming import list_checkpoints
from .checkpoints.opening import open
from .checkpoints.saving import save_model
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
from .clips.media import ClipInfo, Frames, OpenClip
from .clips.opened import OpenedClips
from .clips.records import AnyPath, ClipRecord, RecordList
from .errors import (
    BrokenCheckpoint,
    CheckpointError,
    DataError,
    GstError,
    NotDefinedError,
    OutputError,
    SpecError,
    TableError,
    UnknownCheckpoint,
    UnreadableCheckpoint,
    UnsafeCheckpoint,
)
from .inference.logits import FrameLogits
from .inference.settings import InferenceSettings
from .inference.streams import fuse_streams
from .networks.adopted import ClipNetwork, Pathway
from .networks.anatomy import Anatomy, Place, Unit, View
from .networks.backbones import Backbone, Block, Site, Stage
from .networks.brought import AdoptedSpec
from .networks.clip_specs import ClipSpec
from .networks.described import NetworkSpec
from .networks.families import ChannelGroups, Family, Kernel
from .networks.network import VideoNetwork, average_frames
from .networks.next_layer import NextLayer, Reader
from .networks.specs import ModelSpec
from .networks.systems import SystemSpec
from .networks.systems.record import System
from .networks.time_kernels import MovedChannels, TimeKernel
from .options import InferenceOptions, NetworkOptions
from .planted import MadeWorld, make_trial, make_world
from .planted.worlds import Difficulty, PlantedClass, WorldConfig
from .probes.resampling import Interval
from .progress import Progress
from .reporting.making import Report, report
from .results import Provenance, Result
from .sections.options import ReportOptions
from .training import TrainProgress, TrainResult, TrainSummary, TrainWatcher, can_resume, list_recipes, train

__version__: str

__all__ = [
    "Ablation",
    "AblationOptions",
    "AdoptedSpec",
    "AgreementOptions",
    "Anatomy",
    "AnyPath",
    "Backbone",
    "Block",
    "BnScales",
    "BnSummary",
    "BrokenCheckpoint",
    "ChannelGroups",
    "ChannelRoles",
    "Checkpoint",
    "CheckpointError",
    "ClipChoice",
    "ClipInfo",
    "ClipNetwork",
    "ClipPredictions",
    "ClipRecord",
    "ClipSpec",
    "ClipStory",
    "ComparedCheckpoint",
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
    "Difficulty",
    "Drift",
    "DriftOptions",
    "DriftSummary",
    "EvaluationOptions",
    "EvaluationSummary",
    "Evidence",
    "ExplainedCost",
    "Family",
    "FrameInfluence",
    "FrameLogits",
    "FrameOrder",
    "Frames",
    "GroupCost",
    "GroupDrift",
    "GroupStatistics",
    "GstError",
    "Importance",
    "ImportanceOptions",
    "InferenceOptions",
    "InferenceSettings",
    "InfluenceOptions",
    "Inspection",
    "Interval",
    "Kernel",
    "LayerStatistics",
    "ListedNetwork",
    "LoadedModel",
    "MadeWorld",
    "ModelEvaluation",
    "ModelSpec",
    "Moment",
    "MovedChannels",
    "Network",
    "NetworkCost",
    "NetworkOptions",
    "NetworkSpec",
    "NextLayer",
    "NotDefinedError",
    "OpenClip",
    "OpenedClips",
    "OrderOptions",
    "OrderSummary",
    "OutputError",
    "PaperAudit",
    "Pathway",
    "Place",
    "PlantedClass",
    "PredictionOptions",
    "PredictionSummary",
    "Profile",
    "ProfileComparison",
    "ProfileComparisonOptions",
    "ProfileComparisonSummary",
    "ProfileOptions",
    "ProfileSummary",
    "Progress",
    "Provenance",
    "PublishedOptions",
    "PublishedPlacing",
    "Reader",
    "RecordList",
    "Reference",
    "Report",
    "ReportOptions",
    "Result",
    "RoleOptions",
    "RunSummary",
    "SaliencyMaps",
    "SaliencyOptions",
    "ScaleComparison",
    "ScaleOptions",
    "ScoreAgreement",
    "Similarity",
    "SimilarityOptions",
    "Site",
    "SlimOptions",
    "SlimSummary",
    "Slimming",
    "Source",
    "SpecError",
    "Stage",
    "System",
    "SystemSpec",
    "TableError",
    "TemporalUse",
    "TemporalUseOptions",
    "TimeKernel",
    "TraceOptions",
    "Traces",
    "TrainProgress",
    "TrainResult",
    "TrainSummary",
    "TrainWatcher",
    "TrainingRun",
    "Turn",
    "Unit",
    "UnknownCheckpoint",
    "UnreadableCheckpoint",
    "UnsafeCheckpoint",
    "VideoNetwork",
    "View",
    "WorldConfig",
    "ablate",
    "adopt",
    "audit_paper",
    "average_frames",
    "bn_scales",
    "build_untrained",
    "can_resume",
    "channel_importance",
    "channel_roles",
    "check_dataset",
    "check_network",
    "choose_clips",
    "compare_profiles",
    "compare_scales",
    "compare_with_published",
    "cost",
    "create_model",
    "evaluate",
    "explain_cost",
    "follow_gamma",
    "frame_influence",
    "frame_order",
    "fuse_streams",
    "inspect_checkpoint",
    "list_checkpoints",
    "list_networks",
    "list_recipes",
    "load_checkpoint",
    "load_labelled_clips",
    "load_model",
    "load_network",
    "make_trial",
    "make_world",
    "measure_drift",
    "name_clip",
    "open",
    "open_checkpoint",
    "open_model",
    "predict",
    "profile",
    "read_run",
    "reference",
    "report",
    "saliency_maps",
    "save_model",
    "score_agreement",
    "similarity",
    "slim",
    "summarise_cost",
    "temporal_use",
    "trace",
    "trace_clip",
    "train",
]
