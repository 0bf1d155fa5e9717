"""What the figures of an ablation call its numbers."""

from __future__ import annotations

from collections.abc import Mapping

MEASURES: Mapping[str, tuple[str, float]] = {
    "accuracy_drop": ("accuracy lost (percentage points)", 100.0),
    "logit_drop": ("fall of the true class's logit", 1.0),
    "loss_rise": ("rise of the cross entropy (nats)", 1.0),
}
"""What the axis says, and what the table's numbers are multiplied by."""
