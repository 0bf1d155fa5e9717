"""Systems whose frames go through BN-Inception, and those that come from the same line of code."""

from __future__ import annotations

from functools import partial

from gst_analysis.networks.flow import FLOW, USUAL_FLOW
from gst_analysis.networks.systems.record import System

CAFFE = {"mean": (104 / 255, 117 / 255, 128 / 255), "std": (1 / 255, 1 / 255, 1 / 255), "colours": "BGR"}
"""Blue, green, red from 0 to 255 less their means, as the weights were trained in Caffe."""
CAFFE_FLOW = {
    "mean": (128 / 255,) * 3,
    "std": (1 / 255,) * 3,
    "colours": FLOW,
    "sampling": f"segments-of-{USUAL_FLOW}",
}
"""Flow from 0 to 255 less 128, five fields from the middle of each of the segments."""
_TRN = partial(
    System,
    family="trn",
    module="trn",
    paper="Zhou et al., ECCV 2018",
    size=224,
    classes=174,
    output="clip",
    space_and_time="space in every layer but the head; time in the head, over ordered tuples of frames",
    lengths="fixed",
)
_RELATIONS = {"relation": "multiscale", "tuples": "three"}

_ECO = partial(
    System,
    family="eco",
    backbone="bninception",
    module="eco",
    paper="Zolfaghari et al., ECCV 2018",
    frames=16,
    size=224,
    classes=400,
    output="clip",
    reads=("ECO-pytorch",),
    clip=CAFFE,
)

_GSM = partial(
    System,
    module="gsm",
    frames=8,
    size=224,
    classes=174,
    output="frames",
    space_and_time="space in every layer; time where gates let features move one frame on or back",
)

RECORDS: tuple[System, ...] = (
    System(
        name="tsn-bninception",
        title="TSN BN-Inception",
        family="tsn",
        backbone="bninception",
        module="tsn",
        paper="Wang et al., ECCV 2016",
        frames=8,
        size=224,
        classes=174,
        output="frames",
        params=10_448_590,
        gmacs=16.254,
        space_and_time="space in every layer; time only in the average over frames",
        settings={"flow": 0},
        reads=("tsn-pytorch", "BN-Inception"),
        clip=CAFFE,
    ),
    System(
        name="tsn-bninception-flow",
        title="TSN BN-Inception, flow",
        family="tsn",
        backbone="bninception",
        module="tsn",
        paper="Wang et al., ECCV 2016",
        frames=8 * USUAL_FLOW,
        size=224,
        classes=174,
        output="frames",
        params=10_470_542,
        gmacs=18.457,
        space_and_time="optical flow: five steps of motion in every input, space in every layer",
        settings={"flow": USUAL_FLOW},
        reads=("tsn-pytorch",),
        clip=CAFFE_FLOW,
        lengths=f"multiples of {USUAL_FLOW}",
        frames_a_row=USUAL_FLOW,
    ),
    _TRN(
        name="trn-bninception",
        title="TRN BN-Inception",
        backbone="bninception",
        frames=8,
        settings={**_RELATIONS, "flow": 0},
        params=13_141_218,
        gmacs=16.261,
        reads=("TRN-pytorch",),
        clip=CAFFE,
    ),
    _TRN(
        name="trn-bninception-flow",
        title="TRN BN-Inception, flow",
        backbone="bninception",
        frames=8 * USUAL_FLOW,
        settings={**_RELATIONS, "flow": USUAL_FLOW},
        params=13_163_170,
        gmacs=18.464,
        space_and_time="optical flow: five steps of motion in every input; time in the head, too",
        reads=("TRN-pytorch",),
        clip=CAFFE_FLOW,
    ),
    _TRN(
        name="trn-r50",
        title="TRN ResNet-50",
        backbone="resnet50",
        frames=8,
        settings={**_RELATIONS, "flow": 0},
        params=26_641_154,
        gmacs=32.708,
        reads=("TRN-pytorch", "MMAction2"),
    ),
    _ECO(
        name="eco-full",
        title="ECO Full",
        params=47_502_128,
        gmacs=64.413,
        space_and_time="space alone, then from 28x28 on two branches: 3x3x3 kernels, and space alone",
        settings={"full": True},
    ),
    _ECO(
        name="eco-lite",
        title="ECO Lite",
        params=37_503_856,
        gmacs=46.486,
        space_and_time="space alone, then from 28x28 on 3x3x3 kernels",
        settings={"full": False},
    ),
    _GSM(
        name="gsm-bninception",
        title="GSM BN-Inception",
        family="gsm",
        backbone="bninception",
        paper="Sudhakaran et al., CVPR 2020",
        params=10_499_650,
        gmacs=16.339,
        reads=("GSM",),
        clip=CAFFE,
    ),
    _GSM(
        name="gsf-bninception",
        title="GSF BN-Inception",
        family="gsf",
        backbone="bninception",
        paper="Sudhakaran et al., TPAMI 2023",
        params=10_500_030,
        gmacs=16.339,
        reads=("GSF",),
        clip=CAFFE,
    ),
    _GSM(
        name="gsf-r50",
        title="GSF ResNet-50",
        family="gsf",
        backbone="resnet50",
        paper="Sudhakaran et al., TPAMI 2023",
        params=23_974_702,
        gmacs=32.999,
        settings={"share": 0.25},
        reads=("GSF",),
    ),
)
