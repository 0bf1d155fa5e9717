"""Numbers, names and errors as people read them, and the sentences that several pages share."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, TypeVar

from gst_analysis.errors import GstError, one_line

SCALES_INTRO = (
    "After each temporal operator stands a batch norm with one scale γ per channel. Some of those channels "
    "look at one frame at a time (:blue[**spatial**]), the others across frames (:orange[**temporal**]). "
    "Figure 4 of the GST paper reads a larger scale as a channel that the network relies on more."
)
GROUP_NOTES = {
    "sth": (
        "**STH (our reading of its abstract).** Every filter owns a spatial and a temporal kernel, so its "
        "one scale belongs to both: it is shared out by the energy of their weights, and each channel "
        "appears once in each histogram. Before training that shows only how fresh weights are spread over "
        "the two kernels. In MobileNetV2 a filter is either spatial or temporal, as in GST."
    )
}
NO_GROUPS = (
    "**No groups, one histogram.** {names}: all channels are made in the same way, so there "
    "are no spatial and temporal channels to compare. Add a GST checkpoint to see two histograms."
)
CAUTION = (
    "A scale by itself proves nothing: multiply a channel's γ and its offset by ten, divide the next layer's "
    "weights for it by ten, and every prediction stays the same while this figure changes."
)
UNTRAINED = (
    "**This network is untrained.** {name} with fresh weights stands in until there is a checkpoint to show. "
    "Batch norm starts with every γ equal to 1, so nothing tells one channel from another yet: expect a "
    "single bar. Training is what moves them apart. Choose or add a checkpoint in the bar at the side to see "
    "where it keeps time."
)

START_TITLE = "Where does a video network keep space, and where time?"
START_INTRO = (
    "Networks such as GST give some channels of every block to what is seen in one frame "
    "(:blue[**spatial**]) and the others to what changes between frames (:orange[**temporal**]). This "
    "explorer opens a trained network and shows, block by block, which of the two it leans on, what it "
    "believes at every frame of a video, and whether those readings hold up. Pick checkpoints in the bar at "
    "the side (on a narrow screen **»** opens it)."
)
PAIR_NOTE = (
    "Below are two networks of one design. The first was trained on videos whose class is **only in the "
    "order** of their frames, the second on videos whose class is **in what a frame shows**. If a scale says "
    "what a network relies on, time should stand out in the first and not in the second."
)
OVERLAY_NOTE = {
    "overlays": (
        "For every scale on the axis, the share of channels at or below it. The area between two curves is "
        "how far scales would have to move to become alike; where curves lie on each other, networks agree."
    ),
    "ridgelines": "One ridge a checkpoint, one column a stage; the upright tick is the median.",
}
ANALYSES_INTRO = (
    "Each line is one question that can be put to a network, with the command that answers it. Those that "
    "no other page shows in full can be run below; a dash stands for those that the command line alone can "
    "run; their lines stand at the end."
)
ANALYSIS_ABOUT = "It is run on what is chosen above; how long it takes depends on that."
ANALYSES_NONE = "This analysis draws nothing: its answer is the table below."
STATISTICS_NOTE = (
    "The gap is the median scale of the :orange[**temporal**] channels minus that of the :blue[**spatial**] "
    "ones. Filled marks: more than chance after correcting for the number of blocks (Holm, 5%). Bars are 95% "
    "intervals. This is about the channels of these networks; another training run may differ."
)
IMPORTANCE_NOTE = (
    "The raw scale is what the paper reads. The invariant score is what a channel contributes to the next "
    "convolution; it stays the same however a network writes its scales. **Where the two disagree, trust the "
    "invariant score.**"
)
SERIES_NOTES = {
    "gamma_over_training": (
        "For each block, the scales of both groups from epoch to epoch: line, median; band, middle half."
    ),
    "animation": "For each block, the histograms of both groups, epoch by epoch. Press **Play**, or drag.",
}
NO_RUN = (
    "**No run chosen.** Type the folder of a training run above: one with a checkpoint for every epoch, such "
    "as `gst-analyze train planted-temporal --set run.save_every_epochs=1 --out runs/mine` writes."
)
ANOTHER_RUN = (
    ":material/info: **Another network's run:** none of the checkpoints that you chose comes from it. To see "
    "the run of yours, type its folder above."
)
CHECKS_INTRO = (
    "Figure 4 reads a large scale as an important channel. What the weights alone say of that stands here at "
    "once; the rest is measured on clips, and remembered."
)
CHECKS_UNTRAINED = (
    "**Nothing to check yet.** An untrained network has learned nothing that could be true or false. Add a "
    "checkpoint in the bar at the side."
)
ABLATION_NOTE = (
    "At one block at a time, a group of channels is silenced, held at its mean, replaced by another clip's, "
    "or has its frames put into another order. The higher a mark, the more the network needed that group "
    "there. Bars that reach 0 may be chance."
)
ABLATION_ABOUT = (
    "Runs the network over some sixty clips with every group of every block changed in four ways. That takes "
    "half a minute for a small network, minutes for a large one, and other pages stay usable meanwhile."
)
MEASURES = {"accuracy_drop": "Accuracy lost", "loss_rise": "Loss gained", "logit_drop": "Logit lost"}
DRIFT_NOTE = (
    "A network that was inflated from 2-D weights begins with the scales of unrelated 2-D filters. How far "
    "has each scale moved since, and which still carry what they inherited?"
)
START_UNTOLD = (
    "**The file does not say where training began.** Name the checkpoint that it began with above; without "
    "one there is nothing to set its scales against."
)
SLIMMING_NOTE = (
    "If a score knows which channels matter, those with the lowest can go first and accuracy holds. It is "
    "compared with taking as many from every group, and with random channels. Nothing is fine-tuned."
)
SLIMMING_ABOUT = (
    "Measures some fifty smaller networks on some sixty clips. That takes half a minute for a small network, "
    "minutes for a large one, and other pages stay usable meanwhile."
)
SCORES = {"invariant": "Invariant", "abs_gamma": "Raw |γ|", "taylor": "Taylor"}
NO_WORLD = (
    "**No planted world has this checkpoint's classes.** Choose *Uploaded* and send labelled clips of its "
    "classes, or *My own* and name a list of them on the server."
)
OWN_CLIPS = (
    "**Which clips?** Type the path of an annotation file on the server, or of a folder with one. "
    "Something-Something, Kinetics, Jester, Diving48, EGTEA and EPIC lists are read as they are."
)
SENT_CLIPS = (
    "**What is read:** a zip, tar or tar.gz with a folder for every class (below folders *train* and *val*, "
    "if you have them), or with the list of a data set as it is; or up to 40 clips and their list, chosen "
    "together."
)
OWN_VIDEOS = (
    "**Which clips?** Type the path of a video on the server, of a folder of frames, or of a folder with "
    "either. They need no labels."
)

REPORT_INTRO = (
    "One file that needs nothing else: what the checkpoint is, Figure 4 with statistics, importance, drift, "
    "cost and a smaller network; with labelled clips also how often it is right, what its channels are "
    "needed for, and a few traces."
)
REPORT_EMPTY = (
    "**Nothing to report on.** Choose a checkpoint in the bar at the side; an untrained network is not worth "
    "a report."
)
REPORT_ABOUT = (
    "Weights alone take a few seconds; clips half a minute for a small network, minutes for a large one. "
    "Other pages stay usable meanwhile."
)

COST_INTRO = (
    "Design a network in the bar at the side, or choose a published or a loaded one, and see what one clip "
    "costs. :blue[**Spatial**] kernels look within a frame, :orange[**temporal**] ones across frames; stem, "
    "1×1 convolutions and head are **shared**."
)
COST_EMPTY = "Nothing is loaded yet: add a checkpoint in the bar at the side."
FLOPS_NOTE = "Two for each multiply-add. Many papers, GST's too, print multiply-adds and call them FLOPs."
TRADEOFF_INTRO = (
    "Accuracies as the GST paper prints them, over cost. What another network would reach is not known "
    "without training it, so it stands as a line at its cost, or as a star where you give its accuracy. "
    "Touch a mark, or point at it, for its name."
)
CONVENTIONS = {
    "conv+linear": (
        "convolutions and the linear head only, as above. The default of most papers; PyTorch's own "
        "`FlopCounterMode` prints twice this, since it counts a multiply and an add as two."
    ),
    "conv+linear+bn": "batch norm too, one scale and one offset for each value. As `fvcore` counts.",
    "conv+linear+5bn": (
        "batch norm as it is in training, five for each value. As `fvcore` counts a network that was left in "
        "training mode: most of PyTorchVideo's model zoo."
    ),
    "conv+linear+bn+relu+pool": (
        "ReLU, pooling and the head's biases too. As `ptflops` counts, and nearest to what the GST paper "
        "prints as GFLOPs."
    ),
}

TOLD_ABOUT = "In grey: what was recognised or assumed. An empty field leaves it so."
TOLD_HELP = {
    "frames": "Frames in a clip. No weight of most networks shows them.",
    "family": "C2D and TSM have the same weights. Other families are known by theirs.",
    "resize": "Pixels of a frame's short side before it is cropped.",
    "crop": "Pixels of the square that is cut out of it.",
    "mean": "Of red, green and blue, from 0 to 1: three numbers with commas between them.",
    "std": "Of red, green and blue, likewise.",
    "labels": "A file on the server with the names of the network's classes in its order, a line each; "
    ".json and .csv lists are read as well.",
}

Ref = TypeVar("Ref", bound=Hashable)
Named = TypeVar("Named")

_STEPS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def people(number: float, unit: str = "", *, digits: int = 1) -> str:
    """A count for reading: 21035246 is 21.0 M, and with the unit MACs it is 21.0 MMACs."""
    for step, letter in _STEPS:
        if number >= step:
            return f"{number / step:.{digits}f} {letter}{unit}"
    return f"{number:.0f} {unit}".rstrip()


def say_time(seconds: float) -> str:
    """Seconds for reading: 75 is 1:15 min."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02d} h"
    return f"{minutes}:{rest:02d} min" if minutes else f"{rest} s"


def plain_name(name: str, *, limit: int = 60) -> str:
    """A file's name without what browsers, figures or markdown could take for an instruction."""
    return re.sub(r"[^\w.+=@()\[\] -]", "_", one_line(name))[:limit] or "checkpoint"


def tell_apart(names: Mapping[Ref, str], longer: Callable[[Ref], str] = str) -> dict[Ref, str]:
    """What lists call each thing: its name, and where another has the same name, something longer.

    No two are called alike, as Streamlit sends a choice back by what the list calls it.

    Args:
        names: short names by what tells the things apart.
        longer: what to call a thing whose name is not its own; different for each.
    """
    known = list(names.values())
    titles = {ref: name if known.count(name) == 1 else longer(ref) for ref, name in names.items()}
    return titles if len(set(titles.values())) == len(titles) else {ref: longer(ref) for ref in names}


def literal(text: str) -> str:
    """Text that markdown shows as it is, addresses not as links."""
    apart = re.sub(r"(?<=:)(?=//)|(?<=www)(?=\.)", "\u2060", one_line(text))
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", apart)


def say_error(error: GstError, *, names: Mapping[str, str] | None = None) -> str:
    """An error's own sentence; where it names a path, the name the visitor knows the file by.

    It quotes no file: which files may be analysed says nothing of who may read them.
    """
    told = error.say_discreetly()
    for pattern, words in _PAGE_WORDS.items():
        told = re.sub(pattern, words, told)
    return literal(rename(told, names or {}))


_PAGE_WORDS = {
    r"; run dataset-check, then (.*)$": r"; \1",
    r", for example with dataset-check": "",
    r"; see dataset-check$": "; check the list and its files",
    r", or allow more with --clip-timeout": "",
    r"; give more with --frames(.*)$": r"; say more under What weights do not tell\1",
    r"; name it with --dataset, or leave that out$": "; name a list of labelled clips",
    r"; save it again with gst_analysis\.save_model$": "; have whoever made it save it again",
    r"; choose another place with --out.*$": "; remove what lies there",
    r" that was given to gst-analyze train --out$": " of a training run",
}
"""What only a command can do, by what a page can."""
_SAY_IT = re.compile(r"say it with \w+: --\w+( \w+)?")
_SAY_IT_HERE = "say it under What weights do not tell"
_FORMAT_NOTE = "format detected from the content: "


def say_notes(notes: Iterable[str], names: Mapping[str, str]) -> list[str]:
    """Notes with the names that the visitor knows; how planted clips are listed is no news to anybody."""
    planted = any(shown.startswith("worlds/") for shown in names.values())
    kept = [note for note in dict.fromkeys(notes) if not (planted and note.startswith(_FORMAT_NOTE))]
    told = [
        _SAY_IT.sub(_SAY_IT_HERE, note.replace(_FORMAT_NOTE, "The list was read as one of ")) for note in kept
    ]
    return [literal(rename(note, names)) for note in told]


def say_undefined(error: GstError, *, names: Mapping[str, str] | None = None) -> str:
    """What is not defined for a network and why: no more than that, as nothing was expected of it."""
    return literal(rename(f"{error.subject[:1].upper()}{error.subject[1:]}: {error.found}.", names or {}))


def rename(text: str, names: Mapping[str, str]) -> str:
    """Text with every path replaced by the name the visitor knows it by."""
    for path, shown in names.items():
        text = text.replace(path, shown)
    return text


def rename_result(result: Named, names: Mapping[str, str]) -> Named:
    """A result whose tables, sources and settings call things by other names."""
    found: Any = result
    changed = {"provenance": _rename_fields(found.provenance, names)}
    for field in dataclasses.fields(found):
        value = getattr(found, field.name)
        if hasattr(value, "columns") and "checkpoint" in value.columns:
            value = changed[field.name] = value.assign(checkpoint=value["checkpoint"].replace(dict(names)))
        if hasattr(value, "columns") and "clip" in value.columns:
            clips = {clip: rename(clip, names) for clip in value["clip"].unique()}
            changed[field.name] = value.assign(clip=value["clip"].map(clips))
    renamed: Named = dataclasses.replace(found, **changed)
    return renamed


def _rename_fields(origin: Any, names: Mapping[str, str]) -> Any:
    fields = ("sources", "specs", "settings")
    return dataclasses.replace(origin, **{name: _rename(getattr(origin, name), names) for name in fields})


def _rename(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return names.get(value, value)
    if isinstance(value, Mapping):
        return {names.get(key, key): _rename(inner, names) for key, inner in value.items()}
    return value
