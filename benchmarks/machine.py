"""What measured numbers depend on: the machine and the versions, as plain values."""

from __future__ import annotations

import datetime
import os
import platform
from pathlib import Path

import torch


def describe_machine(*, threads: int | None = None, device: torch.device | None = None) -> dict[str, object]:
    """Processor, cores, threads, versions and the date; the GPU too, where one was used."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = facts.get("flags", "").split()
    return {
        "cpu": facts.get("model name") or platform.processor(),
        "amx_bf16": "amx_bf16" in flags,
        "avx512_bf16": "avx512_bf16" in flags,
        "cores": os.cpu_count(),
        "threads": threads or torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        **_describe_gpu(device),
        "date": datetime.date.today().isoformat(),
    }


def _describe_gpu(device: torch.device | None) -> dict[str, object]:
    if device is None or device.type != "cuda":
        return {} if device is None else {"device": device.type}
    properties = torch.cuda.get_device_properties(device)
    return {
        "device": device.type,
        "gpu": properties.name,
        "gpu_memory_mib": properties.total_memory // 2**20,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
    }
