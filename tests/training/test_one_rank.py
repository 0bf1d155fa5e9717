from __future__ import annotations

import pytest
import torch

from gst_analysis.errors import DataError, GstError, SpecError
from gst_analysis.networks.devices import choose_device
from gst_analysis.training.config import RunConfig
from gst_analysis.training.progress import Clock
from gst_analysis.training.ranks import Ranks, build_fabric, explain_lost_ranks
from tests.untyped import untyped


def test_auto_is_a_device_that_is_here_and_a_missing_one_is_said() -> None:
    assert choose_device("auto").type in ("cuda", "mps", "cpu")
    assert choose_device("cpu") == torch.device("cpu")
    missing = "mps" if not torch.backends.mps.is_available() else "cuda"
    with pytest.raises(SpecError, match=rf"run\.device: expected one that is here: .*cpu; found {missing}"):
        build_fabric(RunConfig(device=missing))  # type: ignore[arg-type] # a plain str


@pytest.mark.parametrize(
    ("precision", "name"), [("fp32", "32-true"), ("bf16", "bf16-mixed"), ("fp16", "16-mixed")]
)
def test_precisions_are_fabrics(precision: str, name: str) -> None:
    fabric = build_fabric(RunConfig(device="cpu", precision=precision))  # type: ignore[arg-type] # a plain str
    assert fabric.strategy.precision.precision == name
    assert fabric.device == torch.device("cpu")
    assert fabric.world_size == 1


def test_torchrun_decides_how_many_processes_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    from gst_analysis.training.ranks import _count_devices

    assert _count_devices(RunConfig(devices=3, nodes=2)) == (3, 2)
    for name, value in {"LOCAL_WORLD_SIZE": "4", "WORLD_SIZE": "8", "TORCHELASTIC_RUN_ID": "x"}.items():
        monkeypatch.setenv(name, value)
    assert _count_devices(RunConfig(devices=3)) == (4, 2)


def test_several_nodes_need_a_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    from gst_analysis.training.ranks import _LAUNCHERS

    for name in _LAUNCHERS:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SpecError, match=r"run\.nodes: .*found 2, and no sign of a launcher; .*torchrun"):
        build_fabric(RunConfig(device="cpu", nodes=2))
    for name in ("MASTER_ADDR", "SLURM_PROCID"):
        with monkeypatch.context() as there:
            there.setenv(name, "0")
            assert untyped(build_fabric(RunConfig(device="cpu", nodes=2)).strategy).num_nodes == 2


def test_slurm_decides_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    from gst_analysis.training.ranks import _count_devices

    for name, value in {"SLURM_NTASKS": "8", "SLURM_NNODES": "2", "SLURM_JOB_NAME": "train"}.items():
        monkeypatch.setenv(name, value)
    assert _count_devices(RunConfig()) == (4, 2)
    assert _count_devices(RunConfig(devices=1)) == (1, 1)
    monkeypatch.setenv("SLURM_JOB_NAME", "bash")  # an interactive shell, not a started job
    assert _count_devices(RunConfig()) == (1, 1)


def test_one_process_talks_to_itself() -> None:
    ranks = Ranks(build_fabric(RunConfig(device="cpu")))
    assert ranks.leads
    assert ranks.gather([1, 2]) == [[1, 2]]
    assert ranks.gather_objects("x") == ["x"]
    totals = torch.ones(2)
    assert ranks.add(totals).dtype == torch.float64
    assert ranks.add(totals) is not totals
    assert ranks.agree(lambda: 3) == 3

    def fail() -> None:
        raise DataError("clip", expected="a", found="b", todo="c")

    with pytest.raises(DataError, match="clip: expected a"):
        ranks.agree(fail)


def test_a_broken_connection_is_explained_only_where_there_is_one() -> None:
    broken = RuntimeError("[gloo/transport/tcp/pair.cc:534] Connection closed by peer")
    with pytest.raises(GstError, match="one that ended"), explain_lost_ranks(2):
        raise broken
    with pytest.raises(RuntimeError, match="Connection closed"), explain_lost_ranks(1):
        raise broken
    with pytest.raises(RuntimeError, match="sizes"), explain_lost_ranks(2):
        raise RuntimeError("sizes do not match")


def test_the_clock_goes_on_from_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("time.perf_counter", lambda: now)
    clock = Clock(50.0)
    assert clock.remaining_s(10) is None
    clock.start_window()
    now = 102.0
    clock.count(8)
    clock.count(8)
    assert clock.seconds == 52.0
    assert clock.end_window() == 8.0
    assert clock.remaining_s(10) == 10.0
