"""How much each channel after a temporal operator matters: columns, options and the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from gst_analysis.documents import FAILURES, ORIGIN, fields_of, record, rows_of, say, several, value_of
from gst_analysis.files import IMAGE_FORMATS, TABLE_FORMATS
from gst_analysis.groups import GROUPS
from gst_analysis.options import NetworkOptions, SharingOptions, option
from gst_analysis.results import Result
from gst_analysis.tables.schema import Schema, real, text, whole

if TYPE_CHECKING:
    import pandas as pd

SCORES = ("gamma", "abs_gamma", "invariant", "invariant_spread", "invariant_output")
"""The columns of IMPORTANCE that rank channels; the first two are the paper's."""

WHICH_TO_TRUST = (
    "Trust the invariant score, not raw γ: multiply a channel's γ and β and divide the weights that read it, "
    "and the network computes the same, the invariant score stays, but raw γ moves as far as you like."
)
"""One sentence for figures, pages and the terminal."""

IMPORTANCE = Schema(
    "IMPORTANCE",
    {
        "checkpoint": text("the checkpoint's name"),
        "stage": whole("stage of the backbone, from 1", "index"),
        "block": text("residual block, such as layer1.0"),
        "layer": text("the batch norm after the temporal operator, such as layer1.0.bn2"),
        "group": text("whose channel it is", *GROUPS),
        "channel": whole("position in the batch norm, from 0", "index"),
        "share": real("the part of the channel this group owns: 1, but for sth", "share"),
        "gamma": real("the batch norm's scale, as stored", "γ"),
        "abs_gamma": real("|gamma| * share, the paper's reading of importance", "γ"),
        "activation": real(
            "mean of the channel after its ReLU; missing if undefined", "activation", optional=True
        ),
        "activation_std": real("its standard deviation; missing if undefined", "activation", optional=True),
        "column_norm": real("norm of the next convolution's weights that read it", "weight", optional=True),
        "invariant": real(
            "activation * column_norm * share; missing if undefined", "activation × weight", optional=True
        ),
        "invariant_spread": real(
            "activation_std * column_norm * share", "activation × weight", optional=True
        ),
        "invariant_output": real(
            "invariant, with the norm after the next convolution applied", "activation", optional=True
        ),
        "source": text("where the activation comes from", "closed form", "measured"),
        "undefined": text("why there is no invariant score; empty where there is one"),
    },
)

GROUP_IMPORTANCE = Schema(
    "GROUP_IMPORTANCE",
    {
        "checkpoint": text("the checkpoint's name"),
        "stage": whole("stage of the backbone, from 1", "index"),
        "block": text("residual block"),
        "layer": text("the batch norm that both groups leave; else the block or stage of their norms"),
        "score": text("which score", *SCORES),
        "source": text("where the activation comes from", "closed form", "measured"),
        "group": text("whose median, such as temporal", *GROUPS),
        "against": text("which it is set against, such as spatial", *GROUPS),
        "median": real(
            "median of the group's channels; missing if undefined", "the score's own", optional=True
        ),
        "against_median": real(
            "median of the channels that it is set against", "the score's own", optional=True
        ),
        "log2_ratio": real(
            "log2 of the one over the other; missing where either is not above 0", "octaves", optional=True
        ),
        "undefined": text("why there is none; empty where there is one"),
    },
)

DATA_SCORES = Schema(
    "DATA_SCORES",
    {
        "checkpoint": text("the checkpoint's name"),
        "stage": whole("stage of the backbone, from 1", "index"),
        "block": text("residual block, such as layer1.0"),
        "layer": text("the batch norm after the temporal operator, such as layer1.0.bn2"),
        "group": text("whose channel it is", *GROUPS),
        "channel": whole("position in the batch norm, from 0", "index"),
        "activation_mean": real(
            "mean over clips, frames and places of what leaves the activation", "activation"
        ),
        "activation_norm": real("root mean square of the same", "activation"),
        "taylor": real(
            "mean over clips of |sum over frames and places of output x gradient of the loss|", "nats"
        ),
    },
)


@dataclass(frozen=True, kw_only=True)
class ImportanceOptions(NetworkOptions, SharingOptions):
    """Where clips are run, if there are any."""

    device: str = option("auto", "Where clips are run: auto, cpu, cuda or mps.")


@dataclass(frozen=True)
class RankAgreement:
    """Spearman's rank correlations, medians over layers; None where there is nothing to correlate.

    `raw_with_invariant` is of |γ| with the invariant score among the channels of a group,
    `inferred_with_measured` of the invariant score's closed form with the measured one among the channels
    of a layer.
    """

    raw_with_invariant: float | None
    """Of |γ| with the invariant score among a group's channels; null where none can be ranked."""
    inferred_with_measured: float | None
    """Of the closed form with the measured score among a layer's channels; null if nothing was measured."""

    def describe(self, *, mark: str = "") -> list[str]:
        """Which scores rank channels alike, and how far, a line each; none where nothing was correlated.

        Args:
            mark: what to put around numbers, such as ** for bold ones.
        """
        pairs = {
            "|γ| and the invariant score": self.raw_with_invariant,
            "closed form and measured score": self.inferred_with_measured,
        }
        return [
            f"{pair} rank channels alike by {mark}{rank:.2f}{mark} (Spearman)"
            for pair, rank in pairs.items()
            if rank is not None
        ]


@dataclass(frozen=True)
class ImportanceSummary:
    """What to trust, how alike scores rank channels, and how many clips were measured."""

    trust: str
    """Which score to trust, and why, in one sentence."""
    agreement: Mapping[str, RankAgreement]
    """By the checkpoint's name."""
    clips: int
    """Clips that were read to measure activations; 0 where all was inferred from weights."""


@dataclass(frozen=True)
class Importance(Result[ImportanceSummary]):
    """`.table` is IMPORTANCE, channel by channel; `.groups` is GROUP_IMPORTANCE, layer by layer.

    `.failures` are checkpoints that could not be read.
    """

    stem: ClassVar[str] = "importance"
    document: ClassVar[str] = "importance"
    kinds: ClassVar[tuple[str, ...]] = (*IMAGE_FORMATS, "html", *TABLE_FORMATS)
    saved: ClassVar[tuple[str, ...] | None] = ("png", "svg", *TABLE_FORMATS)
    schemas: ClassVar[Mapping[str, Schema]] = {"importance": IMPORTANCE, "group_importance": GROUP_IMPORTANCE}

    groups: pd.DataFrame = field(repr=False, kw_only=True)
    clip_failures: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    """Clips that could not be read, and why."""

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Channels, and the groups of every layer."""
        return {self.stem: self.table, "group_importance": self.groups}

    def fill_document(self) -> dict[str, Any]:
        """What `gst-analyze importance --json` prints."""
        rows = dict(iter(self.groups.groupby("checkpoint", sort=False)))
        checkpoints = [
            {
                "name": name,
                "path": self.provenance.settings["paths"][name],
                "sha256": sha256,
                "agreement": self.summary.agreement.get(name),
                "scores": rows[name].to_dict("records"),
            }
            for name, sha256 in self.provenance.sources.items()
        ]
        return {
            "trust": self.summary.trust,
            "checkpoints": checkpoints,
            "clips": self.summary.clips,
            "clip_failures": self.clip_failures,
        }

    @classmethod
    def describe_fields(cls) -> dict[str, Any]:
        """Its document's own fields."""
        ranks = value_of(RankAgreement | None, "how alike scores rank channels")
        one = {
            **ORIGIN,
            "agreement": ranks,
            "scores": rows_of(GROUP_IMPORTANCE, "each score of the groups, where they meet"),
        }
        return {
            **fields_of(ImportanceSummary, only=("trust", "clips")),
            "checkpoints": several(record(one), "those that could be read"),
            "clip_failures": say(FAILURES, "clips that could not be read, and why"),
        }
