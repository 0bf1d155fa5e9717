"""A network and a validation loader in, its scores out, over all ranks."""

from __future__ import annotations

from collections.abc import Callable

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional as F

from gst_analysis.clips.dataset import ClipBatch, SkippedClips
from gst_analysis.clips.transforms import normalise_clips
from gst_analysis.networks.network import average_frames
from gst_analysis.networks.specs import ClipSpec
from gst_analysis.training.crew import Crew
from gst_analysis.training.interrupts import Interruption
from gst_analysis.training.loaders import Loader, to_device
from gst_analysis.training.meters import Scores, sum_scores
from gst_analysis.training.skips import count_skipped


class Validation:
    """Scores a network on every readable validation clip once: middle frames, centre crop."""

    def __init__(
        self, loader: Loader, spec: ClipSpec, skipped: SkippedClips, fabric: Fabric, crew: Crew
    ) -> None:
        self.loader = loader
        self.spec = spec
        self.skipped = skipped
        self.fabric = fabric
        self.crew = crew

    @torch.no_grad()
    def measure(
        self, network: nn.Module, interruption: Interruption, report: Callable[[int, int], object]
    ) -> Scores | None:
        """The scores; None if Ctrl-C was pressed on the way. Leaves the network in the mode it was in."""
        training = network.training
        self.crew.share(list(network.buffers()))  # without SyncBN every rank has statistics of its own
        sums = torch.zeros(4, device=self.crew.device)
        network.eval()
        try:
            for number, batch in enumerate(self.loader, start=1):
                stop = count_skipped(self.crew, self.skipped, batch.skipped, interruption.asked)
                if stop:
                    return None
                if len(batch.labels):
                    sums += self._score(network, batch)
                report(number, len(self.loader))
        finally:
            network.train(training)
        return Scores.of(self.crew.add(sums))

    def _score(self, network: nn.Module, batch: ClipBatch) -> Tensor:
        clips, labels = to_device(batch, self.crew.device)
        with self.fabric.autocast():
            logits = network(normalise_clips(clips, self.spec))
        clip_logits = average_frames(logits.float())
        return sum_scores(F.cross_entropy(clip_logits, labels, reduction="sum"), clip_logits, labels)
