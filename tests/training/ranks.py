"""One process of several, as torchrun starts them: trains a tiny run, or one that must fail."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from gst_analysis.errors import GstError
from gst_analysis.training.loop import train
from tests.training.runs import tiny

if __name__ == "__main__":
    torch.set_num_threads(1)
    changes = dict(word.split("=", 1) for word in sys.argv[3:])
    try:
        train(tiny(Path(sys.argv[1]), changes), out=sys.argv[2], resume=True)
    except GstError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
