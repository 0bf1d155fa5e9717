"""Loss and accuracy, summed over clips and ranks: while a network learns, and on the validation clips.

Sums stay on the device, so that counting never waits for it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.clips.dataset import ClipBatch, SkippedClips
from gst_analysis.clips.transforms import normalise_clips
from gst_analysis.errors import SpecError
from gst_analysis.networks.clip_specs import ClipSpec
from gst_analysis.networks.network import average_frames
from gst_analysis.progress import Progress
from gst_analysis.training.loaders import Loader, to_device
from gst_analysis.training.progress import Interruption
from gst_analysis.training.ranks import Ranks, count_skipped

EPOCH, WINDOW = 0, 1
"""Rows of the sums: since the epoch began, and since the last line of the log."""


@dataclass(frozen=True)
class Scores:
    """Means over clips; NaN where there were none."""

    loss: float
    top1: float
    top5: float
    clips: int

    @classmethod
    def of(cls, sums: Tensor) -> Scores:
        """From sums (loss, first right, among five, clips)."""
        loss, top1, top5, clips = sums.tolist()
        count = clips or float("nan")
        return cls(loss / count, top1 / count, top5 / count, int(clips))


class Totals:
    """Sums of the running epoch and of the running window of the log."""

    def __init__(self, device: torch.device) -> None:
        # MPS has no doubles.
        precise = torch.float32 if device.type == "mps" else torch.float64
        self.sums = torch.zeros(2, 4, dtype=precise, device=device)

    @torch.no_grad()
    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Count some clips: their summed loss, logits (N, K) and labels (N,)."""
        self.sums += sum_scores(loss, logits, labels).to(self.sums.dtype)

    def restart(self, row: int) -> None:
        self.sums[row] = 0


def sum_scores(loss: Tensor, logits: Tensor, labels: Tensor) -> Tensor:
    """Summed loss, first right, among the first five, clips: one tensor (4,)."""
    best = logits.topk(min(5, logits.shape[1]), dim=1).indices  # (N, 5)
    hits = (best == labels[:, None]).float()
    clips = torch.full((), float(len(labels)), device=logits.device)  # written there: no copy to wait for
    return torch.stack([loss.detach().float(), hits[:, 0].sum(), hits.sum(), clips])


def check_finite(sums: Tensor, lr: float) -> None:
    """Stop a run whose loss is no number any more, before it is saved over a good one."""
    if not bool(torch.isfinite(sums).all()):
        raise SpecError(
            "training loss",
            expected="a finite number",
            found="nan or infinity",
            todo=f"lower optimiser.lr (now {lr:.3g}), set optimiser.clip_norm, or add schedule.warmup_epochs",
        )


class Validation:
    """Scores a network on every readable validation clip once: middle frames, centre crop."""

    def __init__(self, loader: Loader, spec: ClipSpec, skipped: SkippedClips, ranks: Ranks) -> None:
        self.loader = loader
        self.spec = spec
        self.skipped = skipped
        self.ranks = ranks

    @torch.no_grad()
    def measure(self, network: nn.Module, interruption: Interruption, progress: Progress) -> Scores | None:
        """The scores; None if Ctrl-C was pressed on the way. Leaves the network in the mode it was in."""
        modes = {module: module.training for module in network.modules()}  # frozen norms have their own
        self.ranks.share(list(network.buffers()))  # without SyncBN every rank has statistics of its own
        sums = torch.zeros(4, device=self.ranks.device)
        network.eval()
        try:
            for number, batch in enumerate(self.loader, start=1):
                stop = count_skipped(self.ranks, self.skipped, batch.skipped, interruption.asked)
                if stop:
                    return None
                if len(batch.labels):
                    sums += self._score(network, batch)
                progress(number, len(self.loader), "")
        finally:
            for module, mode in modes.items():
                module.training = mode
        return Scores.of(self.ranks.add(sums))

    def _score(self, network: nn.Module, batch: ClipBatch) -> Tensor:
        clips, labels = to_device(batch, self.ranks.device)
        with self.ranks.fabric.autocast():
            logits = network(normalise_clips(clips, self.spec))
        clip_logits = average_frames(logits.float())
        return sum_scores(F.cross_entropy(clip_logits, labels, reduction="sum"), clip_logits, labels)
