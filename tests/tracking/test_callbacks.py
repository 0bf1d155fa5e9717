from __future__ import annotations

from typing import Any

import pytest
import torch

import gst_analysis as gst
from gst_analysis.callbacks import GammaLogger
from gst_analysis.errors import NotDefinedError, SpecError

SPEC = gst.ModelSpec.from_name("gst-resnet26s", width=4, num_frames=2, num_classes=3)


class Writer:
    """As much of TensorBoard's as is used."""

    def __init__(self) -> None:
        self.scalars: dict[tuple[str, int], float] = {}
        self.histograms: dict[tuple[str, int], Any] = {}

    def add_scalar(self, name: str, value: float, step: int) -> None:
        self.scalars[name, step] = value

    def add_histogram(self, name: str, values: Any, step: int) -> None:
        self.histograms[name, step] = values


def move(network: gst.Network, by: float) -> None:
    with torch.no_grad():
        for unit in network.anatomy.scaled:
            if unit.group == "temporal":
                network.module.get_parameter(f"{unit.layer}.weight")[unit.channels] += by


def test_a_loop_of_ones_own_tells_what_training_does_to_the_groups() -> None:
    network, writer = gst.build_untrained(SPEC), Writer()
    gammas = GammaLogger(network, to=writer)
    for epoch in (1, 2):
        gammas.log(epoch)
        move(network, 0.25)
    gaps = [writer.scalars["gamma_gap/layer1.0", epoch] for epoch in (1, 2)]
    assert gaps == pytest.approx([0.0, 0.25])
    assert writer.histograms["gamma/temporal", 2].mean() == pytest.approx(1.25)
    assert writer.histograms["gamma/spatial", 2].mean() == pytest.approx(1.0)
    assert gammas.lost == []


def test_steps_are_counted() -> None:
    writer = Writer()
    gammas = GammaLogger(gst.build_untrained(SPEC), to=writer, every=3)
    for _ in range(7):
        gammas.step()
    assert sorted({step for _, step in writer.scalars}) == [3, 6]


def test_what_cannot_be_is_said() -> None:
    network = gst.build_untrained(SPEC)
    with pytest.raises(SpecError, match="adopt it first"):
        GammaLogger(network.module)  # type: ignore[arg-type]
    with pytest.raises(SpecError, match="every"):
        GammaLogger(network, every=0)
    with pytest.raises(SpecError, match="SummaryWriter"):
        GammaLogger(network, to=3)
    plain = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 2 * 8 * 8, 3))
    with pytest.raises(NotDefinedError):
        GammaLogger(gst.adopt(plain, clip_spec=gst.ClipSpec(frames=2, resize=8, crop=8)), to=Writer())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Lightning's own, of the libraries that it uses
def test_lightning_tells_its_own_logger_every_epoch(tmp_path: Any) -> None:
    lightning: Any = pytest.importorskip("pytorch_lightning")
    pytest.importorskip("tensorboard")
    logging: Any = pytest.importorskip("pytorch_lightning.loggers")

    network = gst.build_untrained(SPEC)

    class Task(lightning.LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.module = network.module

        def training_step(self, batch: Any, index: int) -> Any:
            return self.module(batch[0]).square().mean()

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    clips = torch.utils.data.TensorDataset(torch.randn(4, 2, 3, 32, 32))
    board = logging.TensorBoardLogger(str(tmp_path), name="a", version="b")
    trainer = lightning.Trainer(
        max_epochs=2,
        accelerator="cpu",
        logger=board,
        callbacks=[GammaLogger(network).lightning()],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=str(tmp_path),
    )
    trainer.fit(Task(), torch.utils.data.DataLoader(clips, batch_size=2))
    board.experiment.close()
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = reading.EventAccumulator(str(tmp_path / "a" / "b"))
    events.Reload()
    assert [one.step for one in events.Scalars("gamma_gap/layer1.0")] == [1, 2]
