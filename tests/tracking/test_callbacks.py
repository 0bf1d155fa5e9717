from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.utils import parametrize, prune

import gst_analysis as gst
from gst_analysis.callbacks import GammaLogger
from gst_analysis.errors import NotDefinedError, OutputError, SpecError

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
        GammaLogger(network.module)  # type: ignore[arg-type] # wrong on purpose
    with pytest.raises(SpecError, match="every"):
        GammaLogger(network, every=0)
    with pytest.raises(SpecError, match="SummaryWriter"):
        GammaLogger(network, to=3)
    plain = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 2 * 8 * 8, 3))
    with pytest.raises(NotDefinedError):
        GammaLogger(gst.adopt(plain, clip_spec=gst.ClipSpec(frames=2, resize=8, crop=8)), to=Writer())


def scale_of(network: gst.Network) -> torch.nn.Module:
    return network.module.get_submodule(network.anatomy.scaled[0].layer)


def put(network: gst.Network, layer: torch.nn.Module) -> None:
    network.module.set_submodule(network.anatomy.scaled[0].layer, layer)


def recast(network: gst.Network, kind: torch.dtype) -> None:
    norm = scale_of(network)
    norm.weight = torch.nn.Parameter(norm.get_parameter("weight").to(kind), requires_grad=False)


READABLE: dict[str, Callable[[gst.Network], object]] = {
    "pruned": lambda n: prune.random_unstructured(scale_of(n), "weight", amount=0.5),
    "parametrised": lambda n: parametrize.register_parametrization(
        scale_of(n), "weight", torch.nn.Identity()
    ),
    "half": lambda n: n.module.bfloat16(),
}
UNREADABLE: dict[str, Callable[[gst.Network], object]] = {
    "without memory": lambda n: n.module.to("meta"),
    "gone": lambda n: put(n, torch.nn.Identity()),
    "without scales": lambda n: put(n, torch.nn.BatchNorm2d(4, affine=False)),
    "narrower": lambda n: put(n, torch.nn.BatchNorm2d(1)),
    "whole numbers": lambda n: recast(n, torch.int8),
    "complex": lambda n: recast(n, torch.complex64),
    "deleted": lambda n: delattr(scale_of(n), "weight"),
}


class Unwilling(torch.nn.Module):
    """A layer, or a parametrisation of one, whose code fails."""

    def __getattr__(self, name: str) -> Any:
        raise KeyError(name)


class Guarded(torch.Tensor):
    """A tensor of somebody's own, which does not let others read it."""

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(function, "__name__", "") == "detach":
            raise RuntimeError("no copies")
        return super().__torch_function__(function, types, args, kwargs or {})


def guard(network: gst.Network) -> None:
    norm = scale_of(network)
    norm._parameters["weight"] = norm.get_parameter("weight").data.as_subclass(Guarded)  # type: ignore[assignment] # no parameter, as of tensor libraries


RAISING: dict[str, tuple[Callable[[gst.Network], object], str]] = {
    "a layer that fails": (lambda n: put(n, Unwilling()), "KeyError: 'weight'"),
    "a layer without a shape yet": (lambda n: put(n, torch.nn.LazyBatchNorm2d()), "ValueError"),
    "a tensor that fails": (guard, "RuntimeError: no copies"),
}


@pytest.mark.parametrize("change", RAISING)
def test_a_layer_whose_own_code_fails_ends_no_training(change: str, caplog: pytest.LogCaptureFixture) -> None:
    network = gst.build_untrained(SPEC)
    gammas = GammaLogger(network, to=Writer())
    make, told = RAISING[change]
    make(network)
    for epoch in (1, 2):
        gammas.log(epoch)
    (text,) = gammas.lost
    assert f"the scales cannot be read: {told}" in text
    assert len(caplog.messages) == 1


@pytest.mark.parametrize("change", [*READABLE, *UNREADABLE])
def test_a_network_that_was_changed_ends_no_training(change: str, caplog: pytest.LogCaptureFixture) -> None:
    network, writer = gst.build_untrained(SPEC), Writer()
    gammas = GammaLogger(network, to=writer)
    ({**READABLE, **UNREADABLE}[change])(network)
    for epoch in (1, 2):
        gammas.log(epoch)
    assert len(gammas.lost) == len(caplog.messages) == (change in UNREADABLE)
    assert bool(writer.scalars) == (change in READABLE)
    assert all("layer1.0.bn2.weight: expected 3 or more scales" in text for text in gammas.lost)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e38])
def test_a_training_that_diverges_goes_on_being_told(value: float) -> None:
    network, writer = gst.build_untrained(SPEC), Writer()
    gammas = GammaLogger(network, to=writer)
    with torch.no_grad():
        scale_of(network).get_parameter("weight")[:] = value
    gammas.log(1)
    assert np.isfinite(np.concatenate(list(writer.histograms.values()))).all()
    assert ("gamma/layer1.0/temporal", 1) not in writer.histograms  # all of them are beyond any chart
    assert ("gamma/temporal", 1) in writer.histograms
    assert not np.isfinite(writer.scalars["gamma_gap/layer1.0", 1]) or value == 1e38
    assert gammas.lost == []


@pytest.mark.parametrize("step", ["x", None, 1.5, float("nan"), float("inf"), 2**63, 10**400, [1]])
def test_a_step_that_is_none_is_said(step: Any) -> None:
    gammas = GammaLogger(gst.build_untrained(SPEC), to=Writer())
    with pytest.raises(SpecError, match="a whole number"):
        gammas.log(step)
    for good in (np.int64(1), torch.tensor(2), 3.0, -1):
        gammas.log(good)  # type: ignore[arg-type] # what loops count in


@pytest.mark.parametrize("error", [OSError(28, "no space"), FileExistsError(17, "file"), ValueError("NUL")])
def test_a_folder_that_takes_no_files_is_said(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", SimpleNamespace(SummaryWriter=refuse))
    with pytest.raises(OutputError, match=r"that TensorBoard can write to.*(space|file|NUL)"):
        GammaLogger(gst.build_untrained(SPEC), to="here")


def test_loggers_of_a_trainer_are_opened_once_and_one_that_takes_no_charts_is_told_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Refusing:
        @property
        def experiment(self) -> Any:
            raise ConnectionError("refused")

    class Failing(Writer):
        def add_scalar(self, name: str, value: float, step: int) -> None:
            raise RuntimeError("gone")

    good, bad = Writer(), Failing()
    table, no_server = SimpleNamespace(experiment=object()), Refusing()
    loggers = [SimpleNamespace(experiment=good), table, no_server, SimpleNamespace(experiment=bad)]
    trainer = SimpleNamespace(is_global_zero=True, loggers=loggers)
    gammas = GammaLogger(gst.build_untrained(SPEC))
    for epoch in (1, 2):
        gammas._tell(trainer, epoch)
    assert {step for _, step in good.scalars} == {1, 2}
    assert {step for _, step in bad.histograms} == {1}
    assert len(gammas.lost) == len(caplog.messages) == 3


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Lightning's own, of the libraries that it uses
def test_lightning_tells_its_own_logger_every_epoch(tmp_path: Any) -> None:
    lightning: Any = pytest.importorskip("pytorch_lightning")
    pytest.importorskip("tensorboard")
    logging: Any = pytest.importorskip("pytorch_lightning.loggers")

    network = gst.build_untrained(SPEC)

    class Task(lightning.LightningModule):  # type: ignore[misc] # a class that is imported if it is there
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
