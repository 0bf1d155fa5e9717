"""What a table is: the schemas' machinery, and the check that a table keeps its schema. No torch here.

The columns of a table are named once, in the room that makes it. A table is a tidy pandas frame: one row per
observation.
"""

from __future__ import annotations

from gst_analysis.tables.schema import Column, Schema, check, check_choices, flag, real, text, whole

__all__ = ["Column", "Schema", "check", "check_choices", "flag", "real", "text", "whole"]
