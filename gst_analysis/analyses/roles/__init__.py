"""Which channels see what things look like, which see how they move, and which both?

Of every channel at every place: which share of its variance comes from appearance, from motion, from the
two together, and from neither, over rendered scenes in which looks and orders of frames are crossed. No data
set is needed. Beside it stands the published estimate by pairs of clips that share one of the two.

It cannot tell whether what a channel sees is used (see ablation). Shares are of these looks against these
motions, which are rendered and differ as much as they do: compare groups, places, and a network with an
untrained one, and not static with dynamic. A channel is seen by its mean over the clip, so that what cancels
there is missed. Two clips of one look show the same frames in another order: where a thing is, or how large,
is no motion here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gst_analysis.analyses.roles.table import ChannelRoles, RoleOptions
from gst_analysis.options import keyword_options
from gst_analysis.progress import Progress
from gst_analysis.rooms import About, Door

if TYPE_CHECKING:
    from gst_analysis.analyses.roles import measure
    from gst_analysis.checkpoints import sources
else:
    measure = Door(f"{__name__}.measure")
    sources = Door("gst_analysis.checkpoints.sources")

__all__ = ["ABOUT", "ChannelRoles", "RoleOptions", "channel_roles"]


@keyword_options(RoleOptions)
def channel_roles(
    source: sources.Source, *, options: RoleOptions, progress: Progress | None = None
) -> ChannelRoles:
    """Find out of every channel whether it sees appearance, motion, both or neither, on rendered twins.

    Args:
        source: a checkpoint's path, or what load_model returned.
        options: how many scenes, looks and orders are rendered; its fields may be given as keywords.
        progress: called after every scene.

    Raises:
        CheckpointError: a file that cannot be used.
        SpecError: a network that sees single frames or no colours, or without places that can be looked at.

    Example:
        >>> import gst_analysis as gst
        >>> gst.channel_roles("ckpt.pth").plot()  # doctest: +SKIP
    """
    model = sources.open_model(source, options=options)
    return measure.measure_roles(model, options=options, progress=progress)


ABOUT = About(
    room=__name__,
    title="Roles",
    command="roles",
    needs="checkpoint",
    run=channel_roles,
    options=RoleOptions,
    asks=("logits", "places", "colours"),
)
