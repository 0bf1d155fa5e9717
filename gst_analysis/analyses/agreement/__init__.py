"""Which importance score foretells what taking channels away does?

Every score of every channel (raw γ, the invariant scores, the activation's norm, the first-order guess) is
compared by its rank with what an ablation measures, group by group, over checkpoints and the clips they were
made for.

It cannot tell whether a score ranks the channels within a group well: an ablation changes groups as a whole.
One network has few groups, so that its own correlation is rough; look at the mean over several.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gst_analysis.analyses.agreement.table import AgreementOptions, ScoreAgreement
from gst_analysis.options import keyword_options
from gst_analysis.progress import Progress
from gst_analysis.rooms import About, Door

if TYPE_CHECKING:
    from gst_analysis.analyses.agreement import measure
else:
    measure = Door(f"{__name__}.measure")

__all__ = ["ABOUT", "AgreementOptions", "ScoreAgreement", "score_agreement"]


@keyword_options(AgreementOptions)
def score_agreement(
    pairs: Sequence[measure.Pair], *, options: AgreementOptions, progress: Progress | None = None
) -> ScoreAgreement:
    """Rank correlations of every importance score with the causal drop, over checkpoints.

    Args:
        pairs: checkpoints, each with the data set it is measured on.
        options: which clips and changes, as in `ablate`; its fields may be given as keywords.
        progress: called before every checkpoint.

    Example:
        >>> import gst_analysis as gst
        >>> gst.score_agreement([("ckpt.pth", "worlds/temporal")]).plot()  # doctest: +SKIP
    """
    return measure.measure_checkpoints(pairs, options=options, progress=progress)


ABOUT = About(
    room=__name__,
    title="Score agreement",
    command="agreement",
    needs="pairs",
    run=score_agreement,
    options=AgreementOptions,
    section=False,
    asks=("logits", "scales"),
)
