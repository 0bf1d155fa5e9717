"""`python -m gst_analysis`, where the folder of `gst-analyze` is not on the path."""

from gst_analysis.cli.program import main

if __name__ == "__main__":
    main()
