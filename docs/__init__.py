"""The documentation's source, and what writes the parts of it that come from the code."""
