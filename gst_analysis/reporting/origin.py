"""The report's first section and its last: what the checkpoint is, and where the numbers come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gst_analysis.checkpoints.loaded import Checkpoint
from gst_analysis.checkpoints.sources import inspect_checkpoint
from gst_analysis.files import to_json
from gst_analysis.numbers import how_many
from gst_analysis.options import write_command
from gst_analysis.results import Provenance
from gst_analysis.sections.options import ReportOptions
from gst_analysis.sections.parts import Section, Words
from gst_analysis.sections.subject import ReportClips, name_dataset

IDENTITY = "checkpoint"
IDENTITY_WORDS = Words(
    "What this checkpoint is",
    "What was read off the weights, what the file or its card says, and what had to be assumed.",
    (
        "How a clip is sampled, cropped and normalised, and what the classes are called, is not in the "
        "weights: it is what the file or its card says, or a default that the notes name.",
    ),
)

PROVENANCE = "provenance"
PROVENANCE_WORDS = Words(
    "Where the numbers come from",
    "The files and settings that give this page again, byte for byte, on the same machine.",
)


def write_identity(checkpoint: Checkpoint) -> Section:
    """What was recognised, and what was assumed."""
    found, clip = inspect_checkpoint(checkpoint), checkpoint.clip_spec
    origin = checkpoint.provenance
    facts = {
        "network": checkpoint.spec.label,
        "family, backbone": f"{found.family}, {found.backbone}",
        "α (part of the outputs that are temporal)": found.alpha or "none: this family has no such groups",
        "β (part of the input that each path reads)": found.beta or "none",
        "stem width": str(found.width),
        "classes": str(found.num_classes),
        "parameters": f"{found.params:,}",
        "a clip": f"{how_many(clip.frames, 'frame')} ({clip.sampling}), short side {clip.resize} px, "
        f"centre crop {clip.crop} px",
        "layout of the file": found.layout,
        "sha256": found.sha256,
    }
    folded = {"What the file says of its making": to_json(origin)} if origin else {}
    if checkpoint.labels:
        folded["Class names"] = "\n".join(
            f"{number} {label}" for number, label in enumerate(checkpoint.labels)
        )
    return Section("checkpoint", facts=facts, notes=found.notes, folded=folded)


def write_provenance(provenance: Provenance, notes: Sequence[str]) -> Section:
    """The files and settings that give the page again."""
    facts = {f"sha256 of {name}": sha for name, sha in provenance.sources.items()}
    text = ["Commands name files without their folders: put those in front, or run them where the files lie."]
    folded = {
        "Settings and specification": to_json({"specs": provenance.specs, "settings": provenance.settings})
    }
    return Section(
        "provenance",
        text=text,
        facts={"gst-analysis": provenance.version, **facts},
        notes=notes,
        folded=folded,
        command_makes="This page again",
    )


def write_report_command(checkpoint: Checkpoint, clips: ReportClips | None, options: ReportOptions) -> str:
    """The command that makes the page again; the data set by its files' names alone."""
    chosen = replace(options, root=None, format=None, subset=None, device="auto", family=None, frames=None)
    if clips is None:
        return write_command("report", [checkpoint.path.name], ReportOptions(without=options.without))
    return write_command("report", [checkpoint.path.name, *name_dataset(clips)], chosen)
