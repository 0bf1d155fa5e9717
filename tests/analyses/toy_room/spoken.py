"""The bar in words."""

from __future__ import annotations

from .table import Count


def say_figures(result: Count) -> dict[str, str]:
    """How many norms each checkpoint has."""
    rows = zip(result.table["checkpoint"], result.table["norms"], strict=True)
    return {result.stem: "; ".join(f"{name}: {norms} batch norms" for name, norms in rows) + "."}
