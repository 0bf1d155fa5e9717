"""gst-analysis: where a video network keeps space and where it keeps time."""
