"""The sentences and titles of profiles, and of a place that is opened in one."""

PROFILE_NOTE = (
    "Place by place, which share is time's: above against space, below what of a place is about time. Shades "
    "are bands, dotted is what numbers of channels or chance alone would give; the strip between is filled "
    "where measures agree and striped where they do not. What needs clips is drawn where it lies beside the "
    "weights."
)
PROFILE_VIEWS = {
    "apart": "Side by side",
    "profiles": "Over each other",
    "profile_differences": "Less the first",
    "profile_map": "Map",
    "profile_costs": "Against cost",
}
"""How several profiles are shown; all but the first are figures of `compare-profiles`."""
PROFILE_VIEW_NOTES = {
    "profiles": (
        "A panel a line, a curve a network; dotted is what numbers of channels or chance alone would give. "
        "Networks of unlike depth meet by stage."
    ),
    "profile_differences": (
        "Each network's share less that of the first, with the band of the difference where networks are "
        "few; dotted is what their numbers of channels differ by."
    ),
    "profile_map": (
        "Blue: time has less than its part of the channels (or less than chance gives), orange: more; how "
        "far the colours of a line reach stands above it. Dots: the band leaves that part. Grey: not defined."
    ),
    "profile_costs": (
        "Each network as a whole, against the multiply-adds of one clip of its own size. Multiply-adds are "
        "not seconds."
    ),
}
NO_PLACE = "none"
POINTS = "Points of the chart, one by one"
CHANNEL_TITLES = {
    "layer": "Batch norm",
    "group": "Group",
    "channel": "Channel",
    "gamma": "γ",
    "invariant": "Invariant score",
    "temporal_use": "Temporal use",
    "role": "Sees",
    "dynamic": "Variance from motion",
    "group_loss": "Loss when its group is averaged",
    "evidence": "Evidence in the clip",
}
DOOR_NOTE = (
    "Temporal use: what of a channel's kernel differs between frames. What channels see is measured on "
    "rendered scenes when asked for; what losing a group costs, under *Is it true?*, and stands here then. "
    "Evidence in the clip: what the logit of the clip that is looked into below owes to a channel."
)
DRIVERS_NOTE = (
    "How far a clip drives a channel is the channel's mean over the clip's frames and positions, behind its "
    "activation. What clips have in common is for eyes to say: a channel may care for something that all of "
    "them show by chance."
)
DRIVERS_ABOUT = (
    "**Which clips drive each channel most** takes one run over the clips; with a small network some seconds."
)
DRIVERS_TITLES = {
    "layer": "Batch norm",
    "group": "Group",
    "channel": "Channel",
    "rank": "Place",
    "clip": "Clip",
    "label": "Class",
    "activation": "Mean over the clip",
    "mean": "Over all clips",
    "deviation": "Deviation",
}
LOOK_ABOUT = "**Where it looks in the clip** takes two gradients: with a network of this size some seconds."
LOOK_NOTE = (
    "What in {clip} speaks for “{label}”, which is what the network takes it for (Grad-CAM at this place). "
    "What that class's logit owes to each channel stands in the table above: *Evidence in the clip*."
)
ROLES_ABOUT = "Shows rendered scenes to the network, and splits each channel's variance; half a minute or so."
