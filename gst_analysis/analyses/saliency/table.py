"""Where in the frame a network looks."""

from __future__ import annotations

from gst_analysis.tables.schema import Column, Schema, real, text, whole

SALIENCY = Schema(
    "SALIENCY",
    {
        "checkpoint": text("the checkpoint's name"),
        "clip": text("the clip's name"),
        "class_id": whole("the class whose logit is explained, from 0"),
        "label": text("its name, or its number where names are unknown"),
        "block": text("the residual block that was looked at"),
        "group": text(
            "whose channels: the block's output, or one group of its temporal operator's",
            "all",
            "spatial",
            "temporal",
        ),
        "frame": whole("which of the frames that were sampled, from 0"),
        "seconds": real("when the frame is shown; missing where the clip does not say", optional=True),
        "row": whole("row of the map, from the top"),
        "column": whole("column of the map, from the left"),
        "y": real("where the cell stands, as a part of the crop's height"),
        "x": real("where the cell stands, as a part of the crop's width"),
        "evidence": real("for the class, in units of its logit; heat is its positive part"),
    },
)

POINTING = Schema(
    "POINTING",
    {
        "checkpoint": text("the checkpoint's name"),
        "clip": text("the planted clip's number"),
        "block": text("the residual block that was looked at"),
        "group": text("whose channels", "all", "spatial", "temporal"),
        "frame": whole("which of the frames that were sampled, from 0"),
        "heated": Column("flag", meaning="whether there is any heat; without, nothing is pointed at"),
        "hit": Column("flag", meaning="whether the hottest point lies in a box of a known object"),
        "swapped_hit": Column("flag", meaning="whether it lies in a box of the next clip instead"),
        "chance": real("the boxes' part of the area that the network sees"),
        "inside": real("part of the frame's heat that lies in the boxes"),
        "grid_chance": real("part of the map's cells that stand in the boxes"),
    },
)
