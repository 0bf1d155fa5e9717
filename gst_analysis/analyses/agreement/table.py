"""How well scores foretell what an ablation finds."""

from __future__ import annotations

from gst_analysis.analyses.ablation.table import CAUSAL_MEASURES, INTERVENTIONS
from gst_analysis.tables.schema import Schema, real, text, whole

SCORE_AGREEMENT = Schema(
    "SCORE_AGREEMENT",
    {
        "checkpoint": text("the checkpoint's name; `all` for the mean over checkpoints"),
        "score": text("what was scored, such as abs_gamma"),
        "aggregate": text("how a group's score comes from its channels'", "mean", "sum"),
        "intervention": text("what was done to the groups", *INTERVENTIONS),
        "measure": text("what was measured", *CAUSAL_MEASURES),
        "checkpoints": whole("checkpoints it is the mean of"),
        "units": whole("groups of channels compared, of all checkpoints together"),
        "spearman": real("rank correlation; missing where it is not defined", optional=True),
        "low": real("lower end of its confidence interval", optional=True),
        "high": real("upper end", optional=True),
    },
)
