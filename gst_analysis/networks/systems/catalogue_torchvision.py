"""The systems that torchvision builds."""

from __future__ import annotations

from gst_analysis.networks.systems.record import System

RECORDS: tuple[System, ...] = ()
