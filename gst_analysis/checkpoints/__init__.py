"""Checkpoint files: read without trust, recognised by names and shapes, written whole or not at all."""
