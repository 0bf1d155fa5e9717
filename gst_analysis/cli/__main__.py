"""`python -m gst_analysis.cli`, for launchers such as torchrun that start modules."""

from gst_analysis.cli.program import main

if __name__ == "__main__":
    main()
