"""The results that the GST paper printed, as packaged data."""
