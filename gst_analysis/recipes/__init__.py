"""Recipes: one TOML file per training run, read by gst_analysis.training.recipes."""
