"""The explorer: widgets choose arguments, gst_analysis does the work, pages show the result."""
