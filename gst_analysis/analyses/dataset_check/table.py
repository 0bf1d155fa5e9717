"""What is found in data sets."""

from __future__ import annotations

from gst_analysis.tables.schema import Schema, text, whole

DATASET_CHECK = Schema(
    "DATASET_CHECK",
    {
        "clip": text("the clip's name in the annotations"),
        "path": text("the file or folder it was looked for in"),
        "problem": text("what is wrong", "missing", "unreadable", "truncated", "too short", "mislabelled"),
        "frames": whole("frames found; missing where none can be read", optional=True),
        "promised": whole("frames the annotation speaks of, if it does", optional=True),
        "label": text("the label as annotated; empty if there is none"),
        "detail": text("the problem in words"),
    },
)
