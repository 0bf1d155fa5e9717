"""Several runs in one chart: validation epoch by epoch, seeds of one design together with their spread."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

import pandas as pd
import plotly.graph_objects as go

from gst_analysis.analyses.training_runs.table import TrainingRun
from gst_analysis.numbers import how_many
from gst_analysis.style.names import tell_apart
from gst_analysis.style.palette import LONGEST_NAME, Look, list_looks
from gst_analysis.style.screen import legend_above, paint, start_figure
from gst_analysis.style.theme import Theme, theme_of

MOST_RUNS = 10
"""As many designs as looks that are told apart."""
_PANELS = {"val_loss": "validation loss", "val_top1": "validation clips<br>that were right"}


@dataclass(frozen=True)
class Design:
    """Runs that differ in their seeds alone; of most designs there is one."""

    name: str
    runs: Mapping[str, TrainingRun]

    def tabulate(self, column: str) -> pd.DataFrame:
        """A column of TRAINING_EPOCHS: a row for each epoch that was validated, a column for each run."""
        measured = {
            name: run.epochs[run.epochs[column].notna()].set_index("epoch")[column]
            for name, run in self.runs.items()
        }
        return pd.DataFrame(measured).sort_index()

    def describe(self) -> str:
        """How it stands after the last epoch that all its seeds have reached."""
        shared = self.tabulate("val_top1").dropna()
        if shared.empty:
            return f"{self.name}: not validated yet"
        last, epoch = shared.iloc[-1], int(shared.index[-1])
        if len(self.runs) == 1:
            return f"{self.name}: {last.iloc[0]:.0%} after {how_many(epoch, 'epoch')}"
        spread = f"{last.min():.0%} to {last.max():.0%}, {len(last)} seeds"
        return f"{self.name}: {last.mean():.0%} ({spread}) after {how_many(epoch, 'epoch')}"


def group_runs(runs: Mapping[str, TrainingRun]) -> list[Design]:
    """Runs by design, in the order given; what they are called tells designs of one network apart."""
    grouped: dict[str, dict[str, TrainingRun]] = {}
    for name, run in runs.items():
        grouped.setdefault(run.design or name, {})[name] = run
    networks = [next(iter(own.values())).summary.network for own in grouped.values()]
    return [
        Design(network if networks.count(network) == 1 else f"{network}, {next(iter(own))}", own)
        for network, own in zip(networks, grouped.values(), strict=True)
    ]


def say_runs(runs: Mapping[str, TrainingRun]) -> str:
    """How every design stands, in words."""
    return "; ".join(design.describe() for design in group_runs(runs))


def draw_runs(runs: Mapping[str, TrainingRun], *, dark: bool = False) -> go.Figure:
    """Validation loss and accuracy over the epochs: a colour and a dash for each design.

    Of several seeds the mean stands out in a band from the lowest to the highest; each is a thin line in it.
    """
    theme, designs = theme_of(dark=dark), group_runs(runs)
    figure = start_figure(1, len(_PANELS), subplot_titles=list(_PANELS.values()), horizontal_spacing=0.1)
    names = tell_apart([design.name for design in designs], LONGEST_NAME)
    for design, name, look in zip(designs, names, list_looks(len(designs), theme), strict=True):
        for place, column in enumerate(_PANELS, start=1):
            number = "%{y:.1%}" if column == "val_top1" else "%{y:.3g}"
            for line in _draw_design(design.tabulate(column), escape(name), look, number):
                line.showlegend = line.showlegend and place == 1
                figure.add_trace(line, row=1, col=place)
    _dress(figure, theme)
    return figure


def _draw_design(table: pd.DataFrame, name: str, look: Look, number: str) -> list[go.Scatter]:
    """The mean of its seeds, with a band and a thin line for each where there are several."""
    line = {"color": look.colour, "dash": look.dash, "width": 2.5}
    shared = table.dropna()
    middle = go.Scatter(
        x=shared.index,
        y=shared.mean(axis=1),
        name=name if table.shape[1] == 1 else f"{name}, mean of {table.shape[1]}",
        legendgroup=name,
        showlegend=True,
        mode="lines+markers",
        line=line,
        marker={"symbol": look.symbol, "size": 7},
        hovertemplate=f"epoch %{{x}}: {number}<extra>{name}</extra>",
    )
    if table.shape[1] == 1:
        return [middle]
    thin = [
        go.Scatter(
            x=own.index,
            y=own,
            legendgroup=name,
            showlegend=False,
            mode="lines",
            line={"color": look.colour, "width": 0.8},
            hovertemplate=f"epoch %{{x}}: {number}<extra>{escape(str(run))}</extra>",
        )
        for run, own in ((run, table[run].dropna()) for run in table)
    ]
    return [_draw_band(shared, name, look), *thin, middle]


def _draw_band(shared: pd.DataFrame, name: str, look: Look) -> go.Scatter:
    """From the lowest to the highest seed."""
    return go.Scatter(
        x=[*shared.index, *reversed(shared.index)],
        y=[*shared.min(axis=1), *reversed(shared.max(axis=1).tolist())],
        fill="toself",
        fillcolor=look.colour,
        opacity=0.2,
        line={"width": 0},
        mode="lines",
        legendgroup=name,
        showlegend=False,
        hoverinfo="skip",
    )


def _dress(figure: go.Figure, theme: Theme) -> None:
    figure.update_annotations(font_size=13)
    paint(figure, theme, height=400, margin=(60, 20, 110, 50))
    figure.update_layout(legend=legend_above())
    figure.update_xaxes(title="epoch", rangemode="tozero", gridcolor=theme.grid, zerolinecolor=theme.grid)
    figure.update_yaxes(rangemode="tozero", gridcolor=theme.grid, zerolinecolor=theme.grid)
    figure.update_yaxes(tickformat=".0%", range=[0, 1.03], col=2)
