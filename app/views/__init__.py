"""One script to a page."""
