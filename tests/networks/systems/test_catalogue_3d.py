from __future__ import annotations

import importlib

import pytest
from torchvision import models

from gst_analysis.networks.systems import SYSTEMS
from gst_analysis.networks.systems.catalogue_3d import RECORDS
from gst_analysis.networks.undrawn import shapes_alone

FILES = sorted({record.module for record in RECORDS})


def test_no_name_is_given_twice() -> None:
    assert all(SYSTEMS[record.name] is record for record in RECORDS)


@pytest.mark.parametrize("name", ["r3d_18", "mc3_18", "r2plus1d_18", "resnet50"])
def test_networks_of_others_are_not_claimed(name: str) -> None:
    builder = getattr(models, name, None) or getattr(models.video, name)
    with shapes_alone():
        state = builder().state_dict()
    for module in FILES:
        assert importlib.import_module(f"gst_analysis.networks.systems.{module}").recognise(state) is None
