"""Memory stays bounded however much that is new visitors bring; in a process that nothing else fills."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app import choosing

ROOT = Path(choosing.__file__).parents[1]
VISITS = """
import gc, os, pathlib, sys, warnings
warnings.simplefilter("ignore")
from app import cached_results, choosing, paths, upkeep
from gst_analysis.checkpoints.saving import save_model
from streamlit.testing.v1 import AppTest
from tests.conftest import SMALL_CLIPS, build_small

rounds = int(sys.argv[1])
paths.SHIPPED = pathlib.Path("trained_models")
cached_results.keeper().__init__(500_000)  # full after a few networks, as a large one is after a day
explorer = pathlib.Path(choosing.__file__).with_name("explorer.py")

def visit(page, ckpt):
    app = AppTest.from_file(explorer, default_timeout=120)
    app.switch_page(f"views/{page}.py")
    app.query_params["ckpt"] = ckpt
    app.run()
    assert not app.exception

for number in range(rounds):
    name = f"net-{number}.pth"
    save_model(name, build_small("gst-resnet26s", seed=number), clip_spec=SMALL_CLIPS)
    for page in ("start", "space_and_time", "report"):
        visit(page, name)
    upkeep.tidy()
    assert cached_results.keeper().bytes <= 500_000
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    print(pages * os.sysconf("SC_PAGE_SIZE") >> 10, len(gc.get_objects()))
"""
ROUNDS = 14


@pytest.mark.slow
def test_memory_does_not_grow_with_ever_new_networks(tmp_path: Path) -> None:
    if not Path("/proc/self/statm").exists():
        pytest.skip("how much memory a process has is read from /proc")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", VISITS, str(ROUNDS)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    (kib, objects), (kib_last, objects_last) = told[ROUNDS // 2], told[-1]
    print(
        f"{(kib_last - kib) / 1024:.1f} MB and {objects_last - objects} objects more after "
        f"{len(told) - 1 - ROUNDS // 2} more networks, of {kib_last / 1024:.0f} MB"
    )
    assert objects_last - objects < 200 * (ROUNDS - ROUNDS // 2)
    assert kib_last - kib < 12 * 1024
