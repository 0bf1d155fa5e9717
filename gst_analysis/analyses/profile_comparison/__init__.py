"""How do the depth profiles of several networks differ?

The profiles of two to twenty networks: over each other, side by side, each less a reference, as a map of
depth against network (of one design in several shares of temporal channels: against that share), and the
share of time against what a network costs.

It cannot tell why they differ, nor whether another training run of one recipe would differ as much: compare
seeds of one recipe first. Networks of unlike depth meet by stage. Where networks have unlike numbers of
temporal channels, shares differ by that alone: look at what lies above the part of the channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gst_analysis.analyses.profile_comparison.table import ProfileComparison, ProfileComparisonOptions
from gst_analysis.options import keyword_options
from gst_analysis.progress import Progress
from gst_analysis.rooms import About, Door

if TYPE_CHECKING:
    from gst_analysis.analyses.profile_comparison import measure
    from gst_analysis.checkpoints.sources import Source
else:
    measure = Door(f"{__name__}.measure")

__all__ = ["ABOUT", "ProfileComparison", "ProfileComparisonOptions", "compare_profiles"]


@keyword_options(ProfileComparisonOptions)
def compare_profiles(
    *sources: Source,
    options: ProfileComparisonOptions,
    names: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> ProfileComparison:
    """Draw up the profiles of several networks and set them against each other.

    Args:
        sources: paths of checkpoints, or what `load_checkpoint` or `load_model` returned.
        options: which is the reference, which lines, and on what clips; its fields may be given as keywords.
        names: what to call them; their file names if not given.
        progress: called before every network.

    Raises:
        CheckpointError: not one of them could be read. If some could not, the result names them.

    Example:
        >>> import gst_analysis as gst
        >>> gst.compare_profiles("half.pth", "quarter.pth").differences  # doctest: +SKIP
    """
    return measure.measure_profiles(sources, names=names, options=options, progress=progress)


ABOUT = About(
    room=__name__,
    title="Profiles compared",
    command="compare-profiles",
    needs="checkpoints",
    run=compare_profiles,
    options=ProfileComparisonOptions,
    page="start",
    section=False,
)
