"""A second derivation of every network: plain 3-D convolutions over (N, C, T, H, W), as a paper says it.

Nothing here imports gst_analysis, so that a mistake there cannot hide here. Weights come from the
product's state dict through the names written by hand in names.py.
"""

from tests.reference.build import build_reference
from tests.reference.names import as_product, load_product

__all__ = ["as_product", "build_reference", "load_product"]
