"""`gst.open`: a file -> a network that shows itself. Apart, since the name hides Python's own here."""

from __future__ import annotations

import os

from gst_analysis.checkpoints.loaded import Network
from gst_analysis.checkpoints.loading import load_model
from gst_analysis.options import NetworkOptions, keyword_options


@keyword_options(NetworkOptions)
def open(path: str | os.PathLike[str], *, options: NetworkOptions) -> Network:
    """Open any supported checkpoint as a network, which in Jupyter shows its profile.

    Args:
        path: a PyTorch or safetensors file of any supported layout, or a folder of Hugging Face's form.
        options: what no weight shows; its fields may be given as keywords.

    Raises:
        CheckpointError: the file cannot be used.

    Example:
        >>> import gst_analysis as gst
        >>> gst.open("ckpt.pth").profile().plot()  # doctest: +SKIP
    """
    return load_model(path, options=options)
