"""The explorer: widgets choose arguments, gst_analysis.workflows does the work, pages show the result."""
