"""Systems whose frames go through BN-Inception, and those that come from the same line of code."""

from __future__ import annotations

from gst_analysis.networks.systems.record import System

CAFFE = {"mean": (104 / 255, 117 / 255, 128 / 255), "std": (1 / 255, 1 / 255, 1 / 255), "colours": "BGR"}
"""Blue, green, red from 0 to 255 less their means, as the weights were trained in Caffe."""

RECORDS: tuple[System, ...] = (
    System(
        name="tsn-bninception",
        title="TSN BN-Inception",
        family="tsn",
        backbone="bninception",
        module="bn_inception",
        paper="Wang et al., ECCV 2016",
        frames=8,
        size=224,
        classes=174,
        output="frames",
        params=10_448_590,
        gmacs=16.254,
        space_and_time="space in every layer; time only in the average over frames",
        reads=("tsn-pytorch", "BN-Inception"),
        clip=CAFFE,
    ),
    System(
        name="trn-bninception",
        title="TRN BN-Inception",
        family="trn",
        backbone="bninception",
        module="trn",
        paper="Zhou et al., ECCV 2018",
        frames=8,
        size=224,
        classes=174,
        output="clip",
        params=13_141_218,
        gmacs=16.261,
        space_and_time="space in every layer but the head; time in the head, over ordered tuples of frames",
        settings={"relation": "multiscale", "tuples": "three"},
        reads=("TRN-pytorch",),
        clip=CAFFE,
        lengths="fixed",
    ),
)
