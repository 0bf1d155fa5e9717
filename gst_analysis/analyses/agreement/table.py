"""How well scores foretell what an ablation finds: columns, options and the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from gst_analysis.analyses.ablation.table import (
    ABLATION,
    CAUSAL_MEASURES,
    INTERVENTIONS,
    AblationOptions,
    AblationSummary,
)
from gst_analysis.analyses.importance.table import DATA_SCORES, IMPORTANCE, SCORES
from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS
from gst_analysis.groups import GROUPS
from gst_analysis.options import option
from gst_analysis.results import Result
from gst_analysis.tables.schema import Schema, check_choices, real, text, whole

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

ALL_SCORES = ("channels", *SCORES, "activation_norm", "taylor")
"""`channels` is 1 for each: its sum, the size of a group, is what every other score has to beat."""
AGGREGATES = ("mean", "sum")

_SCORED = {
    "channels": real("1 for each channel: summed, the size of a group", "channels", optional=True),
    **{
        name: replace(column, optional=True)
        for name, column in {**IMPORTANCE.columns, **DATA_SCORES.columns}.items()
        if name in ALL_SCORES
    },
}

SCORE_AGREEMENT = Schema(
    "SCORE_AGREEMENT",
    {
        "checkpoint": text("the checkpoint's name; `all` for the mean over checkpoints"),
        "score": text("what was scored, such as abs_gamma"),
        "aggregate": text("how a group's score comes from its channels'", *AGGREGATES),
        "intervention": text("what was done to the groups", *INTERVENTIONS),
        "measure": text("what was measured", *CAUSAL_MEASURES),
        "checkpoints": whole("checkpoints it is the mean of", "checkpoints"),
        "units": whole("groups of channels compared, of all checkpoints together", "groups"),
        "spearman": real("rank correlation; missing where it is not defined", "correlation", optional=True),
        "low": real("lower end of its confidence interval", "correlation", optional=True),
        "high": real("upper end", "correlation", optional=True),
    },
)

CHANNEL_SCORES = Schema(
    "CHANNEL_SCORES",
    {
        "stage": whole("stage of the backbone, from 1", "index"),
        "block": text("residual block, such as layer1.0"),
        "checkpoint": text("the checkpoint's name"),
        "layer": text("the batch norm after the temporal operator, such as layer1.0.bn2"),
        "group": text("whose channel it is", *GROUPS),
        "channel": whole("position in the batch norm, from 0", "index"),
        **{name: _SCORED[name] for name in ALL_SCORES},
    },
)


@dataclass(frozen=True, kw_only=True)
class AgreementOptions(AblationOptions):
    """Which clips of each data set, what is done to channels, and what the figure compares scores with."""

    measure: str = option("loss_rise", "What the figure shows: accuracy_drop, logit_drop or loss_rise.")
    aggregate: str = option("sum", "A group's score in the figure: the mean or the sum of its channels'.")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choices("aggregate", [self.aggregate], AGGREGATES)


@dataclass(frozen=True)
class GammaSpread:
    """How far the sum of a group's γ can differ from the number of its channels, in one checkpoint."""

    size_correlation: float | None
    """Spearman's of the two, over groups; None where groups are all of one size."""
    moved: float | None
    """Mean distance of γ from where it started, as a share of the start; None where that is not known."""


@dataclass(frozen=True)
class AgreementSummary:
    """What scores were compared with."""

    ablations: dict[str, AblationSummary]
    """By checkpoint: its clips, and how well the untouched network does on them."""
    gamma: dict[str, GammaSpread]
    """By checkpoint: how far γ can say anything but how many channels there are."""


@dataclass(frozen=True)
class ScoreAgreement(Result[AgreementSummary]):
    """Which score foretells the causal drop; `.table` is SCORE_AGREEMENT."""

    stem: ClassVar[str] = "score_agreement"
    document: ClassVar[str] = "agreement"
    kinds: ClassVar[tuple[str, ...]] = (*IMAGE_FORMATS, *TABLE_FORMATS)
    schemas: ClassVar[Mapping[str, Schema]] = {
        "score_agreement": SCORE_AGREEMENT,
        "channel_scores": CHANNEL_SCORES,
        "ablation": ABLATION,
    }

    channels: pd.DataFrame = field(repr=False, kw_only=True)
    """Every score of every channel: a CHANNEL_SCORES table."""
    drops: pd.DataFrame = field(repr=False, kw_only=True)
    """The ABLATION tables of all checkpoints, one below the other."""
    measure: str = field(default="loss_rise", kw_only=True)
    """What its figure shows."""
    aggregate: str = field(default="sum", kw_only=True)
    """How a group's score in its figure comes from its channels'."""

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The correlations, and what they are of."""
        return {self.stem: self.table, "channel_scores": self.channels, "ablation": self.drops}

    def plot(self, *, measure: str | None = None, aggregate: str | None = None, dark: bool = False) -> Figure:
        """Every score's rank correlation with the drop, a panel for each intervention.

        Args:
            measure: accuracy_drop, logit_drop or loss_rise; the result's own if None.
            aggregate: mean or sum of a group's channels; the result's own if None.
            dark: draw for a dark background.
        """
        if measure is not None or aggregate is not None:
            named = replace(self, measure=measure or self.measure, aggregate=aggregate or self.aggregate)
            return named.plot(dark=dark)
        return super().plot(dark=dark)
