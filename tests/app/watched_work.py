"""A page with one piece of work, for the test of watching: `?name=` says how it is called."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import streamlit as st

sys.path.insert(0, os.environ["GST_ANALYSIS_TEST_ROOT"])

import pandas as pd
import torch

from app.job_progress import await_result
from gst_analysis.progress import Progress

STEPS, LOOPS = 1600, 400_000
# Some nine seconds on an idle core: work that is over before its page is drawn is watched by nobody. Each sum
# holds the interpreter to its end, so that many short ones it must be.
MANY = [torch.__name__, pd.__name__]  # what an analysis has imported: some hundred thousand objects


def work(progress: Progress) -> float:
    """Python alone, so that whatever else holds the interpreter is felt."""
    began = time.monotonic()
    for step in range(STEPS):
        progress(step, STEPS, "Counting")
        sum(range(LOOPS))
    return time.monotonic() - began


name = st.query_params.get("name", "one")
taken = await_result(name, work, start="Start", about="It counts.", names={}, at_once=True)
if taken is not None:
    Path(f"{name}.txt").write_text(f"{taken}")
    st.text("done")
