"""What to train: widgets -> a packaged recipe and what is changed in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import streamlit as st

from app.designing import ALPHAS
from gst_analysis.analyses.traces.single_clips import PLANTED_WORLDS
from gst_analysis.networks.specs import ModelSpec, model_names

BACKBONE = "resnet26s"
CLIPS = (200, 400, 800, 1600)
LEARNING_RATES = (0.005, 0.01, 0.02, 0.05, 0.1)


class RunPlan(NamedTuple):
    """A recipe's name and `key=value` changes."""

    recipe: str
    settings: tuple[str, ...]


def choose_plan(home: Path) -> RunPlan | None:
    """A form; the plan once its button was pressed. Worlds are rendered below `home`."""
    with st.form("plan", border=False):
        world = st.selectbox(
            "Planted world",
            list(PLANTED_WORLDS),
            index=1,
            format_func=PLANTED_WORLDS.__getitem__,
            help="What the classes differ in. Order in time: each class has a partner whose clips are its "
            "own played backwards.",
        )
        spec = _choose_network()
        alpha = st.selectbox(
            "α, the temporal share", ALPHAS, index=1, help="For GST and GST-Large; others have none."
        )
        clips = st.select_slider(
            "Clips", CLIPS, value=800, help="Rendered once for a world, a fifth of them for validation."
        )
        epochs = st.slider("Epochs", 2, 20, 8, help="Times that every training clip is seen.")
        rate = st.select_slider("Learning rate", LEARNING_RATES, value=0.05, help="At its highest.")
        pressed = st.form_submit_button(
            "Start", type="primary", icon=":material/play_arrow:", width="stretch"
        )
    if not pressed:
        return None
    settings = {
        "model.name": spec.name,
        "model.alpha": alpha if spec.alpha is not None else "none",
        "data.root": home / "worlds" / f"{world}-{clips}",
        "world.clips": clips,
        "world.size": 64,
        "schedule.epochs": epochs,
        "optimiser.lr": rate,
        "run.save_every_epochs": 1,
        "run.validate_every": 1,
        "run.log_every_steps": 5,
        "run.tensorboard": "false",
        "run.threads": max(1, (os.cpu_count() or 2) // 2),
    }
    return RunPlan(f"planted-{world}", tuple(f"{key}={value}" for key, value in settings.items()))


def _choose_network() -> ModelSpec:
    names = [name for name in model_names() if name.endswith(BACKBONE)]
    specs = {spec.family: spec for spec in map(ModelSpec.from_name, names)}
    family = st.selectbox(
        "Network",
        list(specs),
        index=list(specs).index("gst"),
        format_func=lambda name: specs[name].operator.title,
        help="Its temporal operator, in a narrow ResNet-26. C2D cannot see the order of frames.",
    )
    return specs[family]
