"""Where in its depth does a network keep time?

The depth profile: place by place, which share of the network is time's rather than space's, by measures
that stand side by side. From weights at once: γ, the invariant score, and how far kernels over time differ
between frames. With labelled clips: what is lost without time, one group at a time and together, the share
of variance that comes from motion, and how far a place's output reaches over frames. Where the measures
agree is marked, and one sentence says what their bands support.

It cannot tell why, nor what another training run would give: bands are of channels, filters and clips.
Shares are of two groups in one place; a large share of a place that hardly matters is large all the same
(see ablation). The lines of roles, reach and temporal use ask other questions than the rest, and are not
counted as agreeing.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gst_analysis.analyses.profile.table import Profile, ProfileOptions, ProfileSummary
from gst_analysis.options import keyword_options
from gst_analysis.progress import Progress
from gst_analysis.rooms import About, Door

if TYPE_CHECKING:
    from gst_analysis.analyses.profile import kept, measure
    from gst_analysis.checkpoints import sources
    from gst_analysis.clips import labelled
    from gst_analysis.clips.records import RecordList
else:
    kept = Door(f"{__name__}.kept")
    measure = Door(f"{__name__}.measure")
    sources = Door("gst_analysis.checkpoints.sources")
    labelled = Door("gst_analysis.clips.labelled")

__all__ = ["ABOUT", "Profile", "ProfileOptions", "ProfileSummary", "kept", "profile"]


@keyword_options(ProfileOptions)
def profile(
    source: sources.Source,
    dataset: str | os.PathLike[str] | RecordList | None = None,
    *,
    options: ProfileOptions,
    progress: Progress | None = None,
) -> Profile:
    """Draw up the depth profile of a network: which share of each place is time's, by several measures.

    Args:
        source: the path of a checkpoint, or what `load_model` or `load_checkpoint` returned.
        dataset: labelled clips, for the lines that need some: an annotation file, a folder with one
            validation list, or what load_labelled_clips gave. Without, only weights are read, unless the
            lines of exactly these weights lie beside them.
        options: which lines, on how many clips; its fields may be given as keywords.
        progress: called with how far it is, in hundredths.

    Raises:
        CheckpointError: the file cannot be used.
        DataError: classes that are not the checkpoint's, or clips that are none.

    Example:
        >>> import gst_analysis as gst
        >>> gst.profile("ckpt.pth").verdict  # doctest: +SKIP
    """
    choice = labelled.ClipChoice(options.root, options.format, options.limit, options.seed, options.subset)
    told = sources.tell(source, options)
    if dataset is None:
        return measure.measure_profile(sources.glance_at(told), options=options, progress=progress)
    model = sources.open_model(told)
    records = labelled.load_labelled_clips(dataset, choice, classes=model.labels)
    return measure.measure_profile(model, records, options=options, progress=progress)


ABOUT = About(
    room=__name__, title="Profile", command="profile", needs="checkpoint", run=profile, options=ProfileOptions
)
