"""Notebooks: the analyses one after another, with their outputs."""
