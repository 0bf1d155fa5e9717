"""Measurements: checkpoints, networks and specs in, schema-checked tables out; one file per question."""
