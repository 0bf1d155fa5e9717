"""gst-analysis: where a video network keeps space and where it keeps time.

    >>> import gst_analysis as gst
    >>> m = gst.load_model("ckpt.pth")  # doctest: +SKIP
    >>> gst.bn_scales(m).plot()         # doctest: +SKIP

Importing this imports neither torch nor pandas; a name is loaded when it is first used. The public names
stand in `__init__.pyi` beside this file, and nowhere else.
"""

from __future__ import annotations

from typing import Any

import lazy_loader

_attach, _dir, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from gst_analysis.results import find_version

        return find_version()
    return _attach(name)


def __dir__() -> list[str]:
    return sorted([*_dir(), "__version__"])
