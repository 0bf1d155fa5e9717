"""gst-analysis: where a video network keeps space and where it keeps time.

    >>> import gst_analysis as gst
    >>> m = gst.load_model("ckpt.pth")  # doctest: +SKIP
    >>> gst.bn_scales(m).plot()         # doctest: +SKIP

Importing this imports neither torch nor pandas; a name is loaded when it is first used. The public names
stand in `__init__.pyi` beside this file, and nowhere else.
"""

from __future__ import annotations

import functools

import lazy_loader


@functools.cache
def _read_stub() -> tuple:
    """What loads a public name, what lists them, and the list; read when a name is first asked for."""
    return lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    if name == "__version__":
        from gst_analysis.results import find_version

        return find_version()
    load, _, public = _read_stub()
    return public if name == "__all__" else load(name)


def __dir__() -> list[str]:
    _, list_names, _ = _read_stub()
    return sorted([*list_names(), "__version__"])
